package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// TestStagesAndPhasesNeverGoBack holds the one skeleton: stages rise, and so
// do phases, each phase with stages of its own.
func TestStagesAndPhasesNeverGoBack(t *testing.T) {
	each(t, func(t *testing.T, _ scenario, p *plan.Plan) {
		ids := map[string]bool{}
		for _, list := range [][]plan.Step{p.Steps, p.Undo} {
			for i := range list {
				step := &list[i]
				if ids[step.ID] {
					t.Errorf("two steps are %s", step.ID)
				}
				ids[step.ID] = true
				if i > 0 && step.Stage < list[i-1].Stage {
					t.Errorf("%s is in stage %d, after stage %d", step.ID, step.Stage, list[i-1].Stage)
				}
				if step.Title == "" || step.Attempts < 1 {
					t.Errorf("%s has no title or no attempt", step.ID)
				}
			}
		}
		for i := 1; i < len(p.Steps); i++ {
			a, b := &p.Steps[i-1], &p.Steps[i]
			if order(b.Phase) < order(a.Phase) || a.Phase != b.Phase && a.Stage == b.Stage {
				t.Errorf("%s (%s, stage %d) comes before %s (%s, stage %d)", a.ID, a.Phase, a.Stage, b.ID, b.Phase, b.Stage)
			}
		}
	})
}

func order(p pawl.Phase) int { return slices.Index(pawl.Phases(), p) }

// ends reports whether a step ends or disables an old version, by a call or by
// a person's hand.
func ends(s *plan.Step) bool {
	return s.Act == plan.ActRevoke || s.Act == plan.ActDeactivate || s.Act == plan.ActTask && s.Phase == pawl.Retire
}

// TestNothingEndsEarly holds P1 in the plan: where nothing has leaked, every
// write, activation and check with the new version stands in an earlier stage
// than whatever ends an old one, for all secrets of the rotation.
func TestNothingEndsEarly(t *testing.T) {
	ended := 0
	each(t, func(t *testing.T, _ scenario, p *plan.Plan) {
		if p.Mode == plan.Compromised {
			return
		}
		for i := range p.Steps {
			end := &p.Steps[i]
			if !ends(end) {
				continue
			}
			ended++
			for j := range p.Steps {
				before := &p.Steps[j]
				if must(before) && before.Stage >= end.Stage {
					t.Errorf("%s is in stage %d, and %s ends a version in stage %d", before.ID, before.Stage, end.ID, end.Stage)
				}
			}
		}
	})
	if ended < 10 {
		t.Errorf("only %d steps end a version: the scenarios do not show much", ended)
	}
}

// must reports whether a step has to have passed before a version ends.
func must(s *plan.Step) bool {
	switch s.Phase {
	case pawl.Retire, pawl.Confirm:
		return false
	default:
		return true
	}
}

// TestLeakDoesNotWait holds that a compromised plan has no soak, no overlap,
// no drain, no grace, that something always ends or replaces the version that
// has leaked, and that nothing comes after a wait for backups.
func TestLeakDoesNotWait(t *testing.T) {
	for _, s := range scenarios() {
		if s.name == "config" {
			continue // it protects nothing
		}
		s.mode = plan.Compromised
		t.Run(s.name, func(t *testing.T) {
			p := s.make(t, s.load(t), now())
			if slices.ContainsFunc(p.Undo, func(s plan.Step) bool { return s.Act != plan.ActStart && s.Act != plan.ActStop }) {
				t.Error("a leaked value can come back")
			}
			for i := range p.Steps {
				step := &p.Steps[i]
				last := i == len(p.Steps)-1 && step.Phase == pawl.Confirm
				if step.Act == plan.ActUnused || step.Act == plan.ActWait && !last && step.Phase != pawl.Widen && step.Phase != pawl.Switch {
					t.Errorf("%s waits: %s", step.ID, step.Title)
				}
			}
			for i := range p.Subjects {
				if sub := &p.Subjects[i]; !over(p, sub) {
					t.Errorf("nothing ends version %d of %s", sub.From, sub.Secret)
				}
			}
		})
	}
}

// over reports whether a plan ends the old version of a subject somehow.
func over(p *plan.Plan, sub *plan.Subject) bool {
	if sub.Facts.Overlap != estate.SideBySide || sub.Facts.Mint == estate.Locally {
		return true // the mint or the switch does
	}
	return slices.ContainsFunc(p.Steps, func(s plan.Step) bool {
		return s.Secret == sub.Secret && (s.Act == plan.ActRevoke || s.Act == plan.ActTask && (s.Phase == pawl.Retire || s.Phase == pawl.Contain))
	})
}

