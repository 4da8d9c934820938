package plan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// TestUndoIsTheWayBack holds that every change before the point of no return
// has its inverse, that inverses stand in the reverse order, and that nothing
// else is undone.
func TestUndoIsTheWayBack(t *testing.T) {
	each(t, func(t *testing.T, _ scenario, p *plan.Plan) {
		var want []string
		for i := range p.Steps {
			if p.Steps[i].ID == p.NoReturn {
				break
			}
			if undoable(p, &p.Steps[i]) {
				want = append(want, p.Steps[i].ID)
			}
		}
		slices.Reverse(want)
		var got []string
		for i := range p.Undo {
			if u := &p.Undo[i]; !u.ReprovesAny() && u.Act != plan.ActCheck && (len(got) == 0 || got[len(got)-1] != u.Reverses) {
				got = append(got, u.Reverses)
			}
		}
		// Mints are reversed after the old version is back everywhere, and what
		// was stopped is started last of all.
		late := func(id string) int {
			s, _ := p.Step(id)
			return max(btoi(s.Phase == pawl.Mint), 2*btoi(s.Act == plan.ActStop))
		}
		slices.SortStableFunc(want, func(a, b string) int { return late(a) - late(b) })
		if !slices.Equal(got, want) {
			t.Errorf("undo reverses %v, want %v", got, want)
		}
	})
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// undoable reports whether a step changes something that has an inverse of
// its own. Activations are repeated with their writes; a check that starts
// something leaves nothing; a local value that nobody has is nothing.
func undoable(p *plan.Plan, s *plan.Step) bool {
	sub, _ := p.Subject(s.Secret)
	switch s.Act {
	case plan.ActPut:
		return true
	case plan.ActTask:
		return s.Acts && !s.Consumer
	case plan.ActDiscover:
		return slices.ContainsFunc(p.Undo, func(u plan.Step) bool { return u.Reverses == s.ID })
	case plan.ActMint, plan.ActProvide:
		return sub.Shape != plan.ShapeSet && (sub.Facts.Revokes || sub.Facts.Mint != estate.Locally)
	case plan.ActActivate, plan.ActCheck:
		return false
	default:
		return s.Acts
	}
}

// TestUndoActivatesWhatItPutsBack holds that consumers load the old value
// again, and that the new credential outlives the last copy of it.
func TestUndoActivatesWhatItPutsBack(t *testing.T) {
	each(t, func(t *testing.T, _ scenario, p *plan.Plan) {
		activations := map[string]int{}
		for i := range p.Steps {
			if p.Steps[i].Act == plan.ActActivate {
				activations[p.Steps[i].Of]++
			}
		}
		last := -1
		for i := range p.Undo {
			u := &p.Undo[i]
			switch {
			case u.Act == plan.ActPut:
				n := 0
				for j := range p.Undo {
					n += btoi(p.Undo[j].Act == plan.ActActivate && p.Undo[j].Of == u.ID && p.Undo[j].Stage > u.Stage)
				}
				if n != activations[u.Reverses] {
					t.Errorf("%s is activated %d times, and %s was %d times", u.ID, n, u.Reverses, activations[u.Reverses])
				}
				last = u.Stage
			case u.ReprovesAny() && u.Act != plan.ActCheck:
				t.Errorf("%s does %s to prove the old version again", u.ID, u.Act)
			case u.Phase == pawl.Mint && u.Stage <= last:
				t.Errorf("%s ends the new version before the old one is back", u.ID)
			}
		}
	})
}

// TestUndoOfVerifiers holds that verifiers accept both versions again before
// any client gets the old one back, and that they lose the new one only after.
func TestUndoOfVerifiers(t *testing.T) {
	s := scenario{file: "accept_list", secrets: []pawl.SecretName{"KEY"}, known: held}
	p := s.make(t, s.load(t), now())
	var got []plan.Content
	for i := range p.Undo {
		if p.Undo[i].Act == plan.ActPut {
			got = append(got, p.Undo[i].Content)
		}
	}
	if want := []plan.Content{plan.ContentBoth, plan.ContentOld, plan.ContentOld}; !slices.Equal(got, want) {
		t.Errorf("undo writes %v, want %v", got, want)
	}
}

// TestPointOfNoReturn holds which step it is, by what can be taken back: a
// revocation cannot, a mint cannot where it settles the old one's fate, and
// neither can a write under which data is encrypted from then on.
func TestPointOfNoReturn(t *testing.T) {
	want := map[string]plan.Act{
		"seed": plan.ActRevoke, "seed_compromised": plan.ActMint, "side_by_side": plan.ActRevoke, "replaced": plan.ActMint,
		"replaced_by_hand": plan.ActProvide, "window": plan.ActMint, "accept_list": "", "local": "", "one_slot": "", "group": plan.ActDeactivate,
		"contain_first": plan.ActDeactivate, "contain_last": plan.ActMint, "grace": plan.ActDeactivate, "person_steps": plan.ActTask,
		"migrate": plan.ActPut, "reencrypt": plan.ActPut, "reencrypt_leaked": plan.ActMint, "reencrypt_ended": plan.ActPut, "kept": "", "brief": plan.ActTask, "window_chosen": plan.ActMint, "window_silent": plan.ActMint, "by_person": plan.ActTask, "alternative": plan.ActMint, "alternative_elsewhere": plan.ActMint, "alternative_back": plan.ActTask,
		"alternative_leaked": plan.ActMint, "config": "", "human_mint": plan.ActRevoke,
		"shadows_compromised": plan.ActMint, "accept_found": "", "pauses_compromised": plan.ActMint,
	}
	each(t, func(t *testing.T, s scenario, p *plan.Plan) {
		act, ok := want[s.name]
		if !ok {
			act = plan.ActRevoke
			if s.name == "window_compromised" {
				act = plan.ActMint
			}
			if s.name == "grace_by_hand" {
				act = plan.ActDeactivate
			}
		}
		if act == "" {
			if p.NoReturn != "" {
				t.Errorf("%s is called the point of no return; everything can be undone", p.NoReturn)
			}
			return
		}
		step, ok := p.Step(p.NoReturn)
		if !ok || step.Act != act {
			t.Fatalf("the point of no return is %q, want a step that does %s", p.NoReturn, act)
		}
		for i := range p.Steps {
			if before := &p.Steps[i]; before.ID == p.NoReturn {
				break
			} else if ends(before) {
				t.Errorf("%s cannot be taken back and comes before %s", before.ID, p.NoReturn)
			}
		}
	})
}

// TestMixedGroupTurnsBackBetweenMints holds that of a group in which one
// issuer replaces its value, the others' new credentials do not stay behind
// when the rotation turns back before that mint.
func TestMixedGroupTurnsBackBetweenMints(t *testing.T) {
	e := parse(t, []byte(`pawl: 1
estate: acme
connections: {lab: {driver: lab, credential: env:LAB}}
secrets:
  A: {issuer: {use: lab, kind: key}, locations: [{use: lab, kind: value, name: a}], checks: "none: test"}
  B: {issuer: {use: lab, kind: replaced}, locations: [{use: lab, kind: value, name: b}], checks: "none: test"}
groups: {pair: {secrets: [A, B], why: they must match}}
`))
	p := scenario{secrets: []pawl.SecretName{"A", "B"}, known: held}.make(t, e, now())
	if len(p.Undo) != 1 || p.Undo[0].Act != plan.ActDiscard || p.Undo[0].Secret != "A" {
		t.Errorf("undo is %+v, want the end of A's new credential alone", p.Undo)
	}
	if step, _ := p.Step(p.NoReturn); step == nil || step.Act != plan.ActMint || step.Secret != "B" {
		t.Errorf("the point of no return is %s, want B's mint", p.NoReturn)
	}
}

// TestExpiryIsFinal holds that an old version which the issuer ends by itself
// is not counted on once pawl watches it go.
func TestExpiryIsFinal(t *testing.T) {
	e := parse(t, []byte(`pawl: 1
estate: acme
connections: {lab: {driver: lab, credential: env:LAB}}
secrets:
  A: {issuer: {use: lab, kind: key}, locations: [{use: lab, kind: value, name: a}], checks: "none: test", retire: {mode: expire}}
`))
	p := scenario{secrets: []pawl.SecretName{"A"}, known: held}.make(t, e, now())
	if step, _ := p.Step(p.NoReturn); step == nil || step.Act != plan.ActRefused {
		t.Errorf("the point of no return is %q, want the watch for the refusal", p.NoReturn)
	}
	if len(p.Undo) != 2 {
		t.Errorf("undo has %d steps, want the write put back and the new one discarded", len(p.Undo))
	}
}

// TestWhatIsStoppedIsStarted holds that each stop is followed by a start, in
// the plan and on every way back from it: the way back of a stop before the
// point of no return is a start in the last stage, and that of a start another
// stop, before anything else is put back that was changed before it.
func TestWhatIsStoppedIsStarted(t *testing.T) {
	stops := 0
	each(t, func(t *testing.T, _ scenario, p *plan.Plan) {
		past := false
		for i := range p.Steps {
			step := &p.Steps[i]
			past = past || step.ID == p.NoReturn
			switch step.Act {
			case plan.ActStop:
				stops++
				if !slices.ContainsFunc(p.Steps[i:], func(s plan.Step) bool { return s.Act == plan.ActStart && s.Of == step.ID && s.Stage > step.Stage }) {
					t.Errorf("%s is never started again", step.ID)
				}
				if inverse(p, step.ID, plan.ActStart) == nil != past {
					t.Errorf("%s is stopped and past the point of no return is %t; the undo has %+v", step.ID, past, inverse(p, step.ID, plan.ActStart))
				}
			case plan.ActStart:
				if again := inverse(p, step.ID, plan.ActStop); again == nil != past {
					t.Errorf("%s starts and past the point of no return is %t; the undo has %+v", step.ID, past, again)
				} else if again != nil && inverse(p, step.Of, plan.ActStart).Stage != p.Undo[len(p.Undo)-1].Stage {
					t.Errorf("%s does not come last of all", inverse(p, step.Of, plan.ActStart).ID)
				}
			}
		}
	})
	if stops < 5 {
		t.Errorf("only %d steps stop something: the scenarios do not show much", stops)
	}
}

// inverse finds the undo step of an act that reverses a step.
func inverse(p *plan.Plan, id string, act plan.Act) *plan.Step {
	i := slices.IndexFunc(p.Undo, func(u plan.Step) bool { return u.Reverses == id && u.Act == act })
	if i < 0 {
		return nil
	}
	return &p.Undo[i]
}

// TestNothingIsStoppedThatCannotBeStarted holds that both places of what is
// stopped in preflight are reached in an earlier stage.
func TestNothingIsStoppedThatCannotBeStarted(t *testing.T) {
	s := scenario{file: "pauses", secrets: []pawl.SecretName{"KEY"}, known: held}
	p := s.make(t, s.load(t), now())
	stop, _ := p.Step("stop-1")
	reached := 0
	for i := range p.Steps {
		if step := &p.Steps[i]; step.Act == plan.ActProbe && step.Stage < stop.Stage {
			reached++
		}
	}
	if stop.Phase != pawl.Preflight || reached != 2 {
		t.Errorf("%d places are reached before %s (%s); want 2, in preflight", reached, stop.ID, stop.Phase)
	}
}

// TestUndoWaitsForNoDeployment holds that what is put back is loaded by pawl
// itself where the estate says how, within minutes, and in the old way elsewhere.
func TestUndoWaitsForNoDeployment(t *testing.T) {
	s := scenario{file: "deploy", secrets: []pawl.SecretName{"KEY"}, known: held}
	p := s.make(t, s.load(t), now())
	want := map[string]plan.Step{
		"acme-web":  {Activate: "next_deploy", Within: plan.DeployWithin},
		"acme-jobs": {Activate: "rolling", Within: plan.ActivateWithin, Acts: true},
		"acme-api":  {Activate: "rolling", Within: time.Hour, Acts: true},
	}
	for _, u := range p.Undo {
		app := u.Place.Settings.String("app")
		w, ok := want[app]
		if u.Act != plan.ActActivate || !ok {
			continue
		}
		delete(want, app)
		if u.Activate != w.Activate || u.Within != w.Within || u.Acts != w.Acts || u.Undo != "" {
			t.Errorf("%s: %s within %s, acts %t; want %s within %s, acts %t", app, u.Activate, u.Within, u.Acts, w.Activate, w.Within, w.Acts)
		}
	}
	if len(want) > 0 {
		t.Errorf("no undo loads it at %v", want)
	}
}
