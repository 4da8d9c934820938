//go:build unix

package exec

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

func tempFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tether is a pipe that a program holds open: its reader gets to the end only
// when the program and all that it started are gone.
type tether struct {
	path string
	held chan struct{} // closed when somebody holds it
	gone chan struct{} // closed when nobody does any more
}

func newTether(t *testing.T) tether {
	t.Helper()
	w := tether{path: filepath.Join(t.TempDir(), "pipe"), held: make(chan struct{}), gone: make(chan struct{})}
	if err := syscall.Mkfifo(w.path, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(w.gone)
		f, err := os.Open(w.path) // waits for a writer
		close(w.held)
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		_, _ = io.Copy(io.Discard, f)
	}()
	return w
}

func (w tether) mustBeGone(t *testing.T) {
	t.Helper()
	select {
	case <-w.gone:
	case <-time.After(20 * time.Second):
		t.Error("a process is left")
	}
}

func TestCancelEndsTheGroup(t *testing.T) {
	for name, script := range map[string]string{
		"polite":         `exec 3>"$1"; sleep 1000 & wait`,
		"deaf to a word": `trap '' TERM; exec 3>"$1"; sleep 1000 & sleep 1000; sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newTether(t)
			c := running(t, formJSON, "sh", "-c", script, "sh", w.path)
			c.program.grace = 50 * time.Millisecond
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-w.held
				cancel()
			}()
			wantError(t, c.Remove(ctx, target("program")), driver.Unavailable, pawl.EffectUnknown, "was ended")
			w.mustBeGone(t)
		})
	}
}

func TestTimeoutEndsTheProgram(t *testing.T) {
	w := newTether(t)
	c := running(t, formJSON, "sh", "-c", `exec 3>"$1"; sleep 1000`, "sh", w.path)
	c.program.timeout = 200 * time.Millisecond
	_, err := c.List(t.Context(), target("program"))
	wantError(t, err, driver.Unavailable, pawl.EffectNone, "was ended")
	w.mustBeGone(t)
}

// TestNothingIsLeftBehind has a program that replies and leaves another one
// running, which holds its output open.
func TestNothingIsLeftBehind(t *testing.T) {
	w := newTether(t)
	c := running(t, formJSON, "sh", "-c", `exec 3>"$1"; sleep 1000 & echo '{"ok":true}'`, "sh", w.path)
	c.program.grace = 50 * time.Millisecond
	if err := c.Remove(t.Context(), target("program")); err != nil {
		t.Error(err)
	}
	w.mustBeGone(t)
}
