package neon

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// branch is a copy of a project's data, with roles of its own.
type branch struct {
	id, name  string
	parent    *branch // nil for a root
	protected bool
	createdAt time.Time
	changing  bool // its operations have not ended yet
	endpoint  *endpoint
	roles     []*role
	databases []*database
	server    Database
}

// endpoint is a compute that serves a branch.
type endpoint struct {
	id        string
	address   string // instead of Neon's own host; may be empty
	idle      bool
	createdAt time.Time
}

func (p *project) branch(id string) *branch {
	i := slices.IndexFunc(p.branches, func(b *branch) bool { return b.id == id })
	if i < 0 {
		return nil
	}
	return p.branches[i]
}

// root makes a project's first branch, with an endpoint.
func (n *Neon) root(p *project, name string) *branch {
	b := n.branchOf(p, name)
	n.serve(b)
	return b
}

func (n *Neon) branchOf(p *project, name string) *branch {
	b := &branch{id: n.slug("br-"), name: name, createdAt: n.now()}
	if n.cfg.Database != nil {
		b.server = n.cfg.Database(p.id, b.id)
	}
	if b.server == nil {
		b.server = NewMemory()
	}
	p.branches = append(p.branches, b)
	return b
}

func (n *Neon) serve(b *branch) {
	b.endpoint = &endpoint{id: n.slug("ep-"), createdAt: n.now()}
	if a, ok := b.server.(Addressed); ok {
		b.endpoint.address = a.Address()
	}
}

// applying makes what an operation does to the branch's server, and what is so
// afterwards.
func (b *branch) applying(after func(), changes ...func(context.Context, Database) error) func(context.Context) error {
	return func(ctx context.Context) error {
		var errs []error
		for _, change := range changes {
			errs = append(errs, change(ctx, b.server))
		}
		if after != nil {
			after()
		}
		return errors.Join(errs...)
	}
}

// acts gives the operations by which a branch's compute takes a change: one
// that rests is started for it and suspended afterwards. A branch without a
// compute has nothing to be told.
func (b *branch) acts(changes ...func(context.Context, Database) error) []act {
	apply := act{"apply_config", b.applying(nil, changes...)}
	switch {
	case b.endpoint == nil:
		return nil
	case b.endpoint.idle:
		return []act{{"start_compute", nil}, apply, {"suspend_compute", nil}}
	default:
		return []act{apply}
	}
}

// change lets a branch's roles differ and gives the views of the operations.
func (n *Neon) change(ctx context.Context, p *project, b *branch, changes ...func(context.Context, Database) error) []any {
	acts := b.acts(append(changes, func(ctx context.Context, d Database) error { return d.DropSessions(ctx) })...)
	if acts == nil {
		_ = b.applying(nil, changes...)(ctx) // nobody can log in to what has no compute
	}
	return n.start(ctx, p, b, acts...)
}

// view is Branch.
func (b *branch) view(p *project) map[string]any {
	v := map[string]any{"id": b.id, "project_id": p.id, "name": b.name, "current_state": "ready", "state_changed_at": second(b.createdAt), "creation_source": "console",
		"default": p.branches[0] == b, "primary": p.branches[0] == b, "protected": b.protected, "created_at": second(b.createdAt), "updated_at": second(b.createdAt), "init_source": "parent-data"}
	for _, meter := range []string{"cpu_used_sec", "compute_time_seconds", "active_time_seconds", "written_data_bytes", "data_transfer_bytes"} {
		v[meter] = 0
	}
	if b.changing {
		v["current_state"], v["pending_state"] = "init", "ready"
	}
	if b.parent != nil {
		v["parent_id"], v["parent_lsn"] = b.parent.id, "0/1DE2850"
	}
	return v
}

// view is Endpoint.
func (e *endpoint) view(p *project, b *branch) map[string]any {
	state := "active"
	if e.idle {
		state = "idle"
	}
	return map[string]any{"id": e.id, "host": e.host(false), "project_id": p.id, "branch_id": b.id, "autoscaling_limit_min_cu": 0.25, "autoscaling_limit_max_cu": 2,
		"region_id": region, "type": "read_write", "current_state": state, "settings": map[string]any{}, "pooler_enabled": false, "pooler_mode": "transaction",
		"disabled": false, "passwordless_access": true, "creation_source": "console", "created_at": second(e.createdAt), "updated_at": second(e.createdAt),
		"proxy_host": "us-east-2.aws.neon.tech", "suspend_timeout_seconds": 0, "provisioner": "k8s-neonvm"}
}

// host is where clients connect. A pooled one has "-pooler" behind the
// endpoint's id; a real server behind the stand-in has no pool.
func (e *endpoint) host(pooled bool) string {
	switch {
	case e.address != "":
		return e.address
	case pooled:
		return e.id + "-pooler.us-east-2.aws.neon.tech"
	default:
		return e.id + ".us-east-2.aws.neon.tech"
	}
}

