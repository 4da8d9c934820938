package all_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/drivertest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/github"
)

// githubWorld is an organisation with two repositories, three workflows and
// secrets of each kind of visibility.
func githubWorld(_ testing.TB, clock *drivertest.Clock) drivertest.World {
	conclusion := "success"
	g := github.New(github.Config{Now: clock.Now, Queue: 20 * time.Second, Run: time.Minute, RevocationLag: time.Minute, ListDelay: 5 * time.Second,
		Job: func(github.JobRun) string { return conclusion }})
	g.AddOrg("acme")
	g.AddRepo("acme/site")
	g.AddRepo("acme/docs")
	g.AddEnvironment("acme/site", "production", true)
	g.AddEnvironment("acme/docs", "production", false)
	g.AddWorkflow("acme/site", github.Workflow{File: "publish.yml"})
	g.AddWorkflow("acme/site", github.Workflow{File: "deploy.yml", Environment: "production"})
	g.AddRepo("umbrella/ops") // a run waits there, and reads its environment when it goes on
	g.AddEnvironment("umbrella/ops", "production", true)
	g.AddWorkflow("umbrella/ops", github.Workflow{File: "deploy.yml", Environment: "production"})
	waits := g.StartRun("umbrella/ops", "deploy.yml", "push")
	clock.Advance(time.Minute)
	g.SetSecret(github.Org("acme"), "SHARED", "old")
	looked := map[int64]bool{}
	approve := func(string) { // at the second look, so that the check sees the run wait
		for _, r := range g.Runs() {
			if r.Status == "waiting" && looked[r.ID] && r.ID != waits {
				g.Approve(r.ID)
			}
			looked[r.ID] = r.Status == "waiting"
		}
	}
	run := func(file string) estate.Settings {
		return estate.Settings{"repo": "acme/site", "workflow": file, "ref": "main"}
	}
	own := g.AddToken(github.Token{Kind: github.Classic, Login: "ops", Scopes: []string{"repo", "admin:org"}})
	cases := append(githubSecrets(g),
		drivertest.Case{Role: estate.RoleCheck, Kind: "workflow_run", Settings: run("publish.yml"), Break: func() { conclusion = "failure" }},
		drivertest.Case{Role: estate.RoleCheck, Kind: "workflow_run", Name: "that waits for approval", Settings: run("deploy.yml"), Outside: approve},
		drivertest.Case{Role: estate.RoleCheck, Kind: "queued_runs", Settings: estate.Settings{"repo": "acme/site"}, Other: estate.Settings{"repo": "acme/docs"}, Hostile: []string{"repo"}},
		drivertest.Case{Role: estate.RoleCheck, Kind: "queued_runs", Name: "of an environment", Settings: estate.Settings{"repo": "umbrella/ops", "environment": "production"},
			Other: estate.Settings{"repo": "acme/docs", "environment": "production"}, Hostile: []string{"repo"}},
		drivertest.Case{Role: estate.RoleCheck, Kind: "queued_runs", Name: "of an organisation", Settings: estate.Settings{"org": "acme", "name": "SHARED"}, Hostile: []string{"org", "name"}},
		drivertest.Case{Role: estate.RoleIssuer, Kind: "pat", Settings: estate.Settings{}, Spare: func() (driver.Credential, secret.Parts) {
			return driver.Credential{}, secret.One(secret.NewString(g.AddToken(github.Token{Kind: github.Classic, Login: "octocat"})))
		}})
	return drivertest.World{
		Transport:  vendorsim.Transport(map[string]http.Handler{github.Host: g}),
		Settings:   estate.Settings{"base": "https://" + github.Host},
		Credential: secret.NewString(own),
		Cases:      cases,
		Excuses: []drivertest.Excuse{
			{Fault: "redirect", Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "GitHub redirects what was renamed and does nothing; asking again does not help"},
		},
	}
}

func githubSecrets(g *github.GitHub) []drivertest.Case {
	holds := func(scope func(estate.Settings) github.Scope) func(estate.Settings) (string, bool) {
		return func(s estate.Settings) (string, bool) { return g.SecretValue(scope(s), s.String("name")) }
	}
	at := func(pairs ...any) estate.Settings {
		s := estate.Settings{"name": "SESSION_KEY"}
		for i := 0; i < len(pairs); i += 2 {
			s[pairs[i].(string)] = pairs[i+1]
		}
		return s
	}
	selected := at("org", "acme", "visibility", "selected", "selected_repository_ids", []string{"1"})
	org := func(s estate.Settings) github.Scope { return github.Org(s.String("org")) }
	return []drivertest.Case{
		{Role: estate.RoleLocation, Kind: "actions_secret", Settings: at("repo", "acme/site"), Other: at("repo", "acme/docs"),
			Holds: holds(func(s estate.Settings) github.Scope { return github.Repo(s.String("repo")) })},
		{Role: estate.RoleLocation, Kind: "actions_org_secret", Settings: at("org", "acme", "visibility", "all"), Holds: holds(org)},
		{Role: estate.RoleLocation, Kind: "actions_org_secret", Name: "for selected repositories", Settings: selected, Holds: holds(org)},
		{Role: estate.RoleLocation, Kind: "actions_environment_secret", Settings: at("repo", "acme/site", "environment", "production"), Other: at("repo", "acme/docs", "environment", "production"),
			Holds: holds(func(s estate.Settings) github.Scope {
				return github.Environment(s.String("repo"), s.String("environment"))
			})},
		{Role: estate.RoleLocation, Kind: "dependabot_secret", Settings: at("repo", "acme/site"), Other: at("repo", "acme/docs"),
			Holds: holds(func(s estate.Settings) github.Scope { return github.DependabotRepo(s.String("repo")) })},
		{Role: estate.RoleLocation, Kind: "dependabot_org_secret", Settings: selected,
			Holds: holds(func(s estate.Settings) github.Scope { return github.DependabotOrg(s.String("org")) })},
	}
}
