package cli

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pawlhq/pawl/driver/all"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"pawl": scriptedPawl})
}

// scriptedPawl is the whole command line as cmd/pawl runs it, in a process of
// its own. Two variables change what it stands on: PAWL_TEST_CLOCK shifts its
// clock by a duration, PAWL_TEST_MORTAL makes file modes bind it even where
// the tests run as root.
func scriptedPawl() {
	if os.Getenv("PAWL_TEST_MORTAL") != "" {
		becomeMortal()
	}
	shift, _ := time.ParseDuration(os.Getenv("PAWL_TEST_CLOCK")) // "" is no shift
	a := &App{Streams: System(), Registry: all.Drivers(), Now: func() time.Time { return time.Now().Add(shift) }}
	os.Exit(Run(os.Args[1:], a))
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               func(e *testscript.Env) error { return furnish(e) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"json":    jsonHas,
			"keep":    keep,
			"vendors": vendors,
			"damage":  damage,
			"grow":    grow,
			"newer":   newer,
			"offer":   offer,
			"example": example,
		},
	})
}

// first is the value that the key store holds when a script begins.
const first = "first-value-that-nobody-may-see"

// furnish gives every script a vendor without a network: vendor.sh, the
// example key store in the folder keys, with a first key for billing. A file
// fault beside it makes it fail, in the words that testdata/vendor.sh
// explains.
func furnish(e *testscript.Env) error {
	e.Setenv("PAWL_ACTOR", "script")
	e.Setenv("FIRST", first)
	e.Values[world{}] = &simulated{}
	vendor, err := os.ReadFile(filepath.Join("testdata", "vendor.sh"))
	store, storeErr := os.ReadFile(filepath.Join("..", "..", "examples", "exec", "keystore.sh"))
	if err := errors.Join(err, storeErr); err != nil {
		return err
	}
	for name, text := range map[string]string{"vendor.sh": string(vendor), "keystore.sh": string(store), "keys/keys/billing/first.0": first, "keys/copies/billing": first} {
		path := filepath.Join(e.WorkDir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o700)); err != nil {
			return err
		}
	}
	return nil
}

// example copies the examples to the script's folder: example FOLDER.
func example(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: example FOLDER")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[0]), os.DirFS(filepath.Join("..", "..", "examples"))))
}

// exits runs a command and holds its exit status: exits 5 pawl rotate X. A
// command that a signal ended has status -1.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARGS]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := status(ts, ts.Exec(args[1], args[2:]...))
	if got != want {
		ts.Fatalf("%s: status %d, want %d", strings.Join(args[1:], " "), got, want)
	}
	if said := ts.ReadFile("stderr"); got > 0 && !strings.Contains(said, "\nnext: ") && !strings.Contains(said, " (hint: ") {
		ts.Fatalf("%s: its error does not end with what comes next", strings.Join(args[1:], " "))
	}
}

// status gives the exit status in the error of a command.
func status(ts *testscript.TestScript, err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}
