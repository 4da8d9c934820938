package demo

import (
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/plan"
)

func TestTheShortFormIsByThePlan(t *testing.T) {
	s := newShort(&plan.Plan{
		Subjects: []plan.Subject{{Secret: "KEY", Owner: "platform", Links: []string{"https://example.com/keys"}}},
		Steps: []plan.Step{
			{Phase: pawl.Preflight, Act: plan.ActProbe, Secret: "KEY", Title: "reach it"},
			{Phase: pawl.Preflight, Act: plan.ActCheck, Secret: "KEY", Title: "check health"},
			{Phase: pawl.Mint, Act: plan.ActMint, Secret: "KEY", Title: "make another"},
			{Phase: pawl.Switch, Act: plan.ActPut, Secret: "KEY", Title: "put it there"},
			{Phase: pawl.Prove, Act: plan.ActCheck, Secret: "KEY", Title: "check health"},
			{Phase: pawl.Retire, Act: plan.ActRevoke, Secret: "KEY", Title: "end the old one"},
		},
	})
	for line, shown := range map[string]bool{
		"✓ reach it": false, "✓ check health  200": false, "✓ make another  credential 7": true, "✓ put it there": true, "~ end the old one  waived": true,
		"✓ put it there and elsewhere": false, "… make another  1 of 2": false, "? looked: it is not there": true, "? do: something": true,
		"? who: platform": false, "? read: https://example.com/keys": false, "✗ it is down  next: look": true, "! held safely: why": true,
		"resuming 20260304-090000-7hd2g8": false, "": false,
	} {
		if s.tells(line) != shown {
			t.Errorf("%q: shown is not %t", line, shown)
		}
	}
	if got := strings.Join(s.shown, "; "); strings.Count(got, "put it there") != 1 || !strings.Contains(got, "end the old one") {
		t.Errorf("shown: %s", got)
	}
}
