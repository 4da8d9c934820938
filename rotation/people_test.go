package rotation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// within runs a rotation in a new process and fails when it does not come to
// rest: a step that goes round and round journals without end.
func (w *world) within(id pawl.RotationID, limit int) *rotation.State {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	e := w.engine()
	seen := 0
	e.Observe = func(rotation.Entry, *rotation.State) {
		if seen++; seen > limit {
			cancel()
		}
	}
	st, err := e.Run(ctx, id)
	if err != nil {
		w.t.Fatalf("it does not come to rest: %v\n%s", err, w.journal(id))
	}
	return st
}

// unnamed is an issuer whose credentials carry no name: what a lost mint left
// behind is a person's to say.
func unnamed() estate.IssuerFacts {
	f := api
	f.Named, f.Identifies = false, false
	return f
}

const unnamedKey = `
  KEY:
    issuer: {use: lab, kind: credential}
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks: [{use: lab, kind: health, name: a}]
`

var errLost = &driver.Error{Op: "mint", Kind: driver.Unavailable, Effect: pawl.EffectUnknown, Why: "the answer was lost"}

// An answer is to one question. Catches an engine that takes the word about
// the first lost mint for the second one, and ends a stranger's credential.
func TestAnswerIsNotUsedTwice(t *testing.T) {
	w := newWorld(t, unnamed(), unnamedKey)
	lost := 0
	w.lab.after = func(call string) error {
		if call == "mint" && lost < 2 {
			lost++
			return errLost
		}
		return nil
	}
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActMint)
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID}) // c2 is the lost one
	w.asks(w.run(id), plan.ActMint)                                          // c3: nobody has said a word about it
	w.live("c1", "c3")
	w.mustSay(id, rotation.Entry{Word: rotation.WordDecline, Step: step.ID})
	st := w.run(id)
	w.asks(st, plan.ActName)
	w.live("c1", "c3", "c4")
}

// The same for a credential that a person called somebody else's: the next
// lost mint would be left behind as an orphan.
func TestDeclineIsNotUsedTwice(t *testing.T) {
	w := newWorld(t, unnamed(), unnamedKey)
	mints := 0
	w.lab.before = func(call string) error {
		if call != "mint" {
			return nil
		}
		if mints++; mints == 1 { // nothing was made for us, and a stranger mints
			w.lab.mint("a stranger's")
			return errLost
		}
		return nil
	}
	w.lab.after = func(call string) error {
		if call == "mint" && mints == 2 {
			return errLost
		}
		return nil
	}
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActMint)
	w.mustSay(id, rotation.Entry{Word: rotation.WordDecline, Step: step.ID})
	w.asks(w.run(id), plan.ActMint)
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID})
	w.asks(w.run(id), plan.ActName)
	w.live("c1", "c2", "c4") // ours of the second attempt, c3, is ended; the stranger's lives
}

// Two people answer at once, and one is late. Catches a late word that stays
// behind and settles the next question.
func TestSecondAnswerToOneQuestionIsSpent(t *testing.T) {
	w := newWorld(t, unnamed(), unnamedKey)
	lost := 0
	w.lab.after = func(call string) error {
		if call == "mint" && lost < 2 {
			lost++
			return errLost
		}
		if call == "revoke c2" { // the second person speaks while the first one's word is obeyed
			w.mustSay(idOf(w), rotation.Entry{Word: rotation.WordApprove, Step: "mint-1", Actor: "bob"})
		}
		return nil
	}
	id := w.openKey()
	w.asks(w.run(id), plan.ActMint)
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: "mint-1"})
	w.asks(w.run(id), plan.ActMint)
	w.live("c1", "c3")
}

func idOf(w *world) pawl.RotationID {
	list, err := w.store.Rotations(context.Background(), rotation.Filter{})
	if err != nil || len(list) == 0 {
		w.t.Fatal("no rotation", err)
	}
	return list[0].ID
}

// A word of the wrong kind, or a credential that is not on the list, is
// followed by the question again. Catches the step that asks itself in a
// circle and fills the journal.
func TestUnfitAnswerIsAskedAgain(t *testing.T) {
	for name, word := range map[string]rotation.Entry{
		"a credential that is not there": {Word: rotation.WordChoose, Credential: &driver.Credential{ID: "c99"}},
		"the new credential":             {Word: rotation.WordChoose, Credential: &driver.Credential{ID: "c2"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, unnamed(), unnamedKey)
			id := w.openKey()
			word.Step = w.asks(w.run(id), plan.ActName).ID
			w.mustSay(id, word)
			w.asks(w.within(id, 20), plan.ActName)
			w.live("c1", "c2")
			w.mustSay(id, rotation.Entry{Word: rotation.WordChoose, Step: word.Step, Credential: &driver.Credential{ID: "c1"}})
			w.want(w.within(id, 20), pawl.Done)
			w.live("c2")
		})
	}
}

