package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/plan"
)

// halt stops other automation, or starts it again: by a call, which is made
// again when its answer was lost, or by asking a person. It is not shown the
// value.
func (j *job) halt(ctx context.Context) {
	if j.step.Task != nil {
		j.ask()
		return
	}
	port, err := j.port(ctx)
	if j.failed(ctx, err) {
		return
	}
	f, err := port.Check(ctx, driver.CheckRequest{Target: j.target(), Since: j.since(), Resume: j.st.Resume})
	if j.failed(ctx, halting(j.step.Title, err)) {
		return
	}
	switch f.State {
	case driver.Passed:
		j.ok(Entry{Detail: f.Detail})
		return
	case driver.Pending:
		j.pending(f.After, f.Resume, f.Detail)
		return
	}
	e := &driver.Error{Op: j.step.Title, Kind: driver.Invalid, Effect: pawl.EffectUnknown, Why: "the expected result is not there: " + f.Detail, Next: f.Link}
	if !f.Final && j.st.Tries+1 < tries(j.step, e) {
		j.again(e)
	} else {
		j.fail(e)
	}
	j.entries[len(j.entries)-1].Resume = "" // tried again, it begins anew
}

// halting gives the error of a call that stops or starts something. Kinds that
// usually only look say of each failure that it changed nothing, which is not
// so here, unless the call was refused before anything could happen.
func halting(op string, err error) error {
	e := driver.AsError(op, err)
	if e == nil {
		return nil
	}
	switch e.Kind {
	case driver.Denied, driver.Unauthenticated, driver.NotFound, driver.Unsupported:
	default:
		if e.Effect == pawl.EffectNone {
			e.Effect = pawl.EffectUnknown
		}
	}
	return e
}

// halts reports whether a step stops other automation or starts it again.
func halts(step *plan.Step) bool { return step.Act == plan.ActStop || step.Act == plan.ActStart }

// handled reports whether people may have stopped or started something: they
// were asked to, or have waived a call that failed, since they saw to it.
func (s *State) handled(id string) bool {
	step, ok := s.Plan.Step(id)
	st, known := s.Steps[id]
	return ok && known && halts(step) && (st.Waived || step.Task != nil && !st.AnnouncedAt.IsZero())
}

// Stopped is other automation that a rotation has stopped, or may have.
type Stopped struct {
	Step  string // the step that stops it
	Title string
	Since time.Time
}

// Stopped lists what is not started again yet. Nothing is left once a rotation
// has ended.
func (s *State) Stopped() []Stopped {
	if s.Outcome == pawl.Done || s.Outcome == pawl.Undone {
		return nil
	}
	var list []Stopped
	for i := range s.Plan.Steps {
		if step := &s.Plan.Steps[i]; step.Act == plan.ActStop && s.reached(step.ID) && !s.running(step.ID) {
			list = append(list, Stopped{Step: step.ID, Title: step.Title, Since: s.Step(step.ID).AnnouncedAt})
		}
	}
	return list
}

// reached reports whether a stop or a start may have happened.
func (s *State) reached(id string) bool { return s.touched(id) || s.handled(id) }

// running reports whether what a step has stopped was started again since, and
// not stopped once more on the way back.
func (s *State) running(stop string) bool {
	forward := false
	for i := range s.Plan.Steps {
		if step := &s.Plan.Steps[i]; step.Act == plan.ActStart && step.Of == stop {
			forward = s.Step(step.ID).Status == StatusDone && !s.undone(step.ID, false)
		}
	}
	return forward || s.undone(stop, true)
}

// undone reports whether the inverse of a stop or a start may have happened or,
// if it must be, is done.
func (s *State) undone(id string, done bool) bool {
	return slices.ContainsFunc(s.Plan.Undo, func(u plan.Step) bool {
		return u.Reverses == id && halts(&u) && (s.Step(u.ID).Status == StatusDone || !done && s.reached(u.ID))
	})
}

// unstarted says what goes on after a start that failed: try again, or start
// it by other means and say so.
func (s *session) unstarted(step *plan.Step) string {
	return fmt.Sprintf("pawl resume %s, or start it by hand and: pawl approve %s --waive %s --reason 'started by hand'", s.state.ID, s.state.ID, step.ID)
}
