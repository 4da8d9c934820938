package rotation

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// State is where a rotation stands: its plan and what the journal says of it.
// It is computed from the account alone, by Fold.
type State struct {
	ID       pawl.RotationID
	Plan     *plan.Plan // with what discoveries have found
	OpenedAt time.Time
	Outcome  pawl.Outcome
	Steps    map[string]*StepState
	Undoing  bool
	Why      string // why it turns back or is held
	Next     string // the command that goes on, when held
	Last     time.Time
	Signals  []Entry // words of people that no step has used yet
	pinned   *plan.Plan
	sealed   map[int64]map[string][]byte
}

// Status is where a step stands.
type Status string

// The statuses.
const (
	StatusPending   Status = "pending"
	StatusAnnounced Status = "announced" // its intent is on record; it may have acted
	StatusWaiting   Status = "waiting"   // for time, a consumer or a person
	StatusDone      Status = "done"
	StatusFailed    Status = "failed"
)

// StepState is where one step stands.
type StepState struct {
	Status      Status
	Attempt     int       // of the last intent
	Polls       int       // looks at something pending
	Tries       int       // failed ones in a row, since the last resume
	AnnouncedAt time.Time // of the first intent
	DoneAt      time.Time
	NotBefore   time.Time // a retry or a look is due then
	Until       time.Time // the deadline of a pending result, or the end of a wait
	Resume      string
	Before      *driver.Receipt
	Receipt     *driver.Receipt
	Strength    string
	Credential  *driver.Credential
	Known       []string
	Found       []estate.Settings  // discover: the places
	Shadows     []Shadow           // shadow: what was seen and, while it asks, what a person is asked about
	Suspect     *driver.Credential // a credential that may be the one whose answer was lost
	Attributed  bool               // the suspect is ours: by its name, or because a person said so
	Provided    int64              // the signal by which a person gave the value
	ResumedAt   time.Time          // deadlines run anew from here
	Effect      pawl.Effect
	ErrorKind   driver.ErrorKind
	Why         string
	Detail      string
	Waived      bool
	Late        bool               // that its deadline has passed is on record
	given       *driver.Credential // what a person called the credential of the value that they gave
	failing     time.Time          // when the first of Tries was
	open        bool               // an intent without an outcome
	maybe       bool               // some attempt may have taken effect
	superseded  bool               // it was decided that the next attempt replaces what the last one made
}

// Fold computes the state of an account.
func Fold(a Account) (*State, error) { return fold(a, nil) }

// fold is Fold for one who has decoded the plan before: it is pinned, and
// reading it is most of the work.
func fold(a Account, known *plan.Plan) (*State, error) {
	p, err := decode(a, known)
	if err != nil {
		return nil, err
	}
	s := &State{ID: a.ID, Plan: p, pinned: p, OpenedAt: a.OpenedAt, Outcome: pawl.Open, Steps: make(map[string]*StepState, len(p.Steps)+len(p.Undo)), sealed: a.Signals}
	for _, entry := range a.Entries {
		s.apply(entry)
	}
	return s, nil
}

func decode(a Account, known *plan.Plan) (*plan.Plan, error) {
	if known != nil {
		return known, nil
	}
	p := new(plan.Plan)
	if err := json.Unmarshal(a.Plan, p); err != nil {
		return nil, &pawl.Error{Code: pawl.CodeCorrupt, Op: "read the plan of", On: string(a.ID), Err: err, Next: "pawl doctor"}
	}
	if p.Format > plan.Format {
		return nil, &pawl.Error{Code: pawl.CodeUnsupported, Op: "go on with", On: string(a.ID),
			Why: fmt.Sprintf("its plan has format %d and this pawl knows %d", p.Format, plan.Format), Next: "use the newer pawl that opened it"}
	}
	return p, nil
}

