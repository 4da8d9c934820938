package github_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/github"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/github"
)

// site is a GitHub with an organisation, a repository and a workflow whose job
// waits for approval.
type site struct {
	*sim.GitHub
	now  time.Time
	port *driver.Port
}

func newSite(t *testing.T) *site { return lateSite(t, 0) }

// lateSite is a site whose lists have a new run only after a while.
func lateSite(t *testing.T, late time.Duration) *site {
	t.Helper()
	s := &site{now: start}
	clock := func() time.Time { return s.now }
	s.GitHub = sim.New(sim.Config{Now: clock, Queue: time.Minute, Run: time.Minute, RevocationLag: time.Minute, ListDelay: late})
	s.AddOrg("acme")
	s.AddRepo("acme/site")
	s.AddEnvironment("acme/site", "production", true)
	s.AddWorkflow("acme/site", sim.Workflow{File: "publish.yml"})
	s.AddWorkflow("acme/site", sim.Workflow{File: "deploy.yml", Environment: "production"})
	s.connect(t, s.AddToken(sim.Token{Kind: sim.Classic, Login: "ops", Scopes: []string{"repo", "admin:org"}}))
	return s
}

// connect opens the driver with a credential.
func (s *site) connect(t *testing.T, own string) {
	t.Helper()
	env := driver.Env{
		Transport: vendorsim.Transport(map[string]http.Handler{sim.Host: s.GitHub}), Now: func() time.Time { return s.now }, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Wait:       func(_ context.Context, d time.Duration) error { s.now = s.now.Add(d); return nil },
		Credential: func(context.Context) (secret.Value, error) { return secret.NewString(own), nil },
	}
	d := github.New()
	conn, err := d.Open(env, estate.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	s.port = driver.NewPort("gh", d.Info(), conn, 0)
}

func TestEachPlaceTakesAndLosesACopy(t *testing.T) {
	for kind, tt := range map[string]struct {
		settings estate.Settings
		scope    sim.Scope
	}{
		"actions_secret":             {estate.Settings{"repo": "acme/site"}, sim.Repo("acme/site")},
		"actions_org_secret":         {estate.Settings{"org": "acme", "visibility": "all"}, sim.Org("acme")},
		"actions_environment_secret": {estate.Settings{"repo": "acme/site", "environment": "production"}, sim.Environment("acme/site", "production")},
		"dependabot_secret":          {estate.Settings{"repo": "acme/site"}, sim.DependabotRepo("acme/site")},
		"dependabot_org_secret":      {estate.Settings{"org": "acme"}, sim.DependabotOrg("acme")},
	} {
		t.Run(kind, func(t *testing.T) {
			s, ctx := newSite(t), context.Background()
			tt.settings["name"] = "TOKEN"
			target := driver.Target{Kind: kind, Settings: tt.settings}
			if r, err := s.port.Stat(ctx, target); err != nil || r.Exists {
				t.Fatalf("before: %+v, %v", r, err)
			}
			for i, value := range []string{"first", "second"} {
				s.now = s.now.Add(time.Minute)
				if _, err := s.port.Put(ctx, driver.Write{Target: target, Value: secret.NewString(value)}); err != nil {
					t.Fatal(err)
				}
				if got, ok := s.SecretValue(tt.scope, "TOKEN"); !ok || got != value {
					t.Errorf("write %d: the place does not hold the value", i)
				}
				if r, err := s.port.Stat(ctx, target); err != nil || !r.UpdatedAt.Equal(s.now.Truncate(time.Second)) {
					t.Errorf("write %d: %+v, %v", i, r, err)
				}
			}
			for range 2 { // removing nothing succeeds
				if err := s.port.Remove(ctx, target); err != nil {
					t.Fatal(err)
				}
			}
			if _, ok := s.SecretValue(tt.scope, "TOKEN"); ok {
				t.Error("the copy is still there")
			}
		})
	}
}

// The run that was queued before the write has the old value: it must be gone
// before the old version ends, and it may wait for a person.
func TestDrainWaitsForTheRunWithTheOldValue(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	s.SetSecret(sim.Repo("acme/site"), "TOKEN", "old")
	id := s.StartRun("acme/site", "deploy.yml", "push")
	s.now = s.now.Add(2 * time.Minute)
	if _, err := s.port.Put(ctx, put(repoTarget())); err != nil {
		t.Fatal(err)
	}
	drain := driver.CheckRequest{Since: s.now, Target: driver.Target{Kind: "queued_runs", Settings: repoTarget().Settings}}
	s.now = s.now.Add(24 * time.Hour)
	s.StartRun("acme/site", "publish.yml", "push") // has the new value
	f, err := s.port.Check(ctx, drain)
	if err != nil || f.State != driver.Pending {
		t.Fatalf("while the run waits: %+v, %v", f, err)
	}
	s.Approve(id)
	s.now = s.now.Add(time.Minute)
	if f, err = s.port.Check(ctx, drain); err != nil || f.State != driver.Passed {
		t.Errorf("after the run: %+v, %v", f, err)
	}
	if s.Runs()[0].Env["TOKEN"] != "old" {
		t.Error("the stand-in's run did not have the old value: the test proves nothing")
	}
}

func TestWorkflowRunWaitsForAPerson(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	r := driver.CheckRequest{Since: s.now, Target: driver.Target{Kind: "workflow_run", Settings: estate.Settings{"repo": "acme/site", "workflow": "deploy.yml"}}}
	var f driver.Finding
	for range 3 {
		var err error
		if f, err = s.port.Check(ctx, r); err != nil || f.State != driver.Pending {
			t.Fatalf("%+v, %v", f, err)
		}
		r.Resume = f.Resume
		s.now = s.now.Add(f.After + time.Minute)
	}
	s.Approve(s.Runs()[0].ID)
	s.now = s.now.Add(time.Minute)
	if f, err := s.port.Check(ctx, r); err != nil || f.State != driver.Passed {
		t.Errorf("%+v, %v", f, err)
	}
	if n := len(s.Runs()); n != 1 {
		t.Errorf("%d runs, want 1", n)
	}
}

func TestDispatchFaults(t *testing.T) {
	const path = "/repos/acme/site/actions/workflows/publish.yml/dispatches"
	for _, tt := range []struct {
		rule   vendorsim.Rule
		effect pawl.Effect
		runs   int
	}{
		{vendorsim.Rule{Kind: vendorsim.Before}, pawl.EffectNone, 0},
		{vendorsim.Rule{Kind: vendorsim.AfterLost}, pawl.EffectUnknown, 1},
		{vendorsim.Rule{Kind: vendorsim.Status, Code: 502, Acts: true}, pawl.EffectUnknown, 1},
		{vendorsim.Rule{Kind: vendorsim.Garbage, Acts: true}, pawl.EffectUnknown, 1},
		{vendorsim.Rule{Kind: vendorsim.TooMany, Wait: time.Minute}, pawl.EffectNone, 0},
	} {
		t.Run(string(tt.rule.Kind), func(t *testing.T) {
			s, ctx := newSite(t), context.Background()
			tt.rule.Method, tt.rule.Path, tt.rule.Count = "POST", path, 1
			s.Faults().Add(tt.rule)
			r := driver.CheckRequest{Since: s.now, Target: driver.Target{Kind: "workflow_run", Settings: estate.Settings{"repo": "acme/site", "workflow": "publish.yml"}}}
			_, err := s.port.Check(ctx, r)
			if e := driver.AsError("", err); e == nil || e.Effect != tt.effect || len(s.Runs()) != tt.runs {
				t.Fatalf("%v with %d runs, want effect %s and %d", err, len(s.Runs()), tt.effect, tt.runs)
			}
			if f, err := s.port.Check(ctx, r); err != nil || f.State != driver.Pending || len(s.Runs()) != 1 {
				t.Errorf("second look: %+v, %v, %d runs", f, err, len(s.Runs()))
			}
		})
	}
}

func TestTokenIsVerifiedAndRevoked(t *testing.T) {
	for _, kind := range []sim.TokenKind{sim.Classic, sim.FineGrained} {
		t.Run(string(kind), func(t *testing.T) {
			s, ctx := newSite(t), context.Background()
			old := tokenParts(s.AddToken(sim.Token{Kind: kind, Login: "octocat"}))
			fresh := tokenParts(s.AddToken(sim.Token{Kind: kind, Login: "octocat", ExpiresAt: start.Add(24 * time.Hour)}))
			a, err := s.port.Identify(ctx, patTarget, old)
			if err != nil {
				t.Fatal(err)
			}
			b, err := s.port.Identify(ctx, patTarget, fresh)
			if err != nil || a.ID == b.ID || !a.ExpiresAt.IsZero() || !b.ExpiresAt.Equal(start.Add(24*time.Hour).Truncate(time.Second)) {
				t.Fatalf("%+v and %+v, %v", a, b, err)
			}
			for range 2 {
				if err := s.port.Revoke(ctx, patTarget, a, old); err != nil {
					t.Fatal(err)
				}
			}
			s.now = s.now.Add(2 * time.Minute)
			for want, parts := range map[driver.Verdict]secret.Parts{driver.Refused: old, driver.Accepted: fresh} {
				if got, err := s.port.Verify(ctx, patTarget, parts); err != nil || got != want {
					t.Errorf("verdict %q, %v; want %s", got, err, want)
				}
			}
		})
	}
}

// The secret of an environment is read when the job starts: the run that waits
// for approval does not hold the old version back, and takes the new one.
func TestDrainOfAnEnvironmentLetsWaitingRunsBe(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	s.SetSecret(sim.Environment("acme/site", "production"), "TOKEN", "old")
	waits := s.StartRun("acme/site", "deploy.yml", "push")
	s.now = s.now.Add(2 * time.Minute)
	target := driver.Target{Kind: "actions_environment_secret", Settings: estate.Settings{"repo": "acme/site", "environment": "production", "name": "TOKEN"}}
	running := s.StartRun("acme/site", "deploy.yml", "push")
	s.now = s.now.Add(time.Minute)
	s.Approve(running)
	if _, err := s.port.Put(ctx, put(target)); err != nil {
		t.Fatal(err)
	}
	drain := driver.CheckRequest{Since: s.now, Target: driver.Target{Kind: "queued_runs", Settings: target.Settings}}
	if f, err := s.port.Check(ctx, drain); err != nil || f.State != driver.Pending {
		t.Fatalf("while a job from before runs: %+v, %v", f, err)
	}
	s.now = s.now.Add(2 * time.Minute)
	if f, err := s.port.Check(ctx, drain); err != nil || f.State != driver.Passed {
		t.Errorf("while one waits: %+v, %v", f, err)
	}
	s.Approve(waits)
	got := map[int64]string{}
	for _, r := range s.Runs() {
		got[r.ID] = r.Env["TOKEN"]
	}
	if got[running] != "old" || got[waits] != fresh {
		t.Error("the stand-in's runs have not read what the check takes for granted")
	}
}

// The hints of GitHub's refusals reach the person.
func TestRefusalNamesThePermission(t *testing.T) {
	s := newSite(t)
	s.connect(t, s.AddToken(sim.Token{Kind: sim.FineGrained, Login: "octocat", Permissions: map[string]string{"secrets": "read"}}))
	_, err := s.port.Put(context.Background(), put(repoTarget()))
	if e := driver.AsError("", err); e == nil || e.Kind != driver.Denied || e.Effect != pawl.EffectNone || !strings.Contains(e.Next, "secrets=write") {
		t.Errorf("got %v", err)
	}
}

// Whenever the check lets the old version end, no run may be left that has the
// old value: neither one that was queued a second before the write and still
// waits for a runner, nor one that runs, nor one that waits for a person.
func TestNoRunHasTheOldValueWhenTheRetireMayBegin(t *testing.T) {
	for _, tt := range []struct {
		name     string
		workflow string
		before   time.Duration // between the run and the write
		approve  bool
	}{
		{"queued a second before", "publish.yml", time.Second, false},
		{"running", "publish.yml", 90 * time.Second, false},
		{"held back for approval", "deploy.yml", 2 * time.Minute, true},
		{"over before the write", "publish.yml", time.Hour, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, ctx := newSite(t), context.Background()
			s.SetSecret(sim.Repo("acme/site"), "TOKEN", "old")
			id := s.StartRun("acme/site", tt.workflow, "push")
			s.now = s.now.Add(tt.before)
			if _, err := s.port.Put(ctx, put(repoTarget())); err != nil {
				t.Fatal(err)
			}
			drain := driver.CheckRequest{Since: s.now, Target: driver.Target{Kind: "queued_runs", Settings: repoTarget().Settings}}
			blocked := 0
			for range 30 {
				f, err := s.port.Check(ctx, drain)
				if err != nil {
					t.Fatal(err)
				}
				left := s.Runs()[0]
				if f.State == driver.Passed && left.Status != "completed" {
					t.Fatalf("the old version may end while the run is %s with it", left.Status)
				}
				if f.State == driver.Passed {
					break
				}
				if blocked++; tt.approve && blocked == 5 {
					s.Approve(id)
				}
				s.now = s.now.Add(10 * time.Second)
			}
			if run := s.Runs()[0]; run.Status != "completed" || run.Env["TOKEN"] != "old" {
				t.Fatalf("the run is %s: the test proves nothing", run.Status)
			}
			if tt.before == time.Hour && blocked > 3 { // 30 seconds, which is how late a run may be listed
				t.Errorf("the retire was held back %d times", blocked)
			}
		})
	}
}

