package rotation_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/rotation"
)

// stands compares KEY and gives what each place stands as.
func (w *world) stands() map[string]rotation.Standing {
	w.t.Helper()
	list, err := w.engine().Drift(w.t.Context(), "KEY")
	if err != nil {
		w.t.Fatal(err)
	}
	got := map[string]rotation.Standing{}
	for _, d := range list {
		if _, twice := got[d.Place]; twice || d.Secret != "KEY" || d.Rotation == "" || strings.Contains(d.Detail, "of-the-lab") || (d.State == rotation.StandsUntold && d.Detail == "") {
			w.t.Errorf("%+v", d)
		}
		got[d.Place] = d.State
	}
	return got
}

func (w *world) wantStands(want map[string]rotation.Standing) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.stands()); diff != "" {
		w.t.Errorf("drift (-want +got):\n%s", diff)
	}
}

// Each kind of place tells of a change by what it has.
func TestDrift(t *testing.T) {
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			a, b := "lab "+kind+" a", "lab "+kind+" b"
			w := newWorld(t, api, withPlaces(kind))
			w.time = w.time.Add(time.Second) // places tell times
			w.want(w.run(w.openKey()), pawl.Done)
			w.time = w.time.Add(time.Hour)
			w.wantStands(map[string]rotation.Standing{a: rotation.StandsSame, b: rotation.StandsSame})
			w.lab.set("a", "somebody else's")
			delete(w.lab.places, "b")
			calls := len(w.lab.calls)
			w.wantStands(map[string]rotation.Standing{a: rotation.StandsChanged, b: rotation.StandsGone})
			for _, call := range w.lab.calls[calls:] {
				if !strings.HasPrefix(call, "stat ") && !strings.HasPrefix(call, "read ") {
					t.Errorf("it called %s", call)
				}
			}
			w.lab.set("a", value(1))
			if got := w.stands()[a]; got != rotation.StandsChanged {
				t.Errorf("the old value again is %s", got)
			}
		})
	}
}

// After a rotation that turned back, what it put back is what must be there,
// and where it wrote nothing, what the one before left.
func TestDriftAfterAnUndo(t *testing.T) {
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			a, b := "lab "+kind+" a", "lab "+kind+" b"
			w := newWorld(t, api, withPlaces(kind))
			w.time = w.time.Add(time.Second)
			w.want(w.run(w.openKey()), pawl.Done)
			w.time = w.time.Add(time.Hour)
			w.lab.before = func(call string) error {
				w.time = w.time.Add(time.Second)
				if call == "put b" {
					return errDenied
				}
				return nil
			}
			w.want(w.run(w.openKey()), pawl.Undone)
			w.lab.before = nil
			w.wantStands(map[string]rotation.Standing{a: rotation.StandsSame, b: rotation.StandsSame})
			w.time = w.time.Add(time.Hour)
			w.lab.set("a", value(3))
			w.lab.set("b", value(3))
			w.wantStands(map[string]rotation.Standing{a: rotation.StandsChanged, b: rotation.StandsChanged})
		})
	}
}

// A rotation that changed nothing has left nothing.
func TestDriftPassesOverWhatChangedNothing(t *testing.T) {
	w := newWorld(t, api, oneKey)
	if _, err := w.engine().Drift(t.Context(), "KEY"); !errors.Is(err, rotation.ErrNotFound) {
		t.Errorf("never rotated: %v", err)
	}
	w.want(w.run(w.openKey()), pawl.Done)
	w.lab.check = func() driver.Finding { return driver.Finding{State: driver.Failed, Final: true, Detail: "no"} }
	w.want(w.run(w.openKey()), pawl.Undone)
	w.wantStands(map[string]rotation.Standing{"lab place a": rotation.StandsSame, "lab place b": rotation.StandsSame})

	id := w.openKey()
	var open *rotation.OpenError
	if _, err := w.engine().Drift(t.Context(), "KEY"); !errors.As(err, &open) || open.Rotation != id {
		t.Errorf("while one is open: %v", err)
	}
}

// A place that cannot be asked is told, and the others are asked.
func TestDriftOfWhatCannotBeAsked(t *testing.T) {
	w := newWorld(t, api, oneKey)
	w.want(w.run(w.openKey()), pawl.Done)
	w.lab.before = func(call string) error {
		if call == "stat a" {
			return errDenied
		}
		return nil
	}
	list, err := w.engine().Drift(t.Context(), "KEY")
	if err != nil || len(list) != 2 || list[0].State != rotation.StandsUntold || driver.AsError("", list[0].Err).Kind != driver.Denied || list[1].State != rotation.StandsSame || list[1].Strength != estate.ByDigest {
		t.Errorf("%+v, %v", list, err)
	}
}

// Places come and go, and others win over them.
func TestDriftOfFoundPlacesAndShadows(t *testing.T) {
	w := newWorld(t, api, `
  KEY:
    issuer: {use: lab, kind: credential}
    locations:
      - use: lab
        kind: place
        discover: {use: lab, kind: workspaces}
        shadowed_by: [{use: lab, kind: readable, name: own}]
    checks: "none: a test"
`, "ws-1", "ws-2")
	w.want(w.run(w.openKey()), pawl.Done)
	const look = "what wins over lab place: lab readable own"
	w.wantStands(map[string]rotation.Standing{"lab place: ws-1": rotation.StandsSame, "lab place: ws-2": rotation.StandsSame, look: rotation.StandsSame})
	delete(w.lab.places, "ws-2")
	w.lab.set("ws-3", value(2))
	w.lab.set("own", value(2))
	w.wantStands(map[string]rotation.Standing{"lab place: ws-1": rotation.StandsSame, "lab place: ws-3": rotation.StandsUntold, look: rotation.StandsSame})
	w.lab.set("own", "its own")
	w.wantStands(map[string]rotation.Standing{"lab place: ws-1": rotation.StandsSame, "lab place: ws-3": rotation.StandsUntold, "lab own": rotation.StandsShadowed})
}
