//go:build unix

package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// TestBrokenSystem breaks each act of an edit in turn. Before the rename
// nothing has changed; after it nobody can tell.
func TestBrokenSystem(t *testing.T) {
	for _, c := range []struct {
		name   string
		break_ func(*system)
		kind   driver.ErrorKind
		effect pawl.Effect
		after  string
	}{
		{"disk full", func(s *system) {
			s.write = func(f *os.File, b []byte) error { _, _ = f.Write(b[:3]); return syscall.ENOSPC }
		},
			driver.Unavailable, pawl.EffectNone, "A=old\n"},
		{"quota", func(s *system) { s.write = func(*os.File, []byte) error { return syscall.EDQUOT } },
			driver.Unavailable, pawl.EffectNone, "A=old\n"},
		{"disk broken", func(s *system) { s.write = func(*os.File, []byte) error { return syscall.EIO } },
			driver.Internal, pawl.EffectNone, "A=old\n"},
		{"read-only", func(s *system) {
			s.rename = func(from, to string) error {
				return &os.LinkError{Op: "rename", Old: from, New: to, Err: syscall.EROFS}
			}
		},
			driver.Denied, pawl.EffectNone, "A=old\n"},
		{"no permission", func(s *system) { s.rename = func(string, string) error { return syscall.EACCES } },
			driver.Denied, pawl.EffectNone, "A=old\n"},
		{"mounted", func(s *system) { s.rename = func(string, string) error { return syscall.EBUSY } },
			driver.Invalid, pawl.EffectNone, "A=old\n"},
		{"folder not synced", func(s *system) { s.syncDir = func(string) error { return syscall.EIO } },
			driver.Internal, pawl.EffectUnknown, "A=" + canary + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, ".env"), "A=old\n")
			conn := openIn(t, dir)
			c.break_(&conn.sys)
			wantError(t, put(conn, at(".env", "A"), canary), c.kind, c.effect)
			if got := content(t, filepath.Join(dir, ".env")); got != c.after {
				t.Errorf("the file is %q, want %q", got, c.after)
			}
			only(t, dir, ".env")
		})
	}
}

func TestModeAndOwnerStay(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ".env")
	write(t, path, "A=old\n")
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	root := os.Geteuid() == 0
	if root { // only root can give a file away, so only root can see whether it is given back
		if err := os.Chown(path, 12345, 23456); err != nil {
			t.Fatal(err)
		}
	}
	conn := openIn(t, dir)
	var whileWritten os.FileMode
	conn.sys.write = func(f *os.File, b []byte) error {
		info, err := f.Stat()
		whileWritten = info.Mode().Perm()
		_ = err
		return writeAll(f, b)
	}
	if err := put(conn, at(".env", "A"), canary); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o604 {
		t.Errorf("mode is %v (%v), want 0604", info.Mode(), err)
	}
	if s := info.Sys().(*syscall.Stat_t); root && (s.Uid != 12345 || s.Gid != 23456) {
		t.Errorf("owner is %d:%d, want 12345:23456", s.Uid, s.Gid)
	}
	if whileWritten != 0o600 {
		t.Errorf("the temporary file has mode %v while it is written, want 0600", whileWritten)
	}
}

func TestLinkStaysLink(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	real := filepath.Join(elsewhere, "real.env")
	write(t, real, "A=old\n")
	if err := os.Symlink(real, filepath.Join(dir, ".env")); err != nil {
		t.Fatal(err)
	}
	if err := put(openIn(t, dir), at(".env", "A"), canary); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(filepath.Join(dir, ".env")); err != nil || to != real {
		t.Errorf("the link leads to %q (%v)", to, err)
	}
	if got := content(t, real); got != "A="+canary+"\n" {
		t.Errorf("the file is %q", got)
	}
}

func TestOddFilesAreRefused(t *testing.T) {
	for name, prepare := range map[string]func(path string) error{
		"hard link": func(path string) error {
			if err := os.WriteFile(path, []byte("A=old\n"), 0o600); err != nil {
				return err
			}
			return os.Link(path, path+".twin")
		},
		"dangling link": func(path string) error { return os.Symlink(path+".nowhere", path) },
		"folder":        func(path string) error { return os.Mkdir(path, 0o700) },
		"pipe":          func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"too large":     func(path string) error { return os.WriteFile(path, make([]byte, maxSize+1), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := prepare(filepath.Join(dir, ".env")); err != nil {
				t.Fatal(err)
			}
			wantError(t, put(openIn(t, dir), at(".env", "A"), canary), driver.Invalid, pawl.EffectNone)
		})
	}
	err := put(openIn(t, t.TempDir()), at("none/.env", "A"), canary)
	wantError(t, err, driver.NotFound, pawl.EffectNone)
}