// GitHub lists a new run some seconds late. A look right after the write sees
// none; the run that was queued a moment before has the old value all the same.
func TestARunThatIsListedLateHoldsTheRetireUp(t *testing.T) {
	s, ctx := lateSite(t, 10*time.Second), context.Background()
	s.SetSecret(sim.Repo("acme/site"), "TOKEN", "old")
	s.StartRun("acme/site", "publish.yml", "push")
	if _, err := s.port.Put(ctx, put(repoTarget())); err != nil {
		t.Fatal(err)
	}
	drain := driver.CheckRequest{Since: s.now, Target: driver.Target{Kind: "queued_runs", Settings: repoTarget().Settings}}
	first, err := s.port.Check(ctx, drain)
	if err != nil || first.State != driver.Pending || first.After != 30*time.Second {
		t.Fatalf("right after the write: %+v, %v", first, err)
	}
	s.now = s.now.Add(first.After)
	if f, err := s.port.Check(ctx, drain); err != nil || f.State != driver.Pending || !strings.Contains(f.Detail, "1 queued") {
		t.Fatalf("when it is listed: %+v, %v", f, err)
	}
	s.now = s.now.Add(2 * time.Minute)
	if f, err := s.port.Check(ctx, drain); err != nil || f.State != driver.Passed {
		t.Errorf("when it is over: %+v, %v", f, err)
	}
	if s.Runs()[0].Env["TOKEN"] != "old" {
		t.Error("the stand-in's run did not have the old value: the test proves nothing")
	}
}