// TestContainFirst holds that a version that is to be contained first is
// disabled before anything else is changed.
func TestContainFirst(t *testing.T) {
	s := scenario{file: "contain_first", secrets: []pawl.SecretName{"KEY"}, known: held, mode: plan.Compromised}
	p := s.make(t, s.load(t), now())
	first := slices.IndexFunc(p.Steps, func(s plan.Step) bool { return s.Acts })
	if first < 0 || p.Steps[first].Act != plan.ActDeactivate || p.Steps[first].Phase != pawl.Contain {
		t.Errorf("the first change is %+v", p.Steps[first])
	}
	if p.NoReturn != p.Steps[first].ID {
		t.Errorf("the point of no return is %s, not %s", p.NoReturn, p.Steps[first].ID)
	}
}

// TestActivationsFollowTheirWrites holds that a consumer is told to load a
// value only after it was written.
func TestActivationsFollowTheirWrites(t *testing.T) {
	each(t, func(t *testing.T, _ scenario, p *plan.Plan) {
		for _, list := range [][]plan.Step{p.Steps, p.Undo} {
			for i := range list {
				step := &list[i]
				if step.Of == "" || step.Act == plan.ActStart {
					continue
				}
				put, ok := p.Step(step.Of)
				if !ok || put.Act != plan.ActPut && put.Act != plan.ActDiscover || put.Stage >= step.Stage {
					t.Errorf("%s is of %q, which is no earlier write", step.ID, step.Of)
				}
			}
		}
	})
}

// TestVerifiersHoldBothMeanwhile holds that verifiers accept both versions
// before the first client has the new one, and the new one alone only after
// the last; and that a version that is contained first is accepted by none.
func TestVerifiersHoldBothMeanwhile(t *testing.T) {
	s := scenario{file: "accept_list", secrets: []pawl.SecretName{"KEY"}, known: held}
	p := s.make(t, s.load(t), now())
	var got []string
	for i := range p.Steps {
		if step := &p.Steps[i]; step.Act == plan.ActPut {
			got = append(got, fmt.Sprintf("%s %s %t", step.Phase, step.Content, step.Accepts))
		}
	}
	if want := []string{"widen old+new true", "switch new false", "narrow new true"}; !slices.Equal(got, want) {
		t.Errorf("writes are %q, want %q", got, want)
	}
	e := s.load(t)
	key, _ := e.Secret("KEY")
	key.Compromised.Contain = estate.ContainFirst
	s.mode = plan.Compromised
	for _, step := range s.make(t, e, now()).Steps {
		if step.Act == plan.ActPut && step.Content != plan.ContentNew {
			t.Errorf("%s writes %s, and the old version has leaked", step.ID, step.Content)
		}
	}
}

// TestReplacedIsWrittenAtOnce holds that where the old version dies at mint,
// all consumers get the new one side by side.
func TestReplacedIsWrittenAtOnce(t *testing.T) {
	s := scenario{file: "replaced", secrets: []pawl.SecretName{"KEY"}, known: held}
	p := s.make(t, s.load(t), now())
	stages := map[int]bool{}
	for i := range p.Steps {
		if p.Steps[i].Act == plan.ActPut {
			stages[p.Steps[i].Stage] = true
		}
	}
	if len(stages) != 1 {
		t.Errorf("writes stand in %d stages, want 1", len(stages))
	}
}

// TestPlacesAreProvenBeforeTheNext holds that what comes after a write, at each
// place of a discovery too, is done before anything else is written, and that
// consumers load in order.
func TestPlacesAreProvenBeforeTheNext(t *testing.T) {
	for name, want := range map[string][]string{
		"consumers":       {"put-1", "activate-1", "activate-2 activate-3", "task-1", "check-1 check-2", "put-2 put-3", "activate-4", "task-2 accepted-2"},
		"consumers_found": {"discover-1", "put-1.one put-1.two", "activate-1.one activate-1.two", "activate-2", "check-1", "put-2"},
	} {
		s := scenario{file: name, secrets: []pawl.SecretName{"KEY"}, known: held}
		p := s.make(t, s.load(t), now()).Expand("discover-1", []estate.Settings{{"app": "one"}, {"app": "two"}})
		if name == "consumers" {
			p = s.make(t, s.load(t), now())
		}
		var got []string
		stage := -1
		for i := range p.Steps {
			step := &p.Steps[i]
			switch {
			case step.Phase != pawl.Switch:
			case step.Stage == stage:
				got[len(got)-1] += " " + step.ID
			default:
				got, stage = append(got, step.ID), step.Stage
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the stages of the switch are %q, want %q", name, got, want)
		}
	}
}
