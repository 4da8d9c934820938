package github_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

const (
	dispatches = "POST /repos/acme/site/actions/workflows/publish.yml/dispatches"
	runsOfFile = "GET /repos/acme/site/actions/workflows/publish.yml/runs"
)

func runRequest(resume string) driver.CheckRequest {
	return driver.CheckRequest{Since: start, Resume: resume, Target: driver.Target{Kind: "workflow_run", Settings: estate.Settings{
		"repo": "acme/site", "workflow": "publish.yml", "ref": "main", "inputs": map[string]any{"dry": "yes"}}}}
}

func runJSON(id int, status, conclusion string, created time.Time, branch string) string {
	return fmt.Sprintf(`{"id":%d,"status":%q,"conclusion":%q,"head_branch":%q,"created_at":%q,"html_url":"https://x:y@github.com/acme/site/actions/runs/%d?token=t"}`,
		id, status, conclusion, branch, created.UTC().Format(time.RFC3339), id)
}

// listing answers with runs, filtered as GitHub does.
func (a *api) listing(pattern string, runs func() []string) {
	a.handle(pattern, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") > "1" {
			_, _ = w.Write([]byte(`{"total_count":0,"workflow_runs":[]}`))
			return
		}
		var match []string
		for _, text := range runs() {
			var run struct{ Status string }
			_ = json.Unmarshal([]byte(text), &run)
			if want := r.URL.Query().Get("status"); want == "" || want == run.Status {
				match = append(match, text)
			}
		}
		_, _ = fmt.Fprintf(w, `{"total_count":%d,"workflow_runs":[%s]}`, len(match), strings.Join(match, ","))
	})
}

func TestWorkflowRunStartsOneRunAndFollowsIt(t *testing.T) {
	a := newAPI(t)
	a.listing(runsOfFile, func() []string { return nil })
	a.on(dispatches, 200, `{"workflow_run_id":42,"run_url":"https://api.github.com/x","html_url":"https://github.com/acme/site/actions/runs/42"}`)
	status, conclusion := "queued", ""
	a.handle("GET /repos/acme/site/actions/runs/42", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(runJSON(42, status, conclusion, start, "main")))
	})
	a.on("GET /repos/acme/site/actions/runs/42/pending_deployments", 200, `[{"environment":{"name":"production"}}]`)
	port := a.port()
	f, err := port.Check(context.Background(), runRequest(""))
	if err != nil || f.State != driver.Pending || f.Resume != "42" || f.After <= 0 {
		t.Fatalf("first look: %+v, %v", f, err)
	}
	var sent struct {
		Ref     string
		Inputs  map[string]string
		Details bool `json:"return_run_details"`
	}
	if err := json.Unmarshal(a.last(dispatches).body, &sent); err != nil || sent.Ref != "main" || sent.Inputs["dry"] != "yes" || !sent.Details {
		t.Errorf("sent %+v, %v", sent, err)
	}
	for _, step := range []struct {
		status, conclusion string
		state              driver.State
		detail             string
	}{
		{"in_progress", "", driver.Pending, "in_progress"},
		{"waiting", "", driver.Pending, "a person must approve the environment production"},
		{"completed", "success", driver.Passed, "success"},
		{"completed", "failure", driver.Failed, "failure"},
		{"completed", "cancelled", driver.Failed, "cancelled"},
	} {
		status, conclusion = step.status, step.conclusion
		f, err = port.Check(context.Background(), runRequest(f.Resume))
		if err != nil || f.State != step.state || !strings.Contains(f.Detail, step.detail) {
			t.Errorf("%s %s: %+v, %v", step.status, step.conclusion, f, err)
		}
		if f.Link != "https://github.com/acme/site/actions/runs/42" {
			t.Errorf("link %q: want the run's page without what may be a credential", f.Link)
		}
		f.Resume = "42"
	}
	if n := a.count(dispatches); n != 1 {
		t.Errorf("%d runs were started, want 1", n)
	}
}

