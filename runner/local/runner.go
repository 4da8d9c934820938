package local

import (
	"context"
	"errors"
	"sync"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// Result is what became of one plan.
type Result struct {
	Plan  *plan.Plan
	ID    pawl.RotationID // "" when it was not opened
	State *rotation.State // nil when it was not opened or not begun
	Err   error           // why this process went no further
}

// Outcome gives the outcome, "" when the rotation was not opened.
func (r *Result) Outcome() pawl.Outcome {
	if r.State == nil {
		return ""
	}
	return r.State.Outcome
}

// Batch is a plan with the indexes of those that must be done before it.
type Batch struct {
	Plan  *plan.Plan
	After []int
}

// ErrBefore means that a plan was not begun because one that must come before
// it was not done.
var ErrBefore = &pawl.Error{Code: pawl.CodePending, Op: "rotate", Why: "a secret that must rotate before it did not finish", Next: "pawl status"}

// Runner runs rotations on an engine.
type Runner struct {
	Engine *rotation.Engine
	Actor  string
}

// Rotate opens and runs plans side by side, each once all before it are done.
// It gives one result a plan, in their order.
func (r *Runner) Rotate(ctx context.Context, batches []Batch) []Result {
	results := make([]Result, len(batches))
	done := make([]chan struct{}, len(batches))
	for i := range done {
		done[i] = make(chan struct{})
	}
	var group sync.WaitGroup
	for i, b := range batches {
		group.Go(func() {
			defer close(done[i])
			results[i].Plan = b.Plan
			for _, j := range b.After {
				<-done[j]
				if results[j].Outcome() != pawl.Done {
					results[i].Err = ErrBefore
					return
				}
			}
			r.one(ctx, &results[i])
		})
	}
	group.Wait()
	return results
}

func (r *Runner) one(ctx context.Context, result *Result) {
	id, err := r.Engine.Open(ctx, result.Plan, r.Actor)
	result.ID = id // also when it was opened and its lease could not be given back
	if err != nil {
		result.Err = err
		return
	}
	result.State, result.Err = r.Engine.Run(ctx, id)
}

// Resume runs open rotations on, side by side.
func (r *Runner) Resume(ctx context.Context, ids []pawl.RotationID) []Result {
	results := make([]Result, len(ids))
	var group sync.WaitGroup
	for i, id := range ids {
		group.Go(func() {
			results[i].ID = id
			results[i].State, results[i].Err = r.Engine.Run(ctx, id)
			if results[i].State != nil {
				results[i].Plan = results[i].State.Plan
			}
		})
	}
	group.Wait()
	return results
}

// Busy reports whether an error says that another live process has the
// rotation in hand.
func Busy(err error) bool {
	var held *rotation.HeldError
	return errors.As(err, &held)
}
