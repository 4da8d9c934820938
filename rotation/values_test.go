package rotation_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/secret"
)

// byPerson is an issuer at which a person mints, and that cannot say which
// credential a value is.
func byPerson() estate.IssuerFacts {
	f := api
	f.Mint, f.Identifies, f.Lists = estate.ByPerson, false, false
	return f
}

// A person gives the value that is in place as the new one. Catches an engine
// that writes it everywhere and then ends it.
func TestProvidedValueInPlace(t *testing.T) {
	w := newWorld(t, byPerson(), oneKey)
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActProvide)
	w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, value(1))
	st := w.run(id)
	w.asks(st, plan.ActProvide)
	if d := st.Steps[step.ID].Detail; !strings.Contains(d, "version 1") {
		t.Errorf("it asks again and does not say why: %q", d)
	}
	if w.lab.called("put") != 0 {
		t.Error("it wrote a value that is in place")
	}
	fresh := w.lab.mint("by hand")
	w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID, Credential: &driver.Credential{ID: fresh.id}}, fresh.value)
	w.asks(w.run(id), plan.ActName)
	w.holds(value(2), "a", "b")
	w.live("c1", "c2")
}

// The same, and undo is said before anybody looked. Catches an undo that ends
// "the new value".
func TestUndoAfterTheValueInPlaceWasProvided(t *testing.T) {
	for _, m := range []mutant.Kind{mutant.None, mutant.TakeSameValue} {
		w := newWorld(t, byPerson(), oneKey)
		id := w.openKey()
		step := w.asks(w.run(id), plan.ActProvide)
		w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, value(1))
		w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
		e := w.engine()
		e.Mutant = m
		st, err := e.Run(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		w.want(st, pawl.Undone)
		if lives := w.lab.live(value(1)); lives != (m == mutant.None) {
			t.Errorf("mutant %q: the value in place lives: %t", m, lives)
		}
	}
}

// Undo is said after a person gave a new value and before it was used: what
// they minted for pawl is ended too.
func TestUndoAfterAValueWasProvided(t *testing.T) {
	w := newWorld(t, byPerson(), oneKey)
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActProvide)
	fresh := w.lab.mint("by hand")
	w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, fresh.value)
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	w.want(w.run(id), pawl.Undone)
	w.live("c1")
}

// Who gives two values corrects the first one.
func TestSecondProvidedValueCounts(t *testing.T) {
	w := newWorld(t, byPerson(), oneKey)
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActProvide)
	right := w.lab.mint("by hand")
	w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, "a slip of the clipboard")
	w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, right.value)
	w.asks(w.run(id), plan.ActName)
	w.holds(right.value, "a", "b")
	w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, "too late")
	w.asks(w.run(id), plan.ActName)
	w.holds(right.value, "a", "b")
}

// A value that breaks the rules is asked for again; nothing turns back and the
// value is in no text.
func TestProvidedValueBreaksTheRules(t *testing.T) {
	w := newWorld(t, byPerson(), oneKey+"    format: {min_length: 18, max_length: 40}\n")
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActProvide)
	w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, "canary-short")
	st := w.run(id)
	w.asks(st, plan.ActProvide)
	if st.Undoing || strings.Contains(w.journal(id), "canary") {
		t.Errorf("undoing %t\n%s", st.Undoing, w.journal(id))
	}
	fresh := w.lab.mint("by hand")
	w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, fresh.value)
	w.asks(w.run(id), plan.ActName)
	w.holds(fresh.value, "a", "b")
}

