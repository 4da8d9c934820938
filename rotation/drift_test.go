package rotation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// kinds are places that tell of a write by digest, by value and by time.
func kinds() []string { return []string{"place", "readable", "stamped"} }

func withPlaces(kind string) string { return strings.ReplaceAll(oneKey, "kind: place", "kind: "+kind) }

var errDenied = &driver.Error{Op: "put", Kind: driver.Denied, Effect: pawl.EffectNone}

// broken makes a rotation that wrote to a and is held before b.
func broken(t *testing.T, kind string) (*world, pawl.RotationID) {
	t.Helper()
	w := newWorld(t, api, withPlaces(kind)+"    policy: {on_failure: hold}\n")
	w.lab.before = func(call string) error {
		if call == "put b" && w.lab.called("put b") == 1 {
			return errDenied
		}
		w.time = w.time.Add(time.Second)
		return nil
	}
	id := w.openKey()
	w.want(w.run(id), pawl.Held)
	return w, id
}

// What somebody else wrote while a rotation stood still is not overwritten by
// its undo without a word. Catches an inverse that writes blindly.
func TestUndoDoesNotOverwriteOthers(t *testing.T) {
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			w, id := broken(t, kind)
			w.lab.set("a", "somebody else's")
			w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
			step := w.asks(w.run(id), plan.ActPut)
			w.holds("somebody else's", "a")
			w.mustSay(id, rotation.Entry{Word: rotation.WordDecline, Step: step.ID, Why: "the hotfix stays"})
			st := w.run(id)
			w.holds("somebody else's", "a")
			w.want(st, pawl.Held) // the check at a fails, and nothing is hidden
			w.mustSay(id, rotation.Entry{Word: rotation.WordWaive, Step: failed(st), Why: "seen to by hand"})
			w.want(w.run(id), pawl.Undone)
			w.live("c1")
			w.holds("somebody else's", "a")
		})
		t.Run(kind+", approved", func(t *testing.T) {
			w, id := broken(t, kind)
			w.lab.set("a", "somebody else's")
			w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
			step := w.asks(w.run(id), plan.ActPut)
			w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID})
			w.want(w.run(id), pawl.Undone)
			w.live("c1")
			w.holds(value(1), "a", "b")
		})
	}
}

// failed gives the step that has failed for good.
func failed(st *rotation.State) string {
	for id, s := range st.Steps {
		if s.Status == rotation.StatusFailed {
			return id
		}
	}
	return ""
}

// Somebody who put the old value back has done the undo's work: no question.
// A copy that is gone is nobody's writing either.
func TestUndoOfWhatIsUndoneAsksNothing(t *testing.T) {
	for _, kind := range []string{"place", "readable"} {
		w, id := broken(t, kind)
		w.lab.set("a", value(1))
		w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
		w.want(w.run(id), pawl.Undone)
		w.live("c1")

		w, id = broken(t, kind)
		delete(w.lab.places, "a")
		w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
		w.want(w.run(id), pawl.Undone)
		w.holds(value(1), "a", "b")
	}
}

// A deployment that puts the old value back during the soak. Catches an engine
// that trusts what it read an hour ago and ends what a consumer runs with.
func TestPlacesAreReadAgainBeforeTheEnd(t *testing.T) {
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, api, withPlaces(kind)+"    retire: {after: 1h}\n")
			id := w.openKey()
			w.killed(id, time.Hour)
			w.time = w.time.Add(20 * time.Minute)
			w.lab.set("b", value(1))
			st := w.run(id)
			step := w.asks(st, plan.ActRevoke)
			w.live("c1", "c2")
			if st.PastReturn() {
				t.Error("a question is taken for the point of no return")
			}
			w.mustSay(id, rotation.Entry{Word: rotation.WordDecline, Step: step.ID, Why: "b is still on it"})
			w.want(w.run(id), pawl.Held)
			w.lab.set("b", value(2))
			w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
			st = w.run(id)
			if kind == "stamped" { // its time says only that somebody wrote
				w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: w.asks(st, plan.ActRevoke).ID})
				st = w.run(id)
			}
			w.want(st, pawl.Done)
			w.live("c2")
		})
	}
}

// After the same question undo is still open.
func TestUndoAfterPlacesWereReadAgain(t *testing.T) {
	w := newWorld(t, api, oneKey+"    retire: {after: 1h}\n")
	id := w.openKey()
	w.killed(id, time.Hour)
	w.lab.set("b", value(1))
	w.asks(w.run(id), plan.ActRevoke)
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	w.want(w.run(id), pawl.Undone)
	w.live("c1")
	w.holds(value(1), "a", "b")
}

// The two mutants that only these tests can see.
func TestDriftMutants(t *testing.T) {
	w, id := broken(t, "readable")
	w.lab.set("a", "somebody else's")
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	e := w.engine()
	e.Mutant = mutant.OverwriteOthers
	if _, err := e.Run(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if w.lab.place("a").value == "somebody else's" {
		t.Errorf("%s: not seen", e.Mutant)
	}

	w = newWorld(t, api, oneKey+"    retire: {after: 1h}\n")
	id = w.openKey()
	w.killed(id, time.Hour)
	w.lab.set("b", value(1))
	e = w.engine()
	e.Mutant = mutant.EndUnread
	if _, err := e.Run(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if w.lab.live(value(1)) {
		t.Errorf("%s: not seen", e.Mutant)
	}
}
