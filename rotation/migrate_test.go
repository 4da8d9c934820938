package rotation_test

import (
	"slices"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// rewritten is one secret that data is encrypted under.
const rewritten = `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-v{{.Version}}"}
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks: [{use: lab, kind: health, name: a}]
    migrate: {use: lab, kind: rewrite, name: rows, backups: 30d}
`

// Data is rewritten with both versions at hand, and the old one ends when
// backups from before have gone. Catches a migration that cannot open what
// there is, and an end that makes backups useless.
func TestMigrationIsGivenBothVersions(t *testing.T) {
	w := newWorld(t, api, rewritten)
	began := w.time
	w.lab.before = func(call string) error {
		if call == "revoke c1" && w.time.Sub(began) < 30*24*time.Hour {
			t.Errorf("the old version ends after %s, and backups are kept for 30d", w.time.Sub(began))
		}
		return nil
	}
	w.want(w.run(w.openKey()), pawl.Done)
	if want := []string{value(2)}; !slices.Equal(w.lab.tried, want) {
		t.Errorf("rewritten under %q, want %q", w.lab.tried, want)
	}
	if want := []string{value(1)}; !slices.Equal(w.lab.accepted, want) {
		t.Errorf("given beside it: %q, want %q", w.lab.accepted, want)
	}
	w.live("c2")
}

// Data does not open: it is held past the point of no return, with both
// versions alive. Catches a way back that throws the new version away.
func TestMigrationThatFailsIsHeld(t *testing.T) {
	w := newWorld(t, api, rewritten)
	w.lab.check = func() driver.Finding {
		if len(w.lab.accepted) > 0 {
			return driver.Finding{State: driver.Failed, Final: true, Detail: "2 values open with no key"}
		}
		return driver.Finding{State: driver.Passed}
	}
	w.want(w.run(w.openKey()), pawl.Held)
	w.live("c1", "c2")
	w.holds(value(2), "a")
}
