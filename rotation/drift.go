package rotation

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
)

// prepareUnwrite looks whether a place still holds what pawl left there, before
// the old value is put back. What somebody else wrote is not overwritten
// without a person's word.
func (j *job) prepareUnwrite(ctx context.Context) {
	if sig, ok := j.answer(); ok && j.st.Resume == resumePerson {
		if j.over = sig.Word == WordDecline; j.over {
			j.ok(Entry{Effect: pawl.EffectNone, Detail: fmt.Sprintf("left as somebody else wrote it: %s said so: %s", sig.Actor, sig.Why)})
		}
		return
	}
	changed, err := j.changed(ctx, j.step, plan.ContentOld, plan.ContentNew, plan.ContentBoth)
	if j.failed(ctx, err) || j.err != nil {
		j.over = true
		return
	}
	if changed {
		j.over = true
		j.question("approve", fmt.Sprintf("somebody else wrote here since pawl did: %s; approve to write over it, decline to leave it as it is", j.step.Title))
	}
}

// prepareEnd looks whether all places still hold the new version, before the
// old one is ended: hours may have passed since they were written, and a
// deployment may have put the old value back, or somebody given a consumer a
// value of its own.
func (j *job) prepareEnd(ctx context.Context) {
	if j.step.Phase != pawl.Retire || j.st.Attempt > 0 || j.mutant(mutant.EndUnread) {
		return
	}
	if sig, ok := j.answer(); ok && j.st.Resume == resumePerson {
		if j.over = sig.Word == WordDecline; j.over {
			j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Conflict, Effect: pawl.EffectNone, Why: fmt.Sprintf("%s declined: %s", sig.Actor, sig.Why)})
		}
		return
	}
	var places []string
	shadows, err := j.newShadows(ctx)
	if j.failed(ctx, err) || j.err != nil {
		j.over = true
		return
	}
	for _, put := range j.lastWrites() {
		changed, err := j.changed(ctx, put, plan.ContentNew)
		if j.failed(ctx, err) || j.err != nil {
			j.over = true
			return
		}
		if changed {
			places = append(places, strings.TrimPrefix(put.Title, "write "+string(put.Content)+" to "))
		}
	}
	var why []string
	if len(places) > 0 {
		why = append(why, fmt.Sprintf("somebody else wrote to %s since pawl did, and the old version may be in use there", strings.Join(places, ", ")))
	}
	if len(shadows) > 0 {
		why = append(why, fmt.Sprintf("%s since pawl looked: who reads it may still use the old version", told(shadows)))
	}
	if len(why) > 0 {
		j.over = true
		j.question("approve", fmt.Sprintf("%s: %s? approve to end it, decline to hold", strings.Join(why, "; "), j.step.Title))
	}
}

// lastWrites gives the write that came last at each place of the step's secret.
func (j *job) lastWrites() []*plan.Step { return j.s.state.lastWrites(j.step.Secret) }

func (s *State) lastWrites(name pawl.SecretName) []*plan.Step {
	var last []*plan.Step
	for i := range s.Plan.Steps {
		step := &s.Plan.Steps[i]
		if step.Act == plan.ActPut && step.Secret == name && step.Content == plan.ContentNew {
			last = append(last, step)
		}
	}
	return last
}

// changed reports whether a place holds something else than what pawl wrote
// there last: by its value, where the place gives it back, else by what it
// told of that write. Where the end of a write of ours is not known, a digest
// or a time proves nothing about others.
//
// A place that was found and is not there any more holds nothing.
func (j *job) changed(ctx context.Context, put *plan.Step, ours ...plan.Content) (bool, error) {
	changed, err := j.differs(ctx, put, ours...)
	if e := (*driver.Error)(nil); put.Found != "" && errors.As(err, &e) && e.Kind == driver.NotFound {
		return false, nil
	}
	return changed, err
}

func (j *job) differs(ctx context.Context, put *plan.Step, ours ...plan.Content) (bool, error) {
	last, first := j.told(put)
	stands, err := j.stands(ctx, put, last, first, ours...)
	return stands == StandsChanged, err
}

// stands compares a place with what pawl left there: contents of ours, by their
// value, or what the place told of the last write. first is what it told before
// the rotation, which is ours too where several contents are.
func (j *job) stands(ctx context.Context, put *plan.Step, last, first *driver.Receipt, ours ...plan.Content) (Standing, error) {
	if put.Confirm == estate.ByNothing {
		return StandsUntold, nil
	}
	port, err := j.portOf(ctx, put.Place.Connection)
	if err != nil {
		return StandsUntold, err
	}
	target := driver.Target{Kind: put.Place.Kind, Settings: put.Place.Settings}
	if put.Confirm == estate.ByValue {
		return j.standsByValue(ctx, port, target, put, ours)
	}
	if last == nil {
		return StandsUntold, nil
	}
	found, err := port.Stat(ctx, target)
	moved := found.UpdatedAt.After(last.UpdatedAt)
	if put.Confirm == estate.ByDigest {
		moved = found.Digest != last.Digest && (len(ours) == 1 || first == nil || found.Digest != first.Digest)
	}
	switch {
	case err != nil:
		return StandsUntold, err
	case !found.Exists:
		return StandsGone, nil // a copy that is gone is nobody's writing
	case moved:
		return StandsChanged, nil
	default:
		return StandsSame, nil
	}
}

func (j *job) standsByValue(ctx context.Context, port *driver.Port, target driver.Target, put *plan.Step, ours []plan.Content) (Standing, error) {
	found, ok, err := port.Read(ctx, target)
	switch {
	case err != nil:
		return StandsUntold, err
	case !ok:
		return StandsGone, nil
	}
	for _, content := range ours {
		v, err := j.rendering(ctx, put, content)
		if errors.Is(err, ErrNotFound) { // a version whose value pawl does not hold
			continue
		}
		if err != nil {
			j.err = err
			return StandsUntold, nil
		}
		if found.Equal(v) {
			return StandsSame, nil
		}
	}
	return StandsChanged, nil
}

// rendering gives what a put would write with another content.
func (j *job) rendering(ctx context.Context, put *plan.Step, content plan.Content) (secret.Value, error) {
	step := *put
	step.Content = content
	return (&job{s: j.s, step: &step, st: j.st}).content(ctx)
}

// told gives what a place told of the last write of this rotation, and of what
// was there before the first. last is nil when some write of ours has no known
// end, or when there was none.
func (j *job) told(put *plan.Step) (last, first *driver.Receipt) { return j.s.state.told(put) }

func (s *State) told(put *plan.Step) (last, first *driver.Receipt) {
	var at time.Time
	for _, list := range [][]plan.Step{s.Plan.Steps, s.Plan.Undo} {
		for i := range list {
			step := &list[i]
			if step.Act != plan.ActPut || !samePlace(step.Place, put.Place) || !s.touched(step.ID) {
				continue
			}
			st := s.Step(step.ID)
			if st.Status != StatusDone || st.Receipt == nil {
				return nil, first
			}
			if first == nil {
				first = st.Before
			}
			if !st.DoneAt.Before(at) {
				last, at = st.Receipt, st.DoneAt
			}
		}
	}
	return last, first
}

func samePlace(a, b plan.Place) bool {
	return a.Connection == b.Connection && a.Kind == b.Kind && reflect.DeepEqual(a.Settings, b.Settings)
}
