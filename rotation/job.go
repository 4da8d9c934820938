package rotation

import (
	"cmp"
	"context"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
)

// job is one turn of one step: what it found before its intent, and what came
// of it. Jobs of one stage run side by side and touch nothing shared; the
// session records them one after the other.
type job struct {
	s    *session
	step *plan.Step
	st   *StepState

	before *driver.Receipt // put: what was there
	known  []string        // mint: the ids that were there
	over   bool            // settled without acting
	sweep  bool            // ends a lost mint's credential instead of minting
	acted  bool            // the change went well; what fails from here on is asking about it
	acting bool            // announced: what fails from here on is the act, not the look before it

	entries  []Entry
	poll     *Entry // a wait that goes on as it is on record
	versions []VersionChange
	urgent   bool  // must be stored at once, not with the next intent
	cut      bool  // a call ended with an error while ctx was over
	err      error // the process can do nothing more; not a step's failure
}

func (j *job) now() time.Time { return j.s.e.Now() }

func (j *job) subject() *plan.Subject {
	sub, _ := j.s.state.Plan.Subject(j.step.Secret) // a plan's steps name its subjects
	return sub
}

func (j *job) target() driver.Target {
	return driver.Target{Kind: j.step.Place.Kind, Settings: j.step.Place.Settings}
}

func (j *job) mutant(k mutant.Kind) bool { return j.s.e.Mutant == k }

// port opens the step's connection.
func (j *job) port(ctx context.Context) (*driver.Port, error) {
	return j.portOf(ctx, j.step.Place.Connection)
}

func (j *job) portOf(ctx context.Context, connection string) (*driver.Port, error) {
	return j.s.e.Ports.Port(ctx, connection, j.s.state.Plan.Connections[connection])
}

// intent is the entry that announces the act.
func (j *job) intent() []Entry {
	if j.sweep {
		return []Entry{{Kind: KindLook, Step: j.step.ID, Secret: j.step.Secret, Result: ResultPresent, Credential: j.st.Suspect, Detail: "ending it"}}
	}
	if j.st.Status == StatusWaiting && !mutates(j.step) {
		return nil // announced when it began to wait
	}
	if !announces(j.step) || j.mutant(mutant.SkipIntent) && j.step.Act == plan.ActMint {
		return nil
	}
	return []Entry{{Kind: KindIntent, Step: j.step.ID, Secret: j.step.Secret, Attempt: j.st.Attempt + 1, Before: j.before, Known: j.known, Detail: j.step.Title}}
}

// announces reports whether a step is a call. Waits and questions to people
// have an entry of their own.
func announces(step *plan.Step) bool {
	switch step.Act {
	case plan.ActWait, plan.ActApprove, plan.ActTask, plan.ActProvide:
		return false
	case plan.ActStop, plan.ActStart:
		return step.Task == nil
	default:
		return true
	}
}

// prepare reads what the intent must say: what is there before the change. A
// mint that may have happened already is looked at here.
func (j *job) prepare(ctx context.Context) {
	switch {
	case j.step.Act == plan.ActMint:
		j.prepareMint(ctx)
	case j.step.Act == plan.ActPut:
		if j.st.Before == nil {
			j.preparePut(ctx)
		}
		if !j.over && j.step.Reverses != "" && !j.mutant(mutant.OverwriteOthers) {
			j.prepareUnwrite(ctx)
		}
	case j.step.Act == plan.ActRevoke, j.step.Act == plan.ActDeactivate:
		j.prepareEnd(ctx)
	case j.step.Act == plan.ActDiscard:
		j.prepareDiscard(ctx)
	}
}

// act does the step once.
func (j *job) act(ctx context.Context) {
	if j.over {
		return
	}
	if !j.now().Before(j.s.lease.Expires) { // a step of the same stage took too long: somebody else may be at it
		j.err = ErrLeaseLost
		return
	}
	j.acting = true
	switch j.step.Act {
	case plan.ActProbe:
		j.probe(ctx)
	case plan.ActQuota:
		j.quota(ctx)
	case plan.ActLearn:
		j.learn(ctx)
	case plan.ActDiscover:
		j.discover(ctx)
	case plan.ActShadow:
		j.shadow(ctx)
	case plan.ActCheck:
		j.check(ctx)
	case plan.ActClean:
		j.clean(ctx)
	case plan.ActApprove, plan.ActTask:
		j.ask()
	case plan.ActMint:
		j.mint(ctx)
	case plan.ActProvide:
		j.provide(ctx)
	case plan.ActAccepted:
		j.verdict(ctx, driver.Accepted)
	case plan.ActRefused:
		j.verdict(ctx, driver.Refused)
	case plan.ActWrong:
		j.wrong(ctx)
	case plan.ActPut:
		j.put(ctx)
	case plan.ActActivate:
		j.activate(ctx)
	case plan.ActWait:
		j.wait()
	case plan.ActUnused:
		j.unused(ctx)
	case plan.ActName:
		j.name(ctx)
	case plan.ActDeactivate, plan.ActRevoke:
		j.end(ctx)
	case plan.ActDiscard:
		j.discard(ctx)
	case plan.ActStop, plan.ActStart:
		j.halt(ctx)
	default:
		j.fail(&driver.Error{Op: string(j.step.Act), Kind: driver.Unsupported, Effect: pawl.EffectNone, Why: "this pawl does not know the act", Next: "use the pawl that made the plan"})
	}
}

// ok records that the step is done.
func (j *job) ok(e Entry) {
	e.Kind, e.Step, e.Secret, e.Result = KindOutcome, j.step.ID, j.step.Secret, ResultOK
	if e.Attempt = j.st.Attempt; e.Effect == "" {
		e.Effect = pawl.EffectNone
		if j.step.Acts {
			e.Effect = pawl.EffectApplied
		}
	}
	j.entries = append(j.entries, e)
}

