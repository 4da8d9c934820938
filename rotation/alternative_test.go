package rotation_test

import (
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// withReset is a secret that gets a second credential usually, and whose one
// value is reset otherwise.
const withReset = `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-v{{.Version}}"}
    alternatives:
      reset: {why: a second one cannot be made, issuer: {use: lab, kind: reset}, accept_gap: true}
      other: {why: the first issuer is down, issuer: {use: lab, kind: other}}
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks: [{use: lab, kind: health, name: a}]
`

func (w *world) openBy(name string) pawl.RotationID {
	w.t.Helper()
	return w.open(plan.Request{Secrets: []pawl.SecretName{"KEY"}, Plan: name})
}

// By a reset, and then by the usual plan again: each ends what its own issuer
// minted, and asks a person to end what the other did.
func TestAlternativeThereAndBack(t *testing.T) {
	w := newWorld(t, api, withReset)
	w.want(w.run(w.openKey()), pawl.Done) // c2, by the usual issuer
	w.live("c2")

	id := w.openBy("reset")
	step := w.asks(w.run(id), plan.ActTask) // c3 is in place; c2 is for a person to end
	w.live("c2", "c3")
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID})
	w.want(w.run(id), pawl.Done)
	w.holds(value(3), "a")
	w.live("c2", "c3") // the person has not done it, and pawl does not do it for them

	w.want(w.run(w.openBy("reset")), pawl.Done) // its own: the mint ends c3
	w.live("c2", "c4")

	id = w.openKey()
	step = w.asks(w.run(id), plan.ActTask)
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID})
	w.want(w.run(id), pawl.Done)
	w.live("c2", "c4", "c5")
	if n := w.lab.called("revoke c4") + w.lab.called("revoke c2"); n > 0 {
		t.Errorf("it ended %d credentials at an issuer that did not mint them", n)
	}
}

// An alternative that turns back ends what it minted, at its own issuer.
func TestAlternativeTurnsBack(t *testing.T) {
	w := newWorld(t, api, withReset)
	w.want(w.run(w.openKey()), pawl.Done)
	id := w.openBy("other")
	w.asks(w.run(id), plan.ActTask)
	w.live("c2", "c3")
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	st := w.run(id)
	if st.Outcome == pawl.Undone {
		w.live("c2")
		w.holds(value(2), "a")
		return
	}
	w.want(st, pawl.Held) // whoever was asked to end the old one may have done so
	w.holds(value(3), "a")
}

// An engine that is given a plan which ends at this issuer what another one
// minted refuses to. Catches one that goes by the id alone.
func TestEndElsewhereIsRefused(t *testing.T) {
	for _, broken := range []mutant.Kind{mutant.None, mutant.EndElsewhere} {
		w := newWorld(t, api, withReset)
		w.want(w.run(w.openKey()), pawl.Done)
		seen, err := rotation.Observe(t.Context(), w.store, []pawl.SecretName{"KEY"})
		if err != nil {
			t.Fatal(err)
		}
		known := seen.Secrets["KEY"]
		if known.Source != "lab credential" {
			t.Fatalf("the issuer on record is %q", known.Source)
		}
		known.Source = "lab other" // what a careless plan takes for granted
		seen.Secrets["KEY"] = known
		p, err := plan.Make(w.estate, plan.Request{Secrets: []pawl.SecretName{"KEY"}, Plan: "other"}, seen, w.now())
		if err != nil {
			t.Fatal(err)
		}
		id, err := w.engine().Open(t.Context(), p, "ann")
		if err != nil {
			t.Fatal(err)
		}
		e := w.engine()
		e.Mutant = broken
		if _, err := e.Run(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if ended := !w.lab.live(value(2)); ended != (broken == mutant.EndElsewhere) {
			t.Errorf("with mutant %q it ended what another issuer minted: %t\n%s", broken, ended, w.journal(id))
		}
	}
}