// Step gives the state of a step; one that has no entry is pending.
func (s *State) Step(id string) *StepState {
	st, ok := s.Steps[id]
	if !ok {
		st = &StepState{Status: StatusPending}
		s.Steps[id] = st
	}
	return st
}

// apply moves the state by one entry.
func (s *State) apply(e Entry) {
	if e.Time.After(s.Last) || e.Word == WordResume {
		s.Last = e.Time // who says go on has looked at the clock
	}
	switch e.Kind {
	case KindIntent:
		s.Step(e.Step).announce(e)
	case KindOutcome:
		s.Step(e.Step).outcome(e)
		s.expand(e)
		s.use(e)
	case KindLook:
		s.Step(e.Step).look(e)
		s.use(e)
	case KindWaiting:
		s.Step(e.Step).wait(e)
		if e.Resume == resumePerson { // what was said before a question is no answer to it
			s.use(e)
		}
	case KindLate:
		s.Step(e.Step).Late = true
	case KindSignal:
		s.Signals = append(s.Signals, e)
		if e.Word == WordProvide {
			st := s.Step(e.Step)
			st.Provided, st.given = e.Seq, e.Credential
		}
	case KindUndoing:
		s.Undoing, s.Outcome, s.Why, s.Next = true, pawl.Open, e.Why, ""
		s.takeBack(e)
	case KindHeld:
		s.Outcome, s.Why, s.Next = pawl.Held, e.Why, e.Next
		if e.Answers > 0 {
			s.obeyed(e.Answers)
		}
	case KindResumed:
		s.Outcome, s.Why, s.Next = pawl.Open, "", ""
		s.endAgain()
		s.takeBack(e)
	case KindClosed:
		s.Outcome = e.Outcome
	}
}

// Behind is how far a clock is behind the account, where that is too much to
// trust it, and otherwise zero. A wait that began at a wrong time would end at
// a wrong time. A person's word to go on settles which clock is right.
func (s *State) Behind(now time.Time) time.Duration {
	if behind := s.Last.Sub(now); behind > maxClockStep {
		return behind
	}
	return 0
}

// obeyed forgets the words to resume or to undo up to one. A word that was
// stored while the process wrote down what the words before it led to is kept:
// nobody has read it yet. Up to 0 is all of them.
func (s *State) obeyed(last int64) {
	s.Signals = slices.DeleteFunc(s.Signals, func(sig Entry) bool {
		return (sig.Word == WordResume || sig.Word == WordUndo) && (last == 0 || sig.Seq <= last)
	})
}

// endAgain has the old version ended once more where the issuer said that it
// was and was never seen to refuse it: looking alone would go on for ever. To
// end what has ended does nothing.
func (s *State) endAgain() {
	for i := range s.Plan.Steps {
		refused := &s.Plan.Steps[i]
		if refused.Act != plan.ActRefused || s.Step(refused.ID).Status != StatusFailed {
			continue
		}
		for k := range s.Plan.Steps {
			if revoke := &s.Plan.Steps[k]; revoke.Act == plan.ActRevoke && revoke.Secret == refused.Secret && s.Step(revoke.ID).Status == StatusDone && !s.Step(revoke.ID).Waived {
				s.Step(revoke.ID).Status = StatusAnnounced
			}
		}
	}
}

// takeBack forgets the words that moved the rotation and gives failed steps
// their tries back.
func (s *State) takeBack(e Entry) {
	s.obeyed(e.Answers)
	now := e.Time
	for _, st := range s.Steps {
		if st.Status == StatusFailed {
			st.Status = StatusAnnounced
		}
		st.Tries, st.NotBefore, st.Until, st.ResumedAt = 0, time.Time{}, waitsOn(st), now
	}
}

// waitsOn keeps the end of a plain wait across a resume.
func waitsOn(st *StepState) time.Time {
	if st.Status == StatusWaiting && st.Resume == resumeTimer {
		return st.Until
	}
	return time.Time{}
}

// resumeTimer marks a wait that only time ends.
const resumeTimer = "timer"

