package rotation_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// foundPlaces is a secret at places that are found when it rotates.
const foundPlaces = `
  KEY:
    issuer: {use: lab, kind: credential}
    locations: [{use: lab, kind: place, discover: {use: lab, kind: workspaces}}]
    checks: "none: a test"
`

// leaves has ws-2 go after a call, as a tenant does that is erased.
func leaves(w *world, last string) {
	gone := false
	w.lab.before = func(call string) error {
		if gone && strings.HasSuffix(call, " ws-2") {
			return &driver.Error{Op: call, Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "there is no such tenant"}
		}
		return nil
	}
	w.lab.after = func(call string) error {
		if call == last && !gone {
			gone = true
			delete(w.lab.places, "ws-2")
		}
		return nil
	}
}

// A tenant that goes while it is written to, at whatever call, turns nothing back
// and holds nothing.
func TestPlacesGoWhileTheyAreWritten(t *testing.T) {
	for _, last := range []string{"discover", "stat ws-2", "put ws-2"} {
		t.Run(fmt.Sprint("after ", last), func(t *testing.T) {
			w := newWorld(t, api, foundPlaces, "ws-1", "ws-2")
			leaves(w, last)
			w.want(w.run(w.openKey()), pawl.Done)
			w.live("c2")
			if w.lab.place("ws-1").value != value(2) {
				t.Error("the place that is left has not the new version")
			}
		})
	}
}

// One that goes while an undo takes its copy away keeps nothing from its end.
func TestPlacesGoWhileTheyAreUndone(t *testing.T) {
	w := newWorld(t, api, foundPlaces, "ws-1", "ws-2")
	w.lab.places["ws-2"] = &labPlace{} // nothing was there
	leaves(w, "remove ws-2")
	refuse := w.lab.before
	w.lab.before = func(call string) error {
		if call == "put ws-1" && w.lab.called("remove ws-2") == 0 {
			return &driver.Error{Op: call, Kind: driver.Denied, Effect: pawl.EffectNone}
		}
		return refuse(call)
	}
	w.want(w.run(w.openKey()), pawl.Undone)
	w.live("c1")
	if w.lab.called("remove ws-2") == 0 {
		t.Errorf("nothing was removed: %q", w.lab.calls)
	}
}