// TestLockedFile has another writer hold the lock. It lets go, having put
// another file in its place, while the driver waits: the driver must edit that
// one.
func TestLockedFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ".env")
	write(t, path, "A=old\n")
	other, err := acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	conn := openIn(t, dir)
	wantError(t, put(conn, at(".env", "A"), canary), driver.Conflict, pawl.EffectNone)

	waits := 0
	conn.wait = func(context.Context, time.Duration) error {
		if waits++; waits == 3 {
			write(t, path+".new", "A=old\nB=theirs\n")
			defer other.release()
			return os.Rename(path+".new", path)
		}
		return nil
	}
	if err := put(conn, at(".env", "A"), canary); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path); got != "A="+canary+"\nB=theirs\n" {
		t.Errorf("the file is %q: the other writer's change is lost", got)
	}
}

// TestChangeMeanwhile has a program that knows no lock write while the
// driver is at work.
func TestChangeMeanwhile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ".env")
	for _, before := range []bool{true, false} {
		t.Run(fmt.Sprintf("there before %v", before), func(t *testing.T) {
			conn := openIn(t, dir)
			_ = os.Remove(path)
			if before {
				write(t, path, "A=old\n")
			}
			conn.sys.write = func(f *os.File, b []byte) error {
				write(t, path, "A=theirs and longer\n")
				return writeAll(f, b)
			}
			wantError(t, put(conn, at(".env", "A"), canary), driver.Conflict, pawl.EffectNone)
			if got := content(t, path); got != "A=theirs and longer\n" {
				t.Errorf("the file is %q", got)
			}
			only(t, dir, ".env")
		})
	}
}

// TestLeftovers sweeps what a killed writer of the same file left, and
// nothing else.
func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, ".env")
	prefix := tempPrefix(path)
	write(t, path, "A=old\n")
	write(t, filepath.Join(dir, prefix+"1.tmp"), canary)
	write(t, filepath.Join(dir, prefix+"2.tmp"), "a live writer's")
	write(t, filepath.Join(dir, ".pawl-00000000-3.tmp"), "another file's")
	alive, err := acquire(filepath.Join(dir, prefix+"2.tmp"))
	if err != nil {
		t.Fatal(err)
	}
	defer alive.release()
	if err := put(openIn(t, dir), at(".env", "A"), "new"); err != nil {
		t.Fatal(err)
	}
	only(t, dir, ".env", ".pawl-00000000-3.tmp", prefix+"2.tmp")
}

// TestManyWriters edits one file from two connections at once; no write may
// be lost.
func TestManyWriters(t *testing.T) {
	dir := t.TempDir()
	c1, c2 := openIn(t, dir), openIn(t, dir)
	var both sync.WaitGroup
	for i := range 12 {
		for j, c := range []*conn{c1, c2} {
			both.Go(func() {
				g := at(".env", fmt.Sprintf("K%d_%d", i, j))
				for {
					err := put(c, g, canary)
					if err == nil {
						return
					}
					if e := driver.AsError("put", err); e.Kind != driver.Conflict {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	both.Wait()
	for i := range 12 {
		for j := range 2 {
			if r, err := c1.Stat(t.Context(), at(".env", fmt.Sprintf("K%d_%d", i, j))); err != nil || !r.Exists {
				t.Errorf("K%d_%d is lost (%v)", i, j, err)
			}
		}
	}
	only(t, dir, ".env")
}

// TestSweptWhileMade makes temporary files beside a writer that never stops
// sweeping. What is given has its name and stays.
func TestSweptWhileMade(t *testing.T) {
	dir := t.TempDir()
	prefix := tempPrefix(".env")
	stop := make(chan struct{})
	var sweeper sync.WaitGroup
	sweeper.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				sweep(dir, prefix)
			}
		}
	})
	for range 500 {
		tmp, err := temporary(dir, prefix)
		if err != nil {
			t.Fatal(err)
		}
		if !named(tmp) {
			t.Fatal("a temporary file was swept although its writer is alive")
		}
		if err := errors.Join(os.Remove(tmp.Name()), tmp.Close()); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	sweeper.Wait()
}
