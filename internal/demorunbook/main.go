// Command demorunbook rotates all eleven secrets of examples/runbook against the
// whole system of the runbook: the vendors' stand-ins, a real PostgreSQL and a
// real Redis. Time is virtual, so that a day of soak passes at once. A scripted
// person answers what pawl asks, by the commands that any user has. After every
// request and every wait it is asked whether each consumer works; at the end of
// each rotation, what the vendors say.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pawlhq/pawl/internal/person"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

func main() {
	verbose := flag.Bool("v", false, "show what pawl prints")
	nth := flag.Int("other", -1, "rotate by one of the other plans alone")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var ok bool
	var err error
	if *nth >= 0 {
		ok, err = one(ctx, *nth, *verbose)
	} else {
		ok, err = run(ctx, *verbose, true)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo-runbook:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run rotates everything once, and with others some of it by its other plans
// too, and tells whether nothing was broken.
func run(ctx context.Context, verbose, others bool) (bool, error) {
	w, err := start(ctx, options{})
	if err != nil {
		return false, err
	}
	defer w.close()
	p := &pawl{world: w, verbose: verbose}
	if code, out := p.run("", "validate"); code != 0 {
		return false, fmt.Errorf("pawl validate gives %d: %s", code, out)
	}
	if err := p.person().Adopt(); err != nil {
		return false, err
	}
	if code, out := p.run("", "doctor"); code != 0 {
		return false, fmt.Errorf("pawl doctor gives %d: %s", code, out)
	}
	var sum tally
	for _, name := range saas.Names() {
		began, calls := w.now(), w.calls()
		result, failed, err := w.beside(ctx, name, func() (result, error) { return p.rotate(ctx, name) })
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		sum.add(result)
		broken := append(append(w.watch.take(), result.Wrong(name, w.Wrong)...), failed...)
		sum.violations += len(broken)
		fmt.Printf("%-22s %-8s %s\n", name, result.Outcome, result.words(w.now().Sub(began), w.calls()-calls))
		for _, what := range broken {
			fmt.Printf("    VIOLATION %s\n", what)
		}
	}
	if others {
		broken, err := otherPlans(ctx)
		if err != nil {
			return false, err
		}
		sum.violations += broken
	}
	leaked, err := w.leaks(p)
	if err != nil {
		return false, err
	}
	for _, what := range leaked {
		fmt.Printf("    VIOLATION P4: a value is in %s\n", what)
	}
	sum.violations += len(leaked)
	fmt.Printf("runbook: secrets=%d done=%d refused=%d violations=%d\n", sum.secrets, sum.done, sum.refused, sum.violations)
	return sum.violations == 0 && sum.done+sum.refused == sum.secrets, nil
}

// tally counts what became of the secrets.
type tally struct{ secrets, done, refused, violations int }

func (t *tally) add(r result) {
	t.secrets++
	switch r.Outcome {
	case person.Done:
		t.done++
	case person.Refused:
		t.refused++
	}
}

// result is what became of one secret.
type result struct {
	person.Result
	beside string // what ran beside it
}

// words tells of a result in a line.
func (r result) words(took time.Duration, calls int) string {
	if r.Outcome == person.Refused {
		return r.Why
	}
	text := fmt.Sprintf("in %s of its time, %d calls", took.Round(time.Second), calls)
	for _, a := range r.Asked {
		text += "; a person: " + a
	}
	if r.beside != "" {
		text += "; " + r.beside
	}
	return text
}
