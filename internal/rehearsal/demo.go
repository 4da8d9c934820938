package rehearsal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim/molecule"
)

// Demo rotates the seed's coupled secret in child processes that are killed.
type Demo struct {
	Out   io.Writer // talk; nil is none
	Color bool
	Width int // columns of the terminal behind Out; 0 is no limit

	blow blow
}

// Result is what the demo shows, and with --json all that it prints.
type Result struct {
	Secrets  []SecretResult `json:"secrets"`
	Kills    int            `json:"kills"`
	Promises Promises       `json:"promises"`
	broken   []string
}

// SecretResult is what became of one secret.
type SecretResult struct {
	Name    string       `json:"name"`
	From    int          `json:"from"`
	To      int          `json:"to"`
	Outcome pawl.Outcome `json:"outcome"`
}

// Promises counts what the vendors' truth holds against what was promised.
type Promises struct {
	Violations int `json:"violations"`
}

// Table writes the last table.
func (r *Result) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SECRET\tFROM\tTO\tOUTCOME\tKILLS\tVIOLATIONS")
	for _, s := range r.Secrets {
		fmt.Fprintf(t, "%s\tv%d\tv%d\t%s\t%d\t%d\n", s.Name, s.From, s.To, s.Outcome, r.Kills, r.Promises.Violations)
	}
	return t.Flush()
}

// Err is the error that the demo ends with when a promise was broken.
func (r *Result) Err() error {
	if len(r.broken) == 0 {
		return nil
	}
	return &pawl.Error{Code: pawl.CodeFailed, Op: "demo", Why: strings.Join(r.broken, "; "), Next: "please report this"}
}

// Run runs the demo in a folder of its own, which it removes.
func (d *Demo) Run(ctx context.Context) (*Result, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the pawl binary: %w", err)
	}
	dir, err := os.MkdirTemp("", "pawl-demo-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	defer os.RemoveAll(dir)
	w, err := Start(dir, Options{Soak: time.Second, Run: 300 * time.Millisecond, Boot: 200 * time.Millisecond, Front: d.blow.front})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	d.introduce()
	if err := w.Adopt(ctx, binary); err != nil {
		return nil, err
	}
	return d.rotate(ctx, w, binary)
}

func (d *Demo) say(format string, args ...any) {
	if d.Out != nil {
		fmt.Fprintf(d.Out, format+"\n", args...)
	}
}

// mark paints a mark on a terminal.
func (d *Demo) mark(color, text string) string {
	if !d.Color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func (d *Demo) introduce() {
	d.say("The map, at stand-ins of Fly.io and GitHub on this machine:\n")
	d.say("  %s  minted at Fly.io, a deploy token of the app %s", molecule.Secret, molecule.App)
	d.say("    1  Fly app secret         %s          loaded by a rolling update", molecule.App)
	d.say("    2  GitHub Actions secret  %s", molecule.Repo)
	d.say("    proven by /health of the app and by a run of %s\n", molecule.Workflow)
}

// kills are the vendor calls after which the child is killed, before their
// answer: when the token was minted, and between the two writes.
func kills(w *World) []struct {
	what     string
	happened func() bool
} {
	return []struct {
		what     string
		happened func() bool
	}{
		{"after Fly.io minted the new token, before its answer came", func() bool { return len(w.LiveDeployTokens()) > 1 }},
		{"between the two writes, before the first one's answer came", func() bool { return w.AtFly() != w.Token && w.AtGitHub() == w.Token }},
	}
}

// rotate runs children until the rotation is done, killing two of them.
func (d *Demo) rotate(ctx context.Context, w *World, binary string) (*Result, error) {
	result := &Result{Secrets: []SecretResult{{Name: molecule.Secret, From: 1, To: 2}}}
	var heard bytes.Buffer
	args := []string{"rotate", molecule.Secret}
	for _, k := range kills(w) {
		d.say("$ pawl %s", strings.Join(args, " "))
		killed, err := d.child(ctx, w, binary, args, k.happened, &heard)
		if err != nil {
			return nil, err
		}
		args = []string{"resume"}
		if !killed {
			continue
		}
		result.Kills++
		d.say("  %s killed with SIGKILL %s", d.mark("31", "✗"), k.what)
		d.places(w)
	}
	d.say("$ pawl %s", strings.Join(args, " "))
	if _, err := d.child(ctx, w, binary, args, nil, &heard); err != nil {
		return nil, err
	}
	return result, d.conclude(ctx, w, binary, result, &heard)
}

// child runs pawl. When happened is not nil it is asked after each call that
// a vendor has carried out, and when it says yes the child is killed before
// the answer.
func (d *Demo) child(ctx context.Context, w *World, binary string, args []string, happened func() bool, heard *bytes.Buffer) (killed bool, err error) {
	c := w.Command(ctx, binary, args...)
	out := &tee{d: d, keep: heard}
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		return false, fmt.Errorf("start pawl: %w", err)
	}
	if happened != nil {
		d.blow.arm(happened, c.Process.Kill)
	}
	err = c.Wait()
	if killed = d.blow.disarm(); killed || err == nil {
		return killed, nil
	}
	return false, fmt.Errorf("pawl %s: %w", strings.Join(args, " "), err)
}

// places shows what each place holds, by version, never by value.
func (d *Demo) places(w *World) {
	version := func(v string) string {
		if v == w.Token {
			return "v1"
		}
		return "v2"
	}
	d.say("    Fly app secret: %s   its machines run: %s   GitHub secret: %s   tokens alive: %d   app healthy: %t\n",
		version(w.AtFly()), version(w.Loaded()), version(w.AtGitHub()), len(w.LiveDeployTokens()), w.Fly.Healthy(molecule.App))
}

// conclude holds the truth against the promises.
func (d *Demo) conclude(ctx context.Context, w *World, binary string, r *Result, heard *bytes.Buffer) error {
	r.broken = w.Violations()
	leaks, err := w.Leaks(heard.Bytes())
	if err != nil {
		return err
	}
	for _, where := range leaks {
		r.broken = append(r.broken, "P4: a value is in "+where)
	}
	if out, err := w.Command(ctx, binary, "evidence", "verify").CombinedOutput(); err != nil {
		r.broken = append(r.broken, "the evidence does not verify: "+string(bytes.TrimSpace(out)))
	}
	r.Promises.Violations = len(r.broken)
	r.Secrets[0].Outcome = pawl.Done
	if len(r.broken) > 0 {
		r.Secrets[0].Outcome = pawl.Held
	}
	d.say("What the vendors say, asked directly:")
	d.places(w)
	d.say("    the old token is refused: %t   the evidence verifies: %t   values found in %d files and all output: %d\n",
		!w.Fly.TokenAccepted(w.Token), len(r.broken) == 0, countFiles(w.Dir), len(leaks))
	return nil
}

func countFiles(dir string) int {
	n := 0
	for _, sub := range []string{dir, dir + "/.pawl"} {
		entries, err := os.ReadDir(sub)
		if err == nil {
			n += len(entries)
		}
	}
	return n
}
