package local_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pawlhq/pawl/runner/local"
)

// TestMain makes this program a second process: it says its name and waits to
// be killed.
func TestMain(m *testing.M) {
	if os.Getenv("PAWL_LOCAL_CHILD") == "" {
		os.Exit(m.Run())
	}
	os.Stdout.WriteString(local.Process() + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent ends it or itself
}

// child starts a process and gives its name.
func child(t *testing.T) (*exec.Cmd, string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "PAWL_LOCAL_CHILD=1")
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may be gone
		_ = cmd.Wait()
	})
	name, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(name)
}

func TestThisProcessIsAlive(t *testing.T) {
	name := local.Process()
	if local.Dead(name) {
		t.Errorf("%s takes itself for dead", name)
	}
	if name != local.Process() {
		t.Error("its name changes")
	}
	if parts := strings.Split(name, "/"); len(parts) != 4 || parts[0] == "" || parts[1] == "" || parts[2] == "" || parts[3] == "" {
		t.Errorf("the name %q lacks a part", name)
	}
}

// TestAKilledProcessIsDead kills a real one. It is dead at once, also before
// its parent has waited for it.
func TestAKilledProcessIsDead(t *testing.T) {
	cmd, name := child(t)
	if name == local.Process() {
		t.Fatal("two processes have one name")
	}
	if local.Dead(name) {
		t.Errorf("%s lives and is taken for dead", name)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitZombie(t, cmd.Process.Pid)
	if !local.Dead(name) {
		t.Errorf("%s was killed and is taken for alive", name)
	}
	_ = cmd.Wait() // says that it was killed
	if !local.Dead(name) {
		t.Errorf("%s is gone and is taken for alive", name)
	}
}

// waitZombie returns once a child has ended, without reaping it.
func waitZombie(t *testing.T, pid int) {
	t.Helper()
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == nil {
			return
		}
		if !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
}

// TestAnotherStartTimeIsAnotherProcess: ids of processes are used again.
func TestAnotherStartTimeIsAnotherProcess(t *testing.T) {
	_, name := child(t)
	if local.Dead(name) {
		t.Fatalf("%s lives and is taken for dead", name)
	}
	earlier := name[:strings.LastIndexByte(name, '/')+1] + "1"
	if !local.Dead(earlier) {
		t.Errorf("%s cannot be the process that has that id now", earlier)
	}
}
