package rotation_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
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

// fed is a place with consumers and a check of its own, and a place after it.
const fed = `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-v{{.Version}}"}
    locations:
      - use: lab
        kind: place
        name: a
        activate: reload
        consumers: [{use: lab, kind: load, name: x, from: a}, {use: lab, kind: load, name: y, from: a}]
        checks: [{use: lab, kind: trial, name: x}, {use: lab, kind: health, name: y}]
      - {use: lab, kind: place, name: b, activate: reload}
    checks: "none: each place has its own"
`

// changes gives the calls that change a place or a consumer, and the checks of
// the place, in order.
func (l *lab) changes() []string {
	return slices.DeleteFunc(slices.Clone(l.calls), func(call string) bool {
		return !slices.ContainsFunc([]string{"put", "reload", "load", "check", "remove"}, func(act string) bool { return strings.HasPrefix(call, act+" ") })
	})
}

// Consumers load in their order, and the place is proven, before the next is
// written.
func TestConsumersLoadBeforeTheNextPlace(t *testing.T) {
	w := newWorld(t, api, fed, "x", "y")
	w.want(w.run(w.openKey()), pawl.Done)
	want := []string{"put a", "reload a", "load x", "load y", "check x", "check y", "put b", "reload b"}
	if got := w.lab.changes(); !slices.Equal(got, want) {
		t.Errorf("it did %q, want %q", got, want)
	}
	w.holds(value(2), "a", "x", "y", "b")
	w.live("c2")
}

// The check of a place fails: the place after it was never touched, and the
// consumers have loaded the old value again, which the check is then given.
// Catches consumers that an undo forgets, and a check that tries the new
// version once the old one is back.
func TestGateTurnsBackWhatCameBefore(t *testing.T) {
	w := newWorld(t, api, fed, "x", "y")
	w.lab.check = func() driver.Finding {
		if w.lab.place("y").loaded == value(2) {
			return driver.Finding{State: driver.Failed, Final: true, Detail: "it logs errors"}
		}
		return driver.Finding{State: driver.Passed}
	}
	w.want(w.run(w.openKey()), pawl.Undone)
	want := []string{"put a", "reload a", "load x", "load y", "check x", "check y", "put a", "reload a", "load x", "load y", "check x", "check y"}
	if got := w.lab.changes(); !slices.Equal(got, want) {
		t.Errorf("it did %q, want %q", got, want)
	}
	if tried := []string{value(2), value(1)}; !slices.Equal(w.lab.tried, tried) {
		t.Errorf("the check was given %q, want %q", w.lab.tried, tried)
	}
	w.holds(value(1), "a", "x", "y", "b")
	w.live("c1")
}

// A consumer that cannot be made to load: those before it load the old value
// again, and so does it.
func TestConsumerThatCannotLoad(t *testing.T) {
	w := newWorld(t, api, fed, "x", "y")
	w.lab.before = func(call string) error {
		if call == "load y" && w.lab.place("a").value == value(2) {
			return &driver.Error{Op: call, Kind: driver.Denied, Effect: pawl.EffectNone, Why: "not allowed"}
		}
		return nil
	}
	w.want(w.run(w.openKey()), pawl.Undone)
	if w.lab.called("put b") > 0 {
		t.Error("the next place was written")
	}
	w.holds(value(1), "a", "x", "y", "b")
	w.live("c1")
}

// A person among the consumers is asked after the write, and again when it was
// put back.
func TestPersonAsConsumer(t *testing.T) {
	w := newWorld(t, api, `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-v{{.Version}}"}
    locations: [{use: lab, kind: place, name: a, activate: reload, consumers: [{use: person, title: Restart the form server}]}, {use: lab, kind: place, name: b}]
    checks: "none: nobody asks"
`)
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActTask)
	if w.lab.called("put a") != 1 || w.lab.called("put b") != 0 {
		t.Errorf("it was asked after %q", w.lab.changes())
	}
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	again := w.asks(w.run(id), plan.ActTask)
	if again.Reverses != step.Of || w.lab.place("a").value != value(1) {
		t.Errorf("%q reverses %s, and a holds %q", again.Title, again.Reverses, w.lab.place("a").value)
	}
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: again.ID})
	w.want(w.run(id), pawl.Undone)
	w.live("c1")
}
