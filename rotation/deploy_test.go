package rotation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/rotation"
)

// deployed is one place whose consumer loads with somebody else's deployment.
const deployed = `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-v{{.Version}}"}
    locations: [{use: lab, kind: place, name: a, activate: WAY}]
    checks: "none: nobody asks"
`

// deploy makes a world in which a deployment comes after a time, and is looked
// for with an outage of ten minutes on the way.
func deploy(t *testing.T, way string, after time.Duration) *world {
	w := newWorld(t, api, strings.Replace(deployed, "WAY", way, 1))
	began := w.time
	w.lab.before = func(call string) error {
		since := w.time.Sub(began)
		if w.lab.deployed = since >= after; w.lab.deployed && w.lab.called("put") > 0 {
			p := w.lab.place("a")
			p.loaded = p.value
		}
		if out := since - 3*24*time.Hour; call == "look a" && out > 0 && out < 10*time.Minute {
			return &driver.Error{Op: call, Kind: driver.Unavailable, Effect: pawl.EffectNone, Why: "it is out"}
		}
		return nil
	}
	return w
}

// A deployment comes after days. No process has to wait for it, an outage on
// the way is no reason to stop, and what brings nothing new is not written
// down. Catches a wait that counts each failed look of two weeks together.
func TestDeploymentAfterDays(t *testing.T) {
	w := deploy(t, "deploy", 10*24*time.Hour)
	id := w.openKey()
	w.killed(id, time.Second)
	w.want(w.run(id), pawl.Done)
	w.live("c2")
	w.holds(value(2), "a")
	if n := len(w.entries(id)); n > 100 {
		t.Errorf("%d entries, want few: nothing was new for days", n)
	}
}

// The deadline is the estate's, or two weeks.
func TestDeploymentThatNeverComes(t *testing.T) {
	for way, within := range map[string]time.Duration{"deploy": 14 * 24 * time.Hour, "{kind: deploy, within: 4d}": 4 * 24 * time.Hour, "{kind: reload, within: 2m}": 2 * time.Minute} {
		w := deploy(t, way, 100*24*time.Hour)
		w.lab.reload = func() driver.Progress { return driver.Progress{Detail: "it boots"} }
		id := w.openKey()
		began := w.time
		w.killed(id, time.Millisecond)
		e := w.engine()
		for {
			wait, err := e.Advance(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if st, err := e.State(t.Context(), id); err != nil || st.Undoing {
				break
			}
			if wait.For == rotation.ForTime {
				w.time = wait.Until
			}
		}
		if took := w.time.Sub(began); took < within || took > within+time.Hour {
			t.Errorf("%s: it turned back after %s, want %s", way, took, within)
		}
	}
}

// A person who knows that everybody has the value says so by name.
func TestDeploymentIsWaived(t *testing.T) {
	w := deploy(t, "deploy", 100*24*time.Hour)
	id := w.openKey()
	w.killed(id, time.Second)
	w.mustSay(id, rotation.Entry{Word: rotation.WordWaive, Step: "activate-1", Why: "deployed by hand"})
	st := w.run(id)
	w.want(st, pawl.Done)
	if !st.Steps["activate-1"].Waived {
		t.Error("it is not on record that a person waived it")
	}
	w = newWorld(t, api, oneKey)
	if err := w.say(w.openKey(), rotation.Entry{Word: rotation.WordWaive, Step: "activate-1"}); err == nil {
		t.Error("an activation that pawl makes was waived")
	}
}

// A consumer needs three days to load the value, and the driver does not say
// when to ask again. Catches an engine that asks every few seconds for days.
func TestLooksGetRarer(t *testing.T) {
	w := newWorld(t, api, strings.Replace(deployed, "WAY", "{kind: reload, within: 14d}", 1))
	id := w.openKey()
	began := w.time
	w.lab.reload = func() driver.Progress {
		return driver.Progress{Done: w.time.Sub(began) >= 72*time.Hour, Detail: "loading"}
	}
	w.want(w.run(id), pawl.Done)
	if n := w.lab.called("reload"); n < 50 || n > 400 {
		t.Errorf("the consumer was asked %d times in three days, want some hundred", n)
	}
	if late := w.time.Sub(began) - 72*time.Hour; late > 2*time.Hour {
		t.Errorf("it was seen %s late", late)
	}
}
