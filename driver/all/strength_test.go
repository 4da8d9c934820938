package all_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// TestNoWriteIsCalledBetterConfirmedThanItIs holds what each place can tell of a
// write to what its vendor publishes: GitHub the time alone, Fly.io a digest.
func TestNoWriteIsCalledBetterConfirmedThanItIs(t *testing.T) {
	want := map[string]estate.Strength{
		"exec program": estate.ByValue, "exec program_write_only": estate.ByDigest,
		"file field":            estate.ByValue,
		"fly app_secret":        estate.ByDigest,
		"github actions_secret": estate.ByTimestamp, "github actions_org_secret": estate.ByTimestamp, "github actions_environment_secret": estate.ByTimestamp,
		"github dependabot_secret": estate.ByTimestamp, "github dependabot_org_secret": estate.ByTimestamp,
		"http put": estate.ByNothing, "http put_watched": estate.ByDigest, "http put_readable": estate.ByValue,
	}
	for _, d := range all.Drivers() {
		for _, k := range d.Info().Kinds {
			if name := d.Info().Name + " " + k.Name; k.Location != nil && k.Location.Confirm != want[name] {
				t.Errorf("%s confirms by %q; this test knows %q", name, k.Location.Confirm, want[name])
			}
		}
	}
}

// TestAWeakConfirmationIsSaidInThePlan holds that a place which only tells a
// time, or nothing, is not passed off as read back.
func TestAWeakConfirmationIsSaidInThePlan(t *testing.T) {
	for place, strength := range map[string]string{
		"{use: github, kind: actions_secret, repo: acme/site}":    "timestamp",
		"{use: web, kind: put, path: /token, body: '{{.value}}'}": "none",
	} {
		text := fmt.Sprintf(`pawl: 1
estate: acme
connections:
  fly: {driver: fly, org: acme, credential: env:FLY}
  github: {driver: github, credential: env:GITHUB}
  web: {driver: http, base: "https://app.example.com"}
secrets:
  TOKEN:
    purpose: deploys
    owner: platform
    issuer: {use: fly, kind: deploy_token, app: web}
    locations: [%s]
    checks: "none: an example"
`, place)
		e, err := estate.Parse("pawl.yaml", []byte(text), all.Drivers())
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Make(e, plan.Request{Secrets: []pawl.SecretName{"TOKEN"}}, plan.Observed{}, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		if notes := strings.Join(p.Warnings, "\n"); !strings.Contains(notes, "confirms a write by "+strength+" only") {
			t.Errorf("%s: the plan warns of %q", place, notes)
		}
	}
}
