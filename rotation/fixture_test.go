package rotation_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/rotation"
)

const withFixture = `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-v{{.Version}}"}
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks: [{use: lab, kind: fixture, name: org, when: after}]
`

// A look at what a check has made is refused, which changes nothing: what was
// made before is taken away all the same. Catches an undo that goes by the last
// attempt alone.
func TestRefusedLookLeavesNothing(t *testing.T) {
	w := newWorld(t, api, withFixture)
	denied := false
	w.lab.before = func(call string) error {
		if call == "look at fixture" && !denied {
			denied = true
			return &driver.Error{Op: call, Kind: driver.Denied, Effect: pawl.EffectNone, Why: "forbidden"}
		}
		return nil
	}
	w.want(w.run(w.openKey()), pawl.Undone)
	if w.lab.fixtures != 0 {
		t.Errorf("%d are left: %v", w.lab.fixtures, w.lab.calls)
	}
}

// An outage in the midst of a check that acts ends what its intent announced:
// the check is announced again before it acts again. Catches a check whose last
// call follows an answered intent.
func TestCheckThatActsIsAnnouncedAgain(t *testing.T) {
	w := newWorld(t, api, withFixture)
	out := false
	w.lab.before = func(call string) error {
		if call == "look at fixture" && !out {
			out = true
			return &driver.Error{Op: call, Kind: driver.Unavailable, Effect: pawl.EffectNone, Why: "no answer"}
		}
		return nil
	}
	id := w.openKey()
	w.want(w.run(id), pawl.Done)
	var kinds []string
	for _, e := range w.entries(id) {
		if strings.HasPrefix(e.Step, "check-") {
			kinds = append(kinds, strings.TrimSpace(string(e.Kind)+" "+string(e.Result)))
		}
	}
	retry := slices.Index(kinds, "outcome "+string(rotation.ResultRetry))
	if retry < 0 || kinds[retry+1] != string(rotation.KindIntent) {
		t.Errorf("the journal has %q of the check", kinds)
	}
}
