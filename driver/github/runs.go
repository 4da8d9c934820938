package github

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

const opRun = "run workflow"

// How long to wait before looking again.
const (
	runAfter     = 10 * time.Second
	waitingAfter = time.Minute // a person must act first
)

// started is the Resume of a run that was started but whose id GitHub did not
// tell: it must be found, and no other may be started.
const started = "started"

// run is a workflow run.
type run struct {
	ID         int64     `json:"id"`
	Status     string    `json:"status"`
	Conclusion string    `json:"conclusion"`
	Branch     string    `json:"head_branch"`
	CreatedAt  time.Time `json:"created_at"`
	URL        string    `json:"html_url"`
}

// workflow is the target of a check: one workflow file of one repository.
type workflow struct {
	repo   owner
	file   string
	ref    string
	inputs map[string]string
}

// workflowFile is a file name without a folder. The workflow's numeric id fits
// it too.
var workflowFile = regexp.MustCompile(`^[^/\\\x00-\x1f]+$`)

func workflowOf(t driver.Target) (workflow, error) {
	r, err := repository(opRun, t.Settings.String("repo"))
	if err != nil {
		return workflow{}, err
	}
	w := workflow{repo: r, file: t.Settings.String("workflow"), ref: t.Settings.String("ref"), inputs: t.Settings.Map("inputs")}
	if w.ref == "" {
		w.ref = "main"
	}
	if !workflowFile.MatchString(w.file) || dots(w.file) {
		return workflow{}, invalid(opRun, r.name, "a workflow is named by its file alone", "write the file's name without .github/workflows/")
	}
	return w, nil
}

func (w workflow) on() string { return w.repo.name + " " + w.file }

func (w workflow) route() route {
	return w.repo.join("/actions/workflows/{workflow_id}", "workflow_id", w.file)
}

func (w workflow) run(id int64) route {
	return w.repo.join("/actions/runs/{run_id}", "run_id", strconv.FormatInt(id, 10))
}

// Check looks once: at a workflow run, or at the runs that still use an old
// value.
func (c *conn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	switch r.Target.Kind {
	case kindRun:
		return c.checkRun(ctx, r)
	case kindDrain:
		return c.checkDrain(ctx, r)
	default:
		return driver.Finding{}, unsupported("check", r.Target.Kind)
	}
}

// checkRun goes on with the run named by Resume. Without one it takes the
// newest run since the check began, which a start with a lost answer may have
// left, and starts one only when there is none.
func (c *conn) checkRun(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	w, err := workflowOf(r.Target)
	if err != nil {
		return driver.Finding{}, err
	}
	if id, err := strconv.ParseInt(r.Resume, 10, 64); err == nil {
		return c.look(ctx, w, id)
	}
	found, err := c.newest(ctx, w, r.Since)
	if err != nil {
		return driver.Finding{}, harmless(err)
	}
	switch {
	case found != nil:
		return c.judge(ctx, w, *found), nil
	case r.Resume == started:
		return driver.Finding{State: driver.Pending, After: runAfter, Resume: started, Detail: w.file + " was started; GitHub does not list the run yet"}, nil
	default:
		return c.dispatch(ctx, w)
	}
}

// newest finds the newest run of the workflow that somebody started by hand
// or by call since the check began, or nil. Times at GitHub count whole
// seconds, by its own clock: a clock that is ahead of ours would pass off a run
// from before the check, one that is behind would hide the check's own.
func (c *conn) newest(ctx context.Context, w workflow, since time.Time) (*run, error) {
	q := w.route().join("/runs").get(opRun, w.on(), url.Values{"event": {"workflow_dispatch"}, "per_page": {strconv.Itoa(runsPerPage)}})
	var page runPage
	got, err := c.call(ctx, q, &page)
	if err != nil {
		return nil, err
	}
	since = since.Add(c.ahead(got.Header)).UTC().Truncate(time.Second)
	var best *run
	for _, r := range page.Runs {
		if r.Branch == w.branch() && !r.CreatedAt.Before(since) && (best == nil || r.CreatedAt.After(best.CreatedAt)) {
			best = &r
		}
	}
	return best, nil
}

