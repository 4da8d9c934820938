package github

import (
	"net/http"
	"path"
	"slices"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

const byHand = "workflow_dispatch"

// withWorkflow finds the workflow that the path names by file or by number.
func withWorkflow(do func(*GitHub, *route.Call, *repo, *workflow)) func(*GitHub, *route.Call, *repo) {
	return func(g *GitHub, c *route.Call, r *repo) {
		want := c.Arg("workflow")
		i := slices.IndexFunc(r.workflows, func(w *workflow) bool { return w.File == want || w.id == number(want) })
		if i < 0 {
			notFound(c)
			return
		}
		do(g, c, r, r.workflows[i])
	}
}

func withRun(do func(*GitHub, *route.Call, *run)) func(*GitHub, *route.Call, *repo) {
	return func(g *GitHub, c *route.Call, r *repo) {
		id := number(c.Arg("run"))
		i := slices.IndexFunc(g.runs, func(x *run) bool { return x.id == id && x.repo == r })
		if i < 0 {
			notFound(c)
			return
		}
		do(g, c, g.runs[i])
	}
}

func listWorkflows(_ *GitHub, c *route.Call, r *repo) {
	list := []any{}
	for _, w := range r.workflows {
		list = append(list, w.view(r))
	}
	c.JSON(http.StatusOK, map[string]any{"total_count": len(list), "workflows": cutPage(c, list)})
}

func showWorkflow(_ *GitHub, c *route.Call, r *repo, w *workflow) { c.JSON(http.StatusOK, w.view(r)) }

func dispatch(g *GitHub, c *route.Call, r *repo, w *workflow) {
	var in struct {
		Ref     string            `json:"ref"`
		Inputs  map[string]string `json:"inputs"`
		Details bool              `json:"return_run_details"`
	}
	err := c.Read(&in)
	switch {
	case err != nil || in.Ref == "":
		fail(c, http.StatusUnprocessableEntity, "Invalid request. \"ref\" wasn't supplied.")
	case !slices.Contains(w.On, byHand):
		fail(c, http.StatusUnprocessableEntity, "Workflow does not have 'workflow_dispatch' trigger")
	case w.disabled:
		fail(c, http.StatusForbidden, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
	case !slices.Contains(r.branches, branchOf(in.Ref)):
		fail(c, http.StatusUnprocessableEntity, "No ref found for: "+in.Ref)
	case len(in.Inputs) > maxInputs || !w.takes(in.Inputs):
		fail(c, http.StatusUnprocessableEntity, "Unexpected inputs provided")
	default:
		x := g.start(r, w, byHand, branchOf(in.Ref), in.Inputs)
		if !in.Details && g.version(c) == oldVersion { // newer ones always tell
			c.Empty(http.StatusNoContent)
			return
		}
		c.JSON(http.StatusOK, map[string]any{"workflow_run_id": x.id, "run_url": x.url(), "html_url": x.page()})
	}
}

// maxInputs is how many inputs a dispatch may have (REST description).
const maxInputs = 25

func branchOf(ref string) string {
	if path.Dir(ref) == "refs/heads" {
		return path.Base(ref)
	}
	return ref
}

func (w *workflow) takes(inputs map[string]string) bool {
	for name := range inputs {
		if !slices.Contains(w.Inputs, name) {
			return false
		}
	}
	return true
}

// dispatchRepo starts every workflow that waits for events of this kind and
// tells nothing of the runs.
func dispatchRepo(g *GitHub, c *route.Call, r *repo) {
	var in struct {
		Type string `json:"event_type"`
	}
	if c.Read(&in) != nil || in.Type == "" {
		fail(c, http.StatusUnprocessableEntity, "Invalid request. \"event_type\" wasn't supplied.")
		return
	}
	for _, w := range r.workflows {
		if slices.Contains(w.On, "repository_dispatch") && !w.disabled {
			g.start(r, w, "repository_dispatch", r.branches[0], nil)
		}
	}
	c.Empty(http.StatusNoContent)
}

func showRun(g *GitHub, c *route.Call, x *run) { c.JSON(http.StatusOK, g.runView(x)) }

func listJobs(g *GitHub, c *route.Call, x *run) {
	c.JSON(http.StatusOK, map[string]any{"total_count": 1, "jobs": []any{g.jobView(x)}})
}

func rerun(g *GitHub, c *route.Call, x *run) {
	if g.status(x) != completed {
		fail(c, http.StatusForbidden, "This workflow is already running")
		return
	}
	g.queue(x, g.cfg.RerunKeepsSecrets)
	c.JSON(http.StatusCreated, map[string]any{})
}

func cancel(g *GitHub, c *route.Call, x *run) {
	if g.status(x) == completed {
		fail(c, http.StatusConflict, "Cannot cancel a workflow run that is completed.")
		return
	}
	g.end(x, "cancelled")
	c.JSON(http.StatusAccepted, map[string]any{})
}

func listPending(g *GitHub, c *route.Call, x *run) {
	list := []any{}
	if g.status(x) == waiting {
		e := x.repo.environment(x.flow.Environment)
		list = append(list, map[string]any{"environment": e.brief(x.repo), "wait_timer": 0,
			"wait_timer_started_at": nil, "current_user_can_approve": true, "reviewers": []any{}})
	}
	c.JSON(http.StatusOK, list)
}

// review answers with an empty list, where GitHub lists the deployments.
func review(g *GitHub, c *route.Call, x *run) {
	var in struct {
		Environments []int64 `json:"environment_ids"`
		State        string  `json:"state"`
		Comment      *string `json:"comment"`
	}
	bad := c.Read(&in) != nil || in.State != "approved" && in.State != "rejected" || in.Comment == nil || g.status(x) != waiting
	if bad || !slices.Contains(in.Environments, x.repo.environment(x.flow.Environment).id) {
		fail(c, http.StatusUnprocessableEntity, "There is nothing to approve or the state is unknown")
		return
	}
	g.decide(x, in.State == "approved")
	c.JSON(http.StatusOK, []any{})
}

func (g *GitHub) decide(x *run, approved bool) {
	if !approved {
		g.end(x, "failure")
		return
	}
	x.approvedAt = g.now()
	g.settle()
}
