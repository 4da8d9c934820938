package rotation

import (
	"context"
	"fmt"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
)

// fit refuses a word that its step could never use: it would lie on record as
// if it had been heard.
func fit(st *State, word Entry, subject pawl.SecretName, value secret.Parts) error {
	if word.Word == WordResume || word.Word == WordUndo {
		return nil
	}
	step, ok := st.Plan.Step(word.Step)
	why, code := "", pawl.CodeInvalid
	switch {
	case !ok:
		why, code = fmt.Sprintf("the plan has no step %q", word.Step), pawl.CodeNotFound
	case !takes(step, word.Word):
		why = fmt.Sprintf("this step does not take the word %q", word.Word)
	case word.Word == WordChoose && (word.Credential == nil || word.Credential.ID == ""):
		why = "no credential is named"
	case word.Word == WordProvide && (subject != step.Secret || len(value) == 0):
		why = fmt.Sprintf("it takes a value of %s", step.Secret)
	}
	if why == "" {
		return nil
	}
	return &pawl.Error{Code: code, Op: string(word.Word), On: word.Step, Why: why, Next: fmt.Sprintf("pawl status %s shows what is asked", st.ID)}
}

// takes reports whether a step can use a word.
func takes(step *plan.Step, w Word) bool {
	switch w {
	case WordProvide:
		return step.Act == plan.ActProvide
	case WordChoose:
		return step.Act == plan.ActName
	case WordWaive:
		return !mutates(step)
	case WordDecline:
		return step.Act == plan.ActProvide || asksWhether(step)
	case WordApprove:
		return asksWhether(step)
	}
	return false
}

// asksWhether reports whether a step may ask a question that yes and no answer:
// approvals and tasks do, and so do a mint whose answer was lost, changes that
// find that somebody else was there, and looks at what wins over a location.
func asksWhether(step *plan.Step) bool {
	switch step.Act {
	case plan.ActApprove, plan.ActTask, plan.ActMint, plan.ActDiscard, plan.ActRevoke, plan.ActDeactivate:
		return true
	case plan.ActShadow:
		return step.Asks
	case plan.ActStop, plan.ActStart:
		return step.Task != nil
	case plan.ActPut:
		return step.Reverses != ""
	default:
		return false
	}
}

// answer gives what people said to a question of yes or no. A no beats a yes,
// in whatever order they came: it keeps more.
func (j *job) answer() (Entry, bool) {
	if sig, ok := j.s.state.signal(j.step.ID, WordDecline); ok {
		return sig, true
	}
	return j.s.state.signal(j.step.ID, WordApprove)
}

// ask puts a question to people, or acts on their answer.
func (j *job) ask() {
	sig, ok := j.answer()
	switch {
	case !ok:
		j.question("approve", j.step.Title)
	case sig.Word == WordDecline:
		j.declined(sig)
	default:
		j.ok(Entry{Detail: fmt.Sprintf("%s: %s", sig.Actor, sig.Why)})
	}
}

func (j *job) declined(sig Entry) {
	j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Denied, Effect: pawl.EffectNone, Why: fmt.Sprintf("%s declined: %s", sig.Actor, sig.Why)})
}

// question journals that the step waits for a person. The deadline is shown
// and alarmed, never enforced: a late answer is better than none.
func (j *job) question(verb, detail string) {
	e := Entry{Kind: KindWaiting, Step: j.step.ID, Secret: j.step.Secret, Resume: resumePerson, Detail: detail,
		Next: fmt.Sprintf("pawl %s %s --step %s", verb, j.s.state.ID, j.step.ID)}
	if j.step.Task != nil && j.step.Task.Within > 0 {
		e.Detail += fmt.Sprintf(" (by %s)", j.now().Add(j.step.Task.Within).UTC().Format("2 Jan 15:04 MST"))
	}
	j.entries, j.urgent = append(j.entries, e), true
}

// provide takes the value that a person minted.
func (j *job) provide(ctx context.Context) {
	if sig, ok := j.s.state.signal(j.step.ID, WordDecline); ok {
		j.declined(sig)
		return
	}
	sig, ok := j.s.state.signal(j.step.ID, WordProvide)
	if !ok {
		j.question("provide", j.step.Title)
		return
	}
	sub := j.subject()
	j.acted = true // what a person minted exists, whatever becomes of this step
	value, err := j.provided(j.step.ID, sig.Seq)
	var unfit string
	if err == nil {
		unfit, err = j.unfit(ctx, value, sig.Credential)
	}
	if err != nil {
		j.err = err
		return
	}
	if unfit != "" {
		j.question("provide", fmt.Sprintf("%s: the value that %s gave cannot be used: %s; give another one", j.step.Title, sig.Actor, unfit))
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

// unfit says why a value, and what it is called at the issuer, cannot be the new
// version; "" when it can.
func (j *job) unfit(ctx context.Context, value secret.Parts, c *driver.Credential) (string, error) {
	if err := Fits(j.subject(), value); err != nil {
		return err.Error(), nil
	}
	same, err := j.same(ctx, value)
	if err != nil {
		return "", err
	}
	if same != 0 {
		return fmt.Sprintf("it is the value of version %d", same), nil
	}
	old, err := j.oldCredential(ctx)
	if err == nil && old != nil && c != nil && old.ID != "" && old.ID == c.ID {
		return fmt.Sprintf("credential %s is version %d", c.ID, j.subject().From), nil
	}
	return "", err
}

// same gives the version that has a value already, 0 when none has. Taking it
// for a new one would end, with the old version, the value that is in use. A
// version that was thrown away does not count.
func (j *job) same(ctx context.Context, value secret.Parts) (pawl.Version, error) {
	sub := j.subject()
	rows, err := j.s.e.Store.Versions(ctx, sub.Secret)
	if err != nil || j.mutant(mutant.TakeSameValue) {
		return 0, err
	}
	print := j.s.e.fingerprint(value)
	for _, r := range rows {
		if r.Version != sub.To && r.State != VersionDiscarded && r.Fingerprint == print {
			return r.Version, nil
		}
	}
	return 0, nil
}

// provided opens the value that came with a word to a step.
func (j *job) provided(step string, seq int64) (secret.Parts, error) {
	return j.s.e.unseal(j.step.Secret, signalRow(j.s.state.ID, step), j.s.state.sealed[seq])
}
