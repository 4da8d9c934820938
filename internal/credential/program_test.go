//go:build unix

package credential_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/credential"
)

// TestMain makes this program a second process for TestAnotherUsersFile.
func TestMain(m *testing.M) {
	path := os.Getenv("PAWL_CREDENTIAL_CHILD")
	if path == "" {
		os.Exit(m.Run())
	}
	r := &credential.Resolver{}
	_, err := r.Resolve(context.Background(), estate.Reference{Scheme: "file", Rest: path})
	fmt.Println(err)
}

// script writes a program of the shell and gives a reference to it.
func script(t *testing.T, dir, body string) string {
	t.Helper()
	path := filepath.Join(dir, "get")
	// Written by another process: a file that this one has open for writing
	// while some other test forks could not be run.
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `cat >"$0" && chmod 700 "$0"`, path)
	cmd.Stdin = strings.NewReader("#!/bin/sh\n" + body + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return "exec:" + path
}

func TestPrograms(t *testing.T) {
	dir := t.TempDir()
	r := &credential.Resolver{Dir: dir}
	mustGive(t, r, script(t, dir, "echo "+value), value)
	mustGive(t, r, script(t, dir, `printf '`+value+`\r\n'`), value)
	mustGive(t, r, script(t, dir, `printf '`+value+`\n\n'`), value+"\n")
	mustGive(t, r, "exec:echo "+value, value)       // from PATH
	mustGive(t, r, "exec:  echo  a   b ", "a b")    // split at spaces
	mustGive(t, r, "exec:echo $HOME;x", "$HOME;x")  // no shell reads it
	mustGive(t, r, "exec:pwd -P", physical(t, dir)) // where the estate is
	script(t, dir, "echo beside the estate")
	mustGive(t, r, "exec:./get", "beside the estate")
	mustFail(t, r, "exec:true", "it is empty")
	mustFail(t, r, "exec:   ", "no program is named")
	mustFail(t, r, "exec:pawl-no-such-program x", "not found")
	mustGive(t, r, script(t, dir, "head -c 65536 /dev/zero | tr '\\0' v"), strings.Repeat("v", 65536))
	mustFail(t, r, script(t, dir, "head -c 65537 /dev/zero | tr '\\0' v"), "more than 65536 bytes")
}

func physical(t *testing.T, dir string) string {
	t.Helper()
	p, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProgramsHaveNoInput: one that asks must not wait for a person.
func TestProgramsHaveNoInput(t *testing.T) {
	dir := t.TempDir()
	mustGive(t, &credential.Resolver{Dir: dir}, script(t, dir, `read x && echo asked || echo nobody`), "nobody")
}

// TestProgramsThatFail print their value on both outputs first: neither may
// get into the error.
func TestProgramsThatFail(t *testing.T) {
	dir := t.TempDir()
	r := &credential.Resolver{Dir: dir}
	leaky := `t=` + value[:8] + `; t="$t` + value[8:] + `"; echo "$t"; echo "$t" >&2; `
	mustFail(t, r, script(t, dir, leaky+"exit 3"), "exit status 3")
	mustFail(t, r, script(t, dir, leaky+"kill -9 $$"), "signal: killed")
	mustFail(t, r, script(t, dir, leaky+`while :; do echo "$t" || exit 1; done`), "more than 65536 bytes")
}

// TestProgramsAreBounded runs programs that never end. The bound is that of
// the resolver or of the caller, whichever is earlier.
func TestProgramsAreBounded(t *testing.T) {
	dir := t.TempDir()
	short := &credential.Resolver{Dir: dir, Timeout: 50 * time.Millisecond}
	mustFail(t, short, script(t, dir, "echo "+value+"; exec sleep 600"), "it took longer than 50ms")
	mustFail(t, short, script(t, dir, "trap '' TERM INT PIPE; echo "+value+"; while :; do sleep 600; done"), "it took longer than 50ms")

	ctx, cancel := context.WithCancel(t.Context())
	started := filepath.Join(dir, "started")
	if err := syscall.Mkfifo(started, 0o600); err != nil {
		t.Fatal(err)
	}
	long := &credential.Resolver{Dir: dir, Timeout: time.Hour}
	go func() { // cancel once the program runs: opening the pipe waits for it
		if f, err := os.Open(started); err == nil {
			f.Close()
		}
		cancel()
	}()
	v, err := long.Resolve(ctx, ref(t, script(t, dir, `echo >started; exec sleep 600`)))
	if !errors.Is(err, context.Canceled) || !v.Empty() {
		t.Errorf("cancelled: %v", err)
	}
}

// TestProgramsThatLeaveOthersBehind: an agent that a program started may hold
// its output for ever.
func TestProgramsThatLeaveOthersBehind(t *testing.T) {
	dir := t.TempDir()
	pid := filepath.Join(dir, "pid")
	mustFail(t, &credential.Resolver{Dir: dir}, script(t, dir, "sleep 600 & echo $! >pid; echo "+value), "still holds its output")
	end(t, pid)
	mustGive(t, &credential.Resolver{Dir: dir}, script(t, dir, "sleep 600 >/dev/null & echo $! >pid; echo "+value), value)
	end(t, pid)
}

// end ends the process whose id a file has.
func end(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(b), &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

func TestProgramsAreRunAnew(t *testing.T) {
	dir := t.TempDir()
	r := &credential.Resolver{Dir: dir}
	reference := script(t, dir, `echo x >>runs; wc -l <runs | tr -d ' '`)
	mustGive(t, r, reference, "1")
	mustGive(t, r, reference, "2")
}

func TestAPipeIsNoCredentialFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	mustFail(t, &credential.Resolver{}, "file:"+path, "not a regular file")
}

// TestAnotherUsersFile is about a file that this user may not read. Root may
// read everything, so as root a child with another user's id asks.
func TestAnotherUsersFile(t *testing.T) {
	dir, err := os.MkdirTemp("", "credential")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	path, own := put(t, filepath.Join(dir, "token"), value), filepath.Join(dir, "self")
	mode := os.FileMode(0o600)
	if os.Geteuid() != 0 {
		mode = 0
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(exe)
	if err == nil {
		err = errors.Join(os.WriteFile(own, b, 0o700), os.Chmod(own, 0o755), os.Chmod(dir, 0o755), os.Chmod(path, mode))
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), own)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PAWL_CREDENTIAL_CHILD="+path)
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !bytes.Contains(out, []byte("permission denied")) || !bytes.Contains(out, []byte(path)) || bytes.Contains(out, []byte(value)) {
		t.Errorf("the other user is told: %s", out)
	}
}

// TestValuesAreNotShared holds that clearing the bytes that were read does not
// clear the value, and that destroying one does not destroy the next.
func TestValuesAreNotShared(t *testing.T) {
	path := put(t, filepath.Join(t.TempDir(), "token"), value)
	r := &credential.Resolver{}
	first, err := r.Resolve(t.Context(), ref(t, "file:"+path))
	if err != nil {
		t.Fatal(err)
	}
	first.Destroy()
	mustGive(t, r, "file:"+path, value)
	if first.Len() != 0 {
		t.Error("the destroyed value lives")
	}
}
