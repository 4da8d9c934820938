package neon

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// region is where everything is.
const region = "aws-us-east-2"

// project is one Neon project with its branches, the first of which is the
// default one.
type project struct {
	id, name   string
	owner      *user // nil where an organisation owns it
	org        *org
	stores     bool // whether passwords can be read back
	createdAt  time.Time
	branches   []*branch
	operations []*operation
}

func (n *Neon) project(id string) *project {
	i := slices.IndexFunc(n.projects, func(p *project) bool { return p.id == id })
	if i < 0 {
		return nil
	}
	return n.projects[i]
}

// brief is ProjectListItem.
func (p *project) brief() map[string]any {
	v := map[string]any{"id": p.id, "platform_id": "aws", "region_id": region, "name": p.name, "provisioner": "k8s-neonvm", "pg_version": 17,
		"proxy_host": "us-east-2.aws.neon.tech", "branch_logical_size_limit": 512, "branch_logical_size_limit_bytes": 536870912,
		"store_passwords": p.stores, "active_time": 0, "cpu_used_sec": 0, "creation_source": "console", "owner_id": p.ownerID(),
		"created_at": second(p.createdAt), "updated_at": second(p.createdAt)}
	if p.org != nil {
		v["org_id"] = p.org.id
	}
	return v
}

func (p *project) ownerID() string {
	if p.org != nil {
		return p.org.id
	}
	return p.owner.id
}

// view is Project.
func (p *project) view() map[string]any {
	v := p.brief()
	delete(v, "active_time")
	for _, meter := range []string{"data_storage_bytes_hour", "data_transfer_bytes", "written_data_bytes", "compute_time_seconds", "active_time_seconds"} {
		v[meter] = 0
	}
	month := time.Date(p.createdAt.Year(), p.createdAt.Month(), 1, 0, 0, 0, 0, time.UTC)
	v["history_retention_seconds"] = 86400
	v["consumption_period_start"], v["consumption_period_end"] = second(month), second(month.AddDate(0, 1, 0))
	return v
}

func (n *Neon) showProject(c *route.Call, _ *key, p *project) {
	c.JSON(http.StatusOK, map[string]any{"project": p.view()})
}

// listProjects answers the projects of an account. Those of an organisation
// need its id or its key. The cursor is the last project's id.
func (n *Neon) listProjects(c *route.Call, k *key) {
	limit := 10
	if text := c.Query("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 400 {
			n.fail(c, http.StatusBadRequest, "limit must be between 1 and 400")
			return
		}
	}
	list, cursor, from, wanted := []any{}, "", c.Query("cursor"), c.Query("org_id")
	for _, p := range n.projects {
		switch {
		case from != "":
			if p.id == from {
				from = ""
			}
		case !k.reaches(p) || k.org == nil && wanted == "" && p.org != nil || wanted != "" && (p.org == nil || p.org.id != wanted):
		case len(list) < limit:
			list, cursor = append(list, p.brief()), p.id
		}
	}
	out := map[string]any{"projects": list, "applications": map[string]any{}, "integrations": map[string]any{}}
	if cursor != "" {
		out["pagination"] = map[string]any{"cursor": cursor}
	}
	c.JSON(http.StatusOK, out)
}

// createProject makes a project with a branch, an endpoint, a role and a
// database.
func (n *Neon) createProject(c *route.Call, k *key) {
	var in struct {
		Project *struct {
			Name   string
			Org    string `json:"org_id"`
			Stores *bool  `json:"store_passwords"`
			Branch struct {
				Name     string
				Role     string `json:"role_name"`
				Database string `json:"database_name"`
			}
		}
	}
	if err := c.Read(&in); err != nil || in.Project == nil {
		n.fail(c, http.StatusBadRequest, "project is required")
		return
	}
	o := k.org
	if o == nil && in.Project.Org != "" {
		if o = n.org(in.Project.Org); o == nil || !o.has(k.user) {
			n.fail(c, http.StatusNotFound, "organization not found")
			return
		}
	}
	if k.project != "" {
		n.fail(c, http.StatusForbidden, "a project-scoped API key cannot create projects")
		return
	}
	p := &project{id: n.slug(""), name: in.Project.Name, owner: k.user, org: o, stores: in.Project.Stores == nil || *in.Project.Stores, createdAt: n.now()}
	if p.name == "" {
		p.name = p.id
	}
	n.projects = append(n.projects, p)
	b := n.root(p, orElse(in.Project.Branch.Name, "main"))
	r := n.grow(b, orElse(in.Project.Branch.Role, "neondb_owner"), false)
	d := n.own(b, orElse(in.Project.Branch.Database, "neondb"), r.name)
	b.changing = true
	ready := func() { b.changing = false }
	ops := n.start(c.R.Context(), p, b, act{"create_timeline", nil}, act{"start_compute", b.applying(ready, r.create)})
	c.JSON(http.StatusCreated, map[string]any{"project": p.view(), "branch": b.view(p), "endpoints": []any{b.endpoint.view(p, b)},
		"roles": []any{r.view(true)}, "databases": []any{d.view(b)}, "connection_uris": []any{b.connection(r, d.name)}, "operations": ops})
}

// deleteProject removes a project at once. Keys of one project may not.
func (n *Neon) deleteProject(c *route.Call, k *key, p *project) {
	if k.project != "" {
		n.fail(c, http.StatusForbidden, "a project-scoped API key cannot delete its project")
		return
	}
	n.projects = slices.DeleteFunc(n.projects, func(q *project) bool { return q == p })
	c.JSON(http.StatusOK, map[string]any{"project": p.view()})
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