// A person pastes what is another vendor's, or lost its end, or brought a line
// break along; the estate says nothing of how values look. Catches an engine
// that would write it and see at the proof that it is wrong.
func TestPastedValueIsHeldAgainstTheIssuersFormBeforeItIsWritten(t *testing.T) {
	facts := byPerson()
	facts.Forms = map[string]secret.Form{secret.Single: {Looks: "ends with -of-the-lab", Pattern: `value-[0-9]+-of-the-lab`}}
	w := newWorld(t, facts, oneKey)
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActProvide)
	for _, pasted := range []string{"sk_live_0123456789", "value-7-of-the", "value-7-of-the-\nlab", "value-7-of-the-lab\n", " value-7-of-the-lab"} {
		w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, pasted)
		st := w.run(id)
		w.asks(st, plan.ActProvide)
		if wrote := slices.ContainsFunc(w.lab.calls, func(call string) bool { return strings.HasPrefix(call, "put ") }); st.Undoing || wrote {
			t.Errorf("%q: undoing %t, written %t", pasted, st.Undoing, wrote)
		}
	}
	fresh := w.lab.mint("by hand")
	w.mustSay(id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID}, fresh.value)
	w.asks(w.run(id), plan.ActName)
	w.holds(fresh.value, "a", "b")
}

// A secret of several parts with one of them missing is asked for again, and
// all parts change in one write.
func TestPartsChangeTogether(t *testing.T) {
	w := unknown(t, byPerson(), `
  KEY:
    issuer: {use: person, title: mint a pair}
    parts: [id, key]
    locations: [{use: lab, kind: readable, name: a, render: "{{.id}}:{{.key}}"}]
    checks: "none: nobody asks"
`)
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActProvide)
	give := func(parts secret.Parts) {
		if err := w.engine().Say(t.Context(), id, rotation.Entry{Word: rotation.WordProvide, Step: step.ID, Actor: "ann"}, "KEY", parts); err != nil {
			t.Fatal(err)
		}
	}
	give(secret.Parts{"id": secret.NewString("u1")})
	w.asks(w.run(id), plan.ActProvide)
	if w.lab.called("put") != 0 {
		t.Error("it wrote half a credential")
	}
	give(secret.Parts{"id": secret.NewString("u1"), "key": secret.NewString("k1")})
	w.run(id)
	if got := w.lab.place("a").value; got != "u1:k1" {
		t.Errorf("a holds %q", got)
	}
}

// An issuer that hands out the credential which is there, asked by the same
// name. Catches an engine that goes on, or that ends it in its undo.
func TestMintGivesTheSameAgain(t *testing.T) {
	for _, m := range []mutant.Kind{mutant.None, mutant.TakeSameValue} {
		w := newWorld(t, api, oneKey)
		w.lab.again = true
		id := w.openKey()
		e := w.engine()
		e.Mutant = m
		st, err := e.Run(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if m != mutant.None {
			if st.Outcome == pawl.Undone && w.lab.called("put") == 0 {
				t.Errorf("mutant %q: not seen", m)
			}
			continue
		}
		w.want(st, pawl.Undone)
		w.live("c1")
		w.holds(value(1), "a", "b")
		if w.lab.called("put")+w.lab.called("revoke") != 0 {
			t.Errorf("it changed something: %v", w.lab.calls)
		}
	}
}

// A place that gives back something else than was written: the rotation is
// held, everything lives, and the new credential is on record.
func TestPlaceReadsBackSomethingElse(t *testing.T) {
	w := newWorld(t, api, strings.ReplaceAll(oneKey, "kind: place", "kind: readable"))
	w.lab.reads = func(v string) string { return strings.ToUpper(v) }
	id := w.openKey()
	st := w.run(id)
	w.asks(st, plan.ActPut) // what it reads is nothing that pawl wrote
	w.live("c1", "c2")
	known := w.count(id, func(e rotation.Entry) bool { return e.Credential != nil && e.Credential.ID == "c2" })
	if known == 0 {
		t.Error("the journal does not know the new credential")
	}
	w.lab.reads = nil
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: w.asks(st, plan.ActPut).ID})
	w.want(w.run(id), pawl.Undone)
	w.live("c1")
	w.holds(value(1), "a", "b")
}

