package rotation_test

import (
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// oneValue are the facts of an issuer that resets the one value it keeps and
// tells nothing about it.
var oneValue = estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.Replaced, Verifies: true, Resets: true}

const resetKey = unnamedKey + "    policy: {accept_gap: true}\n"

// loses has the answers to the first n mints be lost.
func (l *lab) loses(n int) {
	l.after = func(call string) error {
		if call == "mint" && l.called("mint") <= n {
			return errLost
		}
		return nil
	}
}

func superseded(e rotation.Entry) bool {
	return e.Kind == rotation.KindLook && e.Result == rotation.ResultSuperseded
}

// A reset whose answer was lost is made again: nobody is asked, and what the
// lost one made is gone.
func TestLostResetIsMadeAgain(t *testing.T) {
	w := newWorld(t, oneValue, resetKey)
	w.lab.loses(2)
	id := w.openKey()
	w.want(w.run(id), pawl.Done)
	w.live("c4")
	w.holds(value(4), "a")
	if n := w.count(id, superseded); n != 2 {
		t.Errorf("%d decisions are on record, want one for each answer that was lost", n)
	}
}

// One that gets no answer at all holds the rotation: the old value may be
// dead, so it neither turns back nor ends as if nothing had happened.
func TestResetWithoutAnyAnswerHolds(t *testing.T) {
	w := newWorld(t, oneValue, resetKey)
	w.lab.loses(1000)
	id := w.openKey()
	st := w.run(id)
	w.want(st, pawl.Held)
	if !strings.Contains(st.Why, "the old value may be dead") {
		t.Errorf("it is held because %s", st.Why)
	}
	tried := w.lab.called("mint")
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	w.want(w.run(id), pawl.Held) // minting was the point of no return
	w.lab.after = nil
	w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
	w.want(w.run(id), pawl.Done)
	if got := w.lab.called("mint"); got != tried+1 {
		t.Errorf("%d mints were sent after the issuer answered again, want 1", got-tried)
	}
	w.holds(w.lab.creds[0].value, "a")
}

// A refusal after a lost reset does not make the lost one undone.
func TestResetRefusedAfterALostOne(t *testing.T) {
	w := newWorld(t, oneValue, resetKey)
	w.lab.loses(1)
	w.lab.before = func(call string) error {
		if call == "mint" && w.lab.called("mint") > 0 {
			return &driver.Error{Op: "mint", Kind: driver.Denied, Effect: pawl.EffectNone, Why: "no more resets today"}
		}
		return nil
	}
	w.want(w.run(w.openKey()), pawl.Held)
}

// An issuer that keeps what was minted is never asked again unseen.
func TestOnlyResetsAreMadeAgain(t *testing.T) {
	for _, f := range []estate.IssuerFacts{
		{Mint: estate.ByAPI, Overlap: estate.Replaced, Verifies: true},
		{Mint: estate.ByAPI, Overlap: estate.SideBySide, Verifies: true},
	} {
		for _, m := range []mutant.Kind{mutant.None, mutant.ResetAnything} {
			w := newWorld(t, f, resetKey)
			w.lab.loses(1)
			id := w.openKey()
			e := w.engine()
			e.Mutant = m
			st, err := e.Run(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			again := w.lab.called("mint") > 1
			if again != (m == mutant.ResetAnything) {
				t.Errorf("%s, mutant %q: minted again is %v", f.Overlap, m, again)
			}
			if m == mutant.None {
				w.asks(st, plan.ActMint)
			}
		}
	}
}

// The answer to a mint is lost, although the mint was done. Catches an engine
// that mints once more and leaves the first one behind, where nobody knows its
// value and nobody ends it.
func TestALostMintIsFoundByItsNameAndEnded(t *testing.T) {
	w := newWorld(t, api, oneKey)
	w.lab.loses(1)
	w.want(w.run(w.openKey()), pawl.Done)
	w.live("c3")
	w.holds(value(3), "a", "b")
	if w.lab.called("mint") != 2 || w.lab.called("revoke c2") != 1 {
		t.Errorf("calls %v", w.lab.calls)
	}
}
