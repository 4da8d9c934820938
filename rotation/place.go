package rotation

import (
	"context"
	"errors"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
)

// preparePut reads what is at a location before it is written for the first
// time. A write is confirmed by what moved against this.
func (j *job) preparePut(ctx context.Context) {
	port, err := j.port(ctx)
	var before driver.Receipt
	if err == nil {
		before, err = port.Stat(ctx, j.target())
	}
	if j.vanished(ctx, err) {
		return
	}
	if j.failed(ctx, err) {
		j.over = true
		return
	}
	j.before = &before
}

// put writes a value and then asks the place about it.
func (j *job) put(ctx context.Context) {
	port, err := j.port(ctx)
	if j.failed(ctx, err) {
		return
	}
	if j.removes() {
		j.remove(ctx, port)
		return
	}
	value, err := j.content(ctx)
	if err != nil {
		j.rendered(err)
		return
	}
	receipt, err := port.Put(ctx, driver.Write{Target: j.target(), Value: value, Version: j.version()})
	if j.vanished(ctx, err) || j.failed(ctx, err) {
		return
	}
	j.acted = true
	found, strength, err := j.confirm(ctx, port, value, receipt)
	if coarse := (*coarseError)(nil); errors.As(err, &coarse) && j.st.Tries+1 < tries(j.step, coarse.cause) {
		j.again(coarse.cause)
		return
	}
	if j.vanished(ctx, err) || j.failed(ctx, err) {
		return
	}
	if found.Revision == "" {
		found.Revision = receipt.Revision
	}
	j.ok(Entry{Receipt: &found, Strength: string(strength), Print: j.s.e.Vault.Fingerprint(value)})
}

// rendered tells a store or key error, which stops the process, from a value
// that cannot be rendered, which fails the step.
func (j *job) rendered(err error) {
	var p *pawl.Error
	if errors.As(err, &p) && p.Code != pawl.CodeInvalid {
		j.err = err
		return
	}
	j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: err.Error()})
}

func (j *job) version() pawl.Version {
	if j.step.Content == plan.ContentOld {
		return j.subject().From
	}
	return j.subject().To
}

// content renders what the step writes.
func (j *job) content(ctx context.Context) (secret.Value, error) {
	var current secret.Parts
	var accepted []secret.Parts
	sub := j.subject()
	if j.step.Content != plan.ContentNew {
		old, err := j.parts(ctx, sub.From)
		if err != nil {
			return secret.Value{}, err
		}
		current, accepted = old, append(accepted, old)
	}
	if j.step.Content != plan.ContentOld {
		fresh, err := j.parts(ctx, sub.To)
		if err != nil {
			return secret.Value{}, err
		}
		current, accepted = fresh, append(accepted, fresh)
	}
	if !j.step.Accepts {
		accepted = nil
	}
	v, err := estate.Render(j.step.Render, current, accepted)
	if err == nil && v.Empty() {
		err = &pawl.Error{Code: pawl.CodeInvalid, Op: "render", On: string(sub.Secret), Why: "the value is empty; an empty value is never written"}
	}
	return v, err
}

// parts opens a version, with the parts that are derived from others.
func (j *job) parts(ctx context.Context, v pawl.Version) (secret.Parts, error) {
	sub := j.subject()
	sealed, err := j.s.e.Store.Sealed(ctx, sub.Secret, v)
	if err != nil {
		return nil, err
	}
	value, err := j.s.e.unseal(sub.Secret, versionRow(v), sealed)
	if err != nil {
		return nil, err
	}
	for _, d := range sub.Derived {
		if value[d.Part], err = estate.Render(d.Template, value, nil); err != nil {
			return nil, err
		}
	}
	return value, nil
}

// held gives a version's parts, or nil when pawl does not hold them.
func (j *job) held(ctx context.Context, v pawl.Version) (secret.Parts, error) {
	value, err := j.parts(ctx, v)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return value, err
}

// confirm asks the place whether the write is there. A write is not a write
// until the place was asked.
func (j *job) confirm(ctx context.Context, port *driver.Port, value secret.Value, receipt driver.Receipt) (driver.Receipt, estate.Strength, error) {
	if j.mutant(mutant.LeakValue) {
		return receipt, "", value.Use(func(b []byte) error { return j.unconfirmed("it does not hold " + string(b)) })
	}
	if j.mutant(mutant.TrustWrites) {
		return receipt, j.step.Confirm, nil
	}
	if j.step.Confirm == estate.ByValue {
		return j.compare(ctx, port, value, receipt)
	}
	found, err := port.Stat(ctx, j.target())
	if err != nil {
		return found, "", err
	}
	if !j.moved(found, receipt) {
		if j.mutant(mutant.TrustCoarse) {
			return found, j.step.Confirm, nil
		}
		if j.step.Confirm == estate.ByTimestamp && found.Exists && found.UpdatedAt.Equal(j.was().UpdatedAt) {
			return found, "", &coarseError{j.unconfirmed("it answered that the write went well, but tells the time of the write before")}
		}
		return found, "", j.unconfirmed("it answered that the write went well, but what it holds did not change")
	}
	return found, j.step.Confirm, nil
}