const pair = `
  USER:
    issuer: {use: lab, kind: credential, name: "USER-v{{.Version}}"}
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks: "none: nobody asks"
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-v{{.Version}}"}
    locations: [{use: lab, kind: place, name: b, activate: reload}]
    checks: "none: nobody asks"
groups:
  pair: {secrets: [USER, KEY], why: they must match}
`

// The second mint of a group finds the issuer full: the first one's credential
// is ended, nothing was written, and nothing of others is touched.
func TestSecondMintOfAGroupFails(t *testing.T) {
	w := newWorld(t, api, pair)
	second := w.lab.mint("the other")
	w.lab.set("b", second.value)
	w.adopt("USER", second.value)
	w.lab.before = func(call string) error {
		if call == "mint" && w.lab.called("mint") == 2 {
			return &driver.Error{Op: "mint", Kind: driver.Quota, Effect: pawl.EffectNone, Why: "limit exceeded"}
		}
		return nil
	}
	id := w.open(plan.Request{Secrets: []pawl.SecretName{"USER", "KEY"}})
	w.want(w.run(id), pawl.Undone)
	w.live("c1", "c2")
	if w.lab.called("put") != 0 {
		t.Error("it wrote half a group")
	}
	w.lab.before = nil
	w.want(w.run(w.open(plan.Request{Secrets: []pawl.SecretName{"USER", "KEY"}})), pawl.Done)
	w.live("c4", "c5")
}

// An issuer without room: nothing is minted and nothing ended to make room.
func TestIssuerIsFull(t *testing.T) {
	f := api
	f.MaxLive = 2
	w := newWorld(t, f, oneKey)
	w.lab.mint("somebody's")
	st := w.run(w.openKey())
	w.want(st, pawl.Undone)
	w.live("c1", "c2")
	if w.lab.called("mint")+w.lab.called("revoke") != 0 {
		t.Errorf("it changed something: %v", w.lab.calls)
	}
}

// Version numbers rise over undone and done rotations and are never used again.
func TestVersionsAreNeverReused(t *testing.T) {
	w := newWorld(t, api, oneKey)
	broken := false
	w.lab.before = func(call string) error {
		if call == "put b" && broken {
			broken = false
			return errDenied
		}
		return nil
	}
	for range 2 { // versions 2 and 3, one at once after the other
		broken = true
		w.want(w.run(w.openKey()), pawl.Undone)
	}
	st := w.run(w.openKey())
	w.want(st, pawl.Done)
	if sub := st.Plan.Subjects[0]; sub.From != 1 || sub.To != 4 {
		t.Errorf("from %d to %d", sub.From, sub.To)
	}
	want := fmt.Sprint(map[pawl.Version]rotation.VersionState{1: rotation.VersionRetired, 2: rotation.VersionDiscarded, 3: rotation.VersionDiscarded, 4: rotation.VersionCurrent})
	if got := fmt.Sprint(w.versionStates()); got != want {
		t.Errorf("versions are %s, want %s", got, want)
	}
	w.live("c4")
}

