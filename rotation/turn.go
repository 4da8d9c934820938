package rotation

import (
	"context"
	"fmt"
	"slices"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
)

// giveUp decides what a step that failed for good means. Before anything was
// changed the rotation ends. What cannot be started again holds: all else may
// have gone well, and turning back would not start it. Where there is a way back it turns back, unless
// the failure is an outage, which may pass, or the estate says to hold.
// Everywhere else it holds: a person decides.
func (s *session) giveUp(step *plan.Step) {
	st := s.state.Step(step.ID)
	why := fmt.Sprintf("%s: %s", step.ID, st.Why)
	switch {
	case s.e.Mutant == mutant.SilentFailure:
		s.record(Entry{Kind: KindOutcome, Step: step.ID, Result: ResultOK, Effect: st.Effect})
	case step.Act == plan.ActStart && s.e.Mutant != mutant.UndoUnstarted:
		s.hold(why, s.unstarted(step))
	case s.state.Undoing:
		s.hold(why, fmt.Sprintf("pawl resume %s", s.state.ID))
	case !s.state.changed():
		s.turnBack(why, 0)
	case s.state.PastReturn():
		s.hold(why, fmt.Sprintf("pawl resume %s", s.state.ID))
	case passing(st.ErrorKind) || s.state.Plan.OnFailure == estate.HoldOnFailure || len(s.blockers()) > 0:
		s.hold(why, fmt.Sprintf("pawl resume %s, or: pawl undo %s", s.state.ID, s.state.ID))
	default:
		s.turnBack(why, 0)
	}
}

// passing reports whether a failure may pass by itself. A place that answers
// nonsense is not out: it will not get better by waiting.
func passing(k driver.ErrorKind) bool {
	return k == driver.Unavailable || k == driver.Limited || k == driver.Conflict || k == driver.Unauthenticated
}

func (s *session) hold(why, next string) {
	s.record(Entry{Kind: KindHeld, Why: why, Next: next})
}

// turnBack starts undoing, unless that is impossible now. answers is the Seq of
// the last word of a person that it obeys, 0 when nobody asked for it.
func (s *session) turnBack(why string, answers int64) {
	next := fmt.Sprintf("pawl resume %s", s.state.ID)
	switch {
	case s.state.Undoing:
		s.record(Entry{Kind: KindResumed, Why: why, Answers: answers})
	case s.state.PastReturn():
		s.record(Entry{Kind: KindHeld, Why: "it cannot be undone any more: " + why, Next: next, Answers: answers})
	default:
		if blocked := s.blockers(); len(blocked) > 0 {
			s.record(Entry{Kind: KindHeld, Why: fmt.Sprintf("it cannot be undone: pawl does not hold the old value that %v had; %s", blocked, why), Next: next, Answers: answers})
			return
		}
		s.record(Entry{Kind: KindUndoing, Why: why, Answers: answers})
		s.demote()
	}
}

// demote takes back what promote said: a connection whose credential is one of
// these secrets must not use a version that is about to be ended. Where the
// old version was never on record there is nothing to go back to.
func (s *session) demote() {
	s.promoted = false
	for i := range s.state.Plan.Subjects {
		if sub := &s.state.Plan.Subjects[i]; s.state.minted(sub.Secret) && s.oldHeld(sub.Secret) {
			s.keep(VersionChange{Secret: sub.Secret, Version: sub.From, State: VersionCurrent},
				VersionChange{Secret: sub.Secret, Version: sub.To, State: VersionMinted})
		}
	}
}

// blockers lists the writes that cannot be put back: a copy was there before
// and its value is not held.
func (s *session) blockers() []string {
	var blocked []string
	for i := range s.state.Plan.Steps {
		step := &s.state.Plan.Steps[i]
		st := s.state.Step(step.ID)
		if step.Act != plan.ActPut || !s.state.touched(step.ID) {
			continue
		}
		absent := st.Before != nil && !st.Before.Exists && step.Removes
		if !absent && !s.oldHeld(step.Secret) || !s.reversed(step.ID) {
			blocked = append(blocked, step.ID)
		}
	}
	return blocked
}

func (s *session) reversed(id string) bool {
	return slices.ContainsFunc(s.state.Plan.Undo, func(u plan.Step) bool { return u.Reverses == id })
}

// oldHeld reports whether the value that a secret had before is held. When
// the store cannot say, it is not: the rotation holds rather than guesses.
func (s *session) oldHeld(name pawl.SecretName) bool {
	sub, ok := s.state.Plan.Subject(name)
	if !ok {
		return false
	}
	sealed, err := s.e.Store.Sealed(context.Background(), name, sub.From)
	return err == nil && len(sealed) > 0
}

// promote makes the new versions current once everything up to their proof
// is done: from here on they are what the secret is.
func (s *session) promote(step *plan.Step) {
	if s.state.Undoing || !after(step.Phase, pawl.Prove) || s.promoted {
		return
	}
	s.promoted = true
	for i := range s.state.Plan.Subjects {
		sub := &s.state.Plan.Subjects[i]
		s.keep(VersionChange{Secret: sub.Secret, Version: sub.To, State: VersionCurrent},
			VersionChange{Secret: sub.Secret, Version: sub.From, State: VersionPrevious})
	}
}

func after(p, q pawl.Phase) bool {
	return slices.Index(pawl.Phases(), p) > slices.Index(pawl.Phases(), q)
}

// close ends the rotation and says what became of its versions.
func (s *session) close(ctx context.Context) error {
	outcome := pawl.Done
	if s.state.Undoing {
		outcome = pawl.Undone
	}
	for i := range s.state.Plan.Subjects {
		if err := s.settle(ctx, &s.state.Plan.Subjects[i], outcome); err != nil {
			return err
		}
	}
	s.record(Entry{Kind: KindClosed, Outcome: outcome, Why: s.state.Why})
	return s.flush(ctx, true)
}

// settle gives the versions of a secret their last states. The sealed value
// of the one before is kept until the rotation after the next, unless the
// estate wants no escrow.
func (s *session) settle(ctx context.Context, sub *plan.Subject, outcome pawl.Outcome) error {
	rows, err := s.e.Store.Versions(ctx, sub.Secret)
	if err != nil {
		return err
	}
	if outcome == pawl.Undone {
		s.keep(VersionChange{Secret: sub.Secret, Version: sub.To, State: VersionDiscarded, Forget: true})
		if slices.ContainsFunc(rows, func(r VersionRow) bool { return r.Version == sub.From }) {
			s.keep(VersionChange{Secret: sub.Secret, Version: sub.From, State: VersionCurrent})
		}
		return nil
	}
	s.keep(VersionChange{Secret: sub.Secret, Version: sub.To, State: VersionCurrent})
	for _, r := range rows {
		switch {
		case r.Version == sub.From:
			s.keep(VersionChange{Secret: sub.Secret, Version: r.Version, State: VersionRetired, Forget: sub.Escrow == estate.EscrowNone})
		case r.Version < sub.From && r.Held:
			s.keep(VersionChange{Secret: sub.Secret, Version: r.Version, Forget: true})
		}
	}
	return nil
}
