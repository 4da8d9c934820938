// Package childtest holds servers to what package child promises.
package childtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// inside marks the process that starts a server and is then killed.
const inside = "CHILDTEST_INSIDE"

// deathWithin bounds how long a server may outlive its parent.
const deathWithin = 10 * time.Second

// DiesWithParent runs the calling test again in a process of its own, kills
// that process, and waits for the end of the server that start began there.
// start gives the server's process id.
func DiesWithParent(t *testing.T, start func(context.Context) (int, error)) {
	t.Helper()
	if os.Getenv(inside) == "1" {
		pid, err := start(context.Background())
		fmt.Printf("pid %d %v\n", pid, err)
		select {} // until it is killed
	}
	if runtime.GOOS != "linux" {
		return // nobody promises it there
	}
	dir, err := os.MkdirTemp("", "childtest-") // what it leaves behind
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // the server's own account goes through
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), inside+"=1", "TMPDIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) == 3 && words[0] == "pid" {
			pid, _ = strconv.Atoi(words[1])
			break
		}
	}
	if err := errors.Join(cmd.Process.Kill(), ignoreKilled(cmd.Wait())); err != nil {
		t.Fatal(err)
	}
	if pid == 0 {
		t.Fatal("the server did not start in the other process")
	}
	gone(t, pid)
}

func ignoreKilled(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// gone waits for a process's end. The kernel has no signal for one that is
// not a child, so it is asked again and again.
func gone(t *testing.T, pid int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(deathWithin)
	for alive(pid) {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("the server %d still runs %s after its parent's end", pid, deathWithin)
		}
	}
}

// alive reports whether a process runs; one that waits to be reaped does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// Owner gives the user id that a process runs as, -1 where that cannot be told.
func Owner(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return -1
	}
	for line := range strings.Lines(string(status)) {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "Uid:" {
			uid, _ := strconv.Atoi(words[2]) // the effective one
			return uid
		}
	}
	return -1
}
