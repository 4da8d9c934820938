package exec

import (
	"os"
	osexec "os/exec"
	"testing"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// TestValueIsNotInTheProcess has the program look for the value in its own
// arguments and environment, as another process could.
func TestValueIsNotInTheProcess(t *testing.T) {
	t.Setenv("PAWL_TEST_TOKEN", canary)
	script := `
request=$(cat)
case $request in *` + "canary-" + `4f9d2c71*) ;; *) echo '{"ok":true,"state":"failed","detail":"the value was not sent"}'; exit ;; esac
tr '\0' '\n' </proc/$$/environ >"$1"
seen=$(tr '\0' ' ' </proc/$$/environ; cat "$1")
case $seen in *PATH=*) ;; *) echo '{"ok":true,"state":"failed","detail":"there is no environment"}'; exit ;; esac
case $seen in *canary*) echo '{"ok":true,"state":"failed","detail":"the value is in the environment"}'; exit ;; esac
cp /proc/$$/cmdline "$1"
echo '{"ok":true,"state":"passed"}'`
	out := tempFile(t, "")
	c := running(t, formJSON, "sh", tempFile(t, script), out)
	f, err := c.Check(t.Context(), driver.CheckRequest{Target: target("program_with_value"), Value: secret.One(secret.NewString(canary))})
	if err != nil || f.State != driver.Passed {
		t.Fatalf("%+v, %v", f, err)
	}
	line, err := os.ReadFile(out)
	if err != nil || len(line) == 0 || secret.NewScrubber(secret.NewString(canary)).Scrub(string(line)) != string(line) {
		t.Errorf("the command line is %q, %v", line, err)
	}
}

// TestProgramDiesWithPawl kills the process that runs a program.
func TestProgramDiesWithPawl(t *testing.T) {
	w := newTether(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := osexec.Command(self, "pawl", w.path)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	<-w.held
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	w.mustBeGone(t)
}
