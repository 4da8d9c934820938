package neon

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// database is one database of a branch. Only its owner matters here.
type database struct {
	id          int64
	name, owner string
	createdAt   time.Time
}

// own gives a branch a new database.
func (n *Neon) own(b *branch, name, owner string) *database {
	d := &database{id: n.number(), name: name, owner: owner, createdAt: n.now()}
	b.databases = append(b.databases, d)
	return d
}

func (d *database) view(b *branch) map[string]any {
	return map[string]any{"id": d.id, "branch_id": b.id, "name": d.name, "owner_name": d.owner, "created_at": second(d.createdAt), "updated_at": second(d.createdAt)}
}

func (b *branch) database(name string) *database {
	i := slices.IndexFunc(b.databases, func(d *database) bool { return d.name == name })
	if i < 0 {
		return nil
	}
	return b.databases[i]
}

func (n *Neon) listDatabases(c *route.Call, _ *project, b *branch) {
	list := []any{}
	for _, d := range b.databases {
		list = append(list, d.view(b))
	}
	c.JSON(http.StatusOK, map[string]any{"databases": list})
}

func (n *Neon) createDatabase(c *route.Call, p *project, b *branch) {
	var in struct {
		Database struct {
			Name  string
			Owner string `json:"owner_name"`
		}
	}
	switch err := c.Read(&in); {
	case err != nil || in.Database.Name == "" || in.Database.Owner == "":
		n.fail(c, http.StatusBadRequest, "database.name and database.owner_name are required")
	case b.role(in.Database.Owner) == nil:
		n.fail(c, http.StatusNotFound, "role not found")
	case b.database(in.Database.Name) != nil:
		n.fail(c, http.StatusConflict, "database already exists")
	default:
		d := n.own(b, in.Database.Name, in.Database.Owner)
		c.JSON(http.StatusCreated, map[string]any{"database": d.view(b), "operations": n.start(c.R.Context(), p, b, b.acts()...)})
	}
}

// connectionURI answers a connection string with the stored password in it.
// Without stored passwords it fails as revealing one does, which is a guess.
func (n *Neon) connectionURI(c *route.Call, _ *key, p *project) {
	b := p.branches[0]
	if id := c.Query("branch_id"); id != "" {
		b = p.branch(id)
	}
	switch {
	case b == nil:
		n.fail(c, http.StatusNotFound, "branch not found")
	case b.endpoint == nil || c.Query("endpoint_id") != "" && c.Query("endpoint_id") != b.endpoint.id:
		n.fail(c, http.StatusNotFound, "endpoint not found")
	case b.database(c.Query("database_name")) == nil:
		n.fail(c, http.StatusNotFound, "database not found")
	case b.role(c.Query("role_name")) == nil:
		n.fail(c, http.StatusNotFound, "role not found")
	case !p.stores:
		n.fail(c, http.StatusPreconditionFailed, "storing passwords is disabled")
	default:
		uri := b.uri(b.role(c.Query("role_name")), c.Query("database_name"), c.Query("pooled") == "true")
		c.JSON(http.StatusOK, map[string]any{"uri": uri})
	}
}

// connection is ConnectionDetails.
func (b *branch) connection(r *role, database string) map[string]any {
	return map[string]any{"connection_uri": b.uri(r, database, false), "connection_parameters": map[string]any{"database": database, "password": r.password,
		"role": r.name, "host": b.endpoint.host(false), "pooler_host": b.endpoint.host(true)}}
}

// escape writes a name or password so that it stays in its place in a URI.
func escape(s string) string { return url.PathEscape(s) }
