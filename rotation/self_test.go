package rotation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/rotation"
)

// ownKey is a world in which pawl itself logs in with the secret that it
// rotates: the lab serves nobody without a live credential.
func ownKey(t *testing.T, facts estate.IssuerFacts, secrets string) *world {
	t.Helper()
	w := newWorld(t, facts, secrets)
	w.own = "secret:KEY"
	w.parse(secrets)
	w.lab.private = true
	return w
}

// Pawl rotates its own credential: the old one until the new one is proven,
// then the new one, so that the end of the old one locks nobody out.
func TestOwnCredential(t *testing.T) {
	w := ownKey(t, api, soaking)
	w.want(w.run(w.openKey()), pawl.Done)
	w.live("c2")
	w.want(w.run(w.openKey()), pawl.Done)
	w.live("c3")
}

// Undo at each stage. Catches an undo that goes on with the version which it
// is about to end, and locks pawl out in the middle.
func TestOwnCredentialUndone(t *testing.T) {
	for _, at := range []string{"mint", "put a", "put b", "check a", "last used"} {
		t.Run(at, func(t *testing.T) {
			f := api
			f.LastUsed = true
			w := ownKey(t, f, strings.Replace(oneKey, "health, name: b}]", "health, name: b}, {kind: old_unused, for: 1h}]", 1))
			w.lab.quiet = func(driver.Credential) time.Time { return time.Time{} }
			said := false
			var id pawl.RotationID
			w.lab.after = func(call string) error {
				if call == at && !said && (at != "check a" || w.lab.called("put b") > 0) {
					said = true
					w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
				}
				return nil
			}
			id = w.openKey()
			w.want(w.run(id), pawl.Undone)
			w.live("c1")
			w.holds(value(1), "a", "b")
			w.want(w.run(w.openKey()), pawl.Done)
		})
	}
}

// Where minting ends the old value at once, the new one is the only one that
// opens the door. Catches an engine that waits with a dead value for the proof.
func TestOwnCredentialReplaced(t *testing.T) {
	f := api
	f.Overlap = estate.Replaced
	w := ownKey(t, f, oneKey+"    policy: {accept_gap: true}\n")
	w.lab.before = func(call string) error {
		if call == "put b" && w.lab.called("put b") == 1 {
			return errDenied
		}
		return nil
	}
	id := w.openKey()
	w.want(w.run(id), pawl.Held) // past the point of no return
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	w.want(w.run(id), pawl.Held)
	w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
	w.want(w.run(id), pawl.Done)
	w.live("c2")
	w.holds(value(2), "a", "b")
}

// Killed at each wait of its way, pawl comes back with a value that opens.
func TestOwnCredentialAfterKills(t *testing.T) {
	w := ownKey(t, api, soaking)
	id := w.openKey()
	w.killed(id, time.Hour)
	v, err := w.engine().Newest(t.Context(), "KEY")
	if err != nil || open(v) != value(1) {
		t.Errorf("while it soaks pawl would log in with another value than the proven one: %v", err)
	}
	w.want(w.run(id), pawl.Done)
	v, err = w.engine().Newest(t.Context(), "KEY")
	if err != nil || open(v) != value(2) {
		t.Errorf("after it, pawl would log in with another value than the new one: %v", err)
	}
}
