// Package demo is `pawl demo`: the SaaS of examples/saas runs on this machine,
// with its vendors' stand-ins, its users keep calling, and pawl rotates its
// secrets by the estate of examples/runbook, in processes that are killed.
package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/examples"
	"github.com/pawlhq/pawl/internal/person"
	"github.com/pawlhq/pawl/internal/system"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// Demo rotates secrets of a system that runs.
type Demo struct {
	Out   io.Writer // talk; nil is none
	Color bool
	Width int    // columns of the terminal behind Out; 0 is no terminal
	Role  string // the argument that makes this binary pawl in the demo's network and time

	blow   blow
	screen screen
	system *system.System
	tenant system.Tenant
	users  *users // nil until they call
	self   string
	heard  bytes.Buffer // all that pawl printed
	kills  int          // of the secret at hand
	due    []kill       // for the secret at hand
	short  *short       // for the secret at hand; nil shows every line of pawl
	shorts []*short     // of all so far
}

// Result is what the demo shows, and with --json all that it prints.
type Result struct {
	Secrets  []SecretResult `json:"secrets"`
	LeftOut  []string       `json:"left_out"`        // every other secret that can be rotated
	Missing  []string       `json:"missing_servers"` // that are not installed here, of those that some of them need
	Requests int            `json:"requests"`
	Failed   int            `json:"failed"`
	Kills    int            `json:"kills"`
	Promises Promises       `json:"promises"`
	broken   []string
}

// SecretResult is what became of one secret.
type SecretResult struct {
	Name       string       `json:"name"`
	From       int          `json:"from"`
	To         int          `json:"to"`
	Outcome    pawl.Outcome `json:"outcome"`
	Kills      int          `json:"kills"`
	Requests   int          `json:"requests"` // of users, while it rotated
	Failed     int          `json:"failed"`
	Violations int          `json:"violations"`
	Seconds    int          `json:"seconds"` // that passed in the system, waits skipped
}

// Promises counts what the vendors' truth holds against what was promised.
type Promises struct {
	Violations int `json:"violations"`
}

// Table writes the last table.
func (r *Result) Table(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SECRET\tOUTCOME\tTIME\tKILLS\tREQUESTS\tFAILED\tVIOLATIONS")
	for _, s := range r.Secrets {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%d\t%d\n", s.Name, s.Outcome, long(time.Duration(s.Seconds)*time.Second), s.Kills, s.Requests, s.Failed, s.Violations)
	}
	return t.Flush()
}

// long shows hours and minutes.
func long(d time.Duration) string {
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

// Err is the error that the demo ends with when a promise was broken.
func (r *Result) Err() error {
	if len(r.broken) == 0 {
		return nil
	}
	return &pawl.Error{Code: pawl.CodeFailed, Op: "demo", Why: strings.Join(r.broken, "; "), Next: "please report this"}
}

// begins is where the system's clock begins: a Wednesday.
var begins = time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)

// rotated are the secrets that the demo rotates.
func rotated() []string {
	return []string{saas.FlyToken, saas.NeonKey, saas.WebhookSecret, saas.ResendKey}
}

// Run runs the demo in a folder of its own, which it removes.
func (d *Demo) Run(ctx context.Context) (result *Result, err error) {
	if d.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("find the pawl binary: %w", err)
	}
	d.introduce()
	if d.system, err = system.Start(ctx, system.Config{Self: d.self, At: begins, Before: d.blow.front}); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.system.Close()) }()
	if d.tenant, err = d.system.Provision(ctx, "acme"); err != nil {
		return nil, fmt.Errorf("provision a tenant: %w", err)
	}
	if err := os.WriteFile(d.file(), examples.Runbook, 0o600); err != nil {
		return nil, err
	}
	p := &person.Person{Vendors: d.system.Vendors, Now: d.system.Clock.Now, Wait: d.system.Wait,
		Run: func(in string, args ...string) (int, string) { return d.run(ctx, in, args) }}
	if err := p.Adopt(rotated()...); err != nil {
		return nil, err
	}
	d.users = use(ctx, d.system, d.tenant)
	defer d.users.Stop()
	stop := d.screen.follow(d.users)
	defer stop()
	return d.rotate(ctx, p)
}

