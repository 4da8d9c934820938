package github_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/github"
)

const (
	runs    = site + "/actions/runs"
	publish = site + "/actions/workflows/publish.yml"
	deploy  = site + "/actions/workflows/deploy.yml"
)

// details asks for the run's number with the start.
func details(more map[string]any) map[string]any {
	body := map[string]any{"ref": "main", "return_run_details": true}
	for k, v := range more {
		body[k] = v
	}
	return body
}

func TestDispatch(t *testing.T) {
	w := newWorld(t, github.Config{Queue: time.Minute, Run: time.Minute})
	c := w.owner()
	got := c.call("POST", publish+"/dispatches", details(map[string]any{"inputs": map[string]any{"dry": "yes"}})).want(200).
		has(nil, "workflow_run_id", "run_url", "html_url")
	if len(got.body.(map[string]any)) != 3 || !strings.HasSuffix(got.text("run_url"), fmt.Sprintf("%s/%d", runs, got.number("workflow_run_id"))) {
		t.Errorf("the answer is %v", got.body)
	}
	c.call("POST", publish+"/dispatches", map[string]any{"ref": "refs/heads/main"}).empty(204)
	newer := c
	newer.header = map[string][]string{"X-Github-Api-Version": {"2026-03-10"}}
	newer.call("POST", publish+"/dispatches", map[string]any{"ref": "main"}).want(200).has(nil, "workflow_run_id")
	if n := len(w.Runs()); n != 3 {
		t.Fatalf("%d runs, want 3", n)
	}
	many := map[string]any{}
	for i := range 26 {
		many[fmt.Sprint(i)] = "x"
	}
	w.AddWorkflow("acme/site", github.Workflow{File: "push.yml", On: []string{"push"}})
	w.AddWorkflow("acme/site", github.Workflow{File: "off.yml"})
	w.DisableWorkflow("acme/site", "off.yml")
	for _, tt := range []struct {
		path string
		body map[string]any
		code int
	}{
		{publish, map[string]any{}, 422},
		{publish, details(map[string]any{"ref": "none"}), 422},
		{publish, details(map[string]any{"inputs": map[string]any{"wet": "x"}}), 422},
		{publish, details(map[string]any{"inputs": many}), 422},
		{site + "/actions/workflows/push.yml", details(nil), 422},
		{site + "/actions/workflows/off.yml", details(nil), 403},
		{site + "/actions/workflows/none.yml", details(nil), 404},
	} {
		c.call("POST", tt.path+"/dispatches", tt.body).refused(tt.code)
	}
	if n := len(w.Runs()); n != 3 {
		t.Errorf("%d runs: a refused dispatch has started one", n)
	}
}

func TestRunShapeAndCourse(t *testing.T) {
	w := newWorld(t, github.Config{Queue: time.Minute, Run: time.Minute, ListDelay: 5 * time.Second})
	c := w.owner()
	id := c.call("POST", publish+"/dispatches", details(nil)).number("workflow_run_id")
	one := fmt.Sprintf("%s/%d", runs, id)
	if n := c.call("GET", publish+"/runs", nil).want(200).number("total_count"); n != 0 {
		t.Errorf("a new run is listed at once, %d", n)
	}
	for _, status := range []string{"queued", "in_progress", "completed"} {
		got := c.call("GET", one, nil).want(200).has(nil, workflowRun()...).has([]any{"repository"}, minimalRepository()...).
			has([]any{"head_repository"}, minimalRepository()...)
		if got.text("status") != status || (got.at("conclusion") == "success") != (status == "completed") {
			t.Errorf("status %q, conclusion %v, want %s", got.text("status"), got.at("conclusion"), status)
		}
		got.instant("created_at")
		got.instant("updated_at")
		c.call("GET", one+"/jobs", nil).want(200).has([]any{"jobs", 0}, job()...).instant("jobs", 0, "started_at")
		w.pass(time.Minute)
	}
	for query, want := range map[string]int64{
		"": 1,
		"?status=completed&event=workflow_dispatch&branch=main": 1,
		"?status=success":                     1,
		"?status=queued":                      0,
		"?event=push":                         0,
		"?created=%3E%3D2026-03-01T12:00:00Z": 1,
		"?created=%3C2026-03-01T12:00:00Z":    0,
		"?created=2026-03-01":                 1,
		"?created=2026-02-01..2026-02-28":     0,
	} {
		if n := c.call("GET", runs+query, nil).want(200).number("total_count"); n != want {
			t.Errorf("%q: %d runs, want %d", query, n, want)
		}
	}
	c.call("GET", runs+"?created=soon", nil).refused(422)
	c.call("GET", runs+"/1", nil).refused(404)
	c.call("POST", one+"/cancel", nil).refused(409)
	c.call("POST", one+"/rerun", nil).want(201)
	if got := c.call("GET", one, nil); got.number("run_attempt") != 2 || got.text("status") != "queued" {
		t.Errorf("a re-run is %v", got.at("status"))
	}
	c.call("POST", one+"/rerun", nil).refused(403)
	c.call("POST", one+"/cancel", nil).want(202)
	if got := c.call("GET", one, nil).at("conclusion"); got != "cancelled" {
		t.Errorf("conclusion %v", got)
	}
	c.call("GET", publish, nil).want(200).has(nil, workflow()...)
	c.call("GET", site+"/actions/workflows", nil).want(200).has([]any{"workflows", 1}, workflow()...)
}