// An issuer that cannot list has nothing to hold a person's choice against.
// Catches an engine that asks for ever what was answered.
func TestChoiceAtAnIssuerWithoutAList(t *testing.T) {
	f := unnamed()
	f.Lists = false
	w := newWorld(t, f, unnamedKey)
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActName)
	w.mustSay(id, rotation.Entry{Word: rotation.WordChoose, Step: step.ID, Credential: &driver.Credential{ID: "c1"}})
	w.want(w.within(id, 20), pawl.Done)
	w.live("c2")
}

// A word that no step could use is refused when it is said, so that nobody
// goes home believing that it was heard.
func TestUselessWordsAreRefused(t *testing.T) {
	w := newWorld(t, api, strings.Replace(oneKey, "    checks:", "    retire: {approve: true}\n    checks:", 1))
	id := w.openKey()
	w.asks(w.run(id), plan.ActApprove)
	for name, word := range map[string]rotation.Entry{
		"approve of a step that the plan has not": {Word: rotation.WordApprove, Step: "approve-9"},
		"approve of a write":                      {Word: rotation.WordApprove, Step: "put-1"},
		"decline of a check":                      {Word: rotation.WordDecline, Step: "check-1"},
		"a value for a mint":                      {Word: rotation.WordProvide, Step: "mint-1"},
		"a choice at an approval":                 {Word: rotation.WordChoose, Step: "approve-1", Credential: &driver.Credential{ID: "c1"}},
		"waive of a write":                        {Word: rotation.WordWaive, Step: "put-1", Why: "no"},
		"waive of the end":                        {Word: rotation.WordWaive, Step: "revoke-1", Why: "no"},
	} {
		err := w.say(id, word)
		if pawl.CodeOf(err) != pawl.CodeInvalid && pawl.CodeOf(err) != pawl.CodeNotFound || pawl.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.say("20260101-000000-none", rotation.Entry{Word: rotation.WordResume}); !errors.Is(err, rotation.ErrNotFound) {
		t.Errorf("a word on another rotation: %v", err)
	}
	w.asks(w.run(id), plan.ActApprove)
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: "approve-1"})
	w.want(w.run(id), pawl.Done)
	if err := w.say(id, rotation.Entry{Word: rotation.WordUndo}); pawl.CodeOf(err) != pawl.CodeConflict {
		t.Errorf("a word on a rotation that has ended: %v", err)
	}
}

// Resume and undo said before anybody looks: the one that keeps more is
// obeyed. Catches a resume that throws the undo away unheard.
func TestUndoOutlivesResume(t *testing.T) {
	for name, words := range map[string][]rotation.Word{
		"resume, undo": {rotation.WordResume, rotation.WordUndo},
		"undo, resume": {rotation.WordUndo, rotation.WordResume},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, api, oneKey)
			w.lab.before = func(call string) error {
				if call == "put b" && w.lab.called("put b") <= 5 {
					return &driver.Error{Op: "put", Kind: driver.Unavailable, Effect: pawl.EffectNone}
				}
				return nil
			}
			id := w.openKey()
			w.want(w.run(id), pawl.Held)
			for _, word := range words {
				w.mustSay(id, rotation.Entry{Word: word})
			}
			w.want(w.run(id), pawl.Undone)
			w.live("c1")
			w.holds(value(1), "a", "b")
		})
	}
}

// An undo that is stored while the process writes down the resume before it.
// Catches a fold that drops words which nobody has read.
func TestUndoSaidWhileResumeIsObeyed(t *testing.T) {
	w := newWorld(t, api, oneKey)
	fails := true
	said := false
	var id pawl.RotationID
	w.lab.before = func(call string) error {
		switch {
		case call == "put b" && fails:
			return &driver.Error{Op: "put", Kind: driver.Denied, Effect: pawl.EffectNone}
		case call == "stat b" && !said && !fails:
			said = true // the word is stored before the entry that lets it go on
			w.mustSay(id, rotation.Entry{Word: rotation.WordUndo, Actor: "bob"})
		}
		return nil
	}
	w.parse(oneKey + "    policy: {on_failure: hold}\n")
	id = w.openKey()
	w.want(w.run(id), pawl.Held)
	fails = false
	w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
	w.want(w.run(id), pawl.Undone)
	w.live("c1")
	w.holds(value(1), "a", "b")
}

