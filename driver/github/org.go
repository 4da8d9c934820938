package github

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"strconv"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
)

const selected = "selected"

// Pages are shorter than the 100 items that GitHub gives: a run can take 20 KB
// of an answer, a repository 7 KB, and rest reads no more than 1 MB. maxPages
// bounds a list that never ends.
const (
	runsPerPage  = 30
	reposPerPage = 60
	maxPages     = 1000
)

// repo is a repository as the lists give it.
type repo struct {
	ID       int64  `json:"id"`
	FullName string `json:"full_name"`
	Archived bool   `json:"archived"` // runs nothing
}

// audience fills in who sees a secret of an organisation, which GitHub wants
// with every write: as it is now, or as the estate says when the secret is
// not there yet. Without this a write would change who sees it.
func (c *conn) audience(ctx context.Context, p place, s estate.Settings, body *sealed) error {
	m, err := c.stat(ctx, opPut, p)
	if err != nil {
		return harmless(err)
	}
	if m == nil {
		return declared(p, s, body)
	}
	body.Visibility = m.Visibility
	switch m.Visibility {
	case "all", "private":
		return nil
	case selected:
	default:
		return &driver.Error{Op: opPut, On: p.on, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the answer does not say who sees the secret"}
	}
	repos, err := c.selectedRepos(ctx, opPut, p)
	if err != nil {
		return harmless(err)
	}
	body.Selected = make([]any, 0, len(repos))
	for _, r := range repos {
		body.Selected = append(body.Selected, p.repoID(r.ID))
	}
	return nil
}

// declared takes the audience of a new secret from the estate.
func declared(p place, s estate.Settings, body *sealed) error {
	body.Visibility = s.String("visibility")
	if body.Visibility == "" {
		body.Visibility = "private"
	}
	if body.Visibility != selected {
		return nil
	}
	body.Selected = []any{}
	for _, text := range s.List("selected_repository_ids") {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return invalid(opPut, p.on, fmt.Sprintf("%q is not the numeric id of a repository", text), "correct selected_repository_ids in the estate")
		}
		body.Selected = append(body.Selected, p.repoID(id))
	}
	return nil
}

// repoID writes an id as GitHub's description shows it: Actions takes
// numbers, Dependabot numbers as text.
func (p place) repoID(id int64) any {
	if p.kind == kindDependabotOrg {
		return strconv.FormatInt(id, 10)
	}
	return id
}

// selectedRepos lists the repositories that see a secret of an organisation.
func (c *conn) selectedRepos(ctx context.Context, op string, p place) ([]repo, error) {
	return pages(ctx, c, p.secret().join("/repositories").get(op, p.on, nil), reposPerPage,
		func(page struct {
			Repositories []repo `json:"repositories"`
		}) []repo {
			return page.Repositories
		})
}

// pages reads a list to its end, size items at a time.
func pages[P, T any](ctx context.Context, c *conn, q rest.Request, size int, items func(P) []T) ([]T, error) {
	var all []T
	query := maps.Clone(q.Query)
	if query == nil {
		query = make(url.Values, 2)
	}
	query.Set("per_page", strconv.Itoa(size))
	for n := 1; n <= maxPages; n++ {
		query.Set("page", strconv.Itoa(n))
		q.Query = query
		var page P
		if _, err := c.call(ctx, q, &page); err != nil {
			return nil, err
		}
		got := items(page)
		all = append(all, got...)
		if len(got) < size {
			return all, nil
		}
	}
	return nil, &driver.Error{Op: q.Op, On: q.On, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the list has no end"}
}
