package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// announced holds P7 and P8 at the instant at which a call reaches a vendor.
func (r *run) announced(p *process, call Call) {
	switch call.Kind {
	case Lists:
		r.looked = true
	case Mints:
		if !r.looked && !r.world.Resets {
			r.violate("P7: a mint was sent without looking first")
		}
		r.looked = false
	}
	if call.Kind.changes() && !r.intended(call.Kind) {
		r.violate("P8: %s was called and no stored intent announced it", call.Route)
	}
	if call.Kind == Revokes || call.Kind == Deactivates {
		r.retires(call)
	}
	if call.Kind == Writes {
		r.inOrder(call)
	}
	_ = p
}

// intended reports whether a stored intent announces calls of a kind.
func (r *run) intended(k CallKind) bool {
	acts := map[CallKind][]plan.Act{
		Mints: {plan.ActMint}, Writes: {plan.ActPut, plan.ActActivate}, Activates: {plan.ActActivate}, Deactivates: {plan.ActDeactivate, plan.ActMint},
		Revokes: {plan.ActRevoke, plan.ActDiscard, plan.ActMint}, Starts: {plan.ActCheck},
	}[k]
	for _, act := range r.open {
		if slices.Contains(acts, act) {
			return true
		}
	}
	return false
}

// retires holds P1 at the instant at which a credential is ended: the old one
// only when every place holds the new one, runs with it, and every check has
// passed; the new one only when no place holds it.
func (r *run) retires(call Call) {
	if r.world.Compromise {
		return
	}
	truth := r.world.Truth()
	old := values(truth, true)
	_, revoking := r.acting(plan.ActRevoke, plan.ActDeactivate)
	for _, place := range truth.Places {
		switch {
		case revoking && (slices.Contains(old, place.Holds) || slices.Contains(old, place.Loaded)):
			r.violate("P1: %s ended the old version while %s had it", call.Route, place.Name)
		case !revoking && place.Holds != "" && !slices.Contains(old, place.Holds) && !place.Accepts && !r.lied && !r.world.Gap:
			r.violate("P1: %s ended the new version while %s had it", call.Route, place.Name)
		}
	}
	if revoking {
		r.proven(call)
		r.soaked(call)
	}
}

// acting finds an announced step with one of some acts.
func (r *run) acting(acts ...plan.Act) (string, bool) {
	for id, act := range r.open {
		if slices.Contains(acts, act) {
			return id, true
		}
	}
	return "", false
}

// proven holds the second half of P1: every step before the end of the old
// version is on record as passed.
func (r *run) proven(call Call) {
	ending, _ := r.acting(plan.ActRevoke, plan.ActDeactivate)
	if step := r.missing(ending); step != nil {
		r.violate("P1: %s ended the old version before %s (%s) had passed", call.Route, step.ID, step.Title)
	}
}

// inOrder holds P1 for a place: every step before its write is on record as
// passed, so that what fails has touched only what came before.
func (r *run) inOrder(call Call) {
	writing, _ := r.acting(plan.ActPut)
	if step := r.missing(writing); step != nil {
		r.violate("P1: %s was called before %s (%s) had passed", call.Route, step.ID, step.Title)
	}
}

// missing finds a step of an earlier stage than another's that is not on record
// as passed, nil when there is none or the other is no step of the plan as it
// was made.
func (r *run) missing(id string) *plan.Step {
	until := slices.IndexFunc(r.reference.Steps, func(s plan.Step) bool { return s.ID == id })
	a, err := r.store.Load(context.Background(), r.id)
	if err != nil || until < 0 {
		return nil
	}
	done := map[string]bool{}
	for _, e := range a.Entries {
		if e.Kind == rotation.KindOutcome && (e.Result == rotation.ResultOK || e.Result == rotation.ResultWaived) {
			done[e.Step] = true
		}
	}
	for i := range r.reference.Steps {
		if step := &r.reference.Steps[i]; step.Stage < r.reference.Steps[until].Stage && !done[step.ID] {
			return step
		}
	}
	return nil
}

// soaked holds that the old version ends only when the soak that the estate
// asks for has passed since the last place was switched.
func (r *run) soaked(call Call) {
	if r.world.Request.Mode == plan.Compromised {
		return
	}
	a, err := r.store.Load(context.Background(), r.id)
	if err != nil {
		return
	}
	var switched time.Time
	for _, e := range a.Entries {
		step, ok := r.reference.Step(e.Step)
		if ok && step.Act == plan.ActPut && e.Kind == rotation.KindOutcome && e.Result == rotation.ResultOK && e.Time.After(switched) {
			switched = e.Time
		}
	}
	for _, name := range r.world.Request.Secrets {
		s, ok := r.world.Estate.Secret(name)
		if ok && r.clock.Now().Before(switched.Add(s.Retire.After)) {
			r.violate("P1: %s ended the old version %s after the switch, not %s", call.Route, r.clock.Now().Sub(switched), s.Retire.After)
		}
	}
}

