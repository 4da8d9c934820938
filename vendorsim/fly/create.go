package fly

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// defaultRegion is where machines run that were not sent anywhere. Fly takes
// the region near the caller.
const defaultRegion = "ams"

// appName is the form of names that can be a label of a host in fly.dev. What
// Fly takes beyond that is not documented.
var appName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// createApp makes an app without machines and secrets. The name is in
// "app_name" (the documentation) or "name" (the description). A deploy token
// has one app and makes no other (the documentation: it is "limited to managing
// a single app"). The statuses 403, 404 and 422 are guesses: the description
// has 400 alone.
func (f *Fly) createApp(c *route.Call) {
	t := f.caller(c)
	if t == nil {
		return
	}
	var in struct {
		App  string `json:"app_name"`
		Name string `json:"name"`
		Org  string `json:"org_slug"`
	}
	if c.Read(&in) != nil {
		fail(c, http.StatusBadRequest, "the request is not JSON")
		return
	}
	name := in.App
	if name == "" {
		name = in.Name
	}
	switch o := f.org(in.Org); {
	case !appName.MatchString(name):
		fail(c, http.StatusUnprocessableEntity, "Validation failed: Name must be lower case letters, digits and dashes")
	case o == nil || o != t.org:
		fail(c, http.StatusNotFound, "organization not found")
	case t.profile == Deploy:
		fail(c, http.StatusForbidden, "Authorize: permission denied")
	case f.apps[name] != nil:
		fail(c, http.StatusUnprocessableEntity, "Validation failed: Name has already been taken")
	default:
		a := f.newApp(o, name)
		c.JSON(http.StatusCreated, map[string]any{"id": a.id, "created_at": f.now().UnixMilli()})
	}
}

func (f *Fly) newApp(o *org, name string) *app {
	a := &app{id: f.id(16), name: name, number: len(f.apps) + 1, org: o}
	f.apps[name] = a
	return a
}

// deleteApp takes an app away with its machines and secrets. Its answer has no
// body in the description.
func deleteApp(f *Fly, c *route.Call, a *app) {
	f.remove(a)
	c.Empty(http.StatusAccepted)
}

func (f *Fly) remove(a *app) { delete(f.apps, a.name) }

// createMachine makes a machine and boots it, or leaves it stopped with
// skip_launch. Its secrets are those of min_secrets_version or later; without
// it, what the replica has. The statuses of refusals are guesses: the
// description has none.
func createMachine(f *Fly, c *route.Call, a *app) {
	var in struct {
		Name       string         `json:"name"`
		Config     map[string]any `json:"config"`
		Region     string         `json:"region"`
		MinSecrets int            `json:"min_secrets_version"`
		SkipLaunch bool           `json:"skip_launch"`
	}
	if c.Read(&in) != nil || in.Config == nil {
		fail(c, http.StatusBadRequest, "invalid config: it is required")
		return
	}
	if image, _ := in.Config["image"].(string); image == "" {
		fail(c, http.StatusBadRequest, "invalid config.image: it is required")
		return
	}
	if in.MinSecrets > a.newest().version {
		fail(c, http.StatusBadRequest, "secrets of that version are not known")
		return
	}
	if slices.ContainsFunc(a.machines, func(m *machine) bool { return in.Name != "" && m.name == in.Name }) {
		fail(c, http.StatusConflict, "already_exists: unique machine name violation")
		return
	}
	m := f.newMachine(a, in.Name, in.Region, in.Config)
	e := a.visible(f.now(), f.cfg.ReplicaLag, in.MinSecrets)
	f.event(m, "launch", "created", "user", m.createdAt)
	m.booted, m.stopped = e, in.SkipLaunch
	if !in.SkipLaunch {
		f.event(m, "start", stateStarted, "flyd", m.movedAt.Add(f.cfg.Starting))
	}
	c.JSON(http.StatusOK, f.view(m))
}

// newMachine adds a machine that moves from now on.
func (f *Fly) newMachine(a *app, name, region string, config map[string]any) *machine {
	if name == "" {
		name = "machine-" + strconv.Itoa(len(a.machines)+1)
	}
	if region == "" {
		region = defaultRegion
	}
	now := f.now()
	m := &machine{id: f.id(14), name: name, region: region, instance: f.id(26), app: a, host: "ok", config: config, createdAt: now, movedAt: now}
	a.machines = append(a.machines, m)
	return m
}

// deleteMachine destroys a machine. One that runs is destroyed with force
// alone; the status of its refusal is a guess.
func deleteMachine(f *Fly, c *route.Call, m *machine) {
	if !f.mayChange(c, m) {
		return
	}
	force, _ := strconv.ParseBool(c.Query("force")) // what is no boolean forces nothing
	if s := m.state(f.now(), f.cfg); !force && s != stateStopped && s != stateSuspended {
		fail(c, http.StatusPreconditionFailed, "failed_precondition: unable to destroy machine, not currently stopped")
		return
	}
	m.app.machines = slices.DeleteFunc(m.app.machines, func(x *machine) bool { return x == m })
	c.JSON(http.StatusOK, map[string]any{"ok": true})
}
