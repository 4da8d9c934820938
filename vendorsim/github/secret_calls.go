package github

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// place is one kind of place for secrets: where its calls are and what they
// need.
type place struct {
	under      string
	permission string
	org        bool
	find       func(*GitHub, *route.Call, *repo) *vault // nil is not there; repo is nil for organisations
}

func places() []place {
	actions := func(_ *GitHub, _ *route.Call, r *repo) *vault { return &r.vaults.actions }
	dependabot := func(_ *GitHub, _ *route.Call, r *repo) *vault { return &r.vaults.dependabot }
	environ := func(_ *GitHub, c *route.Call, r *repo) *vault {
		if e := r.environment(c.Arg("environment")); e != nil {
			return &e.vault
		}
		return nil
	}
	return []place{
		{"/repos/{owner}/{repo}/actions/secrets", "secrets", false, actions},
		{"/repos/{owner}/{repo}/dependabot/secrets", "dependabot_secrets", false, dependabot},
		{"/repos/{owner}/{repo}/environments/{environment}/secrets", "environments", false, environ},
		{"/repositories/{repository}/environments/{environment}/secrets", "environments", false, environ},
		{"/orgs/{org}/actions/secrets", "organization_secrets", true, func(g *GitHub, c *route.Call, _ *repo) *vault {
			if o := g.org(c.Arg("org")); o != nil {
				return &o.actions
			}
			return nil
		}},
		{"/orgs/{org}/dependabot/secrets", "organization_dependabot_secrets", true, func(g *GitHub, c *route.Call, _ *repo) *vault {
			if o := g.org(c.Arg("org")); o != nil {
				return &o.dependabot
			}
			return nil
		}},
	}
}

func (g *GitHub) org(name string) *vaults {
	for have, v := range g.orgs {
		if sameName(have, name) {
			return v
		}
	}
	return nil
}

// with lets a call through that may use the place, and finds its vault.
func (p place) with(level string, do func(*GitHub, *route.Call, place, *vault)) func(*GitHub, *route.Call) {
	if !p.org {
		return withRepo(need{p.permission, level, "repo"}, func(g *GitHub, c *route.Call, r *repo) {
			p.found(g, c, p.find(g, c, r), do)
		})
	}
	return func(g *GitHub, c *route.Call) {
		if a := g.caller(c); a != nil && a.permits(c, nil, need{p.permission, level, "admin:org"}) {
			p.found(g, c, p.find(g, c, nil), do)
		}
	}
}

func (p place) found(g *GitHub, c *route.Call, v *vault, do func(*GitHub, *route.Call, place, *vault)) {
	if v == nil {
		notFound(c)
		return
	}
	do(g, c, p, v)
}

// view is a secret as answers show it: never its value.
func (k *kept) view(c *route.Call, p place, name string) map[string]any {
	v := map[string]any{"name": name, "created_at": second(k.createdAt), "updated_at": second(k.updatedAt)}
	if p.org {
		v["visibility"] = k.visibility
		if k.visibility == "selected" {
			v["selected_repositories_url"] = "https://" + Host + c.R.URL.Path + "/repositories"
		}
	}
	return v
}

func showKey(g *GitHub, c *route.Call, _ place, v *vault) {
	id, key := v.key(g.cfg.Rand)
	c.JSON(http.StatusOK, map[string]any{"key_id": id, "key": key})
}

func listSecrets(_ *GitHub, c *route.Call, p place, v *vault) {
	list := []any{}
	for _, name := range slices.Sorted(maps.Keys(v.secrets)) {
		list = append(list, v.secrets[name].view(c, p, name))
	}
	c.JSON(http.StatusOK, map[string]any{"total_count": len(list), "secrets": cutPage(c, list)})
}

func showSecret(_ *GitHub, c *route.Call, p place, v *vault) {
	name := canonical(c.Arg("name"))
	k, ok := v.secrets[name]
	if !ok {
		notFound(c)
		return
	}
	c.JSON(http.StatusOK, k.view(c, p, name))
}

func deleteSecret(_ *GitHub, c *route.Call, _ place, v *vault) {
	name := canonical(c.Arg("name"))
	if _, ok := v.secrets[name]; !ok {
		notFound(c)
		return
	}
	delete(v.secrets, name)
	c.Empty(http.StatusNoContent)
}

// putRequest is the body of a write. The description lets a write to an
// organisation or to Dependabot leave the value out, which changes who sees the
// secret alone; here every write has one.
type putRequest struct {
	Value      string            `json:"encrypted_value"`
	KeyID      string            `json:"key_id"`
	Visibility string            `json:"visibility"`
	Selected   []json.RawMessage `json:"selected_repository_ids"`
}

func putSecret(g *GitHub, c *route.Call, p place, v *vault) {
	var in putRequest
	name := canonical(c.Arg("name"))
	if c.Read(&in) != nil || name == "" {
		invalid(c, "the name or the body has not the expected form")
		return
	}
	value, problem := v.open(in.KeyID, in.Value)
	if problem == "" {
		problem = p.problem(v, name, in)
	}
	if problem != "" {
		invalid(c, problem)
		return
	}
	code := http.StatusNoContent
	if v.secrets[name] == nil {
		code = http.StatusCreated
	}
	if stored, stores := g.front.Faults.Stored(c.R, c.R.Method+" "+c.Path, value); stores {
		k, _ := v.put(name, stored, g.now())
		k.visibility, k.selected = in.Visibility, ids(in.Selected)
	}
	if code == http.StatusCreated {
		c.JSON(code, map[string]any{})
		return
	}
	c.Empty(code)
}

// problem says why a write cannot be taken, "" if it can.
func (p place) problem(v *vault, name string, in putRequest) string {
	limit := maxSecrets
	if p.org {
		limit = maxOrg
	}
	switch {
	case v.secrets[name] == nil && len(v.secrets) >= limit:
		return "there is no room for another secret"
	case p.org && !slices.Contains([]string{"all", "private", "selected"}, in.Visibility):
		return "visibility must be all, private or selected"
	case p.org && in.Visibility != "selected" && len(in.Selected) > 0:
		return "selected_repository_ids needs the visibility selected"
	default:
		return ""
	}
}

// ids reads repository ids, which may be numbers or strings of them.
func ids(raw []json.RawMessage) []int64 {
	var list []int64
	for _, r := range raw {
		s := string(r)
		if unquoted, err := strconv.Unquote(s); err == nil {
			s = unquoted
		}
		if id := number(s); id > 0 {
			list = append(list, id)
		}
	}
	return list
}

// invalid answers in the form of GitHub's validation error. The description has
// no refusal of a write; GitHub answers with 422.
func invalid(c *route.Call, why string) {
	c.JSON(http.StatusUnprocessableEntity, map[string]any{"message": "Validation Failed", "documentation_url": "https://docs.github.com/rest",
		"status": "422", "errors": []any{map[string]any{"resource": "Secret", "field": "encrypted_value", "code": "custom", "message": why}}})
}

// listSelected gives the repositories that see an organisation's secret whose
// visibility is "selected".
func listSelected(g *GitHub, c *route.Call, _ place, v *vault) {
	k, ok := v.secrets[canonical(c.Arg("name"))]
	if !ok {
		notFound(c)
		return
	}
	list := []any{}
	for _, id := range k.selected {
		if r := g.repoByID(id); r != nil && k.visibility == "selected" {
			list = append(list, r.minimal())
		}
	}
	c.JSON(http.StatusOK, map[string]any{"total_count": len(list), "repositories": cutPage(c, list)})
}