// values gives the values of credentials that were there before, or of those
// that were not.
func values(t Truth, initial bool) []string {
	var list []string
	for _, c := range t.Live {
		if c.Initial == initial {
			list = append(list, c.Value)
		}
	}
	return list
}

// happened holds, after each change, that consumers are still served: P1 and
// P3 seen from outside. Places that lied, and gaps that the plan announced,
// are what pawl cannot prevent.
func (r *run) happened(call Call) {
	if !call.Kind.changes() || r.lied || r.world.Gap || r.world.Compromise {
		return
	}
	for _, place := range r.world.Truth().Places {
		if !place.Works {
			r.violate("P1: after %s the consumer of %s is refused", call.Route, place.Name)
		}
	}
}

// held holds P2 and P3 while a rotation stands still for a person.
func (r *run) held(st *rotation.State) {
	if st.Outcome == pawl.Held {
		r.heldOnce = true
		if st.Next == "" || st.Why == "" {
			r.violate("P3: it is held and does not say why, or what to do")
		}
	}
	if !r.lied && !r.world.Gap && !r.world.Compromise {
		for _, place := range r.world.Truth().Places {
			if !place.Works {
				r.violate("P3: it is held and %s does not work", place.Name)
			}
		}
	}
	r.orphans()
}

// orphans holds P2: every live credential that was not there before is in the
// journal.
func (r *run) orphans() {
	a, err := r.store.Load(context.Background(), r.id)
	if err != nil {
		r.violate("P2: the journal cannot be read: %v", err)
		return
	}
	known := map[string]bool{}
	waiting, given := false, false
	for _, e := range a.Entries {
		given = given || e.Word == rotation.WordProvide // a person minted it, and its value is held
		if e.Credential != nil {
			known[e.Credential.ID] = true
		}
		waiting = waiting || e.Kind == rotation.KindHeld || e.Kind == rotation.KindOutcome && e.Result == rotation.ResultRetry
	}
	for _, c := range r.world.Truth().Live {
		if !c.Initial && !c.Foreign && !known[c.ID] && !given && !(waiting && r.minting(a.Entries)) {
			r.violate("P2: credential %s lives and the journal does not know it", c.ID)
		}
	}
}

// minting reports whether the journal shows a mint whose end is not known:
// the duty to look for its credential is on record.
func (r *run) minting(entries []rotation.Entry) bool {
	open := false
	for _, e := range entries {
		step, ok := r.plan.Step(e.Step)
		if !ok || step.Act != plan.ActMint && step.Act != plan.ActDiscard {
			continue
		}
		switch {
		case e.Kind == rotation.KindIntent && step.Act == plan.ActMint:
			open = true
		case e.Kind == rotation.KindLook && e.Result == rotation.ResultAbsent, e.Kind == rotation.KindOutcome && e.Result == rotation.ResultOK:
			open = false
		}
	}
	return open
}

// judge holds all promises at the end of a run.
func (r *run) judge() {
	switch r.outcome {
	case pawl.Done:
		r.whole(false)
	case pawl.Undone:
		r.whole(true)
		r.excused()
	case pawl.Held:
		r.orphans()
	default:
		r.violate("P3: it ended as %q", r.outcome)
	}
	if r.turnedBack && r.outcome == pawl.Done {
		r.violate("P3: undo was said before the point of no return, and it ended done")
	}
	r.foreign()
	r.journal()
}

// whole holds P1, P2 and P5 for a rotation that ended: all places agree, and
// no credential lives that should not.
func (r *run) whole(undone bool) {
	truth := r.world.Truth()
	for _, place := range truth.Places {
		old := slices.Contains(r.initial, place.Holds)
		switch {
		case place.Holds == "":
			r.violate("P5: %s holds nothing", place.Name)
		case place.Accepts:
			r.list(place, undone)
		case old != undone:
			r.violate("P5: it ended %s and %s holds another version", r.outcome, place.Name)
		}
		if !place.Works {
			r.violate("P1: it ended %s and %s does not work", r.outcome, place.Name)
		}
	}
	r.leftovers(truth, undone)
}

// excused holds that only a step's failure on record, or a person, turns a
// rotation back: an error of the store is neither.
func (r *run) excused() {
	a, err := r.store.Load(context.Background(), r.id)
	if err != nil {
		r.violate("P3: the journal cannot be read: %v", err)
		return
	}
	for _, e := range a.Entries {
		if e.Kind == rotation.KindOutcome && e.Result == rotation.ResultFailed || e.Word == rotation.WordUndo && e.Actor == "operator" {
			return
		}
	}
	r.violate("P3: it was undone, and neither a step failed nor a person said so")
}