func (j *job) compare(ctx context.Context, port *driver.Port, value secret.Value, receipt driver.Receipt) (driver.Receipt, estate.Strength, error) {
	found, ok, err := port.Read(ctx, j.target())
	switch {
	case err != nil:
		return receipt, "", err
	case !ok:
		return receipt, "", j.unconfirmed("it answered that the write went well, but it holds nothing")
	case !found.Equal(value):
		return receipt, "", j.unconfirmed("it answered that the write went well, but it holds something else")
	}
	receipt.Exists = true
	return receipt, estate.ByValue, nil
}

// coarseError is a write that a place's own time does not confirm: two writes
// within the grain of its clock look like one, and so does a write that was
// not stored. Writing once more when the clock has moved on tells them apart.
type coarseError struct{ cause *driver.Error }

func (e *coarseError) Error() string { return e.cause.Error() }
func (e *coarseError) Unwrap() error { return e.cause }

// was is what the place told before the step wrote there for the first time;
// never nil.
func (j *job) was() *driver.Receipt {
	switch {
	case j.st.Before != nil:
		return j.st.Before
	case j.before != nil:
		return j.before
	}
	return &driver.Receipt{}
}

// moved reports whether what the place tells now is what a write leaves
// behind. Putting back may restore exactly what was there at first.
func (j *job) moved(found, receipt driver.Receipt) bool {
	before := j.was()
	switch j.step.Confirm {
	case estate.ByNothing:
		return true
	case estate.ByDigest:
		if !found.Exists || receipt.Digest != "" && found.Digest != receipt.Digest {
			return false
		}
		return !before.Exists || found.Digest != before.Digest || j.restored(found)
	default:
		return found.Exists && (!before.Exists || found.UpdatedAt.After(before.UpdatedAt))
	}
}

// restored reports whether a place shows the digest that it had before the
// rotation wrote to it for the first time.
func (j *job) restored(found driver.Receipt) bool {
	first := j.s.state.Step(j.step.Reverses).Before
	return j.step.Reverses != "" && first != nil && first.Digest == found.Digest
}

func (j *job) unconfirmed(why string) *driver.Error {
	return &driver.Error{Op: j.step.Title, Kind: driver.Malformed, Effect: pawl.EffectUnknown, Why: why}
}

// removes reports whether an undo step must remove a copy that was not there
// before the rotation wrote it.
func (j *job) removes() bool {
	if j.step.Reverses == "" || !j.step.Removes {
		return false
	}
	first := j.s.state.Step(j.step.Reverses).Before
	return first != nil && !first.Exists
}

// remove takes a copy away. It looks first: a place that has gone since, as
// that of a customer who left, may know no way to remove what is not there.
func (j *job) remove(ctx context.Context, port *driver.Port) {
	found, err := port.Stat(ctx, j.target())
	if j.vanished(ctx, err) || j.failed(ctx, err) {
		return
	}
	if !found.Exists {
		j.ok(Entry{Effect: pawl.EffectNone, Receipt: &found, Detail: "there is no copy, as before"})
		return
	}
	if j.failed(ctx, port.Remove(ctx, j.target())) {
		return
	}
	j.acted = true
	found, err = port.Stat(ctx, j.target())
	if err == nil && found.Exists {
		err = j.unconfirmed("it answered that the copy is removed, but it is still there")
	}
	if j.vanished(ctx, err) || j.failed(ctx, err) {
		return
	}
	j.ok(Entry{Receipt: &found, Detail: "removed: there was no copy before"})
}

// activate makes consumers load what was put.
func (j *job) activate(ctx context.Context) {
	put := j.written()
	switch {
	case j.mutant(mutant.SkipActivation):
		j.ok(Entry{})
		return
	case put == nil:
		j.ok(Entry{Effect: pawl.EffectNone, Detail: "nothing to load: no place was written"})
		return
	}
	port, err := j.port(ctx)
	if j.failed(ctx, err) {
		return
	}
	a := driver.Activation{Target: j.target(), Kind: j.step.Activate, Consumer: j.step.Consumer, Since: put.AnnouncedAt, Resume: j.st.Resume}
	if put.Receipt != nil {
		a.Receipt = *put.Receipt
	}
	progress, err := port.Activate(ctx, a)
	switch {
	case j.vanished(ctx, err), j.failed(ctx, err):
	case progress.Done:
		j.ok(Entry{Detail: progress.Detail})
	default:
		j.pending(progress.After, progress.Resume, progress.Detail)
	}
}

// written is the write whose value an activation has loaded: the last one of
// those at the places of a discovery. nil when it found none.
func (j *job) written() *StepState {
	of, ok := j.s.state.Plan.Step(j.step.Of)
	if !ok || of.Act != plan.ActDiscover {
		return j.s.state.Step(j.step.Of)
	}
	var last *StepState
	for _, list := range [][]plan.Step{j.s.state.Plan.Steps, j.s.state.Plan.Undo} {
		for i := range list {
			if list[i].Found != of.ID || list[i].Act != plan.ActPut || !j.s.state.touched(list[i].ID) {
				continue
			}
			if st := j.s.state.Step(list[i].ID); last == nil || st.AnnouncedAt.After(last.AnnouncedAt) {
				last = st
			}
		}
	}
	return last
}
