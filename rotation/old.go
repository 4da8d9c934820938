package rotation

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
)

// row finds what the store knows of a version.
func (j *job) row(ctx context.Context, v pawl.Version) (VersionRow, bool, error) {
	return j.s.e.Store.Version(ctx, j.subject().Secret, v)
}

// oldCredential gives the record of the version that is replaced, nil when it
// is not known, and when another issuer minted it: its id means something else
// here, or nothing.
func (j *job) oldCredential(ctx context.Context) (*driver.Credential, error) {
	row, _, err := j.row(ctx, j.subject().From)
	if c := row.Credential; err == nil && c != nil && j.ours(c) {
		bare := *c
		bare.Issuer = ""
		return &bare, nil
	}
	return nil, err
}

// ours reports whether the issuer of this rotation minted a credential. Where
// that is not on record the usual plan takes it for its own; an alternative
// takes nothing on trust.
func (j *job) ours(c *driver.Credential) bool {
	sub := j.subject()
	switch {
	case sub.Source == "", j.mutant(mutant.EndElsewhere): // pinned before sources were on record
		return true
	case c.Issuer == "":
		return sub.Plan == ""
	default:
		return c.Issuer == sub.Source
	}
}

// elsewhere names the other issuer that is on record to have minted the version
// which is replaced; "" is none.
func (j *job) elsewhere(ctx context.Context) (string, error) {
	row, _, err := j.row(ctx, j.subject().From)
	if c := row.Credential; err == nil && c != nil && c.Issuer != "" && !j.ours(c) {
		return c.Issuer, nil
	}
	return "", err
}

// stamped is a credential with the issuer that it is of, for the record.
func (j *job) stamped(c *driver.Credential) *driver.Credential {
	if c == nil {
		return nil
	}
	of := *c
	of.Issuer = j.subject().Source
	return &of
}

// old gives the record and the value of the version that is replaced; either
// may be nil.
func (j *job) old(ctx context.Context) (*driver.Credential, secret.Parts, error) {
	c, err := j.oldCredential(ctx)
	if err != nil {
		return nil, nil, err
	}
	value, err := j.held(ctx, j.subject().From)
	return c, value, err
}

// learn finds out what it can about the version in place: its value where a
// location gives it back, and its credential from its value.
func (j *job) learn(ctx context.Context) {
	c, value, err := j.old(ctx)
	if err != nil {
		j.err = err
		return
	}
	sub := j.subject()
	change := VersionChange{Secret: sub.Secret, Version: sub.From, State: VersionCurrent}
	detail := "the current value is held already"
	if value == nil {
		v, from, err := j.readInPlace(ctx)
		if j.failed(ctx, err) {
			return
		}
		detail = "no location gives the current value back"
		if from != "" {
			value, detail = secret.One(v), "current value read at "+from
			if change, err = j.s.e.version(sub.Secret, sub.From, value); err != nil {
				j.err = err
				return
			}
			change.State = VersionCurrent
		}
	}
	other, err := j.elsewhere(ctx)
	if err != nil {
		j.err = err
		return
	}
	if c == nil && value != nil && sub.Facts.Identifies && other == "" {
		if c, err = j.identify(ctx, value); j.failed(ctx, err) {
			return
		}
	}
	change.Credential = j.stamped(c)
	j.versions, j.urgent = append(j.versions, change), true
	j.ok(Entry{Version: sub.From, Credential: c, Print: change.Fingerprint, Detail: detail})
}

// identify asks the issuer which credential a value is; nil when the issuer
// does not know it.
func (j *job) identify(ctx context.Context, value secret.Parts) (*driver.Credential, error) {
	port, err := j.portOf(ctx, j.subject().Issuer.Connection)
	if err != nil {
		return nil, err
	}
	issuer := j.subject().Issuer
	c, err := port.Identify(ctx, driver.Target{Kind: issuer.Kind, Settings: issuer.Settings}, value)
	if e := driver.AsError("identify", err); e != nil {
		if e.Kind == driver.NotFound || e.Kind == driver.Unsupported {
			return nil, nil
		}
		return nil, err
	}
	return &c, nil
}

