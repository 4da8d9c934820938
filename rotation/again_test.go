package rotation_test

import (
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// deafIssuer makes a rotation that is held because the issuer said that it has
// ended the old version and did not.
func deafIssuer(t *testing.T) (*world, pawl.RotationID) {
	t.Helper()
	w := newWorld(t, api, oneKey)
	w.lab.after = func(call string) error {
		if call == "revoke c1" && w.lab.called("revoke c1") == 1 {
			w.lab.creds = append(w.lab.creds, &labCred{id: "c1", name: "initial", value: value(1)})
		}
		return nil
	}
	id := w.openKey()
	w.want(w.run(id), pawl.Held)
	w.live("c2", "c1")
	return w, id
}

// A person's word to go on ends the old version once more: an issuer that is only
// asked again whether it refuses never will.
func TestResumeEndsTheOldVersionAgain(t *testing.T) {
	w, id := deafIssuer(t)
	w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
	w.want(w.run(id), pawl.Done)
	w.live("c2")
	if n := w.lab.called("revoke c1"); n != 2 {
		t.Errorf("it was ended %d times, want 2", n)
	}
}

// Who has ended it by hand waives the look, and nothing is ended again.
func TestWaivedRefusalEndsNothingAgain(t *testing.T) {
	w, id := deafIssuer(t)
	w.lab.creds = w.lab.creds[:1] // by hand
	st := w.run(id)
	if step, _ := st.Plan.Step(failed(st)); step.Act != plan.ActRefused {
		t.Fatalf("%s has failed, and not the look", step.ID)
	}
	w.mustSay(id, rotation.Entry{Word: rotation.WordWaive, Step: failed(st), Why: "ended by hand"})
	w.want(w.run(id), pawl.Done)
	if n := w.lab.called("revoke c1"); n != 1 {
		t.Errorf("it was ended %d times, want 1", n)
	}
}
