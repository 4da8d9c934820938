package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
)

// session is one process at work on one rotation: the lease it holds, the
// state, and entries that wait to be stored with the next intent.
//
// An outcome that carries nothing that could be lost is stored together with
// the intent that follows it: one synced write a step instead of two. If the
// process dies in between, the step is found announced and is looked at or
// repeated, as after any crash.
type session struct {
	e     *Engine
	lease Lease
	state *State
	held  Commit    // not yet stored
	read  time.Time // when the account was last read

	promoted bool // the new versions were made current by this session
}

// begin takes the lease and reads the account.
func (e *Engine) begin(ctx context.Context, id pawl.RotationID) (*session, error) {
	lease, err := e.acquire(ctx, id)
	if err != nil {
		return nil, err
	}
	s := &session{e: e, lease: lease}
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, e.Store.Release(ctx, lease)) // nothing was done: another may have it at once
	}
	return s, nil
}

// ready reads the account and refuses one that this process cannot go on with.
func (s *session) ready(ctx context.Context) error {
	if err := s.reload(ctx); err != nil {
		return err
	}
	id := s.lease.Rotation
	if behind := s.state.Behind(s.e.Now()); behind > 0 {
		return &pawl.Error{Code: pawl.CodeFailed, Op: "go on with", On: string(id),
			Why:  fmt.Sprintf("this machine's clock is %s behind the journal", behind.Round(time.Second)),
			Next: fmt.Sprintf("set the clock; if it is right and the journal's is not: pawl resume %s", id)}
	}
	return nil
}

// reload reads the account again. What is held and not yet stored comes after it.
func (s *session) reload(ctx context.Context) error {
	a, err := s.e.Store.Load(ctx, s.lease.Rotation)
	if err != nil {
		return err
	}
	var known *plan.Plan
	if s.state != nil {
		known = s.state.pinned
	}
	state, err := fold(a, known)
	if err != nil {
		return err
	}
	for _, entry := range s.held.Entries {
		state.apply(entry)
	}
	if s.state != nil {
		state.keepPolls(s.state)
	}
	s.state, s.read = state, s.e.Now()
	return nil
}

// record adds entries to what is stored next and moves the state by them.
func (s *session) record(entries ...Entry) {
	now := s.e.Now()
	for _, entry := range entries {
		entry.Rotation, entry.Fence, entry.Actor = s.lease.Rotation, s.lease.Fence, s.e.Holder
		if entry.Time.IsZero() {
			entry.Time = now
		}
		s.held.Entries = append(s.held.Entries, entry)
		s.state.apply(entry)
	}
}

func (s *session) keep(changes ...VersionChange) {
	for _, c := range changes {
		c.At = s.e.Now()
		s.held.Versions = append(s.held.Versions, c)
	}
}

// flush stores what is held. With release it gives the lease back too. Looks
// at something pending leave nothing to store; the lease must outlive them.
func (s *session) flush(ctx context.Context, release bool) error {
	if len(s.held.Entries) == 0 && len(s.held.Versions) == 0 {
		switch {
		case release:
			return s.e.Store.Release(ctx, s.lease)
		case s.lease.Expires.Sub(s.e.Now()) > s.e.ttl()/2:
			return nil
		}
	}
	c := s.held
	c.Outcome, c.Release = s.state.Outcome, release
	return s.store(ctx, c)
}

func (s *session) store(ctx context.Context, c Commit) error {
	c.Expires = s.e.Now().Add(s.e.ttl())
	if err := s.e.Store.Append(ctx, s.lease, c); err != nil {
		return err
	}
	s.lease.Expires = c.Expires
	s.held = Commit{}
	if s.e.Observe != nil {
		for _, entry := range c.Entries {
			s.e.Observe(entry, s.state)
		}
	}
	return nil
}

