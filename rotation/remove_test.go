package rotation_test

import (
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// emptyPlace makes a world in which nothing was at b before, and no write to b
// has a known end.
func emptyPlace(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, api, strings.Replace(oneKey, ", {use: lab, kind: health, name: b}", "", 1))
	delete(w.lab.places, "b")
	w.lab.before = func(call string) error {
		if call == "put b" {
			return &driver.Error{Op: "put", Kind: driver.Denied, Effect: pawl.EffectUnknown}
		}
		return nil
	}
	return w
}

// A place that has gone, as that of a customer who left, does not keep an undo
// from its end because nothing can be removed there.
func TestUndoRemovesNothingWhereNothingIs(t *testing.T) {
	w := emptyPlace(t)
	w.want(w.run(w.openKey()), pawl.Undone)
	w.live("c1")
	w.holds(value(1), "a")
	if n := w.lab.called("remove b"); n > 0 {
		t.Errorf("it has removed %d times what is not there", n)
	}
}

// A copy that was not there before is removed, and not put back.
func TestUndoRemovesWhatWasNotThere(t *testing.T) {
	w := emptyPlace(t)
	refuse := w.lab.before
	w.lab.before = func(call string) error {
		if call == "put b" {
			w.lab.set("b", value(2)) // it happens, and is answered badly
		}
		return refuse(call)
	}
	w.want(w.run(w.openKey()), pawl.Undone)
	w.live("c1")
	if w.lab.called("remove b") == 0 || w.lab.place("b").exists {
		t.Errorf("the copy at b is still there, after %q", w.lab.calls)
	}
}
