package rotation

import (
	"fmt"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// Deadline is a time by which somebody must have acted, or consumers must have
// the new version. It is shown and alarmed, never enforced: a late answer is
// better than none.
type Deadline struct {
	Step   string // the step that it began with
	Secret pawl.SecretName
	What   string
	At     time.Time
	From   time.Time // when it began to run
}

// Passed reports whether the time is over.
func (d *Deadline) Passed(now time.Time) bool { return !now.Before(d.At) }

// Near reports whether at most a quarter of the time is left.
func (d *Deadline) Near(now time.Time) bool { return d.At.Sub(now) <= d.At.Sub(d.From)/4 }

// Deadlines lists what runs now: tasks that wait for a person and say within
// when, and windows at whose end an issuer ends an old version that is still
// in use. Those of steps that are done are over.
func (s *State) Deadlines() []Deadline {
	if s.Outcome == pawl.Done || s.Outcome == pawl.Undone {
		return nil
	}
	var list []Deadline
	for _, steps := range [][]plan.Step{s.Plan.Steps, s.Plan.Undo} {
		for i := range steps {
			if d, ok := s.deadline(&steps[i]); ok {
				list = append(list, d)
			}
		}
	}
	return list
}

func (s *State) deadline(step *plan.Step) (Deadline, bool) {
	st, ok := s.Steps[step.ID]
	if !ok {
		return Deadline{}, false
	}
	if st.Asks() && step.Task != nil && step.Task.Within > 0 {
		return Deadline{Step: step.ID, Secret: step.Secret, What: step.Title, From: st.AnnouncedAt, At: st.AnnouncedAt.Add(step.Task.Within)}, true
	}
	sub, ok := s.Plan.Subject(step.Secret)
	if !ok || step.Act != plan.ActMint && step.Act != plan.ActProvide || st.Status != StatusDone {
		return Deadline{}, false
	}
	if sub.Facts.Overlap != estate.IssuerWindow || sub.Facts.Window == 0 || sub.MintedAt != "" || s.switched(sub.Secret) {
		return Deadline{}, false
	}
	from := st.DoneAt
	if step.Act == plan.ActMint { // an attempt whose answer was lost may have begun the window
		from = st.AnnouncedAt
	}
	return Deadline{Step: step.ID, Secret: sub.Secret, From: from, At: from.Add(sub.Facts.Window),
		What: fmt.Sprintf("the issuer ends version %d by itself: what does not have version %d by then fails", sub.From, sub.To)}, true
}

// switched reports whether all consumers of a secret have the new version.
func (s *State) switched(name pawl.SecretName) bool {
	for i := range s.Plan.Steps {
		step := &s.Plan.Steps[i]
		if step.Secret == name && (step.Phase == pawl.Widen || step.Phase == pawl.Switch) && s.Step(step.ID).Status != StatusDone {
			return false
		}
	}
	return true
}

// late puts on record, once for each, that a deadline has passed.
func (s *session) late() {
	now := s.e.Now()
	for _, d := range s.state.Deadlines() {
		if d.Passed(now) && !s.state.Step(d.Step).Late {
			s.record(Entry{Kind: KindLate, Step: d.Step, Secret: d.Secret, Detail: d.What, Until: d.At})
		}
	}
}