// turn does what is due now. Words of people come first, then the current
// stage; a rotation with no stage left is closed.
func (s *session) turn(ctx context.Context) (Wait, error) {
	if err := s.listen(ctx); err != nil {
		return Wait{}, err
	}
	switch s.state.Outcome {
	case pawl.Done, pawl.Undone:
		return Wait{For: ForEver}, nil
	}
	s.late() // a deadline runs also while nobody goes on
	if s.state.Outcome == pawl.Held {
		return Wait{For: ForPerson}, nil
	}
	stage := s.state.current()
	if len(stage) == 0 {
		return s.finish(ctx)
	}
	if failed := s.failed(stage); failed != nil {
		s.giveUp(failed)
		return Wait{For: ForNothing}, nil
	}
	due, wait := s.due(stage)
	if len(due) == 0 {
		return wait, nil
	}
	return Wait{For: ForNothing}, s.perform(ctx, due)
}

// listen reads what people said since, at most once a second, and obeys. A word
// to turn back comes first: whoever said it may not have seen the others, and it
// keeps more.
func (s *session) listen(ctx context.Context) error {
	if since := s.e.Now().Sub(s.read); since >= time.Second || since < 0 {
		if err := s.reload(ctx); err != nil {
			return err
		}
	}
	var heard int64
	for _, sig := range s.state.Signals {
		heard = max(heard, sig.Seq)
	}
	if sig, ok := s.state.said(WordUndo); ok {
		s.turnBack(fmt.Sprintf("%s said so: %s", sig.Actor, sig.Why), heard)
		return nil
	}
	if s.waive(heard) {
		return nil
	}
	if sig, ok := s.state.said(WordResume); ok {
		s.record(Entry{Kind: KindResumed, Why: fmt.Sprintf("%s said so", sig.Actor), Answers: heard})
	}
	return nil
}

// finish closes the rotation, unless somebody has said to turn back and that is
// still possible: closing is a point of no return too.
func (s *session) finish(ctx context.Context) (Wait, error) {
	if !s.state.Undoing && !s.state.PastReturn() && s.e.Mutant != mutant.HearLate {
		if err := s.reload(ctx); err != nil {
			return Wait{}, err
		}
		if _, said := s.state.said(WordUndo); said {
			return Wait{For: ForNothing}, nil
		}
	}
	return Wait{For: ForEver}, s.close(ctx)
}

// turnedBack reads what people said since, when one of the jobs is the point of
// no return and is about to be announced, and reports whether one of them said
// to turn back: this is the last moment at which that can be heard.
func (s *session) turnedBack(ctx context.Context, jobs []*job) (bool, error) {
	passes := slices.ContainsFunc(jobs, func(j *job) bool { return j.step.ID == s.state.Plan.NoReturn && !j.over })
	if !passes || s.state.PastReturn() || s.e.Mutant == mutant.HearLate {
		return false, nil
	}
	if err := s.reload(ctx); err != nil {
		return false, err
	}
	for _, j := range jobs {
		j.st = s.state.Step(j.step.ID)
	}
	_, said := s.state.said(WordUndo)
	return said, nil
}

// waive does without a step that a person has waived by name.
func (s *session) waive(heard int64) bool {
	i := slices.IndexFunc(s.state.Signals, func(sig Entry) bool { return sig.Word == WordWaive && s.waivable(sig.Step) })
	if i < 0 {
		return false
	}
	sig := s.state.Signals[i]
	s.record(Entry{Kind: KindOutcome, Step: sig.Step, Result: ResultWaived, Effect: s.state.Step(sig.Step).Effect,
		Detail: fmt.Sprintf("waived by %s: %s", sig.Actor, sig.Why)})
	if s.state.Outcome == pawl.Held {
		s.record(Entry{Kind: KindResumed, Why: fmt.Sprintf("%s waived %s", sig.Actor, sig.Step), Answers: heard})
	}
	return true
}

// waivable reports whether a step is a proof or a wait of the current stage,
// which a person may do without, or the end of a credential that the person
// has seen to. Nothing else that changes something can be waived.
func (s *session) waivable(id string) bool {
	for _, step := range s.state.current() {
		if step.ID == id {
			return !mutates(step)
		}
	}
	return false
}

func (s *session) failed(stage []*plan.Step) *plan.Step {
	for _, step := range stage {
		if s.state.Step(step.ID).Status == StatusFailed {
			return step
		}
	}
	return nil
}

