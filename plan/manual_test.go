package plan_test

import (
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/plan"
)

// TestManual holds that who mints or ends by hand is told what to type, with
// the name that the new credential must carry.
func TestManual(t *testing.T) {
	s := scenario{name: "by_person", secrets: []pawl.SecretName{"FLY_API_TOKEN"}, known: held}
	p := s.make(t, s.load(t), now())
	want := map[plan.Act]string{
		plan.ActProvide: "flyctl tokens create deploy --app web --name web-20260301 --expiry 175200h",
		plan.ActTask:    "flyctl tokens revoke TOKEN_ID",
	}
	for _, list := range [][]plan.Step{p.Steps, p.Undo} {
		for i := range list {
			step := &list[i]
			if step.Act == plan.ActProbe && step.Place.Kind == "deploy_token" {
				t.Error("rights are tried that the connection is known not to have")
			}
			if text, ok := want[step.Act]; ok && !strings.Contains(step.Task.Do, text) {
				t.Errorf("%s says %q, want %q in it", step.ID, step.Task.Do, text)
			}
		}
	}
}
