package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/runner/local"
)

type rotateOptions struct {
	selection
	dryRun        bool
	acceptGap     bool
	outsideWindow bool
	digest        string
	patience      time.Duration
}

func rotateCommand(a *App) *cobra.Command {
	var o rotateOptions
	c := &cobra.Command{
		Use:   "rotate [SECRET ...]",
		Short: "Turn secrets from their current version to the next, whole",
		Long: `Rotate performs the plan that pawl plan shows. Independent secrets rotate side
by side; secrets of a group rotate together; the estate's order is kept.

Stopping it is safe at any instant, by Ctrl-C or by kill -9: pawl resume goes on.
Waits (soak, overlap) are on record; with --no-wait the command ends there with
status 3 and pawl resume goes on when they are over.`,
		Example: `  pawl rotate FLY_API_TOKEN
  pawl rotate --all
  pawl rotate FLY_API_TOKEN --dry-run
  pawl rotate FLY_API_TOKEN --compromised      # it has leaked
  pawl rotate --due --no-wait --json           # from cron`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.names = args
			if err := o.check(); err != nil {
				return err
			}
			if noWait, err := cmd.Flags().GetBool("no-wait"); err == nil && noWait {
				o.patience = time.Nanosecond
			}
			if o.dryRun {
				return a.plan(cmd.Context(), o.selection)
			}
			return a.rotate(cmd.Context(), o)
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "the same as pawl plan")
	c.Flags().BoolVar(&o.acceptGap, "accept-gap", false, "accept that consumers fail for as long as the plan says")
	c.Flags().BoolVar(&o.outsideWindow, "outside-window", false, "start although the policy's window is closed")
	c.Flags().StringVar(&o.digest, "digest", "", "rotate only if the plan has this digest")
	c.Flags().Bool("no-wait", false, "end at the first planned wait instead of waiting")
	return c
}

func (a *App) rotate(ctx context.Context, o rotateOptions) error {
	e, err := a.estate()
	if err != nil {
		return err
	}
	h, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer h.Close()
	o.now = true
	plans, err := makePlans(ctx, e, h.Store, o.selection, a.now())
	if err != nil {
		return err
	}
	if len(plans) == 0 {
		a.say("nothing to rotate")
		return a.print(report(nil, a.now()), func() error { return nil })
	}
	if err := refuse(ctx, e, h.Store, plans, o, a.now()); err != nil {
		return err
	}
	if o.digest != "" && (len(plans) != 1 || plans[0].plan.Digest != o.digest) {
		return &pawl.Error{Code: pawl.CodeConflict, Op: "rotate", Why: "the plan is no longer the one with that digest", Next: "read it again: pawl plan " + string(plans[0].batch.Secrets[0])}
	}
	batches := make([]local.Batch, len(plans))
	for i, p := range plans {
		batches[i] = local.Batch{Plan: p.plan, After: p.batch.After}
	}
	results := a.watched(h, o.patience, func(r *local.Runner) []local.Result { return r.Rotate(ctx, batches) })
	return a.finish(ctx, h, results)
}

// watched runs a runner while its progress is shown.
func (a *App) watched(h *Home, patience time.Duration, run func(*local.Runner) []local.Result) []local.Result {
	p := newProgress(a)
	h.Engine.Observe, h.Engine.Patience = p.observe, patience
	defer p.close()
	return run(&local.Runner{Engine: h.Engine, Actor: actor()})
}

// finish shows what became of rotations and gives the error that fits the
// worst of them.
func (a *App) finish(ctx context.Context, h *Home, results []local.Result) error {
	if ctx.Err() != nil && a.Streams.ErrTTY {
		a.say("") // the terminal has shown ^C
	}
	err := a.print(report(results, a.now()), func() error { return resultTable(a.Streams, results) })
	if err != nil {
		return err
	}
	var worst error
	for i := range results {
		a.alarm(results[i].State)
		if e := verdict(ctx, &results[i]); exitRank(e) > exitRank(worst) {
			worst = e
		}
	}
	return worst
}

// alarm says which deadlines of a rotation are near or have passed.
func (a *App) alarm(st *rotation.State) {
	if st == nil {
		return
	}
	for _, d := range deadlines(st, a.now()) {
		if d.State != "ahead" {
			a.say("%s: %s", d.Secret, d.line(a.now()))
		}
	}
}

// verdict gives the error by which a result ends the command.
func verdict(ctx context.Context, r *local.Result) error {
	switch {
	case ctx.Err() != nil:
		return &pawl.Error{Code: pawl.CodeInterrupted, Op: "stopped", On: string(r.ID), Why: "interrupted; nothing is lost", Next: fmt.Sprintf("pawl resume %s", r.ID)}
	case r.Err != nil:
		return r.Err
	case r.State.Outcome == pawl.Done:
		return nil
	case r.State.Outcome == pawl.Undone:
		return turnedBack(r.State)
	case r.State.Outcome == pawl.Held:
		return &pawl.Error{Code: pawl.CodeHeld, Op: "rotate", On: string(r.ID), Why: "held safely: " + r.State.Why, Next: r.State.Next}
	}
	if q, ok := question(r.State); ok {
		return &pawl.Error{Code: pawl.CodeHeld, Op: "rotate", On: string(r.ID), Why: "a person is needed: " + q.Detail, Next: q.Next}
	}
	return &pawl.Error{Code: pawl.CodePending, Op: "rotate", On: string(r.ID), Why: "it waits for its time", Next: fmt.Sprintf("pawl resume %s", r.ID)}
}

// turnedBack is the error of a rotation that put everything back. Where a
// credential of pawl's own was the reason, doctor says what it lacks.
func turnedBack(st *rotation.State) error {
	e := &pawl.Error{Code: pawl.CodeFailed, Op: "rotate", On: string(st.ID), Why: "turned back, and everything is as before: " + st.Why, Next: fmt.Sprintf("pawl history %s", st.ID)}
	for _, s := range st.Steps {
		if s.Status == rotation.StatusFailed && (s.ErrorKind == driver.Unauthenticated || s.ErrorKind == driver.Denied) {
			e.Code, e.Next = pawl.CodeUnauthorised, "pawl doctor"
		}
	}
	return e
}

// exitRank orders errors by how much they need a person.
func exitRank(err error) int {
	order := map[int]int{exitOK: 0, exitPending: 1, exitHeld: 2, exitFailed: 3, exitAuth: 4, exitUsage: 5, exitInterrupted: 6}
	if errors.Is(err, local.ErrBefore) {
		return 1
	}
	return order[exitStatus(err)]
}

// ask is an open question to a person.
type ask struct {
	Step   string
	Detail string
	Next   string
	Brief  plan.Brief
}

// question finds what a rotation asks a person.
func question(st *rotation.State) (ask, bool) {
	list := st.Plan.Steps
	if st.Undoing {
		list = st.Plan.Undo
	}
	for i := range list {
		s := st.Steps[list[i].ID]
		if s == nil || s.Status != rotation.StatusWaiting || !s.Asks() {
			continue
		}
		return ask{Step: list[i].ID, Detail: s.Detail, Next: answer(list[i].Act, st.ID), Brief: st.Plan.Brief(&list[i])}, true
	}
	return ask{}, false
}

// answer gives the command that answers the question of a step.
func answer(act plan.Act, id pawl.RotationID) string {
	switch act {
	case plan.ActProvide:
		return fmt.Sprintf("pawl provide %s", id)
	case plan.ActName:
		return fmt.Sprintf("pawl approve %s --credential ID", id)
	default:
		return fmt.Sprintf("pawl approve %s", id)
	}
}