// One plan opened twice at once, by two people: the second is refused, and a
// plan made before another rotation ended cannot take its number.
func TestStalePlanIsRefused(t *testing.T) {
	w := newWorld(t, api, oneKey)
	seen, err := rotation.Observe(t.Context(), w.store, []pawl.SecretName{"KEY"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Make(w.estate, plan.Request{Secrets: []pawl.SecretName{"KEY"}}, seen, w.now())
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.engine().Open(t.Context(), p, "ann")
	if err != nil {
		t.Fatal(err)
	}
	var open *rotation.OpenError
	if _, err := w.engine().Open(t.Context(), p, "bob"); !errors.As(err, &open) || open.Rotation != id {
		t.Errorf("got %v", err)
	}
	w.want(w.run(id), pawl.Done)
	if _, err := w.engine().Open(t.Context(), p, "bob"); !errors.Is(err, rotation.ErrVersion) {
		t.Errorf("got %v", err)
	}
	w.live("c2")
}

// The estate asks for no escrow: the old value can be put back while the
// rotation is open, and is forgotten with its end.
func TestNoEscrow(t *testing.T) {
	w := newWorld(t, api, oneKey+"    escrow: none\n    retire: {after: 1h}\n")
	id := w.openKey()
	w.killed(id, time.Hour)
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	w.want(w.run(id), pawl.Undone)
	w.holds(value(1), "a", "b")
	w.want(w.run(w.openKey()), pawl.Done)
	if _, err := w.store.Sealed(t.Context(), "KEY", 1); !errors.Is(err, rotation.ErrNotFound) {
		t.Errorf("the old value is still held: %v", err)
	}
	w.want(w.run(w.openKey()), pawl.Done)
	w.live("c4")
}

// The first rotation of a secret of which pawl knows nothing, at places that
// give nothing back. It goes forward, a person names the old one, and a
// failure in the middle holds it instead of guessing.
func TestFirstRotationWithoutAValue(t *testing.T) {
	w := unknown(t, api, oneKey)
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActName)
	w.live("c1", "c2")
	w.mustSay(id, rotation.Entry{Word: rotation.WordChoose, Step: step.ID, Credential: &driver.Credential{ID: "c1"}})
	w.want(w.run(id), pawl.Done)
	w.live("c2")
	st := w.run(w.openKey())
	w.want(st, pawl.Done)
	if sub := st.Plan.Subjects[0]; sub.From != 2 || sub.To != 3 {
		t.Errorf("the next one goes from %d to %d", sub.From, sub.To)
	}
}

// A plan of a newer pawl is left alone, and its lease is free for that pawl.
func TestPlanOfANewerFormat(t *testing.T) {
	w := newWorld(t, api, oneKey)
	seen, err := rotation.Observe(t.Context(), w.store, []pawl.SecretName{"KEY"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Make(w.estate, plan.Request{Secrets: []pawl.SecretName{"KEY"}}, seen, w.now())
	if err != nil {
		t.Fatal(err)
	}
	p.Format = plan.Format + 1
	id, err := w.engine().Open(t.Context(), p, "ann")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.engine().Run(t.Context(), id); pawl.CodeOf(err) != pawl.CodeUnsupported || pawl.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
	if err := w.say(id, rotation.Entry{Word: rotation.WordUndo}); pawl.CodeOf(err) != pawl.CodeUnsupported {
		t.Errorf("a word to it: %v", err)
	}
	list, err := w.store.Rotations(t.Context(), rotation.Filter{})
	if err != nil || list[0].Lease.Holder != "" {
		t.Errorf("the lease is kept: %+v %v", list[0].Lease, err)
	}
	if len(w.lab.calls) != 0 || len(w.entries(id)) != 1 {
		t.Error("it did something")
	}
}

// The estate changes while a rotation stands still: what was pinned is done.
func TestEstateChangesMeanwhile(t *testing.T) {
	w := newWorld(t, api, soaking)
	id := w.openKey()
	w.killed(id, time.Hour)
	w.parse(strings.Replace(soaking, "name: b, activate", "name: elsewhere, activate", 1))
	w.want(w.run(id), pawl.Done)
	w.holds(value(2), "a", "b")
	if w.lab.place("elsewhere").exists {
		t.Error("a changed estate changed a rotation under way")
	}
}

// An issuer mints more parts than the estate declares. Catches an engine that
// keeps values which nothing needs.
func TestPartsThatNobodyNeeds(t *testing.T) {
	w := newWorld(t, api, oneKey)
	w.want(w.run(w.openKey()), pawl.Done)
	sealed, err := w.store.Sealed(t.Context(), "KEY", 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(sealed) != 1 || len(sealed[secret.Single]) == 0 {
		t.Errorf("%d parts are kept, want the one that is declared", len(sealed))
	}
}