// readInPlace reads the value at the first location that gives it back as it is.
func (j *job) readInPlace(ctx context.Context) (secret.Value, string, error) {
	for i := range j.s.state.Plan.Steps {
		step := &j.s.state.Plan.Steps[i]
		if step.Act != plan.ActPut || step.Secret != j.step.Secret || step.Confirm != estate.ByValue || step.Render != "" || step.Accepts {
			continue
		}
		port, err := j.portOf(ctx, step.Place.Connection)
		if err != nil {
			return secret.Value{}, "", err
		}
		v, ok, err := port.Read(ctx, driver.Target{Kind: step.Place.Kind, Settings: step.Place.Settings})
		if err != nil {
			return secret.Value{}, "", err
		}
		if ok && !v.Empty() {
			return v, step.Place.Connection, nil
		}
	}
	return secret.Value{}, "", nil
}

// name finds out which credential the old version is, so that the right one
// is ended. When nothing tells, a person chooses.
func (j *job) name(ctx context.Context) {
	c, value, err := j.old(ctx)
	if err != nil {
		j.err = err
		return
	}
	if c == nil && value != nil && j.facts().Identifies {
		if c, err = j.identify(ctx, value); j.failed(ctx, err) {
			return
		}
	}
	if c == nil {
		if c = j.chosen(ctx); c == nil {
			return
		}
	}
	sub := j.subject()
	j.versions = append(j.versions, VersionChange{Secret: sub.Secret, Version: sub.From, State: VersionCurrent, Credential: j.stamped(c)})
	j.ok(Entry{Version: sub.From, Credential: c, Detail: fmt.Sprintf("version %d is credential %s", sub.From, c.ID)})
}

// chosen gives the credential that a person named, or asks for one. It must
// not be the new one and, where the issuer can list, be on its list.
func (j *job) chosen(ctx context.Context) *driver.Credential {
	list, fresh, err := j.candidates(ctx)
	if j.failed(ctx, err) || j.err != nil {
		return nil
	}
	sig, ok := j.s.state.signal(j.step.ID, WordChoose)
	if ok && sig.Credential != nil && sig.Credential.ID != fresh {
		i := slices.IndexFunc(list, func(c driver.Credential) bool { return c.ID == sig.Credential.ID })
		switch {
		case i >= 0:
			return &list[i]
		case !j.facts().Lists: // nothing to hold it against: the word of a person is all there is
			return sig.Credential
		}
	}
	var names []string
	for _, c := range list {
		if c.ID != fresh {
			names = append(names, fmt.Sprintf("%s (%s)", c.ID, c.Name))
		}
	}
	j.urgent = true
	j.entries = append(j.entries, Entry{Kind: KindWaiting, Step: j.step.ID, Secret: j.step.Secret, Resume: resumePerson,
		Detail: fmt.Sprintf("which credential is the old one? The issuer has %v; choose with: pawl approve %s --credential ID", names, j.s.state.ID)})
	return nil
}

// candidates lists the issuer's credentials and gives the id of the new one.
func (j *job) candidates(ctx context.Context) ([]driver.Credential, string, error) {
	port, err := j.port(ctx)
	if err != nil {
		return nil, "", err
	}
	row, _, err := j.row(ctx, j.subject().To)
	if err != nil {
		j.err = err
		return nil, "", nil
	}
	var fresh string
	if row.Credential != nil {
		fresh = row.Credential.ID
	}
	if !j.facts().Lists {
		return nil, fresh, nil
	}
	list, err := port.List(ctx, j.target())
	return list, fresh, err
}

// end deactivates or revokes the old version. It refuses to touch the new one.
func (j *job) end(ctx context.Context) {
	old, value, err := j.old(ctx)
	var row VersionRow
	if err == nil {
		row, _, err = j.row(ctx, j.subject().To)
	}
	var other string
	if err == nil {
		other, err = j.elsewhere(ctx)
	}
	if err != nil {
		j.err = err
		return
	}
	if other != "" {
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "the old one was minted at " + other, Next: "end it there"})
		return
	}
	if old == nil {
		old = &driver.Credential{}
	}
	if old.ID == "" && value == nil || row.Credential != nil && row.Credential.ID == old.ID && old.ID != "" {
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "which credential is the old one is not known"})
		return
	}
	port, err := j.port(ctx)
	if j.failed(ctx, err) {
		return
	}
	if j.step.Act == plan.ActDeactivate {
		err = port.Deactivate(ctx, j.target(), *old)
	} else {
		err = port.Revoke(ctx, j.target(), *old, value)
	}
	if j.failed(ctx, err) {
		return
	}
	j.ok(Entry{Version: j.subject().From, Credential: old})
}

