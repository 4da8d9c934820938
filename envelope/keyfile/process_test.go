//go:build unix

package keyfile_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope/keyfile"
)

// TestMain makes this program a second process where a test needs one: it
// waits for a line, then does what the line's first word says to the file that
// the rest names.
func TestMain(m *testing.M) {
	if os.Getenv("PAWL_KEYFILE_CHILD") == "" {
		os.Exit(m.Run())
	}
	var act, path string
	if _, err := fmt.Scanln(&act, &path); err != nil {
		fmt.Println("no order:", err)
		os.Exit(2)
	}
	do := keyfile.Load
	if act == "create" {
		do = keyfile.Create
	}
	k, err := do(path)
	if err != nil {
		fmt.Printf("error exist=%t permission=%t hint=%q %v\n", errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrPermission), pawl.HintOf(err), err)
		return
	}
	fmt.Println("key", k.KeyID())
}

// child makes a second process that waits for its order.
func child(t *testing.T) (order func(act, path string), answer func() string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	return begin(t, cmd)
}

func begin(t *testing.T, cmd *exec.Cmd) (order func(act, path string), answer func() string) {
	t.Helper()
	cmd.Env = append(os.Environ(), "PAWL_KEYFILE_CHILD=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	order = func(act, path string) { fmt.Fprintln(in, act, path) }
	answer = func() string {
		if err := cmd.Wait(); err != nil {
			t.Errorf("the second process: %v: %s", err, out.String())
		}
		return strings.TrimSpace(out.String())
	}
	return order, answer
}

// TestRacingProcessesMakeOneKey lets processes race for one name. One wins,
// the others are told, and whoever loads meanwhile has the whole key or none.
func TestRacingProcessesMakeOneKey(t *testing.T) {
	const processes, rounds = 4, 5
	for round := range rounds {
		dir := t.TempDir()
		path := filepath.Join(dir, "key")
		orders, answers := make([]func(string, string), processes), make([]func() string, processes)
		for i := range orders {
			orders[i], answers[i] = child(t)
		}
		for _, order := range orders {
			order("create", path)
		}
		var halves error
		for halves == nil { // read beside them until the key is there
			_, err := keyfile.Load(path)
			if err == nil {
				break
			}
			if !errors.Is(err, fs.ErrNotExist) {
				halves = err
			}
		}
		if halves != nil {
			t.Errorf("round %d: half a key was seen: %v", round, halves)
		}
		var made []string
		for _, answer := range answers {
			switch got := answer(); {
			case strings.HasPrefix(got, "key "):
				made = append(made, strings.TrimPrefix(got, "key "))
			case !strings.Contains(got, "exist=true"):
				t.Errorf("round %d: the loser is told: %s", round, got)
			}
		}
		k, err := keyfile.Load(path)
		if err != nil || len(made) != 1 || k.KeyID() != made[0] {
			t.Errorf("round %d: %d processes made a key, and what is there loads with %v", round, len(made), err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
			t.Errorf("round %d: %d files are left: %v", round, len(left), err)
		}
	}
}

// TestAnotherUsersKey is about a file that this user may not read. Root may
// read everything, so as root a child with another user's id asks.
func TestAnotherUsersKey(t *testing.T) {
	dir := open(t)
	path := filepath.Join(dir, "key")
	put(t, path, text(example), 0o600)
	var got string
	if os.Geteuid() == 0 {
		exe := copyOfSelf(t, dir)
		cmd := exec.CommandContext(t.Context(), exe)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Dir = dir
		order, answer := begin(t, cmd)
		order("load", path)
		got = answer()
	} else {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		order, answer := child(t)
		order("load", path)
		got = answer()
	}
	if !strings.Contains(got, "permission=true") || !strings.Contains(got, `hint="run pawl as the user to whom the key file belongs"`) {
		t.Errorf("the other user is told: %s", got)
	}
}

// open makes a folder that any user may enter.
func open(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "keyfile")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// copyOfSelf puts this program where any user may run it.
func copyOfSelf(t *testing.T, dir string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "self")
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestAPipeIsNoKeyFile: opening one waits for a writer that may never come.
func TestAPipeIsNoKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := keyfile.Load(path)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("it is told: %v", err)
		}
	case <-ctx.Done():
		t.Error("it waits for a writer")
	}
}

// TestAFullDiskLeavesNothing makes a key where there is no room for one: half
// a key would be taken for a damaged one.
func TestAFullDiskLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -f 0; trap "" XFSZ; exec "$0"`, self(t))
	order, answer := begin(t, cmd)
	order("create", filepath.Join(dir, "key"))
	if got := answer(); !strings.HasPrefix(got, "error ") || !strings.Contains(got, "make the key file") {
		t.Errorf("it is told: %s", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%d files are left: %v", len(left), err)
	}
}

func self(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}
