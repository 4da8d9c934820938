package github

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// repo is a repository with its places for secrets and its workflows.
type repo struct {
	id              int64
	owner, name     string
	public          bool
	archived        bool
	branches        []string
	vaults          vaults
	environments    []*environment
	workflows       []*workflow
	actions, runSeq int
}

// vaults are the two places for secrets that every owner has.
type vaults struct{ actions, dependabot vault }

type environment struct {
	id       int64
	name     string
	approval bool // a person must let each job start
	vault    vault

	createdAt time.Time
}

func (r *repo) full() string { return r.owner + "/" + r.name }

func (r *repo) environment(name string) *environment {
	i := slices.IndexFunc(r.environments, func(e *environment) bool { return sameName(e.name, name) })
	if i < 0 {
		return nil
	}
	return r.environments[i]
}

func (g *GitHub) repo(full string) *repo {
	i := slices.IndexFunc(g.repos, func(r *repo) bool { return sameName(r.full(), full) })
	if i < 0 {
		return nil
	}
	return g.repos[i]
}

func (r *repo) view(a *account) map[string]any {
	writes := a.Kind == Classic || a.Permissions["contents"] == "write"
	v := r.minimal()
	v["permissions"] = map[string]any{"admin": writes, "push": writes, "pull": true}
	return v
}

// withRepo lets a call through whose token has what is needed on the
// repository in the path, which is named by owner and name or by its number.
func withRepo(n need, do func(*GitHub, *route.Call, *repo)) func(*GitHub, *route.Call) {
	return func(g *GitHub, c *route.Call) {
		a := g.caller(c)
		if a == nil {
			return
		}
		r := g.inPath(c)
		if r == nil {
			notFound(c)
			return
		}
		if !a.permits(c, r, n) {
			return
		}
		if r.archived && c.R.Method != http.MethodGet {
			fail(c, http.StatusForbidden, "Repository was archived so is read-only.")
			return
		}
		do(g, c, r)
	}
}

func (g *GitHub) inPath(c *route.Call) *repo {
	if strings.HasPrefix(c.Path, "/repositories/") {
		return g.repoByID(number(c.Arg("repository")))
	}
	return g.repo(c.Arg("owner") + "/" + c.Arg("repo"))
}

func (g *GitHub) repoByID(id int64) *repo {
	i := slices.IndexFunc(g.repos, func(r *repo) bool { return r.id == id })
	if i < 0 {
		return nil
	}
	return g.repos[i]
}

func (g *GitHub) showRepo(c *route.Call) {
	a := g.caller(c)
	if a == nil {
		return
	}
	r := g.inPath(c)
	if r == nil {
		notFound(c)
		return
	}
	if a.permits(c, r, need{"metadata", "read", "repo"}) {
		c.JSON(http.StatusOK, r.view(a))
	}
}

// listRepos gives those of an organisation that the token can see.
func (g *GitHub) listRepos(c *route.Call) {
	a := g.caller(c)
	if a == nil {
		return
	}
	list := []any{}
	for _, r := range g.repos {
		seen := a.Kind == Classic || len(a.Repos) == 0 || slices.Contains(a.Repos, r.full())
		if seen && sameName(r.owner, c.Arg("org")) {
			list = append(list, r.view(a))
		}
	}
	c.JSON(http.StatusOK, cutPage(c, list))
}

func listEnvironments(_ *GitHub, c *route.Call, r *repo) {
	list := []any{}
	for _, e := range r.environments {
		list = append(list, e.view(r))
	}
	c.JSON(http.StatusOK, map[string]any{"total_count": len(list), "environments": cutPage(c, list)})
}
