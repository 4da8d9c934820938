package rotation_test

import (
	"slices"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// tried is one secret whose new version is tried before it is written.
const tried = `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-v{{.Version}}"}
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks:
      - {use: lab, kind: trial, name: api, when: [before, minted, after]}
      - {use: lab, kind: health, name: a}
`

// A check at the end of mint is given the new version while the place still
// has the old one. Catches a minted check that tries the version in place.
func TestMintedCheckTriesTheNewVersion(t *testing.T) {
	w := newWorld(t, api, tried)
	w.lab.before = func(call string) error {
		if call == "check api" && len(w.lab.tried) == 1 && w.lab.called("put") > 0 {
			t.Error("the place was written before the new version was tried")
		}
		return nil
	}
	w.want(w.run(w.openKey()), pawl.Done)
	if want := []string{value(1), value(2), value(2)}; !slices.Equal(w.lab.tried, want) {
		t.Errorf("tried %q, want %q", w.lab.tried, want)
	}
	w.holds(value(2), "a")
}

// A check at the end of mint fails: nothing was written, the new version is
// ended, and nothing is proven again, since nothing has changed. Catches an
// undo that repeats a minted check with a version that it was not meant for.
func TestMintedCheckFails(t *testing.T) {
	w := newWorld(t, api, tried)
	w.lab.check = func() driver.Finding {
		if len(w.lab.tried) == 2 {
			return driver.Finding{State: driver.Failed, Final: true, Detail: "the value lacks a right"}
		}
		return driver.Finding{State: driver.Passed}
	}
	w.want(w.run(w.openKey()), pawl.Undone)
	w.live("c1")
	w.holds(value(1), "a")
	if n := w.lab.called("put") + w.lab.called("reload"); n != 0 {
		t.Errorf("%d writes and activations, want none: %v", n, w.lab.calls)
	}
	if want := []string{value(1), value(2)}; !slices.Equal(w.lab.tried, want) {
		t.Errorf("tried %q, want %q", w.lab.tried, want)
	}
}

// The rotation turns back after the place was written: the old version is
// proven by what runs after the switch, once.
func TestUndoProvesTheOldVersionOnce(t *testing.T) {
	w := newWorld(t, api, tried)
	w.lab.check = func() driver.Finding {
		if len(w.lab.tried) == 3 && w.lab.called("reload") == 1 {
			return driver.Finding{State: driver.Failed, Final: true, Detail: "the consumer is refused"}
		}
		return driver.Finding{State: driver.Passed}
	}
	w.want(w.run(w.openKey()), pawl.Undone)
	w.live("c1")
	w.holds(value(1), "a")
	if want := []string{value(1), value(2), value(2), value(1)}; !slices.Equal(w.lab.tried, want) {
		t.Errorf("tried %q, want %q", w.lab.tried, want)
	}
}
