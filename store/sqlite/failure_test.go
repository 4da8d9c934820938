package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
)

var now = time.Date(2031, 5, 4, 3, 2, 1, 0, time.UTC)

func start(t *testing.T, s *Store, id string) rotation.Lease {
	t.Helper()
	name := pawl.SecretName(id)
	l, err := s.Create(t.Context(), rotation.Opening{ID: pawl.RotationID(id), Secrets: []pawl.SecretName{name},
		Versions: map[pawl.SecretName]pawl.Version{name: 1}, Holder: "h", Now: now, Expires: now.Add(time.Minute),
		Entries: []rotation.Entry{{Time: now, Kind: rotation.KindOpened}}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func note(detail string) rotation.Commit {
	return rotation.Commit{Expires: now.Add(time.Minute), Entries: []rotation.Entry{{Time: now, Kind: rotation.KindIntent, Detail: detail}}}
}

// wants checks an error's code, that it says why, and that it says what next.
func wants(t *testing.T, err error, code pawl.Code, why, next string) {
	t.Helper()
	if pawl.CodeOf(err) != code || !strings.Contains(fmt.Sprint(err), why) || !strings.Contains(pawl.HintOf(err), next) {
		t.Fatalf("got %q (%v), next %q; want code %s, %q, next %q", err, pawl.CodeOf(err), pawl.HintOf(err), code, why, next)
	}
}

func TestAFullDiskStoresNothing(t *testing.T) {
	s := fresh(t, Options{})
	l := start(t, s, "r1")
	// The committer is idle between requests, so its connection may be told
	// here that the disk ends with the next page.
	full := func(t2 *tx) error {
		var pages int
		if err := t2.row(`PRAGMA page_count`).Scan(&pages); err != nil {
			return err
		}
		_, err := t2.conn.ExecContext(context.Background(), fmt.Sprintf(`PRAGMA max_page_count = %d`, pages+1))
		return err
	}
	if err := s.submit(t.Context(), "limit", full); err != nil {
		t.Fatal(err)
	}
	before, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = s.Append(t.Context(), l, note(strings.Repeat("x", 100_000)))
	wants(t, err, pawl.CodeStore, "disk is full", "free space")
	if after, _ := s.Head(t.Context()); after != before {
		t.Fatalf("the head went from %v to %v", before, after)
	}
	if err := s.Append(t.Context(), l, note("small")); err != nil {
		t.Fatalf("a write that fits, after one that did not: %v", err)
	}
}

// TestAFailedTransactionFailsForAll breaks a transaction after a neighbour's
// request had already gone well in it.
func TestAFailedTransactionFailsForAll(t *testing.T) {
	s := fresh(t, Options{})
	la, lb := start(t, s, "a"), start(t, s, "b")
	commits := s.Stats().Commits
	gate := newGate(s)
	errs := make(chan error, 2)
	go func() { errs <- s.Append(t.Context(), la, note("good")) }()
	gate.waitFor(t, 1)
	go func() {
		errs <- s.submit(t.Context(), "break", func(t *tx) error {
			t.exec(`ROLLBACK`) // as SQLite does by itself on some errors
			return errors.New("the disk is on fire")
		})
	}()
	gate.waitFor(t, 2)
	gate.open()
	for range 2 {
		wants(t, <-errs, pawl.CodeStore, "the disk is on fire", "pawl doctor")
	}
	for _, id := range []pawl.RotationID{"a", "b"} {
		if a, err := s.Load(t.Context(), id); err != nil || len(a.Entries) != 1 {
			t.Fatalf("%s has %d entries, %v; want the opening's alone", id, len(a.Entries), err)
		}
	}
	if err := s.Append(t.Context(), lb, note("after")); err != nil {
		t.Fatal(err)
	}
	if n := s.Stats().Commits; n != commits+2 { // the gate's own and the last
		t.Fatalf("%d commits, want %d", n-commits, 2)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestAFailedCommitFailsForAll lets two requests go well and breaks the COMMIT
// after them, by a rule that SQLite checks only then.
func TestAFailedCommitFailsForAll(t *testing.T) {
	s := fresh(t, Options{})
	l := start(t, s, "a")
	before := s.Stats().Commits
	gate := newGate(s)
	errs := make(chan error, 2)
	go func() { errs <- s.Append(t.Context(), l, note("good")) }()
	go func() {
		errs <- s.submit(t.Context(), "break", func(t *tx) error {
			if _, err := t.exec(`PRAGMA defer_foreign_keys = 1`); err != nil {
				return err
			}
			_, err := t.change(`INSERT INTO sealed (secret, version, part, bytes) VALUES ('none', 1, 'p', x'00')`)
			return err
		})
	}()
	gate.waitFor(t, 2)
	gate.open()
	for range 2 {
		wants(t, <-errs, pawl.CodeStore, "FOREIGN KEY", "pawl doctor")
	}
	if a, err := s.Load(t.Context(), "a"); err != nil || len(a.Entries) != 1 {
		t.Fatalf("%d entries, %v; want the opening's alone", len(a.Entries), err)
	}
	if n := s.Stats().Commits - before; n != 1 {
		t.Fatalf("%d commits are counted, want the gate's alone", n)
	}
	if err := s.Append(t.Context(), l, note("after")); err != nil {
		t.Fatal(err)
	}
}

// gate keeps the committer inside a transaction, so that a test can let
// requests gather behind it.
type gate struct {
	s      *Store
	opened chan struct{}
}

func newGate(s *Store) *gate {
	g := &gate{s: s, opened: make(chan struct{})}
	inside := make(chan struct{})
	go s.submit(context.Background(), "gate", func(t *tx) error {
		close(inside)
		<-g.opened
		t.wrote = true
		return nil
	})
	<-inside
	return g
}

func (g *gate) open() { close(g.opened) }

// waitFor waits until n requests are queued behind the gate.
func (g *gate) waitFor(t *testing.T, n int) {
	t.Helper()
	for limit := time.Now().Add(10 * time.Second); ; {
		g.s.mu.Lock()
		queued := len(g.s.queue)
		g.s.mu.Unlock()
		if queued >= n {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%d of %d requests came", queued, n)
		}
		runtime.Gosched()
	}
}

func TestRequestsThatWaitShareOneCommit(t *testing.T) {
	s := fresh(t, Options{})
	var leases []rotation.Lease
	for i := range 50 {
		leases = append(leases, start(t, s, fmt.Sprint(i)))
	}
	gate, before := newGate(s), s.Stats()
	var group sync.WaitGroup
	for _, l := range leases {
		group.Go(func() {
			if err := s.Append(t.Context(), l, note("x")); err != nil {
				t.Error(err)
			}
		})
	}
	gate.waitFor(t, len(leases))
	gate.open()
	group.Wait()
	if got := s.Stats(); got.Commits-before.Commits != 2 || got.Largest != len(leases) || got.Requests-before.Requests != int64(len(leases))+1 {
		t.Fatalf("stats went from %+v to %+v, want the gate's commit and one for all %d", before, got, len(leases))
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestACallerThatStopsWaitingStoredNothing(t *testing.T) {
	s := fresh(t, Options{})
	l := start(t, s, "r1")
	gate := newGate(s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Append(ctx, l, note("never")) }()
	gate.waitFor(t, 1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v, want context.Canceled", err)
	}
	gate.open()
	if err := s.Append(t.Context(), l, note("later")); err != nil {
		t.Fatal(err)
	}
	if a, err := s.Load(t.Context(), "r1"); err != nil || len(a.Entries) != 2 || a.Entries[1].Detail != "later" {
		t.Fatalf("entries %+v, %v; want the opening and the later one", a.Entries, err)
	}
}

func TestALockedFileIsGivenUpInTime(t *testing.T) {
	s := fresh(t, Options{Patience: 20 * time.Millisecond})
	l := start(t, s, "r1")
	db := plain(t, s.path)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), `BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	wants(t, s.Append(t.Context(), l, note("x")), pawl.CodeStore, "another process", "pawl status")
	if _, err := s.Load(t.Context(), "r1"); err != nil {
		t.Fatalf("reading while another writes: %v", err)
	}
	if _, err := conn.ExecContext(t.Context(), `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), l, note("x")); err != nil {
		t.Fatal(err)
	}
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("not a store "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path string
		o    Options
		code pawl.Code
		why  string
	}{
		"no folder":         {filepath.Join(dir, "none", "pawl.db"), Options{}, pawl.CodeStore, "there is no folder"},
		"folder is a file":  {filepath.Join(garbage, "pawl.db"), Options{}, pawl.CodeStore, "there is no folder"},
		"nothing to read":   {filepath.Join(dir, "pawl.db"), Options{ReadOnly: true}, pawl.CodeStore, "there is no such file"},
		"garbage":           {garbage, Options{}, pawl.CodeCorrupt, "damaged"},
		"garbage, reading":  {garbage, Options{ReadOnly: true}, pawl.CodeCorrupt, "damaged"},
		"a folder as store": {dir, Options{}, pawl.CodeStore, "cannot be opened"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), c.path, c.o)
			wants(t, err, c.code, c.why, "")
			if pawl.HintOf(err) == "" || !strings.Contains(err.Error(), c.path) {
				t.Fatalf("%v names no path or no next step", err)
			}
		})
	}
}

func TestReadOnly(t *testing.T) {
	w := fresh(t, Options{})
	start(t, w, "r1")
	for _, state := range []string{"in use", "closed"} {
		r, err := Open(t.Context(), w.path, Options{ReadOnly: true})
		if err != nil {
			t.Fatalf("%s: %v", state, err)
		}
		if a, err := r.Load(t.Context(), "r1"); err != nil || len(a.Entries) != 1 {
			t.Fatalf("%s: %v, %v", state, a, err)
		}
		_, err = r.Acquire(t.Context(), rotation.LeaseRequest{Rotation: "r1", Holder: "x", Now: now.Add(time.Hour)})
		wants(t, err, pawl.CodeStore, "reading only", "writing")
		if err := errors.Join(r.Check(t.Context()), r.Close(), w.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAClosedStoreRefuses(t *testing.T) {
	s := fresh(t, Options{})
	l := start(t, s, "r1")
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	wants(t, s.Append(t.Context(), l, note("x")), pawl.CodeStore, "closed", "")
	if _, err := s.Load(t.Context(), "r1"); err == nil {
		t.Fatal("a closed store was read")
	}
}

func TestTheFileIsPrivate(t *testing.T) {
	s := fresh(t, Options{})
	start(t, s, "r1")
	files, err := filepath.Glob(s.path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v; want the store and its log", files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v; want 0600", filepath.Base(f), info.Mode().Perm(), err)
		}
	}
}

// TestEveryCommitIsSynced guards the settings that the promises rest on.
func TestEveryCommitIsSynced(t *testing.T) {
	s := fresh(t, Options{})
	want := map[string]string{"synchronous": "2", "journal_mode": "wal", "secure_delete": "1", "foreign_keys": "1"}
	got := map[string]string{}
	err := s.submit(t.Context(), "look", func(t *tx) error {
		for name := range want {
			var value string
			if err := t.row(`PRAGMA ` + name).Scan(&value); err != nil {
				return err
			}
			got[name] = value
		}
		return nil
	})
	if err != nil || !maps.Equal(got, want) {
		t.Fatalf("settings %v, %v; want %v", got, err, want)
	}
}

func TestCheckFindsATamperedChain(t *testing.T) {
	for name, c := range map[string]struct{ sql, why string }{
		"changed": {`DROP TRIGGER records_stay; UPDATE records SET body = x'7b7d' WHERE seq = 2`, "record 2 was changed"},
		"removed": {`DROP TRIGGER records_are_kept; DELETE FROM records WHERE seq = 2`, "record 2 is missing"},
		"orphan":  {`PRAGMA foreign_keys = 0; INSERT INTO sealed (secret, version, part, bytes) VALUES ('none', 1, 'p', x'00')`, "a row of sealed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := fresh(t, Options{})
			l := start(t, s, "r1")
			for range 3 {
				if err := s.Append(t.Context(), l, note("x")); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			run(t, plain(t, s.path), c.sql)
			wants(t, s.Check(t.Context()), pawl.CodeCorrupt, c.why, "backup")
		})
	}
}

func TestADamagedPageIsCorrupt(t *testing.T) {
	s := fresh(t, Options{})
	l := start(t, s, "r1")
	if err := s.Append(t.Context(), l, note(strings.Repeat("x", 50_000))); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	noise := bytes.Repeat([]byte{0xa5}, 4096)
	for page := int64(1); page < 8; page++ {
		if _, err := f.WriteAt(noise, page*4096); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), s.path, Options{})
	if err == nil {
		defer again.Close()
		err = again.Check(t.Context())
	}
	wants(t, err, pawl.CodeCorrupt, "", "backup")
}

// TestForgottenValuesAreGone looks for deleted bytes in the files themselves.
func TestForgottenValuesAreGone(t *testing.T) {
	s := fresh(t, Options{})
	l := start(t, s, "A")
	small, large := []byte("canary-small"), bytes.Repeat([]byte("canary-large"), 2000)
	give := func(c rotation.Commit) {
		t.Helper()
		if err := s.Append(t.Context(), l, c); err != nil {
			t.Fatal(err)
		}
	}
	word := rotation.Signal{Entry: rotation.Entry{Rotation: "A", Time: now, Kind: rotation.KindSignal}, Sealed: map[string][]byte{"p": []byte("canary-signal")}}
	if err := s.Signal(t.Context(), word); err != nil {
		t.Fatal(err)
	}
	give(rotation.Commit{Versions: []rotation.VersionChange{{Secret: "A", Version: 1, Sealed: map[string][]byte{"s": small, "l": large}}}})
	if !onDisk(t, s.path, "canary-") {
		t.Fatal("the test looks in the wrong place")
	}
	give(rotation.Commit{Versions: []rotation.VersionChange{{Secret: "A", Version: 1, Forget: true}}})
	if onDisk(t, s.path, "canary-small") || onDisk(t, s.path, "canary-large") {
		t.Fatal("a forgotten value is still in the files")
	}
	give(rotation.Commit{Outcome: pawl.Done})
	if onDisk(t, s.path, "canary-") {
		t.Fatal("a value given in a signal is still in the files after the rotation's end")
	}
	if s.Stats().Commits != 5 {
		t.Fatalf("%d commits, want 5", s.Stats().Commits)
	}
}

// onDisk reports whether text is in the store's file or its log. It reads
// through cat, since closing the file here would drop this process's locks.
func onDisk(t *testing.T, path, text string) bool {
	t.Helper()
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f, "-shm") {
			continue
		}
		b, err := output(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

func output(ctx context.Context, file string) ([]byte, error) {
	return exec.CommandContext(ctx, "cat", "--", file).Output()
}
