package all_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// TestQueuedRunsComeBeforeTheRetire holds that every place which CI runs read
// is asked for runs that were queued before its write, and that nothing ends
// the old version before that.
func TestQueuedRunsComeBeforeTheRetire(t *testing.T) {
	for _, place := range []string{
		"kind: actions_secret, repo: acme/site",
		"kind: actions_org_secret, org: acme",
		"kind: actions_environment_secret, repo: acme/site, environment: production",
		"kind: dependabot_secret, repo: acme/site",
		"kind: dependabot_org_secret, org: acme",
	} {
		text := fmt.Sprintf(`pawl: 1
estate: acme
connections:
  fly: {driver: fly, org: acme, credential: env:FLY}
  github: {driver: github, credential: env:GITHUB}
secrets:
  TOKEN:
    purpose: deploys
    owner: platform
    issuer: {use: fly, kind: deploy_token, app: web}
    locations:
      - {use: github, %s}
    checks: "none: an example"
`, place)
		e, err := estate.Parse("pawl.yaml", []byte(text), all.Drivers())
		if err != nil {
			t.Fatal(err)
		}
		known := plan.Known{Last: 1, Current: 1, Held: true, Identified: true}
		p, err := plan.Make(e, plan.Request{Secrets: []pawl.SecretName{"TOKEN"}}, plan.Observed{Secrets: map[pawl.SecretName]plan.Known{"TOKEN": known}}, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		put, drained, ends := "", 0, 0
		for _, step := range p.Steps {
			switch {
			case step.Act == plan.ActPut:
				put = step.ID
			case step.Act == plan.ActCheck && step.Place.Kind == "queued_runs" && step.Of == put && put != "":
				drained = step.Stage
			case step.Act == plan.ActRevoke || step.Act == plan.ActDeactivate:
				if ends++; drained == 0 || step.Stage <= drained {
					t.Errorf("%s: the old version ends at stage %d, the runs are asked for at stage %d", place, step.Stage, drained)
				}
			}
		}
		if ends == 0 {
			t.Errorf("%s: the plan ends nothing", place)
		}
	}
}
