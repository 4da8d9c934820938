package rotation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// paused is one key and a deployment that must not run meanwhile.
func paused(more string) string {
	return oneKey + `    pauses: [{why: it would write the old one back, stop: {use: lab, kind: stop, name: deploy}, start: {use: lab, kind: start, name: deploy}` + more + "}]\n"
}

var errForbidden = &driver.Error{Op: "call", Kind: driver.Denied, Effect: pawl.EffectNone, Why: "not allowed"}

// refuses makes a call fail as often as it is made.
func (w *world) refuses(call string, err *driver.Error) {
	w.lab.before = func(c string) error {
		if c == call {
			return err
		}
		return nil
	}
}

// runs holds that the deployment runs, and how often it was stopped and started.
func (w *world) runs(st *rotation.State, stops, starts int) {
	w.t.Helper()
	if w.lab.stopped["deploy"] {
		w.t.Errorf("the deployment stands still\n%s", w.journal(st.ID))
	}
	if s, g := w.lab.called("stop deploy"), w.lab.called("start deploy"); s != stops || g != starts {
		w.t.Errorf("it was stopped %d times and started %d times, want %d and %d\n%s", s, g, stops, starts, w.journal(st.ID))
	}
	if left := st.Stopped(); len(left) > 0 {
		w.t.Errorf("it ended and tells of %+v", left)
	}
}

// still holds that the deployment stands still while places are written.
func (w *world) still() {
	w.lab.after = func(call string) error {
		if strings.HasPrefix(call, "put ") && !w.lab.stopped["deploy"] {
			w.t.Errorf("%s while the deployment runs", call)
		}
		return nil
	}
}

func TestPauseOfARotationThatIsDone(t *testing.T) {
	for _, more := range []string{"", ", from: switch, to: switch", ", from: mint, to: prove"} {
		w := newWorld(t, api, paused(more))
		w.still()
		st := w.run(w.openKey())
		w.want(st, pawl.Done)
		w.runs(st, 1, 1)
	}
}

// A soak does not end what is stopped until prove has ended, the soak with it.
func TestPauseOutlivesTheSoak(t *testing.T) {
	w := newWorld(t, api, paused(", from: switch, to: prove")+"    retire: {after: 2h}\n")
	id := w.openKey()
	w.killed(id, time.Hour)
	if !w.lab.stopped["deploy"] {
		t.Fatal("the deployment runs while it soaks")
	}
	st, err := w.engine().State(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if left := st.Stopped(); len(left) != 1 || left[0].Step != "stop-1" || !left[0].Since.Equal(clock()) || !strings.Contains(left[0].Title, "it would write the old one back") {
		t.Errorf("stopped is %+v", left)
	}
	st = w.run(id)
	w.want(st, pawl.Done)
	w.runs(st, 1, 1)
	if i, j := slices.Index(w.lab.calls, "start deploy"), slices.Index(w.lab.calls, "revoke c1"); i < 0 || i > j {
		t.Errorf("it is started again by call %d, and the old key ends by call %d", i, j)
	}
}

// Everything is as before, and only then the deployment runs again.
func TestPauseOfARotationThatTurnsBack(t *testing.T) {
	w := newWorld(t, api, paused(""))
	w.still()
	w.refuses("reload b", errForbidden)
	st := w.run(w.openKey())
	if st.Outcome == pawl.Held { // the undo meets the same refusal
		w.lab.before = nil
		w.mustSay(st.ID, rotation.Entry{Word: rotation.WordResume})
		st = w.run(st.ID)
	}
	w.want(st, pawl.Undone)
	w.runs(st, 1, 1)
	w.live("c1")
	w.holds(value(1), "a", "b")
	if i, j := slices.Index(w.lab.calls, "start deploy"), slices.Index(w.lab.calls, "revoke c2"); i < j {
		t.Errorf("it is started again by call %d, and the new key ends by call %d", i, j)
	}
}

// What runs again is stopped once more before anything is put back.
func TestPauseIsMadeAgainOnTheWayBack(t *testing.T) {
	w := newWorld(t, api, paused(", from: switch, to: switch")+"    retire: {after: 2h}\n")
	w.still()
	id := w.openKey()
	w.killed(id, time.Hour)
	if w.lab.stopped["deploy"] {
		t.Fatal("the deployment stands still after switch")
	}
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	st := w.run(id)
	w.want(st, pawl.Undone)
	w.runs(st, 2, 2)
	w.holds(value(1), "a", "b")
}

// A preflight that fails has stopped something already.
func TestPauseOfAPreflightThatFails(t *testing.T) {
	w := newWorld(t, api, paused(""))
	w.lab.check = func() driver.Finding { return driver.Finding{State: driver.Failed, Final: true, Detail: "it is down"} }
	st := w.run(w.openKey())
	w.want(st, pawl.Undone)
	w.runs(st, 1, 1)
	w.live("c1")
}

// So has one that nobody approves.
func TestPauseOfARotationThatIsDeclined(t *testing.T) {
	w := newWorld(t, api, paused("")+"    policy: {approve: true}\n")
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActApprove)
	if !w.lab.stopped["deploy"] {
		t.Fatal("the deployment runs")
	}
	w.mustSay(id, rotation.Entry{Word: rotation.WordDecline, Step: step.ID, Why: "not today"})
	st := w.run(id)
	w.want(st, pawl.Undone)
	w.runs(st, 1, 1)
}