func TestListOfRunsEnds(t *testing.T) {
	w := newWorld(t, github.Config{})
	for range 1010 {
		w.StartRun("acme/site", "publish.yml", "push")
	}
	c := w.owner()
	if got := c.call("GET", runs+"?status=success&per_page=100&page=11", nil).want(200); got.number("total_count") != 1010 || len(got.list("workflow_runs")) != 0 {
		t.Errorf("a filtered list has %d on its eleventh page: it ends at 1000", len(got.list("workflow_runs")))
	}
	if got := c.call("GET", runs+"?per_page=100&page=11", nil); len(got.list("workflow_runs")) != 10 {
		t.Errorf("a list without filters has %d on its eleventh page", len(got.list("workflow_runs")))
	}
}

// Secrets of the repository are read when the run is queued, those of an
// environment when its job starts: a run that waits has the old of the one and
// the new of the other.
func TestWhenRunsReadSecrets(t *testing.T) {
	w := newWorld(t, github.Config{})
	env := environments(w)[0]
	c := w.owner()
	c.put(secrets, "REPO", "old").want(201)
	c.put(env, "ENV", "old").want(201)
	id := c.call("POST", deploy+"/dispatches", details(nil)).number("workflow_run_id")
	one := fmt.Sprintf("%s/%d", runs, id)
	if got := c.call("GET", one, nil).text("status"); got != "waiting" {
		t.Fatalf("status %q, want waiting", got)
	}
	w.pass(24 * time.Hour)
	c.put(secrets, "REPO", "new").empty(204)
	c.put(env, "ENV", "new").empty(204)
	pending := c.call("GET", one+"/pending_deployments", nil).want(200).
		has([]any{0}, "environment", "wait_timer", "wait_timer_started_at", "current_user_can_approve", "reviewers").
		has([]any{0, "environment"}, "id", "node_id", "name", "url", "html_url")
	if pending.text(0, "environment", "name") != "prod/eu #1" {
		t.Errorf("it waits for %v", pending.at(0, "environment", "name"))
	}
	review := map[string]any{"environment_ids": []any{pending.at(0, "environment", "id")}, "state": "approved", "comment": "go"}
	c.call("POST", one+"/pending_deployments", map[string]any{"environment_ids": []any{1}, "state": "approved", "comment": ""}).refused(422)
	c.call("POST", one+"/pending_deployments", review).want(200)
	c.call("POST", one+"/pending_deployments", review).refused(422)
	if got := w.Runs()[0].Env; got["REPO"] != "old" || got["ENV"] != "new" {
		t.Errorf("the run has an old repository secret: %t, a new environment secret: %t", got["REPO"] == "old", got["ENV"] == "new")
	}
	c.call("POST", one+"/rerun", nil).want(201)
	if got := w.Runs()[0].Env["REPO"]; got != "new" {
		t.Error("a re-run does not read secrets anew")
	}
}

func TestRerunMayKeepSecrets(t *testing.T) {
	w := newWorld(t, github.Config{RerunKeepsSecrets: true})
	c := w.owner()
	c.put(secrets, "REPO", "old").want(201)
	id := c.call("POST", publish+"/dispatches", details(nil)).number("workflow_run_id")
	c.put(secrets, "REPO", "new").empty(204)
	c.call("POST", fmt.Sprintf("%s/%d/rerun", runs, id), nil).want(201)
	if w.Runs()[0].Env["REPO"] != "old" {
		t.Error("it has read the secret anew")
	}
}

// The nearer place wins, and of an organisation's secrets the first hundred by
// alphabet that the repository sees reach a run.
func TestWhichSecretsReachARun(t *testing.T) {
	w := newWorld(t, github.Config{})
	for i := range 101 {
		w.SetSecret(github.Org("acme"), fmt.Sprintf("S%03d", i), "org")
	}
	w.SetSecret(github.Repo("acme/site"), "S001", "repo")
	w.SetSecret(github.Repo("acme/site"), "S002", "repo")
	w.SetSecret(github.Environment("acme/site", "prod/eu #1"), "S002", "env")
	w.SetSecret(github.DependabotRepo("acme/site"), "BOT", "x")
	w.Approve(w.StartRun("acme/site", "deploy.yml", "push"))
	env := w.Runs()[0].Env
	for name, want := range map[string]string{"S000": "org", "S001": "repo", "S002": "env", "S099": "org", "S100": "", "BOT": ""} {
		if env[name] != want {
			t.Errorf("%s comes from %q, want %q", name, env[name], want)
		}
	}
}

func TestRepositoryDispatch(t *testing.T) {
	w := newWorld(t, github.Config{})
	w.AddWorkflow("acme/site", github.Workflow{File: "event.yml", On: []string{"repository_dispatch"}})
	c := w.owner()
	c.call("POST", site+"/dispatches", map[string]any{"event_type": "rotated"}).empty(204)
	c.call("POST", site+"/dispatches", map[string]any{}).refused(422)
	if got := w.Runs(); len(got) != 1 || got[0].Event != "repository_dispatch" {
		t.Errorf("runs: %d", len(got))
	}
}