// use drops the words to a step when they have led to something, or when it
// asks anew.
func (s *State) use(e Entry) {
	if e.Result == ResultRetry {
		return
	}
	s.Signals = slices.DeleteFunc(s.Signals, func(sig Entry) bool { return sig.Step == e.Step })
}

func (st *StepState) announce(e Entry) {
	if st.AnnouncedAt.IsZero() {
		st.AnnouncedAt = e.Time
		st.Before = e.Before
	}
	if e.Before != nil && st.Before == nil {
		st.Before = e.Before
	}
	st.maybe = st.maybe || st.open // the attempt before ended without a word
	st.Status, st.Attempt, st.Known, st.open = StatusAnnounced, e.Attempt, e.Known, true
	st.NotBefore, st.superseded = time.Time{}, false
}

func (st *StepState) outcome(e Entry) {
	st.open, st.maybe = false, st.maybe || e.Effect != pawl.EffectNone
	st.Effect, st.ErrorKind, st.Why, st.Detail = e.Effect, e.ErrorKind, e.Why, e.Detail
	if e.Receipt != nil {
		st.Receipt = e.Receipt
	}
	if e.Credential != nil {
		st.Credential = e.Credential
	}
	st.Strength = e.Strength
	if e.Result == ResultOK {
		st.Shadows = e.Shadows
	}
	switch e.Result {
	case ResultOK, ResultWaived:
		st.Status, st.DoneAt, st.Waived = StatusDone, e.Time, e.Result == ResultWaived
	case ResultRetry:
		if st.Tries == 0 {
			st.failing = e.Time
		}
		st.Tries++
		st.NotBefore, st.Resume = e.Until, e.Resume
	case ResultFailed:
		st.Status, st.Resume = StatusFailed, e.Resume
	}
}

// look records what looking showed. Present with a credential means that a
// lost mint left it behind and that it is about to be ended.
func (st *StepState) look(e Entry) {
	st.Suspect, st.Attributed, st.Status = nil, false, StatusAnnounced
	switch e.Result {
	case ResultPresent:
		st.Suspect, st.Attributed = e.Credential, true
	case ResultAbsent:
		st.Effect, st.open, st.maybe = pawl.EffectNone, false, false
	case ResultSuperseded:
		st.open, st.maybe, st.superseded = false, true, true
	}
}

func (st *StepState) wait(e Entry) {
	st.Status, st.Resume, st.Detail = StatusWaiting, e.Resume, e.Detail
	st.Polls++
	st.NotBefore = e.Until
	if st.AnnouncedAt.IsZero() {
		st.AnnouncedAt = e.Time
	}
	if e.Resume != resumeTimer && e.Resume != resumePerson { // it was looked at, so no outage lasts
		st.Tries = 0
		st.maybe = st.maybe || e.Resume != "" // what it has to remember it may have made
	}
	if e.Resume == resumeTimer {
		st.NotBefore, st.Until = time.Time{}, e.Until
	}
	if e.Resume == resumePerson {
		st.Provided, st.given = 0, nil // what was given before was of no use
		st.Shadows = e.Shadows
	}
	if e.Credential != nil {
		st.Suspect = e.Credential
	}
}

// keepPolls takes over the looks at something pending that brought nothing new
// and are not on record: without them each pause would be as short as the first.
func (s *State) keepPolls(before *State) {
	for id, st := range s.Steps {
		if was := before.Steps[id]; was != nil && st.Status == StatusWaiting && was.Status == StatusWaiting && st.Resume == was.Resume {
			st.Polls, st.NotBefore = was.Polls, was.NotBefore
		}
	}
}

// current gives the steps of the lowest stage in which one is not done, and
// nil when all are.
func (s *State) current() []*plan.Step {
	list := s.Plan.Steps
	if s.Undoing {
		list = s.Plan.Undo
	}
	var stage []*plan.Step
	for i := range list {
		step := &list[i]
		if len(stage) > 0 && step.Stage > stage[0].Stage {
			break
		}
		if s.applies(step) && s.Step(step.ID).Status != StatusDone {
			stage = append(stage, step)
		}
	}
	return stage
}

