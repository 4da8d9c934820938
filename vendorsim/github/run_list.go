package github

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

func listRuns(g *GitHub, c *route.Call, r *repo) { g.answerRuns(c, r, nil) }

func listWorkflowRuns(g *GitHub, c *route.Call, r *repo, w *workflow) { g.answerRuns(c, r, w) }

// answerRuns gives the runs that the query wants, newest first.
func (g *GitHub) answerRuns(c *route.Call, r *repo, w *workflow) {
	created, ok := parseSpan(c.Query("created"))
	if !ok {
		fail(c, http.StatusUnprocessableEntity, "Validation Failed: created is not a date or a range of dates")
		return
	}
	list := []any{}
	for i := len(g.runs) - 1; i >= 0; i-- {
		x := g.runs[i]
		if x.repo == r && (w == nil || x.flow == w) && g.listed(x) && g.wanted(c, x) && created.has(x.createdAt.Truncate(time.Second)) {
			list = append(list, g.runView(x))
		}
	}
	total := len(list)
	if filtered(c) {
		list = list[:min(total, maxFound)]
	}
	c.JSON(http.StatusOK, map[string]any{"total_count": total, "workflow_runs": cutPage(c, list)})
}

// maxFound is how many runs a list with filters gives at most, on all its pages
// (REST description, "List workflow runs for a repository").
const maxFound = 1000

func filtered(c *route.Call) bool {
	q := c.R.URL.Query()
	return slices.ContainsFunc([]string{"actor", "branch", "check_suite_id", "created", "event", "head_sha", "status"}, q.Has)
}

func (g *GitHub) listed(x *run) bool { return !g.now().Before(x.createdAt.Add(g.cfg.ListDelay)) }

// wanted compares the filters; "status" may be a status or a conclusion.
func (g *GitHub) wanted(c *route.Call, x *run) bool {
	status := c.Query("status")
	return (status == "" || status == g.status(x) || status == x.conclusion) &&
		(c.Query("event") == "" || c.Query("event") == x.event) &&
		(c.Query("branch") == "" || c.Query("branch") == x.branch)
}

// span is a stretch of time, both ends inside; a zero end is open.
type span struct{ from, to time.Time }

func (s span) has(t time.Time) bool {
	return (s.from.IsZero() || !t.Before(s.from)) && (s.to.IsZero() || !t.After(s.to))
}

// parseSpan reads the search syntax for dates: ">=T", "<=T", ">T", "<T",
// "A..B", "T", where a time may be a whole day and an end of a range "*".
func parseSpan(q string) (span, bool) {
	if q == "" {
		return span{}, true
	}
	if a, b, ok := strings.Cut(q, ".."); ok {
		from, _, ok1 := parseDay(a)
		_, to, ok2 := parseDay(b)
		return span{from, to}, ok1 && ok2
	}
	sign := q[:len(q)-len(strings.TrimLeft(q, "<>="))]
	from, to, ok := parseDay(q[len(sign):])
	switch sign {
	case ">=":
		return span{from: from}, ok
	case "<=":
		return span{to: to}, ok
	case ">":
		return span{from: to.Add(time.Second)}, ok
	case "<":
		return span{to: from.Add(-time.Second)}, ok
	default:
		return span{from, to}, ok && sign == ""
	}
}

// parseDay gives the first and the last second that the text means.
func parseDay(s string) (first, last time.Time, ok bool) {
	if s == "*" {
		return first, last, true
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, t, true
	}
	t, err := time.Parse(time.DateOnly, s)
	return t, t.Add(24*time.Hour - time.Second), err == nil
}