func (d *Demo) file() string { return filepath.Join(d.system.Dir, "pawl.yaml") }

func (d *Demo) introduce() {
	d.screen.out, d.screen.terminal = d.Out, d.Width > 0
	d.say("A small SaaS runs on this machine (examples/saas): its control plane on two")
	d.say("machines, and a tenant's platform, at stand-ins of Fly.io, GitHub, Neon, Stripe,")
	d.say("Resend and Anthropic. Its users keep calling it. pawl rotates its secrets as")
	d.say("examples/runbook/pawl.yaml says, and is killed at the worst instants. A wait of")
	d.say("hours is skipped.\n")
}

func (d *Demo) rotate(ctx context.Context, p *person.Person) (*Result, error) {
	r := &Result{LeftOut: append(needy(), brief()...), Missing: missing()}
	for i, name := range rotated() {
		d.kills, d.due = 0, d.worst(name)
		if i > 0 { // of the first everything is shown
			if err := d.inShort(ctx, name); err != nil {
				return nil, err
			}
		}
		began := d.system.Clock.Now()
		requests, failed := d.users.SoFar()
		d.say("%s", d.paint("1", name))
		result, err := p.Rotate(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		now, bad := d.users.SoFar()
		s := SecretResult{Name: name, From: 1, To: 2, Outcome: pawl.Outcome(result.Outcome), Kills: d.kills, Requests: now - requests, Failed: bad - failed,
			Seconds: int(d.system.Clock.Now().Sub(began).Seconds())}
		broken := result.Wrong(name, d.system.Wrong)
		s.Violations = len(broken)
		for _, what := range broken {
			r.broken = append(r.broken, name+": "+what)
		}
		r.Secrets, r.Kills = append(r.Secrets, s), r.Kills+s.Kills
		d.say("  %s in %s of the system's time; %d requests of users, %d failed\n", result.Outcome, long(time.Duration(s.Seconds)*time.Second), s.Requests, s.Failed)
	}
	d.users.Stop()
	return r, d.conclude(ctx, r)
}

// run runs a command of a person's to its end, as child processes. One that is
// killed is resumed.
func (d *Demo) run(ctx context.Context, in string, args []string) (int, string) {
	moves := args[0] == "rotate" || args[0] == "resume"
	for {
		switch {
		case moves:
			d.say("$ pawl %s", strings.Join(args, " "))
		case d.users != nil && args[0] != "status" && args[0] != "evidence":
			d.say("%s", d.paint("36", "a person's part, played here:"))
			d.say("$ pawl %s", strings.Join(args, " "))
		}
		var struck *kill
		if moves && len(d.due) > 0 {
			struck = &d.due[0]
		}
		code, out, killed := d.child(ctx, in, args, struck)
		if !killed {
			return code, out
		}
		d.kills++
		d.say("  %s killed with SIGKILL %s", d.paint("31", "✗"), struck.what)
		d.due = d.due[1:]
		args = []string{"resume", args[1]}
	}
}

// child runs one process of pawl.
func (d *Demo) child(ctx context.Context, in string, args []string, at *kill) (code int, text string, killed bool) {
	c := exec.CommandContext(ctx, d.self, append(append([]string{d.Role}, args...), "--file", d.file())...)
	c.Env = append(d.system.Environment(), "PAWL_ACTOR=demo", "HOME="+d.system.Dir)
	var out bytes.Buffer
	c.Stdin, c.Stdout = strings.NewReader(in), &out
	var errs bytes.Buffer
	c.Stderr = &errs
	if args[0] == "rotate" || args[0] == "resume" {
		c.Stderr = &tee{d: d, keep: &errs}
	}
	if err := c.Start(); err != nil {
		return -1, err.Error(), false
	}
	if at != nil {
		d.blow.arm(at.happened, c.Process.Kill)
	}
	err := c.Wait()
	killed = d.blow.disarm()
	d.heard.Write(errs.Bytes())
	d.heard.Write(out.Bytes())
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return -1, err.Error(), false
	}
	if args[len(args)-1] == "--json" {
		return c.ProcessState.ExitCode(), out.String(), killed
	}
	return c.ProcessState.ExitCode(), errs.String() + out.String(), killed
}
