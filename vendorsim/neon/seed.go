package neon

import (
	"context"
	"slices"
	"strconv"
)

// The seeding calls below set up a world before anything runs in it. They
// panic on names that do not exist or exist twice: a mistake of the program.

// Project says what AddProject makes.
type Project struct {
	ID         string // "calm-bread-12345678"
	Org        string // who owns it: an organisation,
	Owner      string // or a person, by id
	Branch     string // id of the default branch; "" is a new one
	Role       string // owns Database; "" is neondb_owner
	Database   string // "" is neondb
	ForgetsPWs bool   // passwords are not stored, so none can be read back
}

// AddUser makes a person's account and gives its id.
func (n *Neon) AddUser(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	u := &user{id: n.uuid(), name: name}
	n.users = append(n.users, u)
	return u.id
}

// AddOrg makes an organisation; its id is like "org-morning-bread-81040908".
func (n *Neon) AddOrg(id string, admins ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.org(id) != nil {
		panic("neon: the organisation exists: " + id)
	}
	o := &org{id: id, name: id, members: map[*user]bool{}}
	for _, admin := range admins {
		o.members[n.mustUser(admin)] = true
	}
	n.orgs = append(n.orgs, o)
}

// AddMember puts a person into an organisation who is no admin of it.
func (n *Neon) AddMember(org, user string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mustOrg(org).members[n.mustUser(user)] = false
}

// AddKey makes a person's key and gives its id and its value.
func (n *Neon) AddKey(user, name string) (id, value string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	u := n.mustUser(user)
	return named(n.keep(key{name: name, user: u, createdBy: u}))
}

// AddOrgKey makes a key of an organisation, for one project alone if project
// is not empty, and gives its id and its value.
func (n *Neon) AddOrgKey(org, project, name string) (id, value string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	o := n.mustOrg(org)
	by := &user{id: n.uuid(), name: "somebody"}
	return named(n.keep(key{name: name, org: o, project: project, createdBy: by}))
}

func named(k *key) (id, value string) { return strconv.FormatInt(k.id, 10), k.value }

// AddProject makes a project that is ready, and gives the id of its default
// branch.
func (n *Neon) AddProject(s Project) (branch string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.project(s.ID) != nil {
		panic("neon: the project exists: " + s.ID)
	}
	p := &project{id: s.ID, name: s.ID, stores: !s.ForgetsPWs, createdAt: n.now()}
	if s.Org != "" {
		p.org = n.mustOrg(s.Org)
	} else {
		p.owner = n.mustUser(s.Owner)
	}
	n.projects = append(n.projects, p)
	b := n.root(p, "main")
	b.id = orElse(s.Branch, b.id)
	r := n.grow(b, orElse(s.Role, "neondb_owner"), false)
	n.own(b, orElse(s.Database, "neondb"), r.name)
	must(r.create(context.Background(), b.server))
	return b.id
}

// Finish ends the operations that are under way, so that a scene can be set
// without time passing.
func (n *Neon) Finish() {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	for _, p := range n.projects {
		for _, o := range p.operations {
			if o.endsAt.After(now) {
				o.startsAt, o.endsAt = now, now
			}
		}
	}
	n.settle(context.Background())
}

// AddRole makes a role that is ready and gives its password, "" where it may
// not log in.
func (n *Neon) AddRole(project, branch, name string, noLogin bool) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	b := n.mustBranch(project, branch)
	r := n.grow(b, name, noLogin)
	must(r.create(context.Background(), b.server))
	return r.password
}

// SetOwner makes a role the owner of a database.
func (n *Neon) SetOwner(project, branch, database, role string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mustBranch(project, branch).database(database).owner = role
}

// Protect makes a branch a protected one.
func (n *Neon) Protect(project, branch string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mustBranch(project, branch).protected = true
}

// Rest lets a branch's compute be idle.
func (n *Neon) Rest(project, branch string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mustBranch(project, branch).endpoint.idle = true
}

// FailNext lets the next operation with an action ("apply_config") fail: what
// it would have done is not done.
func (n *Neon) FailNext(action string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failing = append(n.failing, action)
}

func must(err error) {
	if err != nil {
		panic("neon: the branch's database refuses: " + err.Error())
	}
}

func (n *Neon) mustUser(id string) *user {
	i := slices.IndexFunc(n.users, func(u *user) bool { return u.id == id })
	if i < 0 {
		panic("neon: no such user: " + id)
	}
	return n.users[i]
}

func (n *Neon) mustOrg(id string) *org {
	if o := n.org(id); o != nil {
		return o
	}
	panic("neon: no such organisation: " + id)
}

func (n *Neon) mustBranch(project, branch string) *branch {
	if p := n.project(project); p != nil {
		if b := p.branch(branch); b != nil {
			return b
		}
	}
	panic("neon: no such branch: " + project + " " + branch)
}
