package sqlite_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/evidence"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/store/sqlite"
)

// The tests of several processes run this test binary again, with a part to
// play in childVar and the store's path in pathVar.
const (
	childVar = "PAWL_TEST_CHILD"
	pathVar  = "PAWL_TEST_STORE"
)

func TestMain(m *testing.M) {
	part := os.Getenv(childVar)
	if part == "" {
		os.Exit(m.Run())
	}
	if err := play(context.Background(), part, os.Getenv(pathVar)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(ctx context.Context, part, path string) error {
	s, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	switch part {
	case "burst":
		return burst(ctx, s)
	case "limited":
		return limited(ctx, s)
	}
	return race(ctx, s, part)
}

var start = time.Date(2031, 5, 4, 3, 2, 1, 0, time.UTC)

func opening(id string) rotation.Opening {
	return rotation.Opening{ID: pawl.RotationID(id), Secrets: []pawl.SecretName{pawl.SecretName(id)},
		Versions: map[pawl.SecretName]pawl.Version{pawl.SecretName(id): 1}, Plan: []byte(`{}`), Holder: "parent", Now: start,
		Expires: start.Add(time.Minute), Entries: []rotation.Entry{{Time: start, Kind: rotation.KindOpened}}}
}

func entry(step string) rotation.Commit {
	return rotation.Commit{Entries: []rotation.Entry{{Time: start, Kind: rotation.KindIntent, Step: step}}, Expires: start.Add(time.Hour)}
}

// race tries to get the one lease that has run out, says whether it did, and
// appends to a rotation of its own and, as the winner, to the contested one.
func race(ctx context.Context, s *sqlite.Store, name string) error {
	own, err := s.Create(ctx, opening("own-"+name))
	if err != nil {
		return err
	}
	l, err := s.Acquire(ctx, rotation.LeaseRequest{Rotation: "contested", Holder: name, Now: start.Add(time.Minute), Expires: start.Add(time.Hour)})
	var held *rotation.HeldError
	won := err == nil
	if !won && !errors.As(err, &held) {
		return err
	}
	for i := range 20 {
		step := fmt.Sprintf("%s-%d", name, i)
		if err := s.Append(ctx, own, entry(step)); err != nil {
			return err
		}
		if won {
			if err := s.Append(ctx, l, entry(step)); err != nil {
				return err
			}
		}
	}
	fmt.Println("won", won)
	return nil
}

// burst appends from many goroutines without end and reports each append
// after it was answered.
func burst(ctx context.Context, s *sqlite.Store) error {
	var group sync.WaitGroup
	var out sync.Mutex
	for g := range 16 {
		group.Go(func() {
			id := fmt.Sprintf("burst-%d", g)
			l, err := s.Create(ctx, opening(id))
			for i := 0; err == nil; i++ {
				if err = s.Append(ctx, l, entry(fmt.Sprint(i))); err == nil {
					out.Lock()
					fmt.Println(id, i)
					out.Unlock()
				}
			}
			fmt.Fprintln(os.Stderr, err)
		})
	}
	group.Wait()
	return errors.New("the burst ended by itself")
}

// child is a running copy of this test binary.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	err bytes.Buffer
}

func spawn(t *testing.T, part, path string) *child {
	t.Helper()
	c := &child{cmd: exec.CommandContext(t.Context(), os.Args[0])}
	c.cmd.Env = append(os.Environ(), childVar+"="+part, pathVar+"="+path)
	c.cmd.Stderr = &c.err
	in, err := c.cmd.StdinPipe()
	out, outErr := c.cmd.StdoutPipe()
	if err := errors.Join(err, outErr, c.cmd.Start()); err != nil {
		t.Fatal(err)
	}
	c.in, c.out = in, bufio.NewReader(out)
	return c
}

func (c *child) line(t *testing.T) string {
	t.Helper()
	line, err := c.out.ReadString('\n')
	if err != nil {
		t.Fatalf("the child said %q, %v\n%s", line, err, c.err.String())
	}
	return strings.TrimSpace(line)
}

func (c *child) release(t *testing.T) {
	t.Helper()
	if _, err := io.WriteString(c.in, "go\n"); err != nil {
		t.Fatal(err)
	}
}

func TestTwoProcessesShareAStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pawl.db")
	// Both open a file that is not there yet: one makes it, both go on.
	children := map[string]*child{"left": spawn(t, "left", path), "right": spawn(t, "right", path)}
	for _, c := range children {
		c.line(t)
	}
	s := open(t, path, sqlite.Options{})
	if _, err := s.Create(t.Context(), opening("contested")); err != nil {
		t.Fatal(err)
	}
	for _, c := range children {
		c.release(t)
	}
	winner := ""
	for name, c := range children {
		if c.line(t) == "won true" {
			winner += name
		}
		if err := c.cmd.Wait(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, c.err.String())
		}
	}
	if winner != "left" && winner != "right" {
		t.Fatalf("the lease went to %q, want one of the two", winner)
	}
	for id, name := range map[string]string{"contested": winner, "own-left": "left", "own-right": "right"} {
		steps(t, s, id, func(i int) string { return fmt.Sprintf("%s-%d", name, i) }, 20)
	}
	verify(t, s, 1+20+2*21)
}

// steps checks that a rotation has n steps or more, named as told.
func steps(t *testing.T, s *sqlite.Store, id string, name func(i int) string, n int) {
	t.Helper()
	a, err := s.Load(t.Context(), pawl.RotationID(id))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Entries)-1 < n {
		t.Fatalf("%s has %d steps, want %d", id, len(a.Entries)-1, n)
	}
	for i, e := range a.Entries[1:] {
		if e.Step != name(i) {
			t.Fatalf("step %d of %s is %q, want %q", i, id, e.Step, name(i))
		}
	}
}

// verify checks the file and an export of n records; n below 0 is any number.
func verify(t *testing.T, s *sqlite.Store, n int64) {
	t.Helper()
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	head, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n >= 0 && head.Seq != n {
		t.Fatalf("the chain has %d records, want %d", head.Seq, n)
	}
	var b bytes.Buffer
	if err := s.WriteEvidence(t.Context(), &b, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.Verify(&b, evidence.Options{Expect: head, Store: s.ID()}); err != nil {
		t.Fatal(err)
	}
}

// TestKillInTheMiddleOfABurst kills a writing process at several places of
// its burst. Every append that it had reported must be there.
func TestKillInTheMiddleOfABurst(t *testing.T) {
	for _, after := range []int{1, 40, 333} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pawl.db")
			c := spawn(t, "burst", path)
			c.line(t)
			c.release(t)
			done := map[string]int{}
			for range after {
				report(t, done, c.line(t))
			}
			if err := c.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			for { // what it said before it died counts too
				line, err := c.out.ReadString('\n')
				if err != nil {
					break
				}
				report(t, done, strings.TrimSpace(line))
			}
			if err := c.cmd.Wait(); err == nil || c.err.Len() > 0 {
				t.Fatalf("the child ended by itself: %v\n%s", err, c.err.String())
			}
			s := open(t, path, sqlite.Options{})
			for id, n := range done {
				steps(t, s, id, func(i int) string { return fmt.Sprint(i) }, n)
			}
			verify(t, s, -1)
		})
	}
}

func report(t *testing.T, done map[string]int, line string) {
	t.Helper()
	var id string
	var i int
	if _, err := fmt.Sscan(line, &id, &i); err != nil {
		t.Fatalf("the child said %q: %v", line, err)
	}
	done[id] = max(done[id], i+1)
}
