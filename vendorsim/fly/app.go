package fly

import (
	"maps"
	"net/http"
	"slices"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// app is an application with its secrets and machines.
type app struct {
	id, name string
	number   int
	org      *org
	uses     string // the environment variable with the token that it works with
	image    string
	editions []edition
	machines []*machine
	releases []*release
	lines    []line
	next     int // the machine whose turn it is to get a request
}

func (a *app) machine(id string) *machine {
	i := slices.IndexFunc(a.machines, func(m *machine) bool { return m.id == id })
	if i < 0 {
		return nil
	}
	return a.machines[i]
}

func (f *Fly) appByID(id string) *app {
	for _, a := range f.apps {
		if a.id == id {
			return a
		}
	}
	return nil
}

func (f *Fly) org(slug string) *org {
	i := slices.IndexFunc(f.orgs, func(o *org) bool { return o.slug == slug })
	if i < 0 {
		return nil
	}
	return f.orgs[i]
}

func (a *app) view() map[string]any {
	return map[string]any{"id": a.id, "internal_numeric_id": a.number, "name": a.name, "status": "deployed", "machine_count": len(a.machines),
		"volume_count": 0, "network": "default",
		"organization": map[string]any{"name": a.org.slug, "slug": a.org.slug, "internal_numeric_id": a.org.number}}
}

func showApp(_ *Fly, c *route.Call, a *app) { c.JSON(http.StatusOK, a.view()) }

func (f *Fly) listApps(c *route.Call) {
	t := f.caller(c)
	if t == nil {
		return
	}
	list, slug := []any{}, c.Query("org_slug")
	for _, name := range slices.Sorted(maps.Keys(f.apps)) {
		if a := f.apps[name]; t.reaches(a) && a.org.slug == slug {
			list = append(list, a.view())
		}
	}
	c.JSON(http.StatusOK, map[string]any{"apps": list, "total_apps": len(list)})
}

// AppHandler serves an app's public address. With a Launcher that is Fly's
// proxy before the programs of its machines. Without one, GET /health is 200 when every
// started machine runs with a token that Fly accepts for this app, else 503.
// The value that a machine booted with counts, not the secret that is stored.
func (f *Fly) AppHandler(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.front.Serve(w, r, &consumer{f, name})
	})
}

type consumer struct {
	fly *Fly
	app string
}

// Operation names no path but the one that there is: any other may hold what a
// caller put there by mistake.
func (p *consumer) Operation(r *http.Request) string {
	if r.URL.Path != "/health" {
		return "unknown"
	}
	return r.Method + " /health"
}

func (p *consumer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.fly.cfg.Launcher != nil {
		p.fly.proxy(w, r, p.app)
		return
	}
	p.fly.mu.Lock()
	defer p.fly.mu.Unlock()
	c, a := &route.Call{W: w, R: r}, p.fly.apps[p.app]
	if a == nil || r.URL.Path != "/health" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		c.JSON(http.StatusNotFound, map[string]any{"error": "not found"})
		return
	}
	started, refused := p.fly.health(a)
	if started == 0 || refused > 0 {
		c.JSON(http.StatusServiceUnavailable, map[string]any{"status": "unhealthy", "machines": started, "refused_by_fly": refused})
		return
	}
	c.JSON(http.StatusOK, map[string]any{"status": "ok", "machines": started})
}

// health counts the started machines and those of them whose token Fly
// refuses; with a Launcher those whose check does not pass.
func (f *Fly) health(a *app) (started, refused int) {
	now := f.now()
	for _, m := range a.machines {
		if m.state(now, f.cfg) != stateStarted {
			continue
		}
		started++
		if f.cfg.Launcher != nil && !f.verdict(m, now).passing || f.cfg.Launcher == nil && !f.works(m) {
			refused++
		}
	}
	return started, refused
}

// works reports whether a machine's token opens its own app.
func (f *Fly) works(m *machine) bool {
	if m.app.uses == "" {
		return true
	}
	value, _ := m.env(m.app.uses)
	t := f.find(value, f.now())
	return t != nil && t.reaches(m.app)
}
