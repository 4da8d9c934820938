// Command demosaas rotates all secrets of examples/runbook at the SaaS of
// examples/saas, which runs: its control plane and its tenants' platforms are
// processes in the machines of Fly's stand-in, with a real PostgreSQL and a real
// Redis, and a load of requests all the while. pawl is a process too, and is
// killed at random. Not one request may fail.
//
// The clock is one for all of them: a soak of a day is skipped while nothing
// happens (see internal/system).
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pawlhq/pawl/internal/person"
	"github.com/pawlhq/pawl/internal/system"
	"github.com/pawlhq/pawl/internal/system/command"
	"github.com/pawlhq/pawl/internal/system/servers"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

func main() {
	switch {
	case system.IsProgram():
		os.Exit(system.RunProgram())
	case command.Is():
		os.Exit(command.Run())
	}
	o := options{}
	flag.BoolVar(&o.verbose, "v", false, "show what pawl prints")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the kills")
	flag.IntVar(&o.kills, "kills", 5, "kills of pawl for each secret, at most")
	flag.Float64Var(&o.rate, "rate", 10, "requests a second of each kind")
	flag.BoolVar(&o.gaps, "gaps", true, "measure the planned gaps of resets too")
	flag.Func("only", "rotate one of the secrets alone; may be said again", func(name string) error { o.only = append(o.only, name); return nil })
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo-saas:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// options say what is run.
type options struct {
	verbose bool
	seed    uint64
	kills   int
	rate    float64
	gaps    bool
	only    []string // secrets; all of them when empty
	saw     func(system.Call)
}

// begins is where the clock begins: a Wednesday.
var begins = time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)

// run rotates everything, and tells whether nothing failed.
func run(ctx context.Context, o options) (bool, error) {
	fmt.Printf("demo-saas: seed=%d\n", o.seed)
	w, err := open(ctx, o, false)
	if err != nil {
		return false, err
	}
	defer w.close()
	sum, err := w.rotateAll(ctx)
	if err != nil {
		return false, err
	}
	if o.gaps {
		if err := gaps(ctx, o); err != nil {
			return false, err
		}
	}
	fmt.Printf("saas: requests=%d failed=%d rotations=%d kills=%d orphans=%d\n", sum.requests, sum.failed, sum.rotations, sum.kills, sum.orphans)
	return sum.failed == 0 && sum.orphans == 0 && sum.wrong == 0, nil
}

// tally is what there was to count.
type tally struct {
	requests, failed, rotations, kills, orphans int
	wrong                                       int // promises that were broken otherwise
}

// world is a running system with its tenants, pawl, and a person.
type world struct {
	*system.System
	opts    options
	tenants []system.Tenant
	pawl    *pawl
	person  *person.Person
}

// open starts a system with three tenants of three workspaces: one is paused,
// and one has a key of its own.
func open(ctx context.Context, o options, noLists bool) (w *world, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w = &world{opts: o}
	if w.System, err = system.Start(ctx, system.Config{Self: self, At: begins, Servers: servers.Config{NoLists: noLists}.For, Saw: o.saw}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	for _, slug := range []string{"acme", "bolt", "cove"} {
		t, err := w.Provision(ctx, slug)
		if err != nil {
			return nil, fmt.Errorf("provision %s: %w", slug, err)
		}
		w.tenants = append(w.tenants, t)
	}
	if err := w.Override(ctx, w.tenants[1], w.tenants[1].Workspaces[0]); err != nil {
		return nil, err
	}
	if err := w.Pause(ctx, w.tenants[2], w.tenants[2].Workspaces[2]); err != nil {
		return nil, err
	}
	if w.pawl, err = newPawl(w.System, self, o); err != nil {
		return nil, err
	}
	w.person = &person.Person{Vendors: w.Vendors, Run: func(in string, args ...string) (int, string) { return w.pawl.run(ctx, in, args...) }, Now: w.Clock.Now, Wait: w.Wait}
	return w, w.person.Adopt()
}

// rotateAll rotates every secret of the runbook under load.
func (w *world) rotateAll(ctx context.Context) (tally, error) {
	load := w.start(ctx)
	var sum tally
	fmt.Printf(row, "SECRET", "OUTCOME", "IN ITS TIME", "IN OURS", "KILLS", "REQUESTS SO FAR", "FAILED")
	for _, name := range w.names() {
		began, asked := w.Clock.Now(), time.Now()
		kills := w.pawl.kills
		r, err := w.person.Rotate(ctx, name)
		if err != nil {
			load.stop()
			for _, line := range w.Fly.LogLines(saas.App) {
				fmt.Println("    molecule-cp:", line)
			}
			return sum, fmt.Errorf("%s: %w", name, err)
		}
		if r.Outcome == person.Done {
			sum.rotations++
		}
		wrong := r.Wrong(name, w.Wrong)
		sum.wrong += len(wrong)
		requests, failed := load.so()
		fmt.Printf(row, name, r.Outcome, long(w.Clock.Now().Sub(began)), time.Since(asked).Round(100*time.Millisecond), fmt.Sprint(w.pawl.kills-kills), fmt.Sprint(requests), fmt.Sprint(failed))
		for _, what := range wrong {
			fmt.Printf("    VIOLATION %s\n", what)
		}
	}
	sum.requests, sum.failed = load.stop()
	sum.kills = w.pawl.kills
	sum.orphans = w.orphans()
	_, leaks, err := w.Leaks(w.pawl.said.Bytes(), filepath.Join(w.Dir, ".pawl"), w.Secrets()...)
	if err != nil {
		return sum, err
	}
	for _, what := range leaks {
		sum.wrong++
		fmt.Printf("    VIOLATION P4: a value is in %s\n", what)
	}
	return sum, nil
}

// row is a line of the table: what became of a secret, how long it took by the
// clock of the system and by ours, and what users had of it.
const row = "%-23s %-8s %12s %8v %6s %16s %7s\n"

// long shows a time that may be days.
func long(d time.Duration) string {
	if d < 48*time.Hour {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

func (w *world) names() []string {
	if len(w.opts.only) > 0 {
		return w.opts.only
	}
	return saas.Names()
}

func (w *world) close() {
	if err := w.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "demo-saas: clean up:", err)
	}
}

// dice gives the randomness of the kills.
func (o options) dice() *rand.Rand { return rand.New(rand.NewPCG(o.seed, 1)) }
