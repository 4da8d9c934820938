package neon

import (
	"net/http"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// table is all calls. It is built once and never changed.
var table = buildTable()

func routes() route.Table[*Neon] { return table }

func buildTable() route.Table[*Neon] {
	const (
		api     = "/api/v2"
		orgKeys = api + "/organizations/{org}/api_keys"
		project = api + "/projects/{project}"
		branch  = project + "/branches/{branch}"
		role    = branch + "/roles/{role}"
	)
	return route.Table[*Neon]{
		{Method: "GET", Path: api + "/auth", Do: withKey((*Neon).whoAmI)},
		{Method: "GET", Path: api + "/api_keys", Do: withKey((*Neon).listKeys)},
		{Method: "POST", Path: api + "/api_keys", Do: withKey((*Neon).createKey)},
		{Method: "DELETE", Path: api + "/api_keys/{key}", Do: withKey((*Neon).revokeKey)},
		{Method: "GET", Path: orgKeys, Do: withOrg((*Neon).listOrgKeys)},
		{Method: "POST", Path: orgKeys, Do: withOrg((*Neon).createOrgKey)},
		{Method: "DELETE", Path: orgKeys + "/{key}", Do: withOrg((*Neon).revokeOrgKey)},
		{Method: "GET", Path: api + "/projects", Do: withKey((*Neon).listProjects)},
		{Method: "POST", Path: api + "/projects", Do: withKey((*Neon).createProject)},
		{Method: "GET", Path: project, Do: withProject((*Neon).showProject)},
		{Method: "DELETE", Path: project, Do: withProject((*Neon).deleteProject)},
		{Method: "GET", Path: project + "/operations", Do: withProject((*Neon).listOperations)},
		{Method: "GET", Path: project + "/operations/{operation}", Do: withProject((*Neon).showOperation)},
		{Method: "GET", Path: project + "/connection_uri", Do: withProject((*Neon).connectionURI)},
		{Method: "GET", Path: project + "/branches", Do: withProject((*Neon).listBranches)},
		{Method: "POST", Path: project + "/branches", Do: changing((*Neon).createBranch)},
		{Method: "GET", Path: branch, Do: withBranch((*Neon).showBranch)},
		{Method: "DELETE", Path: branch, Do: changing((*Neon).deleteBranch)},
		{Method: "GET", Path: branch + "/endpoints", Do: withBranch((*Neon).listEndpoints)},
		{Method: "GET", Path: branch + "/databases", Do: withBranch((*Neon).listDatabases)},
		{Method: "POST", Path: branch + "/databases", Do: changing(inBranch((*Neon).createDatabase))},
		{Method: "GET", Path: branch + "/roles", Do: withBranch((*Neon).listRoles)},
		{Method: "POST", Path: branch + "/roles", Do: changing(inBranch((*Neon).createRole))},
		{Method: "GET", Path: role, Do: withRole((*Neon).showRole)},
		{Method: "DELETE", Path: role, Do: changing(inBranch((*Neon).deleteRole))},
		{Method: "POST", Path: role + "/reset_password", Do: changing(inBranch((*Neon).resetPassword))},
		{Method: "GET", Path: role + "/reveal_password", Do: withRole((*Neon).revealPassword)},
	}
}

// withKey lets a call through that came with a key that is accepted, and not
// too soon.
func withKey(do func(*Neon, *route.Call, *key)) func(*Neon, *route.Call) {
	return func(n *Neon, c *route.Call) {
		k := n.caller(c)
		if k == nil {
			return
		}
		if n.limited(c, k) {
			n.fail(c, http.StatusTooManyRequests, "rate limit exceeded")
			return
		}
		do(n, c, k)
	}
}

// withOrg lets a call through whose key belongs to the organisation in its
// path, or to one of its members.
func withOrg(do func(*Neon, *route.Call, *key, *org)) func(*Neon, *route.Call) {
	return withKey(func(n *Neon, c *route.Call, k *key) {
		o := n.org(c.Arg("org"))
		if o == nil || k.org != o && !o.has(k.user) {
			n.fail(c, http.StatusNotFound, "organization not found")
			return
		}
		do(n, c, k, o)
	})
}

// withProject lets a call through whose key may see the project in its path.
func withProject(do func(*Neon, *route.Call, *key, *project)) func(*Neon, *route.Call) {
	return withKey(func(n *Neon, c *route.Call, k *key) {
		p := n.project(c.Arg("project"))
		if p == nil || !k.reaches(p) {
			n.fail(c, http.StatusNotFound, "project not found")
			return
		}
		do(n, c, k, p)
	})
}

// changing refuses a call while the project's operations run. The words are
// those that Neon's users quote.
func changing(do func(*Neon, *route.Call, *key, *project)) func(*Neon, *route.Call) {
	return withProject(func(n *Neon, c *route.Call, k *key, p *project) {
		if p.busy(n.now()) {
			n.fail(c, http.StatusLocked, "project already has running operations, scheduling of new ones is prohibited")
			return
		}
		do(n, c, k, p)
	})
}

// inBranch finds the branch of a call on a project.
func inBranch(do func(*Neon, *route.Call, *project, *branch)) func(*Neon, *route.Call, *key, *project) {
	return func(n *Neon, c *route.Call, _ *key, p *project) {
		b := p.branch(c.Arg("branch"))
		if b == nil {
			n.fail(c, http.StatusNotFound, "branch not found")
			return
		}
		do(n, c, p, b)
	}
}

func withBranch(do func(*Neon, *route.Call, *project, *branch)) func(*Neon, *route.Call) {
	return withProject(inBranch(do))
}

func withRole(do func(*Neon, *route.Call, *project, *role)) func(*Neon, *route.Call) {
	return withBranch(func(n *Neon, c *route.Call, p *project, b *branch) {
		r := b.role(c.Arg("role"))
		if r == nil {
			n.fail(c, http.StatusNotFound, "role not found")
			return
		}
		do(n, c, p, r)
	})
}
