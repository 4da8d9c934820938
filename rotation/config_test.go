package rotation_test

import (
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

const mailFrom = `
  KEY:
    config: true
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks: [{use: lab, kind: trial, name: mail, when: minted}]
`

// Configuration is set by a person, tried, written, and its rotation ends
// without anything at an issuer.
func TestConfigurationIsSet(t *testing.T) {
	w := newWorld(t, api, mailFrom)
	better := w.lab.mint("what the check accepts")
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActProvide)
	w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, better.value)
	w.want(w.run(id), pawl.Done)
	w.holds(better.value, "a")
	if len(w.lab.tried) != 1 || w.lab.tried[0] != better.value {
		t.Errorf("the new value was tried %v", w.lab.tried)
	}
	for _, call := range []string{"mint", "revoke", "list", "verify", "identify"} {
		if w.lab.called(call) > 0 {
			t.Errorf("it asked an issuer to %s", call)
		}
	}
}

// A value that the check refuses reaches no place, and nobody has to end it.
func TestConfigurationIsRefused(t *testing.T) {
	w := newWorld(t, api, mailFrom)
	w.lab.check = func() driver.Finding {
		return driver.Finding{State: driver.Failed, Detail: "the domain is not verified"}
	}
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActProvide)
	w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, "nobody@example.com")
	w.want(w.run(id), pawl.Undone)
	w.holds(value(1), "a")
	if w.lab.called("put") > 0 {
		t.Error("it wrote a value that was refused")
	}
}
