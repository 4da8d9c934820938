package rotation_test

import (
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// A task's deadline is near when a quarter is left, and that it has passed is
// on record once, however often the rotation is looked at.
func TestDeadlineOfATask(t *testing.T) {
	w := newWorld(t, api, oneKey+"    tasks: [{at: mint, title: Tell the others, within: 4h}]\n")
	id := w.openKey()
	st := w.run(id)
	step := w.asks(st, plan.ActTask)
	list := st.Deadlines()
	if len(list) != 1 || list[0].Step != step.ID || !list[0].At.Equal(w.now().Add(4*time.Hour)) || list[0].Near(w.now()) {
		t.Fatalf("the deadlines are %+v", list)
	}
	if !list[0].Near(w.now().Add(3*time.Hour)) || list[0].Passed(w.now().Add(3*time.Hour)) || !list[0].Passed(list[0].At) {
		t.Error("near is the last quarter, and passed from its end on")
	}
	late := func(e rotation.Entry) bool { return e.Kind == rotation.KindLate && e.Step == step.ID }
	for _, n := range []int{0, 1, 1} {
		w.run(id)
		if got := w.count(id, late); got != n {
			t.Fatalf("it is on record %d times that it is late, want %d\n%s", got, n, w.journal(id))
		}
		w.time = w.time.Add(5 * time.Hour)
	}
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID}) // a late answer is better than none
	st = w.run(id)
	w.want(st, pawl.Done)
	if len(st.Deadlines()) > 0 {
		t.Error("a rotation that is done has a deadline")
	}
}

// From the mint on the issuer's window runs, until every place has the new
// version.
func TestDeadlineOfAWindow(t *testing.T) {
	facts := api
	facts.Overlap, facts.Window, facts.Revokes = estate.IssuerWindow, 24*time.Hour, false
	w := newWorld(t, facts, oneKey+"    tasks: [{at: mint, title: Look at it}, {at: switch, title: Look again}, {at: prove, title: And again}]\n")
	id := w.openKey()
	for _, n := range []int{1, 1, 0} {
		st := w.run(id)
		list := st.Deadlines()
		if len(list) != n || n > 0 && !list[0].At.Equal(clock().Add(24*time.Hour)) {
			t.Fatalf("the deadlines are %+v, want %d\n%s", list, n, w.journal(id))
		}
		w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: w.asks(st, plan.ActTask).ID})
	}
}

// A mint whose answer was lost may have begun the window: it runs from the
// first attempt, not from the one that was answered hours later.
func TestDeadlineOfAWindowWhoseMintWasLost(t *testing.T) {
	facts := api
	facts.Overlap, facts.Window = estate.IssuerWindow, 24*time.Hour
	w := newWorld(t, facts, oneKey+"    tasks: [{at: mint, title: Look at it}]\n    retire: {mode: expire}\n")
	lost := true
	w.lab.after = func(call string) error {
		if call != "mint" || !lost {
			return nil
		}
		lost, w.time = false, w.time.Add(6*time.Hour)
		return &driver.Error{Op: "mint", Kind: driver.Unavailable, Effect: pawl.EffectUnknown, Why: "the answer is lost"}
	}
	st := w.run(w.openKey())
	w.asks(st, plan.ActTask)
	if n := w.lab.called("mint"); n != 2 {
		t.Fatalf("it minted %d times, want 2\n%s", n, w.journal(st.ID))
	}
	list := st.Deadlines()
	if len(list) != 1 || !list[0].At.Equal(clock().Add(24*time.Hour)) {
		t.Errorf("the deadlines are %+v, want one at %s", list, clock().Add(24*time.Hour))
	}
}

// A deadline runs also while the rotation is held, and that it has passed is on
// record once.
func TestDeadlineWhileHeld(t *testing.T) {
	facts := api
	facts.Overlap, facts.Window, facts.Revokes = estate.IssuerWindow, 24*time.Hour, false
	w := newWorld(t, facts, oneKey)
	w.lab.before = func(call string) error {
		if call == "put b" {
			return &driver.Error{Op: call, Kind: driver.Denied, Effect: pawl.EffectNone, Why: "not allowed"}
		}
		return nil
	}
	id := w.openKey()
	w.want(w.run(id), pawl.Held)
	w.time = w.time.Add(25 * time.Hour)
	for range 2 {
		w.want(w.run(id), pawl.Held)
		if n := w.count(id, func(e rotation.Entry) bool { return e.Kind == rotation.KindLate }); n != 1 {
			t.Fatalf("it is on record %d times that it is late, want once\n%s", n, w.journal(id))
		}
	}
}