// list holds that a verifier's list has exactly the version that is current.
func (r *run) list(place Place, undone bool) {
	for _, v := range strings.Split(place.Holds, ",") {
		if slices.Contains(r.initial, v) != undone {
			r.violate("P5: it ended %s and %s still accepts another version", r.outcome, place.Name)
		}
	}
}

func (r *run) leftovers(truth Truth, undone bool) {
	fresh := 0
	for _, c := range truth.Live {
		switch {
		case c.Foreign:
		case !c.Initial:
			fresh++
		case !undone && slices.Contains(r.rotated, c.Value):
			r.violate("P1: it ended done and the old credential %s lives", c.ID)
		}
	}
	for _, old := range r.rotated {
		if !undone && truth.Asked && !slices.Contains(truth.Dead, old) {
			r.violate("P1: it ended done and the issuer was never seen to refuse an old value")
		}
	}
	want := len(r.rotated)
	if undone {
		want = 0
	}
	if fresh > want && len(truth.Live) > 0 {
		r.violate("P2: it ended %s and %d new credentials live instead of %d", r.outcome, fresh, want)
	}
}

// foreign holds P7: what others made is left alone.
func (r *run) foreign() {
	live := map[string]bool{}
	for _, c := range r.world.Truth().Live {
		live[c.ID] = true
	}
	for _, id := range r.others() {
		if !live[id] {
			r.violate("P7: credential %s of somebody else was ended", id)
		}
	}
}

func (r *run) others() []string {
	if r.world.Others == nil {
		return nil
	}
	return r.world.Others()
}

// journal holds P4, P6 and P8 over what was stored and said.
func (r *run) journal() {
	a, err := r.store.Load(context.Background(), r.id)
	if err != nil {
		if r.id != "" {
			r.violate("P8: the journal cannot be read: %v", err)
		}
		return
	}
	r.oneAtATime(a.Entries)
	r.decided(a.Entries)
	var newest int64
	for _, e := range a.Entries {
		if e.Fence != 0 && e.Fence < newest {
			r.violate("P6: a process with fence %d wrote after fence %d", e.Fence, newest)
		}
		newest = max(newest, e.Fence)
	}
	raw, err := json.Marshal(a.Entries)
	if err != nil {
		r.violate("P4: the journal cannot be encoded: %v", err)
	}
	r.canaries(map[string][]byte{"the journal": raw, "the plan": a.Plan, "the log": r.log.Bytes(), "an error": []byte(strings.Join(r.errors, "\n"))})
}

// oneAtATime holds P6 by names: a process that another one has followed in the
// journal writes no more.
func (r *run) oneAtATime(entries []rotation.Entry) {
	gone := map[string]bool{}
	last := ""
	for _, e := range entries {
		if e.Fence == 0 || e.Kind == rotation.KindOpened {
			continue
		}
		if e.Actor != last {
			gone[last] = true
		}
		if gone[e.Actor] {
			r.violate("P6: process %s wrote after another had taken over", e.Actor)
			return
		}
		last = e.Actor
	}
}

// decided holds P7 by the journal: between an attempt to mint whose end is not
// known and the next one stands what was found or decided about it. A value that
// pawl draws itself is nowhere until its outcome is stored, so it is drawn again.
func (r *run) decided(entries []rotation.Entry) {
	lost := map[string]bool{}
	for _, e := range entries {
		step, ok := r.plan.Step(e.Step)
		if !ok || step.Act != plan.ActMint {
			continue
		}
		if sub, _ := r.plan.Subject(step.Secret); sub.Facts.Mint == estate.Locally {
			continue
		}
		switch e.Kind {
		case rotation.KindIntent:
			if lost[e.Step] {
				r.violate("P7: %s is announced again and nothing on record settles the attempt before", e.Step)
			}
			lost[e.Step] = true
		case rotation.KindLook:
			lost[e.Step] = e.Result == rotation.ResultPresent
		case rotation.KindOutcome:
			lost[e.Step] = e.Effect == pawl.EffectUnknown
		}
	}
}

// canaries holds P4: no value anywhere outside.
func (r *run) canaries(places map[string][]byte) {
	for _, value := range r.world.Truth().Canary {
		if len(value) < 6 {
			continue
		}
		for where, text := range places {
			if bytes.Contains(text, []byte(value)) {
				r.violate("P4: %s shows a value", where)
			}
		}
	}
}

// describe says what went wrong in a run.
func (r *run) describe() string {
	return fmt.Sprintf("%s: %s: %s", r.scenario.Name, r.schedule, strings.Join(r.found, "; "))
}
