package file

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

// logbook is a log file and a check of it under a clock of its own.
type logbook struct {
	t      *testing.T
	path   string
	now    time.Time
	check  driver.Checker
	since  time.Time
	resume string
	rule   estate.Settings
}

func newLogbook(t *testing.T, before string, rule estate.Settings) *logbook {
	l := &logbook{t: t, path: filepath.Join(t.TempDir(), "app.log"), now: time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC), rule: rule}
	l.since = l.now
	opened, err := New().Open(driver.Env{Now: func() time.Time { return l.now }, Dir: filepath.Dir(l.path)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l.check = opened.(driver.Checker)
	l.write(before)
	return l
}

func (l *logbook) write(text string) {
	l.t.Helper()
	if text == "" {
		return
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// look checks once more and expects a state; "" expects an error.
func (l *logbook) look(want driver.State) driver.Finding {
	l.t.Helper()
	l.rule["path"] = "app.log"
	f, err := l.check.Check(l.t.Context(), driver.CheckRequest{Target: driver.Target{Kind: "log", Settings: l.rule}, Since: l.since, Resume: l.resume})
	if (err != nil) != (want == "") || f.State != want {
		l.t.Fatalf("it is %q (%s), error %v, want %q", f.State, f.Detail, err, want)
	}
	l.resume = f.Resume
	return f
}

func TestLogCountsFromTheFirstLook(t *testing.T) {
	l := newLogbook(t, "GET / 401\nstarted\n", estate.Settings{"expect": "started", "forbid": "401", "over": time.Minute})
	l.look(driver.Pending)
	l.write("ok\n")
	l.now = l.now.Add(2 * time.Minute)
	l.look(driver.Failed) // what is expected was written before the check began
	l.write("started\n")
	l.look(driver.Passed)
	l.write("GET / 401\n")
	if f := l.look(driver.Failed); !f.Final {
		t.Error("what is forbidden stands there, and the finding is not final")
	}
}

func TestLogThatComesLater(t *testing.T) {
	l := newLogbook(t, "", estate.Settings{"expect": "started"})
	l.look(driver.Failed)
	l.write("started\n")
	l.look(driver.Passed)
}

func TestLogThatIsRotated(t *testing.T) {
	l := newLogbook(t, "first\n", estate.Settings{"forbid": "401", "over": time.Minute})
	l.look(driver.Pending)
	l.write("GET / 401\n")
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		t.Fatal(err)
	}
	l.write("another log\n")
	l.look(driver.Failed) // it stands in the part that was rotated away
	if err := os.Remove(l.path + ".1"); err != nil {
		t.Fatal(err)
	}
	l.look("") // nobody can say what stood there
}

func TestLogThatWasEmptyIsRotated(t *testing.T) {
	l := newLogbook(t, "", estate.Settings{"forbid": "401", "over": time.Minute})
	l.look(driver.Pending)
	l.write("ok\n")
	l.look(driver.Pending)
	l.write("GET / 401\n")
	if err := os.Rename(l.path, l.path+".1"); err != nil {
		t.Fatal(err)
	}
	l.write("another log\n")
	l.look(driver.Failed)
}

func TestLogThatIsCutShort(t *testing.T) {
	l := newLogbook(t, "a long first line\n", estate.Settings{"forbid": "401", "over": time.Minute})
	l.look(driver.Pending)
	if err := os.Truncate(l.path, 0); err != nil {
		t.Fatal(err)
	}
	l.write("401\n")
	l.look("")
}

func TestLogRefusesWhatItCannotFollow(t *testing.T) {
	l := newLogbook(t, "", estate.Settings{"expect": "started"})
	if err := os.Mkdir(l.path, 0o700); err != nil {
		t.Fatal(err)
	}
	l.look("")
	l.rule = estate.Settings{}
	l.look("")
}