// ahead tells how far GitHub's clock is ahead of ours, from the Date of an
// answer; 0 where that is no more than whole seconds and the way of the answer
// explain, or is not told.
func (c *conn) ahead(h http.Header) time.Duration {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	if d := date.Sub(c.env.Now()); d.Abs() > 2*time.Second {
		return d
	}
	return 0
}

// branch is the ref as GitHub names it in a run.
func (w workflow) branch() string {
	return strings.TrimPrefix(strings.TrimPrefix(w.ref, "refs/heads/"), "refs/tags/")
}

type runPage struct {
	Runs []run `json:"workflow_runs"`
}

// dispatch starts a run and asks for its id.
func (c *conn) dispatch(ctx context.Context, w workflow) (driver.Finding, error) {
	body := struct {
		Ref     string            `json:"ref"`
		Inputs  map[string]string `json:"inputs,omitempty"`
		Details bool              `json:"return_run_details"`
	}{w.ref, w.inputs, true}
	var raw []byte
	got, err := c.call(ctx, w.route().join("/dispatches").send(opRun, w.on(), http.MethodPost, body, http.StatusOK, http.StatusNoContent), &raw)
	if err != nil {
		return driver.Finding{}, err
	}
	var answer struct {
		ID  int64  `json:"workflow_run_id"`
		URL string `json:"html_url"`
	}
	if got.Status == http.StatusOK && (json.Unmarshal(raw, &answer) != nil || answer.ID <= 0) {
		return driver.Finding{}, &driver.Error{Op: opRun, On: w.on(), Kind: driver.Malformed, Effect: pawl.EffectUnknown, Status: got.Status, Why: "the answer does not name the run"}
	}
	f := driver.Finding{State: driver.Pending, After: runAfter, Resume: started, Detail: w.file + " was started", Link: link(answer.URL)}
	if answer.ID != 0 { // older Enterprise Servers answer 204 without it
		f.Resume = strconv.FormatInt(answer.ID, 10)
		f.Detail = fmt.Sprintf("run %d of %s was started", answer.ID, w.file)
	}
	return f, nil
}

func (c *conn) look(ctx context.Context, w workflow, id int64) (driver.Finding, error) {
	var r run
	if _, err := c.call(ctx, w.run(id).get(opRun, w.on(), nil), &r); err != nil {
		return driver.Finding{}, err
	}
	return c.judge(ctx, w, r), nil
}

func (c *conn) judge(ctx context.Context, w workflow, r run) driver.Finding {
	f := driver.Finding{State: driver.Pending, After: runAfter, Resume: strconv.FormatInt(r.ID, 10), Link: link(r.URL),
		Detail: fmt.Sprintf("run %d of %s: %s", r.ID, w.file, r.Status)}
	switch {
	case r.Status == "completed" && r.Conclusion == "success":
		f.State, f.After, f.Detail = driver.Passed, 0, fmt.Sprintf("run %d of %s: success", r.ID, w.file)
	case r.Status == "completed":
		f.State, f.After, f.Detail = driver.Failed, 0, fmt.Sprintf("run %d of %s: %s", r.ID, w.file, r.Conclusion)
	case r.Status == "waiting":
		f.After = waitingAfter
		f.Detail = fmt.Sprintf("run %d of %s waits: a person must approve %s", r.ID, w.file, c.environments(ctx, w, r.ID))
	}
	return f
}

// environments names what a waiting run waits for. It is a help for people,
// so a failure leaves the name out and no more.
func (c *conn) environments(ctx context.Context, w workflow, id int64) string {
	var pending []struct {
		Environment struct {
			Name string `json:"name"`
		} `json:"environment"`
	}
	if _, err := c.call(ctx, w.run(id).join("/pending_deployments").get(opRun, w.on(), nil), &pending); err != nil || len(pending) == 0 {
		return "its environment at GitHub"
	}
	names := make([]string, len(pending))
	for i, p := range pending {
		names[i] = p.Environment.Name
	}
	return "the environment " + strings.Join(names, ", ")
}

// link gives a page's address without anything that could be a credential,
// "" if it is none.
func link(page string) string {
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}
