package rotation_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

const soaking = oneKey + "    retire: {after: 1h}\n"

// ended gives when the old version was ended, and the last write confirmed.
func (w *world) ended(id pawl.RotationID) (written, ended time.Time) {
	for _, e := range w.entries(id) {
		switch {
		case e.Kind == rotation.KindOutcome && e.Result == rotation.ResultOK && strings.HasPrefix(e.Step, "put"):
			written = e.Time
		case e.Kind == rotation.KindIntent && strings.HasPrefix(e.Step, "revoke"):
			ended = e.Time
		}
	}
	return written, ended
}

// A soak is one span of time however often the process dies. Catches a wait
// that begins anew, or is over, after a restart.
func TestSoakAcrossRestarts(t *testing.T) {
	w := newWorld(t, api, soaking)
	id := w.openKey()
	w.killed(id, time.Hour)
	began := w.time
	for range 5 {
		w.time = w.time.Add(10 * time.Minute)
		w.kill = time.Minute
		if _, err := w.engine().Run(t.Context(), id); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		w.live("c1", "c2")
	}
	w.want(w.run(id), pawl.Done)
	if _, ended := w.ended(id); !ended.Equal(began.Add(time.Hour)) {
		t.Errorf("the old version ended %s after the soak began, want 1h", ended.Sub(began))
	}
}

// Pawl was down for longer than the soak: the soak is over, and what a person
// said meanwhile still counts before the end.
func TestUndoSaidWhilePawlWasDown(t *testing.T) {
	w := newWorld(t, api, soaking)
	id := w.openKey()
	w.killed(id, time.Hour)
	w.time = w.time.Add(48 * time.Hour)
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	w.want(w.run(id), pawl.Undone)
	w.live("c1")
}

// A clock that was a day ahead wrote the journal, and is set right. The wait is
// not believed to be over; nothing is done until a person settles it; and the
// lease is free for a machine whose clock is right.
func TestClockSetBack(t *testing.T) {
	w := newWorld(t, api, soaking)
	id := w.openKey()
	right := w.time
	w.time = w.time.Add(24 * time.Hour)
	w.killed(id, time.Hour)
	w.time = right.Add(2 * time.Hour)
	_, err := w.engine().Run(t.Context(), id)
	if pawl.CodeOf(err) != pawl.CodeFailed || !strings.Contains(pawl.HintOf(err), "pawl resume") {
		t.Fatalf("got %v", err)
	}
	list, lerr := w.store.Rotations(t.Context(), rotation.Filter{})
	if lerr != nil || list[0].Lease.Holder != "" {
		t.Errorf("it did nothing and keeps the lease: %+v %v", list[0].Lease, lerr)
	}
	w.live("c1", "c2")
	w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
	resumed := w.time
	w.want(w.run(id), pawl.Done)
	if _, ended := w.ended(id); ended.Before(resumed.Add(time.Hour)) {
		t.Errorf("the old version ended %s after the clock was set right, sooner than its soak", ended.Sub(resumed))
	}
}

// A clock that jumps by less than is refused neither shortens nor forgets.
func TestClockStepsBackALittle(t *testing.T) {
	w := newWorld(t, api, soaking)
	id := w.openKey()
	w.killed(id, time.Hour)
	until := w.time.Add(time.Hour)
	w.time = w.time.Add(-4 * time.Minute)
	w.want(w.run(id), pawl.Done)
	if _, ended := w.ended(id); ended.Before(until) {
		t.Errorf("the old version ended %s too soon", until.Sub(ended))
	}
}

// A check that is pending for longer than a lease lives, and says the same
// each time. Catches a process that loses its own lease by looking.
func TestLongLookKeepsItsLease(t *testing.T) {
	w := newWorld(t, api, oneKey)
	began := w.time
	w.lab.check = func() driver.Finding {
		if w.lab.called("put b") > 0 && w.time.Sub(began) < 9*time.Minute {
			return driver.Finding{State: driver.Pending, Detail: "in progress", After: 15 * time.Second}
		}
		return driver.Finding{State: driver.Passed}
	}
	id := w.openKey()
	w.want(w.run(id), pawl.Done)
	w.live("c2")
	if n := w.count(id, func(e rotation.Entry) bool { return e.Kind == rotation.KindWaiting }); n > 4 {
		t.Errorf("%d entries say that nothing is new", n)
	}
}

// A check that never comes turns the rotation back after its time.
func TestCheckPendingForEver(t *testing.T) {
	w := newWorld(t, api, oneKey)
	w.lab.check = func() driver.Finding {
		if w.lab.place("b").value == value(2) {
			return driver.Finding{State: driver.Pending, Detail: "queued"}
		}
		return driver.Finding{State: driver.Passed}
	}
	id := w.openKey()
	began := w.time
	st := w.run(id)
	w.want(st, pawl.Undone)
	if looks := w.lab.called("check a"); looks > 60 {
		t.Errorf("it looked %d times in 10m; every 15s is the pace", looks)
	}
	if took := w.time.Sub(began); took < 10*time.Minute || took > 12*time.Minute {
		t.Errorf("it waited %s, the check's time is 10m", took)
	}
	w.live("c1")
	w.holds(value(1), "a", "b")
}