// prepareDiscard finds what a mint left behind when its credential is not on
// record: undoing must not leave an orphan.
func (j *job) prepareDiscard(ctx context.Context) {
	mint := j.s.state.Step(j.step.Reverses)
	if mint.Credential != nil || mint.Provided != 0 || j.st.Suspect != nil && j.st.Attributed {
		return
	}
	asMint := &job{s: j.s, step: j.step, st: j.lost(mint)}
	asMint.prepareMint(ctx)
	j.over, j.sweep, j.entries, j.cut, j.err, j.urgent = asMint.over, asMint.sweep, asMint.entries, asMint.cut, asMint.err, asMint.urgent
	if n := len(j.entries); n > 0 && j.entries[n-1].Kind == KindLook && j.entries[n-1].Result == ResultAbsent {
		j.ok(Entry{Effect: pawl.EffectNone, Detail: "nothing was minted"})
	}
}

// lost is the state of a mint whose end is not known, as a discard sees it:
// what was there before it, and what people have said to the discard.
func (j *job) lost(mint *StepState) *StepState {
	st := *j.st
	st.Known, st.open, st.maybe = mint.Known, true, true
	return &st
}

// fresh gives the new version's value: as it was stored, or as a person gave
// it before that.
func (j *job) fresh(ctx context.Context, mint *StepState) (secret.Parts, error) {
	value, err := j.held(ctx, j.subject().To)
	if value == nil && err == nil && mint.Provided != 0 {
		return j.provided(j.step.Reverses, mint.Provided)
	}
	return value, err
}

// discard ends the new credential of a rotation that turned back.
func (j *job) discard(ctx context.Context) {
	mint := j.s.state.Step(j.step.Reverses)
	c := mint.Credential
	if c == nil {
		c = cmp.Or(j.st.Suspect, mint.given)
	}
	value, err := j.fresh(ctx, mint)
	if err != nil {
		j.err = err
		return
	}
	inPlace, err := j.isOld(ctx, c, value)
	if err != nil {
		j.err = err
		return
	}
	if inPlace {
		j.ok(Entry{Effect: pawl.EffectNone, Detail: "nothing to end: what was minted or given is the version in place"})
		return
	}
	if (c == nil || c.ID == "") && value != nil && j.facts().Identifies {
		if c, err = j.identify(ctx, value); j.failed(ctx, err) {
			return
		}
		if c == nil { // the issuer does not know the value: it is no credential of its any more
			j.ok(Entry{Effect: pawl.EffectNone, Detail: "the issuer does not know the new value"})
			return
		}
	}
	if c == nil {
		c = &driver.Credential{}
	}
	if c.ID == "" && value == nil {
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "the new credential's id is not known", Next: "end it at the issuer, then waive this step"})
		return
	}
	port, err := j.port(ctx)
	if j.failed(ctx, err) {
		return
	}
	if j.failed(ctx, port.Revoke(ctx, j.target(), *c, value)) || c.ID != "" && j.survives(ctx, port, c) {
		return
	}
	j.ok(Entry{Version: j.subject().To, Credential: c})
}

// isOld reports whether what is to be thrown away is the version in place,
// which must live.
func (j *job) isOld(ctx context.Context, c *driver.Credential, value secret.Parts) (bool, error) {
	old, err := j.oldCredential(ctx)
	if err != nil || j.mutant(mutant.TakeSameValue) {
		return false, err
	}
	if old != nil && c != nil && old.ID != "" && old.ID == c.ID {
		return true, nil
	}
	if value == nil {
		return false, nil
	}
	same, err := j.same(ctx, value)
	return same == j.subject().From, err
}