// A stop that was refused has stopped nothing. One whose answer was lost may
// have, also where its kind says that a look changes nothing.
func TestStopThatFails(t *testing.T) {
	lost := &driver.Error{Op: "call", Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the answer makes no sense"}
	t.Run("refused", func(t *testing.T) {
		w := newWorld(t, api, paused(""))
		w.refuses("stop deploy", errForbidden)
		st := w.run(w.openKey())
		w.want(st, pawl.Undone)
		w.runs(st, 1, 0)
	})
	t.Run("lost", func(t *testing.T) {
		w := newWorld(t, api, paused(""))
		w.lab.after = func(call string) error {
			if call == "stop deploy" {
				return lost
			}
			return nil
		}
		st := w.run(w.openKey())
		w.want(st, pawl.Undone)
		w.runs(st, 5, 1)
	})
}

// A start that fails is no reason to take back a rotation that worked, also
// where it could be: this plan has no point of no return. Catches
// mutant.UndoUnstarted.
func TestStartThatFailsHolds(t *testing.T) {
	w := newWorld(t, api, paused("")+"    retire: {mode: keep, why: a test}\n")
	w.refuses("start deploy", errForbidden)
	id := w.openKey()
	st := w.run(id)
	w.want(st, pawl.Held)
	w.holds(value(2), "a", "b")
	if !strings.Contains(st.Next, "pawl resume") || !strings.Contains(st.Next, "--waive start-1") {
		t.Errorf("next is %q", st.Next)
	}
	if len(st.Stopped()) != 1 {
		t.Errorf("stopped is %+v", st.Stopped())
	}
	w.mustSay(id, rotation.Entry{Word: rotation.WordResume}) // it still fails
	w.want(w.run(id), pawl.Held)
	w.lab.stopped["deploy"] = false // by hand
	w.mustSay(id, rotation.Entry{Word: rotation.WordWaive, Step: "start-1", Why: "by hand"})
	st = w.run(id)
	w.want(st, pawl.Done)
	w.runs(st, 1, 2)
	w.live("c1", "c2")
}

// The same on the way back: it is not undone before it runs.
func TestStartThatFailsOnTheWayBackHolds(t *testing.T) {
	w := newWorld(t, api, paused(""))
	w.lab.check = func() driver.Finding { return driver.Finding{State: driver.Failed, Final: true, Detail: "it is down"} }
	w.refuses("start deploy", errForbidden)
	id := w.openKey()
	w.want(w.run(id), pawl.Held)
	w.lab.before = nil
	w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
	st := w.run(id)
	w.want(st, pawl.Undone)
	w.runs(st, 1, 2)
}

// Who waives a stop has seen to it by hand, so it is started again.
func TestStopThatIsWaived(t *testing.T) {
	w := newWorld(t, api, paused(", from: switch")+"    policy: {on_failure: hold}\n")
	w.refuses("stop deploy", errForbidden)
	id := w.openKey()
	w.want(w.run(id), pawl.Held)
	w.lab.before, w.lab.stopped["deploy"] = nil, true
	w.mustSay(id, rotation.Entry{Word: rotation.WordWaive, Step: "stop-1", Why: "by hand"})
	w.lab.check = func() driver.Finding { return driver.Finding{State: driver.Failed, Final: true, Detail: "it is down"} }
	w.want(w.run(id), pawl.Held)
	w.lab.check = nil
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	st := w.run(id)
	w.want(st, pawl.Undone)
	w.runs(st, 1, 1)
}

const pausedByHand = oneKey + `    pauses: [{why: orders would fail, stop: {use: person, title: Put the page up}, start: {use: person, title: Take the page down}}]
`

// A person is asked to stop and to start, and a no to the start holds.
func TestPauseByHand(t *testing.T) {
	w := newWorld(t, api, pausedByHand)
	id := w.openKey()
	st := w.run(id)
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: w.asks(st, plan.ActStop).ID})
	st = w.run(id)
	start := w.asks(st, plan.ActStart)
	w.live("c2")
	w.mustSay(id, rotation.Entry{Word: rotation.WordDecline, Step: start.ID, Why: "orders still fail"})
	w.want(w.run(id), pawl.Held)
	w.mustSay(id, rotation.Entry{Word: rotation.WordResume})
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: w.asks(w.run(id), plan.ActStart).ID})
	st = w.run(id)
	w.want(st, pawl.Done)
}

// Whoever was asked to stop something may have, so they are asked to start it
// again, and nothing is proven that was not touched.
func TestPauseByHandOfARotationThatTurnsBack(t *testing.T) {
	w := newWorld(t, api, pausedByHand)
	id := w.openKey()
	w.asks(w.run(id), plan.ActStop)
	w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
	st := w.run(id)
	step := w.asks(st, plan.ActStart)
	if step.Title != "Take the page down" || len(st.Stopped()) != 1 {
		t.Errorf("it asks %q, and tells of %+v", step.Title, st.Stopped())
	}
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID})
	w.want(w.run(id), pawl.Undone)
	if n := w.lab.called("check "); n != 0 {
		t.Errorf("it checked %d times", n)
	}
}

// Both calls are made again after a crash, and a result that is pending is
// asked for until it is there.
func TestStopThatTakesItsTime(t *testing.T) {
	w := newWorld(t, api, paused(""))
	asked := 0
	w.lab.after = func(call string) error {
		if call == "stop deploy" {
			if asked++; asked < 3 {
				return &driver.Error{Op: call, Kind: driver.Unavailable, Effect: pawl.EffectUnknown, Why: "the answer was lost"}
			}
		}
		return nil
	}
	st := w.run(w.openKey())
	w.want(st, pawl.Done)
	w.runs(st, 3, 1)
}