// A Dependabot secret of an organisation is seen by other repositories than the
// Actions secret of the same name: those that see it are asked.
func TestDrainAsksWhoSeesTheDependabotSecret(t *testing.T) {
	s, ctx := newSite(t), context.Background()
	ids := map[string]string{"acme/seen": strconv.FormatInt(s.AddRepo("acme/seen"), 10), "acme/unseen": strconv.FormatInt(s.AddRepo("acme/unseen"), 10)}
	s.AddWorkflow("acme/seen", sim.Workflow{File: "publish.yml"})
	settings := func(more estate.Settings) estate.Settings {
		all := estate.Settings{"org": "acme", "name": "TOKEN"}
		maps.Copy(all, more)
		return all
	}
	for kind, repo := range map[string]string{"actions_org_secret": "acme/unseen", "dependabot_org_secret": "acme/seen"} {
		target := driver.Target{Kind: kind, Settings: settings(estate.Settings{"visibility": "selected", "selected_repository_ids": []string{ids[repo]}})}
		if _, err := s.port.Put(ctx, driver.Write{Target: target, Value: secret.NewString("new")}); err != nil {
			t.Fatal(err)
		}
	}
	s.StartRun("acme/seen", "publish.yml", "push")
	since := s.now
	s.now = s.now.Add(45 * time.Second)
	for app, want := range map[string]driver.State{"actions": driver.Passed, "dependabot": driver.Pending} {
		r := driver.CheckRequest{Since: since, Target: driver.Target{Kind: "queued_runs", Settings: settings(estate.Settings{"app": app})}}
		if f, err := s.port.Check(ctx, r); err != nil || f.State != want {
			t.Errorf("%s: %+v, %v; want %s", app, f, err, want)
		}
	}
}
