package saas

import (
	"crypto/subtle"
	"net/http"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// process is the control plane as one machine runs it, for one request.
type process struct {
	*SaaS
	machine string
}

// env reads a variable of the machine's environment.
func (p *process) env(name string) string {
	v, _ := p.Fly.MachineEnv(App, p.machine, name)
	return v
}

// refuse answers an error, which goes to the app's log at Fly too.
func (p *process) refuse(c *route.Call, code int, line string) {
	p.Fly.AddLogLine(App, "error", line)
	c.JSON(code, map[string]any{"error": line})
}

type call func(*process, *route.Call)

// table is all calls. It is built once and never changed.
var table = route.Table[*process]{
	{Method: "GET", Path: "/health", Do: health},
	{Method: "POST", Path: "/webhooks/stripe", Do: webhook},
	{Method: "GET", Path: "/cp/orgs", Do: admin(listOrgs)},
	{Method: "POST", Path: "/cp/orgs", Do: admin(createOrg)},
	{Method: "GET", Path: "/cp/orgs/{org}", Do: admin(withOrg(showOrg))},
	{Method: "DELETE", Path: "/cp/orgs/{org}", Do: admin(withOrg(eraseOrg))},
	{Method: "POST", Path: "/cp/orgs/{org}/reprovision", Do: admin(withOrg(reprovisionOrg))},
	{Method: "POST", Path: "/cp/billing/checkout", Do: admin(checkout)},
	{Method: "GET", Path: "/cp/workspaces", Do: admin(allWorkspaces)},
	{Method: "GET", Path: "/cp/orgs/{org}/secrets", Do: admin(withOrg(listSettings))},
	{Method: "PUT", Path: "/cp/orgs/{org}/secrets", Do: admin(withOrg(putSetting))},
	{Method: "GET", Path: "/cp/orgs/{org}/workspaces/{workspace}/secrets", Do: admin(withOrg(withWorkspace(listOverrides)))},
	{Method: "POST", Path: "/cp/orgs/{org}/workspaces/{workspace}/restart", Do: admin(withOrg(withWorkspace(restartWorkspace)))},
	{Method: "POST", Path: "/cp/orgs/{org}/workspaces/{workspace}/resume", Do: admin(withOrg(withWorkspace(resumeWorkspace)))},
	{Method: "GET", Path: "/cp/orgs/{org}/logs", Do: admin(withOrg(listPlatformLog))},
}

// admin lets a call through that came with the control plane's admin token.
func admin(do call) call {
	return func(p *process, c *route.Call) {
		given := []byte(c.R.Header.Get("Authorization"))
		if subtle.ConstantTimeCompare(given, []byte("Bearer "+p.Admin["cp"])) == 1 {
			do(p, c)
			return
		}
		c.JSON(http.StatusUnauthorized, map[string]any{"error": "the admin token is missing or wrong"})
	}
}

// withOrg finds the tenant in the path, by id or slug.
func withOrg(do func(*process, *route.Call, *org)) call {
	return func(p *process, c *route.Call) {
		if o := p.org(c.Arg("org")); o != nil {
			do(p, c, o)
			return
		}
		c.JSON(http.StatusNotFound, map[string]any{"error": "no such org"})
	}
}

// ServeHTTP answers as one of the started machines, each in its turn, as Fly's
// proxy spreads requests.
func (s *SaaS) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.front.Serve(w, r, (*plane)(s)) }

// plane is the control plane behind its front.
type plane SaaS

// Operation labels a call by its route.
func (*plane) Operation(r *http.Request) string { return routes().Label(r) }

func routes() route.Table[*process] { return table }

func (h *plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, c := (*SaaS)(h), &route.Call{W: w, R: r}
	found, machine := routes().Find(r), s.next()
	switch {
	case machine == "":
		c.JSON(http.StatusServiceUnavailable, map[string]any{"error": "no machine is started"})
	case found == nil:
		c.JSON(http.StatusNotFound, map[string]any{"error": "no such call"})
	default:
		c.Path = found.Path
		found.Do(&process{s, machine}, c)
	}
}

// next gives the machine whose turn it is; "" where none is started.
func (s *SaaS) next() string {
	started := s.Fly.Started(App)
	if len(started) == 0 {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	return started[s.turn%len(started)]
}

// health tells of the Fly token of every machine and of this machine's
// database. It knows nothing of mail, billing or tenants.
func health(p *process, c *route.Call) {
	switch {
	case !p.Fly.Healthy(App):
		p.refuse(c, http.StatusServiceUnavailable, "fly: 401 unauthorized")
	case p.databaseLogin(p.env(DatabaseURL)) != nil:
		p.refuse(c, http.StatusServiceUnavailable, "database: password authentication failed")
	default:
		c.JSON(http.StatusOK, map[string]any{"status": "ok"})
	}
}