func TestWorkflowRunFindsTheRunWhoseStartWasNotAnswered(t *testing.T) {
	a := newAPI(t)
	var runs []string
	a.listing(runsOfFile, func() []string { return runs })
	a.handle(dispatches, func(w http.ResponseWriter, _ *http.Request) {
		runs = append(runs, runJSON(43, "in_progress", "", start, "main"))
		w.WriteHeader(http.StatusOK)
	})
	a.lost = dispatches
	port := a.port()
	_, err := port.Check(context.Background(), runRequest(""))
	if e := driver.AsError("", err); e == nil || e.Effect != pawl.EffectUnknown {
		t.Fatalf("a lost answer gave %v, want an unknown effect", err)
	}
	f, err := port.Check(context.Background(), runRequest(""))
	if err != nil || f.State != driver.Pending || f.Resume != "43" {
		t.Fatalf("second look: %+v, %v", f, err)
	}
	if n := a.count(dispatches); n != 1 {
		t.Errorf("%d runs were started, want 1", n)
	}
}

func TestWorkflowRunTakesOnlyARunThatProvesSomething(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  string
		own  bool
	}{
		{"in the same second", runJSON(1, "queued", "", start.Truncate(time.Second), "main"), true},
		{"from before", runJSON(1, "queued", "", start.Add(-2*time.Second), "main"), false},
		{"of another branch", runJSON(1, "queued", "", start.Add(time.Second), "next"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			a.listing(runsOfFile, func() []string { return []string{tt.run} })
			a.on(dispatches, 200, `{"workflow_run_id":2}`)
			f, err := a.port().Check(context.Background(), runRequest(""))
			if err != nil || (f.Resume == "1") != tt.own {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}

func TestWorkflowRunWithoutAnIDIsFoundAndNotStartedAgain(t *testing.T) {
	a := newAPI(t)
	var runs []string
	a.listing(runsOfFile, func() []string { return runs })
	a.on(dispatches, 204, "")
	port := a.port()
	f, err := port.Check(context.Background(), runRequest(""))
	for range 2 {
		if err != nil || f.State != driver.Pending {
			t.Fatalf("%+v, %v", f, err)
		}
		f, err = port.Check(context.Background(), runRequest(f.Resume))
	}
	runs = []string{runJSON(44, "completed", "success", start.Add(time.Second), "main")}
	if f, err = port.Check(context.Background(), runRequest(f.Resume)); err != nil || f.State != driver.Passed {
		t.Errorf("%+v, %v", f, err)
	}
	if n := a.count(dispatches); n != 1 {
		t.Errorf("%d runs were started, want 1", n)
	}
}

func TestWorkflowRunOutageIsNoVerdict(t *testing.T) {
	a := newAPI(t)
	a.on("GET /repos/acme/site/actions/runs/42", 502, "<html>secret page</html>")
	f, err := a.port().Check(context.Background(), runRequest("42"))
	if e := driver.AsError("", err); e == nil || e.Kind != driver.Unavailable || strings.Contains(e.Error(), "page") {
		t.Errorf("%+v, %v", f, err)
	}
}

func drainRequest(s estate.Settings, resume string) driver.CheckRequest {
	return driver.CheckRequest{Since: start, Resume: resume, Target: driver.Target{Kind: "queued_runs", Settings: s}}
}

func TestQueuedRuns(t *testing.T) {
	old, young := start.Add(-time.Hour), start.Add(time.Hour)
	for _, tt := range []struct {
		name   string
		runs   []string
		state  driver.State
		detail string
	}{
		{"none", nil, driver.Passed, ""},
		{"completed", []string{runJSON(1, "completed", "success", old, "main")}, driver.Passed, ""},
		{"started after the write", []string{runJSON(1, "in_progress", "", young, "main")}, driver.Passed, ""},
		{"within the clocks' difference", []string{runJSON(1, "queued", "", start.Add(30*time.Second), "main")}, driver.Pending, "1 queued"},
		{"each state", []string{
			runJSON(1, "requested", "", old, "main"), runJSON(2, "pending", "", old, "main"), runJSON(3, "queued", "", old, "main"),
			runJSON(4, "waiting", "", old, "main"), runJSON(5, "in_progress", "", old, "main")}, driver.Pending, "5 run(s)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			a.listing("GET /repos/acme/site/actions/runs", func() []string { return tt.runs })
			f, err := a.port().Check(context.Background(), drainRequest(estate.Settings{"repo": "acme/site", "name": "TOKEN"}, ""))
			if err != nil || f.State != tt.state || !strings.Contains(f.Detail, tt.detail) {
				t.Errorf("%+v, %v", f, err)
			}
			if f.State == driver.Pending && f.After <= 0 {
				t.Error("pending without a time to ask again")
			}
		})
	}
}

// A run that moves on between two questions must not fall between them.
func TestQueuedRunsSeesARunThatMovesOn(t *testing.T) {
	a := newAPI(t)
	asked := 0
	a.listing("GET /repos/acme/site/actions/runs", func() []string {
		asked++
		state := "in_progress"
		if asked > 4 { // after "waiting" was asked, the run goes back to waiting
			state = "waiting"
		}
		return []string{runJSON(1, state, "", start.Add(-time.Hour), "main")}
	})
	f, err := a.port().Check(context.Background(), drainRequest(estate.Settings{"repo": "acme/site"}, ""))
	if err != nil || f.State != driver.Pending {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestQueuedRunsOfAnOrganisationAsksWhoSeesTheSecret(t *testing.T) {
	var repos []string
	for id := 30; id > 0; id-- {
		repos = append(repos, fmt.Sprintf(`{"id":%d,"full_name":"acme/r%d","archived":%t}`, id, id, id == 2))
	}
	for _, visibility := range []string{"selected", "private"} {
		t.Run(visibility, func(t *testing.T) {
			a := newAPI(t)
			a.on("GET /orgs/acme/actions/secrets/TOKEN", 200, fmt.Sprintf(`{"updated_at":"2026-01-01T00:00:00Z","visibility":%q}`, visibility))
			a.on("GET /orgs/acme/actions/secrets/TOKEN/repositories", 200, `{"repositories":[`+strings.Join(repos, ",")+`]}`)
			a.on("GET /orgs/acme/repos", 200, `[`+strings.Join(repos, ",")+`]`)
			busy := true
			for id := 1; id <= 30; id++ {
				a.listing(fmt.Sprintf("GET /repos/acme/r%d/actions/runs", id), func() []string {
					if id == 25 && busy {
						return []string{runJSON(9, "waiting", "", start.Add(-time.Hour), "main")}
					}
					return nil
				})
			}
			port, s := a.port(), estate.Settings{"org": "acme", "name": "TOKEN"}
			f := driver.Finding{}
			for look, want := range []string{"11", "21", "24"} { // 2 is archived, 25 is busy
				var err error
				f, err = port.Check(context.Background(), drainRequest(s, f.Resume))
				if err != nil || f.State != driver.Pending || f.Resume != want {
					t.Fatalf("look %d: %+v, %v", look, f, err)
				}
			}
			if !strings.Contains(f.Detail, "acme/r25") {
				t.Errorf("the detail %q does not name the busy repository", f.Detail)
			}
			busy = false
			f, err := port.Check(context.Background(), drainRequest(s, f.Resume))
			if err != nil || f.State != driver.Passed {
				t.Fatalf("last look: %+v, %v", f, err)
			}
			if n := a.count("GET /repos/acme/r1/actions/runs"); n != 6 {
				t.Errorf("a clear repository was asked %d times, want one round of 6", n)
			}
			if n := a.count("GET /repos/acme/r2/actions/runs"); n != 0 {
				t.Error("an archived repository was asked")
			}
		})
	}
}

// A run that waits reads the secrets of its environment when its job starts, so
// it needs none of the old value. One job under way from before is enough.
func TestQueuedRunsOfAnEnvironmentLooksAtJobs(t *testing.T) {
	old := start.Add(-time.Hour)
	for _, tt := range []struct {
		name, run, jobs string
		state           driver.State
		asked           int
	}{
		{"waits for approval", "waiting", `{"status":"waiting","started_at":"2026-03-01T11:00:00Z"}`, driver.Passed, 1},
		{"queued", "queued", `{"status":"queued","started_at":"2026-03-01T11:00:00Z"}`, driver.Passed, 1},
		{"runs from before", "in_progress", `{"status":"in_progress","started_at":"2026-03-01T11:00:00Z"}`, driver.Pending, 1},
		{"runs since then", "in_progress", `{"status":"completed","started_at":"2026-03-01T11:00:00Z"},{"status":"in_progress","started_at":"2026-03-01T12:05:00Z"}`, driver.Passed, 1},
		{"waits beside one from before", "waiting", `{"status":"waiting"},{"status":"in_progress","started_at":"2026-03-01T11:00:00Z"}`, driver.Pending, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			a.listing("GET /repos/acme/site/actions/runs", func() []string { return []string{runJSON(1, tt.run, "", old, "main")} })
			a.on("GET /repos/acme/site/actions/runs/1/jobs", 200, `{"total_count":1,"jobs":[`+tt.jobs+`]}`)
			f, err := a.port().Check(context.Background(), drainRequest(estate.Settings{"repo": "acme/site", "environment": "production", "name": "TOKEN"}, ""))
			if err != nil || f.State != tt.state {
				t.Errorf("%+v, %v", f, err)
			}
			if n := a.count("GET /repos/acme/site/actions/runs/1/jobs"); n != tt.asked {
				t.Errorf("the jobs were asked for %d times, want %d", n, tt.asked)
			}
		})
	}
}

func TestQueuedRunsOfAnEnvironmentAsksForSomeJobsOnly(t *testing.T) {
	a, asked := newAPI(t), 0
	a.listing("GET /repos/acme/site/actions/runs", func() []string {
		var runs []string
		for id := 1; id <= 25; id++ {
			runs = append(runs, runJSON(id, "queued", "", start.Add(-time.Hour), "main"))
		}
		return runs
	})
	a.handle("GET /repos/acme/site/actions/runs/{id}/jobs", func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write([]byte(`{"jobs":[]}`))
	})
	f, err := a.port().Check(context.Background(), drainRequest(estate.Settings{"repo": "acme/site", "environment": "production"}, ""))
	if err != nil || f.State != driver.Pending || asked != 20 || !strings.Contains(f.Detail, "5 queued") {
		t.Errorf("%+v, %v; %d asked", f, err, asked)
	}
}

// Which run is the check's own is told by GitHub's clock and not by ours.
func TestWorkflowRunGoesByGitHubsClock(t *testing.T) {
	for _, tt := range []struct {
		name    string
		ahead   time.Duration // GitHub's clock
		created time.Duration // after the check began, in truth
		own     bool
	}{
		{"ahead, from before", time.Minute, -20 * time.Second, false},
		{"ahead, the own", time.Minute, 2 * time.Second, true},
		{"behind, the own", -time.Minute, 2 * time.Second, true},
		{"behind, from before", -time.Minute, -20 * time.Second, false},
		{"a little ahead", time.Second, 2 * time.Second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			a.handle(runsOfFile, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", a.now.Add(tt.ahead).UTC().Format(http.TimeFormat))
				_, _ = w.Write([]byte(`{"workflow_runs":[` + runJSON(1, "queued", "", start.Add(tt.ahead).Add(tt.created), "main") + `]}`))
			})
			a.on(dispatches, 200, `{"workflow_run_id":2}`)
			f, err := a.port().Check(context.Background(), runRequest(""))
			if err != nil || (f.Resume == "1") != tt.own {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
}
