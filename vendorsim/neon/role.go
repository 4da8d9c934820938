package neon

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// maxRoleName is how long a role's name may be, in bytes (RoleCreateRequest).
const maxRoleName = 63

// role is a PostgreSQL role of one branch. password is what Neon stores; the
// branch's server has it once an operation has taken it there.
type role struct {
	branch    *branch
	name      string
	password  string
	noLogin   bool
	createdAt time.Time
	updatedAt time.Time
}

func (b *branch) role(name string) *role {
	i := slices.IndexFunc(b.roles, func(r *role) bool { return r.name == name })
	if i < 0 {
		return nil
	}
	return b.roles[i]
}

// grow gives a branch a new role. Passwords begin with npg_ since 2025.
func (n *Neon) grow(b *branch, name string, noLogin bool) *role {
	r := &role{branch: b, name: name, noLogin: noLogin, createdAt: n.now(), updatedAt: n.now()}
	if !noLogin {
		r.password = n.credential("npg_", 12)
	}
	b.roles = append(b.roles, r)
	return r
}

func (r *role) create(ctx context.Context, d Database) error {
	return d.CreateRole(ctx, r.name, r.password, !r.noLogin)
}

// view is Role; with its password only where that is new.
func (r *role) view(fresh bool) map[string]any {
	v := map[string]any{"branch_id": r.branch.id, "name": r.name, "protected": false, "authentication_method": "password",
		"created_at": second(r.createdAt), "updated_at": second(r.updatedAt)}
	if r.noLogin {
		v["authentication_method"] = "no_login"
	} else if fresh {
		v["password"] = r.password
	}
	return v
}

func (n *Neon) listRoles(c *route.Call, _ *project, b *branch) {
	list := []any{}
	for _, r := range b.roles {
		list = append(list, r.view(false))
	}
	c.JSON(http.StatusOK, map[string]any{"roles": list})
}

func (n *Neon) showRole(c *route.Call, _ *project, r *role) {
	c.JSON(http.StatusOK, map[string]any{"role": r.view(false)})
}

// createRole makes a role; connections are dropped (createProjectBranchRole).
// Which status a name that exists has is a guess.
func (n *Neon) createRole(c *route.Call, p *project, b *branch) {
	var in struct {
		Role *struct {
			Name    string
			NoLogin bool `json:"no_login"`
		}
	}
	if err := c.Read(&in); err != nil || in.Role == nil || in.Role.Name == "" {
		n.fail(c, http.StatusBadRequest, "role.name is required")
		return
	}
	switch name := in.Role.Name; {
	case len(name) > maxRoleName:
		n.fail(c, http.StatusBadRequest, "role name is longer than 63 bytes")
	case strings.HasPrefix(name, "pg_") || slices.Contains([]string{"neon_superuser", "cloud_admin", "postgres", "public", "none"}, name):
		n.fail(c, http.StatusBadRequest, "role name is not permitted") // "Manage roles": protected role names
	case b.role(name) != nil:
		n.fail(c, http.StatusConflict, "role already exists")
	default:
		r := n.grow(b, name, in.Role.NoLogin)
		c.JSON(http.StatusCreated, map[string]any{"role": r.view(true), "operations": n.change(c.R.Context(), p, b, r.create)})
	}
}

// deleteRole removes a role, unless it owns a database ("Manage roles"). The
// status of that refusal is a guess, and so is that whatever else it owns goes
// to the owner of the branch's first database.
func (n *Neon) deleteRole(c *route.Call, p *project, b *branch) {
	r := b.role(c.Arg("role"))
	if r == nil {
		c.Empty(http.StatusNoContent)
		return
	}
	heir := ""
	for _, d := range b.databases {
		if d.owner == r.name {
			n.fail(c, http.StatusUnprocessableEntity, "role owns the database "+d.name)
			return
		}
		heir = orElse(heir, d.owner)
	}
	b.roles = slices.DeleteFunc(b.roles, func(o *role) bool { return o == r })
	drop := func(ctx context.Context, d Database) error { return d.DropRole(ctx, r.name, heir) }
	c.JSON(http.StatusOK, map[string]any{"role": r.view(false), "operations": n.change(c.R.Context(), p, b, drop)})
}

// resetPassword gives a role a new password. The old one opens the branch
// until the last operation has ended, and connections are dropped then
// (resetProjectBranchRolePassword). Other branches keep theirs.
func (n *Neon) resetPassword(c *route.Call, p *project, b *branch) {
	r := b.role(c.Arg("role"))
	switch {
	case r == nil:
		n.fail(c, http.StatusNotFound, "role not found")
		return
	case r.noLogin:
		n.fail(c, http.StatusUnprocessableEntity, "role has no password")
		return
	}
	r.password, r.updatedAt = n.credential("npg_", 12), n.now()
	name, password := r.name, r.password
	set := func(ctx context.Context, d Database) error { return d.SetPassword(ctx, name, password) }
	c.JSON(http.StatusOK, map[string]any{"role": r.view(true), "operations": n.change(c.R.Context(), p, b, set)})
}

// revealPassword gives the stored password, where the project stores any.
func (n *Neon) revealPassword(c *route.Call, p *project, r *role) {
	switch {
	case !p.stores:
		n.fail(c, http.StatusPreconditionFailed, "storing passwords is disabled")
	case r.noLogin:
		n.fail(c, http.StatusNotFound, "role has no password")
	default:
		c.JSON(http.StatusOK, map[string]any{"password": r.password})
	}
}

// uri is a connection string as the console shows it. A server that is reached
// on loopback itself has no certificate.
func (b *branch) uri(r *role, database string, pooled bool) string {
	tls := "require"
	if at, err := netip.ParseAddrPort(b.endpoint.address); err == nil && at.Addr().IsLoopback() {
		tls = "disable"
	}
	return fmt.Sprintf("postgresql://%s:%s@%s/%s?sslmode=%s", escape(r.name), escape(r.password), b.endpoint.host(pooled), escape(database), tls)
}