// The time of a step ran out while pawl was down: it is looked at once more
// before anything is decided, in both directions.
func TestLateStepGetsALook(t *testing.T) {
	for _, came := range []bool{true, false} {
		w := newWorld(t, api, oneKey)
		state := driver.Pending
		w.lab.check = func() driver.Finding {
			if w.lab.called("put b") == 0 || w.lab.place("b").value == value(1) {
				return driver.Finding{State: driver.Passed}
			}
			return driver.Finding{State: state, Detail: "in progress", After: 15 * time.Second}
		}
		id := w.openKey()
		w.killed(id, 10*time.Second)
		w.time = w.time.Add(72 * time.Hour)
		looks := w.lab.called("check")
		want := pawl.Undone
		if came {
			state, want = driver.Passed, pawl.Done
		}
		w.want(w.run(id), want)
		if w.lab.called("check") == looks {
			t.Error("it was given up without a look")
		}
	}
}

// Consumers that never load: the rotation turns back and, as they will not
// load the old value either, is held. Nothing is ended.
func TestActivationThatNeverFinishes(t *testing.T) {
	w := newWorld(t, api, oneKey)
	stuck := true
	w.lab.reload = func() driver.Progress {
		return driver.Progress{Done: !stuck || w.lab.called("put b") > 0, Detail: "1 of 3 machines", Resume: "r1"}
	}
	id := w.openKey()
	st := w.run(id)
	w.want(st, pawl.Held)
	if !st.Undoing || !strings.Contains(st.Why, "not there in time") {
		t.Errorf("undoing %t, held because %q", st.Undoing, st.Why)
	}
	w.live("c1", "c2")
	stuck = false
	w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
	w.want(w.run(id), pawl.Undone)
	w.live("c1")
	w.holds(value(1), "a", "b")
}

// A call takes longer than the lease that it was made under, and another
// process goes on meanwhile. The first one writes nothing and calls nothing
// more. Catches a process that believes its memory.
func TestLeaseRunsOutDuringACall(t *testing.T) {
	w := newWorld(t, api, oneKey)
	var id pawl.RotationID
	long := true
	w.lab.after = func(call string) error {
		if call == "put a" && long {
			long = false
			w.time = w.time.Add(4 * time.Minute)
			w.want(w.run(id), pawl.Done)
		}
		return nil
	}
	id = w.openKey()
	_, err := w.engine().Run(t.Context(), id)
	if !errors.Is(err, rotation.ErrLeaseLost) {
		t.Fatalf("got %v, want a lost lease", err)
	}
	w.live("c2")
	w.holds(value(2), "a", "b")
	if n := w.count(id, func(e rotation.Entry) bool { return e.Kind == rotation.KindClosed }); n != 1 {
		t.Errorf("closed %d times", n)
	}
}

// The second of two writes of one stage is not made when the first used up the
// lease: somebody else may be at it.
func TestStageStopsWhenTheLeaseIsOver(t *testing.T) {
	w := newWorld(t, api, strings.ReplaceAll(oneKey, "activate: reload", "activate: reload, parallel: both"))
	long := true
	w.lab.after = func(call string) error {
		if call == "put a" && long {
			long = false
			w.time = w.time.Add(4 * time.Minute)
		}
		return nil
	}
	id := w.openKey()
	if _, err := w.engine().Run(t.Context(), id); !errors.Is(err, rotation.ErrLeaseLost) {
		t.Fatalf("got %v", err)
	}
	if w.lab.called("put b") != 0 {
		t.Error("it wrote without a lease")
	}
	w.want(w.run(id), pawl.Done)
	w.live("c2")
	w.holds(value(2), "a", "b")
}

// On another host nobody can tell whether the old process lives: its lease
// must run out first.
func TestAnotherHostWaitsForTheLease(t *testing.T) {
	w := newWorld(t, api, oneKey)
	w.lab.check = func() driver.Finding {
		if w.lab.called("put b") > 0 && w.lab.called("check") < 6 {
			return driver.Finding{State: driver.Pending, After: 15 * time.Second}
		}
		return driver.Finding{State: driver.Passed}
	}
	id := w.openKey()
	w.killed(id, time.Second/4)
	e := w.engine()
	e.Dead = nil
	_, err := e.Run(t.Context(), id)
	var held *rotation.HeldError
	if !errors.As(err, &held) {
		t.Fatalf("got %v, want the lease in other hands", err)
	}
	w.time = held.Lease.Expires
	st, err := e.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	w.want(st, pawl.Done)
}

// Resume as often as one likes: each time one step is tried and it is held
// again, nothing else moves and the journal grows by a little.
func TestHeldAndResumedAgain(t *testing.T) {
	w := newWorld(t, api, oneKey+"    policy: {on_failure: hold}\n")
	w.lab.before = func(call string) error {
		if call == "put b" {
			return errDenied
		}
		return nil
	}
	id := w.openKey()
	w.want(w.run(id), pawl.Held)
	entries := len(w.entries(id))
	for range 10 {
		w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
		w.want(w.run(id), pawl.Held)
	}
	if grown := len(w.entries(id)) - entries; grown > 10*5 {
		t.Errorf("ten resumes added %d entries", grown)
	}
	if w.lab.called("mint") != 1 || w.lab.called("put a") != 1 || w.lab.called("revoke") != 0 {
		t.Errorf("a resume repeated more than the step that failed: %v", w.lab.calls)
	}
	w.live("c1", "c2")
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	w.want(w.run(id), pawl.Undone)
	w.live("c1")
}

// A person approves with a clock that is a day ahead. Pawl does not go on by a
// wrong clock, and says how to settle it.
func TestWordFromAWrongClock(t *testing.T) {
	w := newWorld(t, api, oneKey+"    retire: {approve: true}\n")
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActApprove)
	now := w.time
	w.time = now.Add(24 * time.Hour)
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID})
	w.time = now.Add(time.Minute)
	if _, err := w.engine().Run(t.Context(), id); pawl.HintOf(err) == "" {
		t.Fatalf("got %v", err)
	}
	w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
	w.want(w.run(id), pawl.Done)
}