// Undo said between two steps that follow each other without a wait. Catches
// a process that listens only when it has nothing to do, and revokes.
func TestUndoIsHeardBeforeThePointOfNoReturn(t *testing.T) {
	for _, at := range []string{"probe", "mint", "verify", "put a", "reload a", "put b", "check a", "check b"} {
		t.Run(at, func(t *testing.T) {
			w := newWorld(t, api, oneKey)
			said := false
			var id pawl.RotationID
			w.lab.after = func(call string) error {
				if call == at && !said && (w.lab.called("put") > 0 || !strings.HasPrefix(at, "check")) {
					said = true
					w.mustSay(id, rotation.Entry{Word: rotation.WordUndo, Why: "wrong day"})
				}
				return nil
			}
			id = w.openKey()
			w.want(w.run(id), pawl.Undone)
			w.live("c1")
			w.holds(value(1), "a", "b")
		})
	}
}

// After the point of no return undo is refused, once, and the rotation can go
// on. Catches a word that holds the rotation again at every resume.
func TestUndoAfterThePointOfNoReturn(t *testing.T) {
	w := newWorld(t, api, oneKey)
	var id pawl.RotationID
	w.lab.after = func(call string) error {
		if call == "revoke c1" {
			w.time = w.time.Add(2 * time.Second)
			w.mustSay(id, rotation.Entry{Word: rotation.WordUndo, Why: "too late"})
		}
		return nil
	}
	id = w.openKey()
	st := w.run(id)
	w.want(st, pawl.Held)
	if !strings.Contains(st.Why, "cannot be undone any more") || st.Next == "" {
		t.Errorf("held because %q, next %q", st.Why, st.Next)
	}
	w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
	w.want(w.run(id), pawl.Done)
	w.live("c2")
	w.holds(value(2), "a", "b")
}

// Where the old value is not held nothing can be put back: undo is refused,
// and the rotation can still go forward.
func TestUndoWithoutTheOldValue(t *testing.T) {
	w := unknown(t, api, oneKey)
	w.lab.before = func(call string) error {
		if call == "put b" && w.lab.called("put b") <= 5 {
			return &driver.Error{Op: "put", Kind: driver.Unavailable, Effect: pawl.EffectNone}
		}
		return nil
	}
	id := w.openKey()
	w.want(w.run(id), pawl.Held)
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	st := w.run(id)
	w.want(st, pawl.Held)
	if !strings.Contains(st.Why, "does not hold the old value") {
		t.Errorf("held because %q", st.Why)
	}
	w.holds(value(2), "a")
	w.live("c1", "c2")
	w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
	step := w.asks(w.run(id), plan.ActName) // nothing tells which one was in place
	w.mustSay(id, rotation.Entry{Word: rotation.WordChoose, Step: step.ID, Credential: &driver.Credential{ID: "c1"}})
	w.want(w.run(id), pawl.Done)
	w.live("c2")
}

// Who may not mint is told what else the estate can say. Catches an error that
// leaves one without a way to go on.
func TestDeniedMintNamesThePerson(t *testing.T) {
	w := newWorld(t, api, oneKey)
	w.lab.before = func(call string) error {
		if call == "mint" {
			return &driver.Error{Op: "mint", Kind: driver.Denied, Effect: pawl.EffectNone, Why: "a scoped token may not"}
		}
		return nil
	}
	id := w.openKey()
	w.want(w.run(id), pawl.Undone)
	said := w.count(id, func(e rotation.Entry) bool { return strings.Contains(e.Next, "by: person in the issuer of KEY") })
	if said != 1 {
		t.Errorf("it says %d times how a person can mint\n%s", said, w.journal(id))
	}
}

// A person mints at an issuer where the connection may not: pawl asks it for
// nothing that needs the connection's rights.
func TestMintedByPersonAtADriver(t *testing.T) {
	w := newWorld(t, api, strings.Replace(oneKey, "kind: credential,", "kind: credential, by: person,", 1))
	made := w.lab.mint("by ann")
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActProvide)
	w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, made.value)
	step = w.asks(w.run(id), plan.ActTask)
	w.lab.creds = w.lab.creds[1:] // ann ends it
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID})
	w.want(w.run(id), pawl.Done)
	for _, call := range []string{"mint", "list", "revoke", "identify"} {
		if w.lab.called(call) > 0 {
			t.Errorf("it called the issuer to %s", call)
		}
	}
}
