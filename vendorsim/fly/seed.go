package fly

import "time"

// The seeding calls below set up a world before anything runs in it. They
// panic on names that do not exist or exist twice: a mistake of the program.

// AddOrg makes an organisation.
func (f *Fly) AddOrg(slug string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.org(slug) != nil {
		panic("fly: the organisation exists: " + slug)
	}
	f.orgs = append(f.orgs, &org{id: f.id(18), slug: slug, number: len(f.orgs) + 1})
}

// AddApp makes an app that was deployed once and has no machines. Its processes
// log in at Fly with the token in the environment variable uses; "" is an app
// that needs none.
func (f *Fly) AddApp(org, name, uses string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.apps[name] != nil {
		panic("fly: the app exists: " + name)
	}
	a := f.newApp(f.mustOrg(org), name)
	a.uses, a.image = uses, "registry.fly.io/"+name+":deployment-1"
	a.releases = []*release{{id: f.id(16), image: a.image, strategy: "ROLLING", status: "complete", version: 1, user: "owner@example.com", createdAt: f.now(),
		definition: map[string]any{"app": name, "primary_region": defaultRegion, "env": map[string]any{"PORT": "8080"}}}}
}

// Reboot boots an app's machines with its secrets of now, one after the other
// and with no time in between, as somebody does beside pawl.
func (f *Fly) Reboot(app string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.mustApp(app)
	for _, m := range a.machines {
		m.booted, m.movedAt, m.down, m.stopped, m.suspended = a.newest(), f.now().Add(-f.cfg.Starting-f.cfg.Checking), 0, false, false
		f.event(m, "update", stateReplacing, "user", f.now())
		f.begins(m, f.now())
		f.run(m)
		f.look(m) // a rolling deployment goes on when it is well
	}
}

// RemoveApp deletes an app with its machines and secrets, as a platform does
// whose customer has left.
func (f *Fly) RemoveApp(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.remove(f.mustApp(name))
}

// AddMachines boots n machines with the app's secrets of now and gives their
// ids. They are started at once, but for programs in other processes.
func (f *Fly) AddMachines(app string, n int) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.mustApp(app)
	var ids []string
	for range n {
		m := f.newMachine(a, "", "", map[string]any{"image": a.image, "env": map[string]any{"PORT": "8080"},
			"metadata": map[string]any{"fly_process_group": "app", "fly_release_version": "1"}})
		m.booted, m.movedAt = a.newest(), m.createdAt.Add(-f.cfg.Starting-f.cfg.Checking)
		f.event(m, "launch", "created", "user", m.createdAt)
		f.begins(m, m.createdAt)
		f.run(m)
		ids = append(ids, m.id)
	}
	return ids
}

// AddUserToken makes the session of a person, in the old form without
// macaroons, and gives its value. It never expires.
func (f *Fly) AddUserToken(org, email string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := order{name: "session", profile: User, user: email, org: f.mustOrg(org)}
	return f.keep(o, f.credential("fo1_", 30), false).header()
}

// AddDeployToken makes a deploy token of an app and gives its id and its
// value.
func (f *Fly) AddDeployToken(app, name string, life time.Duration) (id, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.mustApp(app)
	t := f.mint(order{name: name, profile: Deploy, user: "owner@example.com", org: a.org, app: a, life: life})
	return t.id, t.header()
}

// AddOrgToken makes a token of a whole organisation and gives its id and its
// value.
func (f *Fly) AddOrgToken(org, name string, life time.Duration) (id, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.mint(order{name: name, profile: Organisation, user: "owner@example.com", org: f.mustOrg(org), life: life})
	return t.id, t.header()
}

// RevokeToken revokes a token, as a person does. It panics on one that is not
// there.
func (f *Fly) RevokeToken(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range f.tokens {
		if t.id == id {
			t.revokedAt = f.now()
			return
		}
	}
	panic("fly: no such token: " + id)
}

// SetSecret stores a value, staged: machines that run keep what they have.
func (f *Fly) SetSecret(app, name, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.mustApp(app)
	f.change(a, map[string]*string{name: &value})
	a.editions[len(a.editions)-1].at = time.Time{} // every replica has it
}

// SetHostStatus says how the host of a machine is: "ok", "unknown" or
// "unreachable".
func (f *Fly) SetHostStatus(app, machine, status string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.mustApp(app).machine(machine)
	if m == nil {
		panic("fly: no such machine: " + machine)
	}
	m.host = status
}

func (f *Fly) mustOrg(slug string) *org {
	if o := f.org(slug); o != nil {
		return o
	}
	panic("fly: no such organisation: " + slug)
}

func (f *Fly) mustApp(name string) *app {
	if a := f.apps[name]; a != nil {
		return a
	}
	panic("fly: no such app: " + name)
}