// due splits a stage into the steps that can act now and, if there are none,
// what they wait for.
func (s *session) due(stage []*plan.Step) ([]*plan.Step, Wait) {
	now := s.e.Now()
	var due []*plan.Step
	wait := Wait{For: ForPerson}
	for _, step := range stage {
		st := s.state.Step(step.ID)
		switch {
		case s.asks(step, st):
			wait.Step = step.ID
		case st.timer() && st.Until.After(now):
			wait = wait.earlier(st.Until, step.ID)
		case st.NotBefore.After(now):
			wait = wait.earlier(st.NotBefore, step.ID)
		default:
			due = append(due, step)
		}
	}
	return due, wait
}

// rest gives what a turn that has acted leaves to wait for. When something
// pending is due again may be known to this process alone: a look that brought
// nothing new is not on record.
func (s *session) rest() Wait {
	stage := s.state.current()
	if s.state.Outcome != pawl.Open || len(stage) == 0 || s.failed(stage) != nil {
		return Wait{For: ForNothing}
	}
	due, wait := s.due(stage)
	if len(due) > 0 {
		return Wait{For: ForNothing}
	}
	return wait
}

func (st *StepState) timer() bool { return st.Status == StatusWaiting && st.Resume == resumeTimer }

// asks reports whether a step waits for a person who has not spoken.
func (s *session) asks(step *plan.Step, st *StepState) bool {
	if st.Status != StatusWaiting || st.Resume != resumePerson {
		return false
	}
	_, spoken := s.state.signal(step.ID, WordApprove, WordDecline, WordProvide, WordChoose)
	return !spoken
}

// resumePerson marks a wait that only a person ends.
const resumePerson = "person"

func (w Wait) earlier(t time.Time, step string) Wait {
	if w.For != ForTime || t.Before(w.Until) {
		return Wait{For: ForTime, Until: t, Step: step}
	}
	return w
}

// perform reads what the intents must say, announces the steps, stores that,
// acts, and records what came of it.
func (s *session) perform(ctx context.Context, due []*plan.Step) error {
	jobs := make([]*job, len(due))
	for i, step := range due {
		jobs[i] = &job{s: s, step: step, st: s.state.Step(step.ID)}
	}
	s.each(jobs, func(j *job) { j.prepare(ctx) })
	if back, err := s.turnedBack(ctx, jobs); err != nil || back {
		return err
	}
	if err := s.announce(ctx, jobs); err != nil {
		return err
	}
	s.each(jobs, func(j *job) { j.act(ctx) })
	for _, j := range jobs {
		if err := ctx.Err(); err != nil && j.cut {
			return err // the call was cut short by us: it stays announced and is looked at later
		}
		if j.err != nil {
			return j.err
		}
		s.record(j.entries...)
		s.keep(j.versions...)
		if j.poll != nil {
			s.state.apply(*j.poll)
		}
	}
	for _, j := range jobs {
		if j.urgent {
			return s.flush(ctx, false)
		}
	}
	return nil
}

// announce stores the intents of the jobs, with whatever was held before.
// Nothing that changes anything is called before this returned.
func (s *session) announce(ctx context.Context, jobs []*job) error {
	for _, j := range jobs {
		if j.err != nil {
			return j.err
		}
		if !j.over {
			s.promote(j.step)
			s.record(j.intent()...)
		}
		s.record(j.entries...)
		j.entries = nil
	}
	return s.flush(ctx, false)
}

// each runs f for all jobs, side by side up to the engine's bound.
func (s *session) each(jobs []*job, f func(*job)) {
	limit := s.e.Parallel
	if limit == 0 {
		limit = DefaultParallel
	}
	if len(jobs) == 1 || limit == 1 {
		for _, j := range jobs {
			f(j)
		}
		return
	}
	var group sync.WaitGroup
	slots := make(chan struct{}, limit)
	for _, j := range jobs {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			f(j)
		})
	}
	group.Wait()
}

// Asks reports whether the step waits for a person.
func (st *StepState) Asks() bool { return st.Status == StatusWaiting && st.Resume == resumePerson }
