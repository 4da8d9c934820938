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
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// shadowed is one secret with a place over which another one wins.
func shadowed(shadow string) string {
	return `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-v{{.Version}}"}
    locations: [{use: lab, kind: place, name: a, activate: reload, shadowed_by: [` + shadow + `]}]
    checks: [{use: lab, kind: health, name: a}]
    retire: {after: 1h}
    policy: {accept_gap: true}
`
}

const (
	readableShadow = "{use: lab, kind: readable, name: own}"
	hiddenShadow   = "{use: lab, kind: place, name: own}"
	foundShadows   = "{use: lab, kind: readable, discover: {use: lab, kind: workspaces, at_least: 0}, why: a workspace's own key wins}"
)

// looked gives what the looks of a rotation have seen, by step.
func looked(st *rotation.State) map[string][]rotation.Shadow {
	seen := map[string][]rotation.Shadow{}
	for id, s := range st.Steps {
		if len(s.Shadows) > 0 {
			seen[id] = s.Shadows
		}
	}
	return seen
}

func sees(t *testing.T, st *rotation.State, want map[string][]rotation.Shadow) {
	t.Helper()
	if diff := cmp.Diff(want, looked(st)); diff != "" {
		t.Errorf("shadows (-want +got):\n%s", diff)
	}
}

// Where no shadow holds what may be the old version, nobody is asked. What a
// shadow holds is on record all the same.
func TestShadowsThatDoNotMatter(t *testing.T) {
	other := []rotation.Shadow{{Place: "lab own", Holds: rotation.HoldsOther}}
	for name, c := range map[string]struct {
		shadow, holds string
		want          map[string][]rotation.Shadow
	}{
		"nothing":                          {readableShadow, "", map[string][]rotation.Shadow{}},
		"nothing, where it cannot be read": {hiddenShadow, "", map[string][]rotation.Shadow{}},
		"a value of its own":               {readableShadow, "other", map[string][]rotation.Shadow{"shadow-1": other, "shadow-2": other}},
		"the new one": {readableShadow, value(2), map[string][]rotation.Shadow{
			"shadow-1": other, "shadow-2": {{Place: "lab own", Holds: rotation.HoldsNew}}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, api, shadowed(c.shadow))
			if c.holds != "" {
				w.lab.set("own", c.holds)
			}
			st := w.run(w.openKey())
			w.want(st, pawl.Done)
			w.live("c2")
			sees(t, st, c.want)
		})
	}
}

// The old version is not ended while a shadow may hold it. Catches an engine
// that proves its own places only.
func TestShadowsHoldTheEndUp(t *testing.T) {
	for name, c := range map[string]struct {
		shadow, holds string
		want          rotation.Holding
	}{
		"the old one":             {readableShadow, value(1), rotation.HoldsOld},
		"what cannot be read":     {hiddenShadow, "who knows", rotation.HoldsHidden},
		"the old one, in a place": {hiddenShadow, value(1), rotation.HoldsHidden},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, api, shadowed(c.shadow))
			w.lab.set("own", c.holds)
			id := w.openKey()
			st := w.run(id)
			step := w.asks(st, plan.ActShadow)
			w.live("c1", "c2")
			sees(t, st, map[string][]rotation.Shadow{"shadow-1": {{Place: "lab own", Holds: c.want}}, step.ID: {{Place: "lab own", Holds: c.want}}})
			if d := st.Steps[step.ID].Detail; !strings.Contains(d, "lab own") || strings.Contains(d, value(1)) {
				t.Errorf("it asks: %s", d)
			}
			w.mustSay(id, rotation.Entry{Word: rotation.WordDecline, Step: step.ID, Why: "the workspace is on it"})
			w.want(w.run(id), pawl.Held)
			w.live("c1", "c2")
			w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
			w.asks(w.run(id), plan.ActShadow) // a no is no yes to what was asked
			delete(w.lab.places, "own")
			w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID, Why: "it is gone"})
			st = w.run(id)
			w.want(st, pawl.Done)
			w.live("c2")
			if got := looked(st)[step.ID]; len(got) != 0 {
				t.Errorf("what is gone is still on record: %v", got)
			}
		})
	}
}