// applies reports whether an undo step has something to undo. Forward steps
// always apply.
func (s *State) applies(step *plan.Step) bool {
	switch {
	case !s.Undoing:
		return true
	case step.ReprovesAny():
		return s.anyPut()
	default:
		return s.touched(step.Reverses) || s.askedToAct(step.Reverses) || s.foundTouched(step.Reverses) || s.handled(step.Reverses)
	}
}

// foundTouched reports whether a write at any place of a discovery may have
// acted.
func (s *State) foundTouched(discovery string) bool {
	return slices.ContainsFunc(s.Plan.Steps, func(step plan.Step) bool {
		return step.Found == discovery && discovery != "" && step.Act == plan.ActPut && s.touched(step.ID)
	})
}

// askedToAct reports whether a person was asked to do something outside: they
// may have begun, whether or not they said so.
func (s *State) askedToAct(id string) bool {
	step, ok := s.Plan.Step(id)
	return ok && step.Act == plan.ActTask && step.Acts && !s.Step(id).AnnouncedAt.IsZero()
}

// touched reports whether a step may have acted: an intent of it is open, some
// attempt did not end without effect, or a person gave the value for it.
func (s *State) touched(id string) bool {
	st, ok := s.Steps[id]
	return ok && (st.open || st.maybe || st.Provided != 0)
}

func (s *State) anyPut() bool {
	for i := range s.Plan.Steps {
		if step := &s.Plan.Steps[i]; step.Act == plan.ActPut && s.touched(step.ID) || s.askedToAct(step.ID) {
			return true
		}
	}
	return false
}

// PastReturn reports whether the point of no return was announced: by its
// intent or, where a person does it, by asking them. A question before a call
// passes nothing.
func (s *State) PastReturn() bool {
	step, ok := s.Plan.Step(s.Plan.NoReturn)
	if !ok {
		return false
	}
	st, ok := s.Steps[step.ID]
	return ok && (st.Attempt > 0 || !announces(step) && !st.AnnouncedAt.IsZero())
}

// changed reports whether any step that changes something was announced.
func (s *State) changed() bool {
	for i := range s.Plan.Steps {
		step := &s.Plan.Steps[i]
		if mutates(step) && s.touched(step.ID) {
			return true
		}
	}
	return false
}

// mutates reports whether a step changes something of the secret. What stops
// other automation does not: it is started again whatever happens, and a
// person may do without it.
func mutates(step *plan.Step) bool {
	switch step.Act {
	case plan.ActMint, plan.ActProvide, plan.ActPut, plan.ActDeactivate, plan.ActRevoke:
		return true
	case plan.ActActivate: // one that waits for somebody else only looks
		return step.Acts
	default:
		return false
	}
}

// minted reports whether the new version of a secret is there.
func (s *State) minted(name pawl.SecretName) bool {
	for i := range s.Plan.Steps {
		step := &s.Plan.Steps[i]
		if step.Secret == name && (step.Act == plan.ActMint || step.Act == plan.ActProvide) {
			return s.Step(step.ID).Status == StatusDone
		}
	}
	return false
}

// signal finds the newest unused word for a step: who speaks twice corrects
// what they said before.
func (s *State) signal(step string, words ...Word) (Entry, bool) {
	for _, sig := range slices.Backward(s.Signals) {
		if sig.Step == step && slices.Contains(words, sig.Word) {
			return sig, true
		}
	}
	return Entry{}, false
}

// said finds the first unused word of a kind, to whatever step.
func (s *State) said(word Word) (Entry, bool) {
	for _, sig := range s.Signals {
		if sig.Word == word {
			return sig, true
		}
	}
	return Entry{}, false
}