// pending records that the step must be asked again, until its deadline: soon
// at first, then at the pace of the driver, 0 where it has none. A process that
// was started just now does not know of the looks before and goes by the time.
func (j *job) pending(pace time.Duration, resume, detail string) {
	var waited time.Duration
	if !j.st.AnnouncedAt.IsZero() {
		waited = j.now().Sub(j.st.since())
	}
	after := min(cmp.Or(max(pace, 0), maxPoll), max(ramp(j.st.Polls), waited/2))
	j.postpone(max(after, j.leastPause(waited)), resume, detail)
}

// leastPause is the pause before the next look at something that has not
// come for long: a twentieth of the time so far, at most an hour, and never
// beyond the step's deadline. An issuer that keeps an old version for a week
// is asked some two hundred times, and not forty thousand.
func (j *job) leastPause(waited time.Duration) time.Duration {
	pause := min(waited/20, time.Hour)
	if j.step.Within > 0 {
		pause = min(pause, j.step.Within-waited)
	}
	return max(pause, 0)
}

// postpone records that the step must be asked again after a time.
func (j *job) postpone(after time.Duration, resume, detail string) {
	if j.late() {
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Invalid, Effect: pawl.EffectUnknown, Why: "not there in time: " + detail})
		return
	}
	e := Entry{Kind: KindWaiting, Step: j.step.ID, Secret: j.step.Secret, Resume: resume, Detail: detail, Until: j.now().Add(after)}
	if j.st.Status == StatusWaiting && j.st.Resume == resume && j.st.Detail == detail {
		j.poll = &e // nothing new: worth remembering, not worth a synced write
		return
	}
	j.entries = append(j.entries, e)
	j.urgent = j.urgent || resume != j.st.Resume
}

// maxPoll is the longest pause between two looks at something pending, where
// the driver does not say.
const maxPoll = 15 * time.Second

// ramp bounds the pause after some looks at something pending. Most things are
// there within a second, and a few early looks cost less than a pause as long
// as the slowest vendor needs: it doubles from a quarter of a second until the
// driver's own pace is reached.
func ramp(polls int) time.Duration {
	return 250 * time.Millisecond << min(polls, 20)
}

// late reports whether the step's deadline has passed. It runs from the
// first intent, or from the last resume.
func (j *job) late() bool {
	return j.step.Within > 0 && !j.st.AnnouncedAt.IsZero() && j.now().Sub(j.st.since()) >= j.step.Within
}

// since is when the present run of tries began.
func (st *StepState) since() time.Time {
	if st.ResumedAt.After(st.AnnouncedAt) {
		return st.ResumedAt
	}
	return st.AnnouncedAt
}

// asked is the verdict about err that all acts share: nil for success.
// Errors that pass are tried again until the tries are used up; others have
// failed for good.
func (j *job) failed(ctx context.Context, err error) bool {
	if err == nil {
		return false
	}
	e := driver.AsError(j.step.Title, err)
	if ctx.Err() != nil {
		j.cut = true
	}
	switch {
	case e.Passing() && (j.st.Tries+1 < tries(j.step, e) || j.patient()):
		j.again(e)
	default:
		j.fail(e)
	}
	return true
}

// outagePatience is how long an outage may last before a person is told, for
// steps whose own deadline is longer. A drain may take a week; a vendor that
// cannot be reached for a quarter of an hour is news.
const outagePatience = 15 * time.Minute

// patient reports whether a look that failed may be tried beyond its tries.
func (j *job) patient() bool {
	outage := time.Duration(0)
	if j.st.Tries > 0 {
		outage = j.now().Sub(j.st.failing)
	}
	return j.step.Within > 0 && !j.late() && !j.step.Acts && !j.st.AnnouncedAt.IsZero() && outage < outagePatience
}

// tries is how often a step is tried. Being told to slow down is no failure.
func tries(step *plan.Step, e *driver.Error) int {
	n := step.Attempts
	if n == 0 {
		n = plan.DefaultAttempts
	}
	if e.Kind == driver.Limited || e.Kind == driver.Conflict {
		n *= 4
	}
	return n
}

// again records a failed try and when the next is due.
func (j *job) again(e *driver.Error) {
	after := max(e.RetryAfter, backoff(j.st.Tries+1))
	j.entries = append(j.entries, j.failure(e, ResultRetry, j.now().Add(after)))
}

// fail records that no further try would help.
func (j *job) fail(e *driver.Error) {
	j.entries = append(j.entries, j.failure(e, ResultFailed, time.Time{}))
}

func (j *job) failure(e *driver.Error, r Result, until time.Time) Entry {
	switch {
	case j.acted, j.sweep: // a credential that was to be ended exists
		e.Effect = pawl.EffectApplied
	case !j.acting && (j.st.open || j.st.maybe): // looking failed: what is not known stays so
		e.Effect = pawl.EffectUnknown
	}
	return Entry{Kind: KindOutcome, Step: j.step.ID, Secret: j.step.Secret, Attempt: j.st.Attempt, Result: r, Effect: e.Effect,
		ErrorKind: e.Kind, Why: e.Error(), Next: e.Next, Until: until, Resume: j.st.Resume}
}

// backoff is the ladder of waits between tries.
func backoff(try int) time.Duration {
	ladder := []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute}
	return ladder[min(max(try, 1), len(ladder))-1]
}

// facts of the step's issuer.
func (j *job) facts() estate.IssuerFacts { return j.subject().Facts }
