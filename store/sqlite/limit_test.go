//go:build linux || darwin

package sqlite_test

import (
	"context"
	"fmt"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/store/sqlite"
)

// limited appends until the system refuses to let a file grow, as a full disk
// does, and says how often it went well and how it ended.
func limited(ctx context.Context, s *sqlite.Store) error {
	l, err := s.Create(ctx, opening("r1"))
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ) // the write fails instead of the process
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 400_000, Max: 400_000}); err != nil {
		return err
	}
	n := 0
	for ; err == nil && n < 10_000; n++ {
		err = s.Append(ctx, l, entry(fmt.Sprint(n)))
	}
	fmt.Println(n-1, pawl.CodeOf(err), pawl.HintOf(err) != "")
	return nil
}

func TestAFileThatCannotGrow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pawl.db")
	c := spawn(t, "limited", path)
	c.line(t)
	c.release(t)
	var n int
	var code string
	var hint bool
	if _, err := fmt.Sscan(c.line(t), &n, &code, &hint); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, c.err.String())
	}
	if n < 10 || code != string(pawl.CodeStore) || !hint {
		t.Fatalf("after %d appends: code %q, hint %v; want some, then a store error with a hint", n, code, hint)
	}
	s := open(t, path, sqlite.Options{})
	a, err := s.Load(t.Context(), "r1")
	if err != nil || len(a.Entries) != n+1 {
		t.Fatalf("%d entries, %v; want the opening's and the %d that went well", len(a.Entries), err, n)
	}
	steps(t, s, "r1", func(i int) string { return fmt.Sprint(i) }, n)
	verify(t, s, int64(n)+1)
}
