package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl/vendorsim/saas"
)

// other is a rotation by another plan than the usual one.
type other struct {
	name  string
	flags []string
	gap   []string // what may fail in the gap that the plan announces
}

// others are the runbook's other ways: resets with their gaps, a second endpoint
// at Stripe's API, and an encryption key that has leaked.
func others() []other {
	return []other{
		{saas.DatabaseURL, []string{"--plan", "reset"}, []string{"a machine cannot reach the database", "a machine of the control plane is not well"}},
		{saas.RedisURL, []string{"--plan", "reset"}, []string{"a tenant cannot reach Redis"}},
		{saas.WebhookSecret, []string{"--plan", "second_endpoint"}, nil},
		{saas.EncryptionKey, []string{"--compromised"}, nil},
	}
}

// otherPlans rotates by the other plans, each in a system and a process of its
// own: what a process trusts is settled when it first asks. It gives how many
// of them broke a promise.
func otherPlans(ctx context.Context) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	broken := 0
	for i := range others() {
		c := exec.CommandContext(ctx, self, "-other", strconv.Itoa(i))
		c.Env, c.Stdout, c.Stderr = append(os.Environ(), child+"=1"), os.Stdout, os.Stderr
		if err := c.Run(); err != nil {
			broken++
		}
	}
	return broken, ctx.Err()
}

// child is set in the environment of a process for one other plan.
const child = "PAWL_RUNBOOK_CHILD"

// one rotates by one of the other plans and tells whether nothing was broken.
func one(ctx context.Context, i int, verbose bool) (bool, error) {
	if i >= len(others()) {
		return false, fmt.Errorf("there are %d other plans", len(others()))
	}
	o := others()[i]
	n, err := o.rotate(ctx, verbose)
	if err != nil {
		return false, fmt.Errorf("%s %s: %w", o.name, strings.Join(o.flags, " "), err)
	}
	return n == 0, nil
}

func (o other) rotate(ctx context.Context, verbose bool) (violations int, err error) {
	w, err := start(ctx, options{noACL: o.name == saas.RedisURL})
	if err != nil {
		return 0, err
	}
	defer w.close()
	p := &pawl{world: w, verbose: verbose}
	if err := p.person().Adopt(); err != nil {
		return 0, err
	}
	began := w.now()
	r, failed, err := w.beside(ctx, o.name, func() (result, error) { return p.rotate(ctx, o.name, o.flags...) })
	if err != nil {
		return 0, err
	}
	fmt.Printf("%-22s %-8s %s: %s\n", o.name, r.Outcome, strings.Join(o.flags, " "), r.words(w.now().Sub(began), w.calls()))
	leaked, err := w.leaks(p)
	if err != nil {
		return 0, err
	}
	for i, where := range leaked {
		leaked[i] = "P4: a value is in " + where
	}
	for _, what := range slices.Concat(w.watch.take(), r.Wrong(o.name, w.Wrong), failed, leaked) {
		if slices.ContainsFunc(o.gap, func(gap string) bool { return strings.HasPrefix(what, "P1: "+gap) }) {
			fmt.Printf("    the gap that the plan announces: %s\n", strings.TrimPrefix(what, "P1: "))
			continue
		}
		violations++
		fmt.Printf("    VIOLATION %s\n", what)
	}
	return violations, nil
}
