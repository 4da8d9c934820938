package rotation

import (
	"context"
	"fmt"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
)

// ask puts a question to people, or acts on their answer.
func (j *job) ask() {
	if sig, ok := j.s.state.signal(j.step.ID, WordDecline); ok {
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Denied, Effect: pawl.EffectNone, Why: fmt.Sprintf("%s declined: %s", sig.Actor, sig.Why)})
		return
	}
	if sig, ok := j.s.state.signal(j.step.ID, WordApprove); ok {
		j.ok(Entry{Detail: fmt.Sprintf("%s: %s", sig.Actor, sig.Why)})
		return
	}
	j.question("approve")
}

// question journals that the step waits for a person. The deadline is shown
// and alarmed, never enforced: a late answer is better than none.
func (j *job) question(verb string) {
	e := Entry{Kind: KindWaiting, Step: j.step.ID, Secret: j.step.Secret, Resume: resumePerson, Detail: j.step.Title,
		Next: fmt.Sprintf("pawl %s %s --step %s", verb, j.s.state.ID, j.step.ID)}
	if j.step.Act == plan.ActApprove || j.step.Act == plan.ActTask && verb == "approve" {
		e.Next = fmt.Sprintf("pawl approve %s --step %s", j.s.state.ID, j.step.ID)
	}
	if j.step.Task != nil && j.step.Task.Within > 0 {
		e.Detail += fmt.Sprintf(" (by %s)", j.now().Add(j.step.Task.Within).UTC().Format("2 Jan 15:04 MST"))
	}
	j.entries, j.urgent = append(j.entries, e), true
}

// provide takes the value that a person minted.
func (j *job) provide(ctx context.Context) {
	if sig, ok := j.s.state.signal(j.step.ID, WordDecline); ok {
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Denied, Effect: pawl.EffectNone, Why: fmt.Sprintf("%s declined: %s", sig.Actor, sig.Why)})
		return
	}
	sig, ok := j.s.state.signal(j.step.ID, WordProvide)
	if !ok {
		j.question("provide")
		return
	}
	sub := j.subject()
	j.acted = true // what a person minted exists, whatever becomes of this step
	value, err := j.provided(j.step.ID, sig.Seq)
	if err != nil {
		j.err = err
		return
	}
	minted := driver.Minted{Value: value}
	switch {
	case sig.Credential != nil:
		minted.Credential = *sig.Credential
	case sub.Facts.Identifies:
		c, err := j.identify(ctx, value)
		if e := driver.AsError(j.step.Title, err); e != nil && e.Passing() {
			j.failed(ctx, err)
			return
		}
		if c != nil {
			minted.Credential = *c
		}
	}
	j.accept(minted)
}

// provided opens the value that came with a word to a step.
func (j *job) provided(step string, seq int64) (secret.Parts, error) {
	return j.s.e.unseal(j.step.Secret, signalRow(j.s.state.ID, step), j.s.state.sealed[seq])
}