// listBranches answers branches whose name or id has the wanted text in it,
// page by page.
func (n *Neon) listBranches(c *route.Call, _ *key, p *project) {
	limit := 10000
	if text := c.Query("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 10000 {
			n.fail(c, http.StatusBadRequest, "limit must be between 1 and 10000")
			return
		}
	}
	list, next, from, last := []any{}, "", c.Query("cursor"), ""
	for _, b := range p.branches {
		switch wanted := c.Query("search"); {
		case from != "":
			if b.id == from {
				from = ""
			}
		case !strings.Contains(b.name, wanted) && !strings.Contains(b.id, wanted):
		case len(list) < limit:
			list, last = append(list, b.view(p)), b.id
		default:
			next = last
		}
	}
	page := map[string]any{"sort_by": "updated_at", "sort_order": "desc"}
	if next != "" {
		page["next"] = next
	}
	c.JSON(http.StatusOK, map[string]any{"branches": list, "annotations": map[string]any{}, "pagination": page})
}

// showBranch answers one branch. The description requires an annotation.
func (n *Neon) showBranch(c *route.Call, p *project, b *branch) {
	object := map[string]any{"type": "console/branch", "id": b.id}
	c.JSON(http.StatusOK, map[string]any{"branch": b.view(p), "annotation": map[string]any{"object": object, "value": map[string]any{}}})
}

// createBranch copies a branch: with its roles, whose passwords are the same,
// unless the parent is protected ("Protected branches").
func (n *Neon) createBranch(c *route.Call, _ *key, p *project) {
	var in struct {
		Endpoints []struct{ Type string }
		Branch    struct {
			Name   string
			Parent string `json:"parent_id"`
		}
	}
	if err := c.Read(&in); err != nil {
		n.fail(c, http.StatusBadRequest, err.Error())
		return
	}
	parent := p.branches[0]
	if in.Branch.Parent != "" {
		parent = p.branch(in.Branch.Parent)
	}
	switch {
	case parent == nil:
		n.fail(c, http.StatusNotFound, "parent branch not found")
		return
	case in.Branch.Name != "" && slices.ContainsFunc(p.branches, func(b *branch) bool { return b.name == in.Branch.Name }):
		n.fail(c, http.StatusConflict, "branch already exists")
		return
	}
	b := n.branchOf(p, in.Branch.Name)
	b.parent, b.changing = parent, true
	b.name = orElse(b.name, b.id)
	creates := n.inherit(b)
	done := func() { b.changing = false }
	acts := []act{{"create_branch", b.applying(done, creates...)}}
	if len(in.Endpoints) > 0 {
		n.serve(b)
		acts = append(acts, act{"start_compute", nil})
	}
	ops := n.start(c.R.Context(), p, b, acts...)
	c.JSON(http.StatusCreated, b.whole(p, ops))
}

// inherit gives a branch what its parent has, and what its server must do.
func (n *Neon) inherit(b *branch) []func(context.Context, Database) error {
	var creates []func(context.Context, Database) error
	for _, r := range b.parent.roles {
		twin := *r
		twin.branch = b
		if b.parent.protected && !twin.noLogin {
			twin.password = n.credential("npg_", 12)
		}
		b.roles, creates = append(b.roles, &twin), append(creates, twin.create)
	}
	for _, d := range b.parent.databases {
		n.own(b, d.name, d.owner)
	}
	return creates
}

// whole is the answer to a new branch.
func (b *branch) whole(p *project, ops []any) map[string]any {
	roles, databases, endpoints, uris := []any{}, []any{}, []any{}, []any{}
	for _, r := range b.roles {
		roles = append(roles, r.view(false))
	}
	for _, d := range b.databases {
		databases = append(databases, d.view(b))
	}
	if b.endpoint != nil {
		endpoints = append(endpoints, b.endpoint.view(p, b))
		for _, d := range b.databases {
			if r := b.role(d.owner); r != nil && p.stores {
				uris = append(uris, b.connection(r, d.name))
			}
		}
	}
	return map[string]any{"branch": b.view(p), "endpoints": endpoints, "roles": roles, "databases": databases, "connection_uris": uris, "operations": ops}
}

// deleteBranch ends a branch when its operations have ended. Which status a
// refusal has is a guess.
func (n *Neon) deleteBranch(c *route.Call, _ *key, p *project) {
	b := p.branch(c.Arg("branch"))
	switch {
	case b == nil:
		c.Empty(http.StatusNoContent)
		return
	case b.parent == nil:
		n.fail(c, http.StatusUnprocessableEntity, "the root branch cannot be deleted")
		return
	case slices.ContainsFunc(p.branches, func(o *branch) bool { return o.parent == b }):
		n.fail(c, http.StatusUnprocessableEntity, "a branch with child branches cannot be deleted")
		return
	}
	remove := func(ctx context.Context) error {
		p.branches = slices.DeleteFunc(p.branches, func(o *branch) bool { return o == b })
		return b.server.DropSessions(ctx)
	}
	acts := []act{{"delete_timeline", remove}}
	if b.endpoint != nil {
		acts = append([]act{{"suspend_compute", nil}}, acts...)
	}
	v := b.view(p)
	c.JSON(http.StatusOK, map[string]any{"branch": v, "operations": n.start(c.R.Context(), p, b, acts...)})
}

func (n *Neon) listEndpoints(c *route.Call, p *project, b *branch) {
	list := []any{}
	if b.endpoint != nil {
		list = append(list, b.endpoint.view(p, b))
	}
	c.JSON(http.StatusOK, map[string]any{"endpoints": list})
}