// An approval is for the places that were asked about, and for no others, also
// when hours pass until the end.
func TestApprovalOfShadowsIsForThoseSeen(t *testing.T) {
	w := newWorld(t, api, shadowed(foundShadows))
	w.lab.set("ws-1", value(1))
	w.lab.set("ws-2", "its own")
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActShadow)
	w.lab.set("ws-3", value(1))
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID, Why: "ws-1 is paused"})
	st := w.run(id)
	w.asks(st, plan.ActShadow)
	if d := st.Steps[step.ID].Detail; !strings.Contains(d, "ws-3") {
		t.Errorf("it does not ask about what has come: %s", d)
	}
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID, Why: "ws-3 too"})
	w.lab.before = func(call string) error { // between the look and the end
		if call == "discover" && w.lab.called("discover") == 5 {
			w.lab.set("ws-4", value(1))
		}
		return nil
	}
	st = w.run(id)
	end := w.asks(st, plan.ActRevoke)
	if d := st.Steps[end.ID].Detail; !strings.Contains(d, "ws-4") || strings.Contains(d, "ws-3") {
		t.Errorf("the end asks: %s", d)
	}
	w.live("c1", "c2")
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: end.ID, Why: "that one too"})
	st = w.run(id)
	w.want(st, pawl.Done)
	sees(t, st, map[string][]rotation.Shadow{
		"shadow-1": {{Place: "ws-1", Holds: rotation.HoldsOld}, {Place: "ws-2", Holds: rotation.HoldsOther}},
		"shadow-2": {{Place: "ws-1", Holds: rotation.HoldsOld}, {Place: "ws-2", Holds: rotation.HoldsOther}, {Place: "ws-3", Holds: rotation.HoldsOld}}})
}

// Where the mint ends the old version, people are asked before it.
func TestShadowsAreAskedAboutBeforeAMintThatEnds(t *testing.T) {
	facts := api
	facts.Overlap = estate.Replaced
	w := newWorld(t, facts, shadowed(hiddenShadow))
	w.lab.set("own", "who knows")
	id := w.openKey()
	st := w.run(id)
	step := w.asks(st, plan.ActShadow)
	w.live("c1")
	w.mustSay(id, rotation.Entry{Word: rotation.WordDecline, Step: step.ID, Why: "not now"})
	w.want(w.run(id), pawl.Undone)
	w.live("c1")

	id = w.openKey()
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: w.asks(w.run(id), plan.ActShadow).ID, Why: "nobody reads it"})
	w.want(w.run(id), pawl.Done)
	w.live("c2")
}

// A leak does not wait for overrides; they are on record.
func TestShadowsDoNotKeepALeakOpen(t *testing.T) {
	w := newWorld(t, api, shadowed(readableShadow))
	w.lab.set("own", value(1))
	st := w.run(w.open(plan.Request{Secrets: []pawl.SecretName{"KEY"}, Mode: plan.Compromised}))
	w.want(st, pawl.Done)
	w.live("c2")
	if got := looked(st)["shadow-1"]; len(got) != 1 || got[0].Holds != rotation.HoldsOld {
		t.Errorf("seen: %v", got)
	}
}

// A shadow that cannot be asked is no shadow that holds nothing.
func TestShadowsThatCannotBeAsked(t *testing.T) {
	w := newWorld(t, api, shadowed(readableShadow))
	w.lab.before = func(call string) error {
		if call == "read own" {
			return &driver.Error{Op: "read", Kind: driver.Denied, Effect: pawl.EffectNone}
		}
		return nil
	}
	w.want(w.run(w.openKey()), pawl.Undone)
	w.live("c1")

	w.lab.before = func(call string) error {
		if call == "read own" && w.lab.called("mint") > 0 {
			return &driver.Error{Op: "read", Kind: driver.Unavailable, Effect: pawl.EffectNone}
		}
		return nil
	}
	w.want(w.run(w.openKey()), pawl.Held)
	w.live("c1", "c2")
}

// The old value that pawl never held may be the one in a shadow.
func TestShadowsWhenTheOldValueIsNotKnown(t *testing.T) {
	w := unknown(t, api, shadowed(readableShadow))
	w.lab.set("own", "its own")
	id := w.openKey()
	w.mustSay(id, rotation.Entry{Word: rotation.WordChoose, Step: w.asks(w.run(id), plan.ActName).ID, Credential: &driver.Credential{ID: "c1"}})
	st := w.run(id)
	step := w.asks(st, plan.ActShadow)
	if got := looked(st)[step.ID]; len(got) != 1 || got[0].Holds != rotation.HoldsHidden {
		t.Errorf("seen: %v", got)
	}
}

// An engine that passes over shadows is seen by the tests above.
func TestMutantIgnoresShadows(t *testing.T) {
	w := newWorld(t, api, shadowed(readableShadow))
	w.lab.set("own", value(1))
	id := w.openKey()
	w.killed(id, time.Hour)
	e := w.engine()
	e.Mutant = mutant.IgnoreShadows
	if _, err := e.Run(t.Context(), id); err != nil && !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	if w.lab.live(value(1)) {
		t.Errorf("%s: not seen", e.Mutant)
	}
}
