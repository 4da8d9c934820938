package rotation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
)

// prepareMint reads what is at the issuer before the one attempt. After an
// attempt whose end is not known it looks instead: what is there now that was
// not there before is what the lost answer would have told of. Where the issuer
// keeps one value there is nothing to look for: the next attempt replaces it.
func (j *job) prepareMint(ctx context.Context) {
	facts := j.facts()
	if facts.Mint == estate.Locally || j.mutant(mutant.MintBlindly) {
		return // nothing exists outside until the outcome is stored
	}
	if j.st.Suspect != nil {
		j.judge()
		return
	}
	lost := j.st.open || j.st.maybe
	if lost && j.resets() {
		if !j.st.superseded {
			j.supersede()
			return
		}
		lost = false
	}
	if !facts.Lists {
		if lost {
			j.askAboutLostMint(nil)
		} else {
			j.exhausted()
		}
		return
	}
	port, err := j.port(ctx)
	var list []driver.Credential
	if err == nil {
		list, err = port.List(ctx, j.target())
	}
	if j.failed(ctx, err) {
		j.over = true
		return
	}
	if lost {
		j.lookForLost(list)
		return
	}
	if j.exhausted() {
		return
	}
	j.known = ids(list)
}

// resets reports whether the issuer keeps one value, so that minting again
// leaves nothing behind.
func (j *job) resets() bool {
	return j.step.Act == plan.ActMint && (j.facts().Resets || j.mutant(mutant.ResetAnything))
}

// supersede decides about an attempt without an answer at an issuer that keeps
// one value: another reset replaces whatever that attempt made. That it may
// have ended the old version stays on record.
func (j *job) supersede() {
	j.over = true
	j.entries = append(j.entries, Entry{Kind: KindLook, Step: j.step.ID, Secret: j.step.Secret, Result: ResultSuperseded,
		Detail: "the answer was lost and the issuer keeps one value: the next mint replaces whatever was made"})
}

func ids(list []driver.Credential) []string {
	known := make([]string, len(list))
	for i, c := range list {
		known[i] = c.ID
	}
	return known
}

// exhausted ends a mint that was tried often enough without effect.
func (j *job) exhausted() bool {
	if j.st.Tries < tries(j.step, &driver.Error{Kind: j.st.ErrorKind}) {
		return false
	}
	j.over = true
	e := &driver.Error{Op: j.step.Title, Kind: driver.Unavailable, Effect: pawl.EffectNone, Why: fmt.Sprintf("%d attempts, none left anything behind", j.st.Tries)}
	if j.st.superseded {
		e.Why = fmt.Sprintf("%d attempts, the last without an answer: the old value may be dead", j.st.Tries)
	}
	j.fail(e)
	return true
}

// lookForLost decides what became of an attempt without an answer.
func (j *job) lookForLost(list []driver.Credential) {
	j.over = true
	name := j.subject().Name
	fresh := slices.DeleteFunc(slices.Clone(list), func(c driver.Credential) bool {
		return slices.Contains(j.st.Known, c.ID) || j.facts().Named && c.Name != name
	})
	switch {
	case len(fresh) == 0 || j.mutant(mutant.ForgetOrphan):
		j.entries = append(j.entries, Entry{Kind: KindLook, Step: j.step.ID, Result: ResultAbsent, Detail: "nothing new at the issuer: the attempt had no effect"})
	case j.facts().Named || j.mutant(mutant.EndForeign):
		j.entries = append(j.entries, Entry{Kind: KindLook, Step: j.step.ID, Result: ResultPresent, Credential: &fresh[0],
			Detail: "minted by the attempt whose answer was lost; its value is gone, so it will be ended"})
	default:
		j.askAboutLostMint(&fresh[0])
	}
}

// askAboutLostMint asks a person about a credential that cannot be attributed
// by its name. Pawl never ends what it cannot attribute to itself.
func (j *job) askAboutLostMint(suspect *driver.Credential) {
	j.over, j.urgent = true, true
	detail := "the answer to the mint was lost and the issuer cannot list; look there, end what was minted, then approve"
	if suspect != nil {
		detail = fmt.Sprintf("the answer to the mint was lost; credential %s is new at the issuer but carries no name: approve if it is the lost one (pawl ends it), decline if it is somebody else's", suspect.ID)
	}
	if sig, ok := j.answer(); ok && j.st.Status == StatusWaiting {
		j.settleSuspect(sig, suspect)
		return
	}
	j.entries = append(j.entries, Entry{Kind: KindWaiting, Step: j.step.ID, Secret: j.step.Secret, Resume: resumePerson, Credential: suspect, Detail: detail})
}

func (j *job) settleSuspect(sig Entry, suspect *driver.Credential) {
	look := Entry{Kind: KindLook, Step: j.step.ID, Result: ResultAbsent, Detail: sig.Actor + " said so"}
	if suspect != nil && sig.Word == WordApprove {
		look.Result, look.Credential = ResultPresent, suspect
	}
	j.entries = append(j.entries, look)
}

// judge goes on with a suspect: a person's answer to a question, or the end
// of a credential that was attributed.
func (j *job) judge() {
	if j.st.Attributed {
		j.sweep = true
		return
	}
	j.askAboutLostMint(j.st.Suspect)
}

// mint makes the one attempt, or ends what a lost one left behind.
func (j *job) mint(ctx context.Context) {
	port, err := j.port(ctx)
	if j.failed(ctx, err) {
		return
	}
	if j.sweep {
		j.endSuspect(ctx, port)
		return
	}
	sub := j.subject()
	r := driver.MintRequest{Target: j.target(), Name: sub.Name, Format: sub.Format, Version: sub.To}
	if r.Old, r.OldValue, j.err = j.old(ctx); j.err != nil {
		return
	}
	minted, err := port.Mint(ctx, r)
	if err != nil {
		j.mintFailed(ctx, driver.AsError(j.step.Title, err))
		return
	}
	if same, err := j.same(ctx, minted.Value); err != nil || same != 0 {
		j.mintedSame(minted.Credential, same, err)
		return
	}
	j.accept(minted)
}

// mintedSame fails a mint that gave a value which is in place already: some
// issuers hand out the credential that is there when they are asked again by
// the same name. Only a credential that was not on the list before is ours to
// end; any other is the one in use.
func (j *job) mintedSame(c driver.Credential, same pawl.Version, err error) {
	if err != nil {
		j.err = err
		return
	}
	e := &driver.Error{Op: j.step.Title, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: fmt.Sprintf("the issuer gave the value of version %d again", same)}
	fresh := j.facts().Lists && c.ID != "" && !slices.Contains(j.st.Known, c.ID)
	if fresh {
		e.Effect = pawl.EffectApplied
	}
	j.fail(e)
	if j.urgent = true; fresh {
		j.entries[len(j.entries)-1].Credential = &c
	}
}

// mintFailed records a failed attempt. Unless it surely had no effect, the
// next turn looks before anything else is decided.
func (j *job) mintFailed(ctx context.Context, e *driver.Error) {
	j.cut, j.urgent = ctx.Err() != nil, true
	if e.Kind == driver.Denied {
		e.Next = strings.TrimPrefix(e.Next+j.orByHand(), "; ")
	}
	if e.Effect != pawl.EffectNone && j.facts().Mint != estate.Locally {
		j.again(e)
		return
	}
	j.failed(ctx, e)
}

// endSuspect ends the credential that a lost mint left behind.
func (j *job) endSuspect(ctx context.Context, port *driver.Port) {
	j.urgent = true
	if j.failed(ctx, port.Revoke(ctx, j.target(), *j.st.Suspect, nil)) || j.survives(ctx, port, j.st.Suspect) {
		return
	}
	j.entries = append(j.entries, Entry{Kind: KindLook, Step: j.step.ID, Result: ResultAbsent, Credential: j.st.Suspect,
		Detail: "the credential of the lost answer is ended"})
}

// survives reports whether an issuer still lists a credential that it says it
// has ended, and records that it must be ended again: an answer is not the end.
func (j *job) survives(ctx context.Context, port *driver.Port, c *driver.Credential) bool {
	if !j.facts().Lists {
		return false
	}
	list, err := port.List(ctx, j.target())
	if j.failed(ctx, err) {
		return true
	}
	if !slices.ContainsFunc(list, func(l driver.Credential) bool { return l.ID == c.ID && (!l.Inactive || j.facts().Deactivates) }) {
		return false
	}
	e := &driver.Error{Op: j.step.Title, Kind: driver.Malformed, Effect: pawl.EffectApplied, Why: "the issuer says that it is ended, and still lists it"}
	if j.st.Tries+1 < tries(j.step, e) {
		j.again(e)
	} else {
		j.fail(e)
	}
	return true
}

// accept seals a minted value. Value and outcome are stored in one commit, at
// once: until then the value exists in this process alone.
func (j *job) accept(m driver.Minted) {
	sub := j.subject()
	j.urgent = true
	if err := complete(sub, m.Value); err != nil {
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Malformed, Effect: pawl.EffectApplied, Why: err.Error()})
		j.entries[len(j.entries)-1].Credential = &m.Credential
		return
	}
	change, err := j.s.e.version(sub.Secret, sub.To, declared(sub, m.Value))
	if err != nil {
		j.err = err
		return
	}
	change.State, change.Credential = VersionMinted, j.stamped(&m.Credential)
	if sub.Shape == plan.ShapeReplaced { // the old one died just now: this is the only one that works
		change.State = VersionCurrent
		j.versions = append(j.versions, VersionChange{Secret: sub.Secret, Version: sub.From, State: VersionPrevious})
	}
	if j.mutant(mutant.LoseValue) {
		change.Sealed = nil
	}
	j.versions = append(j.versions, change)
	j.ok(Entry{Credential: &m.Credential, Version: sub.To, Print: change.Fingerprint, Effect: pawl.EffectApplied})
}

// declared is a value without the parts that the estate leaves out: what no
// place needs is kept nowhere.
func declared(sub *plan.Subject, value secret.Parts) secret.Parts {
	kept := make(secret.Parts, len(sub.Parts))
	for _, part := range sub.Parts {
		if v, ok := value[part]; ok {
			kept[part] = v
		}
	}
	return kept
}

// Fits says why a value that a person gave cannot be the new version: a part
// is missing, was copied badly, breaks the estate's rules, or is none of the
// issuer's. It never repeats the value.
func Fits(sub *plan.Subject, value secret.Parts) error {
	for _, part := range sub.Parts {
		v, ok := value[part]
		if !ok {
			continue // derived, or missing
		}
		rules := secret.Format{}
		if part == secret.Single && len(sub.Parts) == 1 {
			rules = sub.Format
		}
		err := secret.Pasted(v, rules, sub.Facts.Forms[part])
		switch {
		case err != nil && part != secret.Single:
			return fmt.Errorf("the part %q: %w", part, err)
		case err != nil:
			return err
		}
	}
	return complete(sub, value)
}

// complete checks that a new value has the declared parts and obeys the rules.
func complete(sub *plan.Subject, value secret.Parts) error {
	for _, part := range sub.Parts {
		if slices.ContainsFunc(sub.Derived, func(d estate.Derived) bool { return d.Part == part }) {
			continue
		}
		v, ok := value[part]
		if !ok || v.Empty() {
			return fmt.Errorf("the part %q is missing", part)
		}
	}
	if v, ok := value[secret.Single]; ok && len(sub.Parts) == 1 {
		return sub.Format.Check(v)
	}
	return nil
}

// version seals a value as a version.
func (e *Engine) version(name pawl.SecretName, v pawl.Version, value secret.Parts) (VersionChange, error) {
	sealed, err := e.seal(name, versionRow(v), value)
	if err != nil {
		return VersionChange{}, err
	}
	return VersionChange{Secret: name, Version: v, Sealed: sealed, Fingerprint: e.fingerprint(value)}, nil
}

func (e *Engine) seal(name pawl.SecretName, row string, value secret.Parts) (map[string][]byte, error) {
	sealed := make(map[string][]byte, len(value))
	for part, v := range value {
		b, err := e.Vault.Seal(v, binding(name, row, part))
		if err != nil {
			return nil, &pawl.Error{Code: pawl.CodeFailed, Op: "seal", On: string(name), Err: err, Next: "pawl doctor"}
		}
		sealed[part] = b
	}
	return sealed, nil
}

func (e *Engine) unseal(name pawl.SecretName, row string, sealed map[string][]byte) (secret.Parts, error) {
	value := make(secret.Parts, len(sealed))
	for part, b := range sealed {
		v, err := e.Vault.Open(envelope.Sealed(b), binding(name, row, part))
		if err != nil {
			return nil, &pawl.Error{Code: pawl.CodeFailed, Op: "open the sealed value of", On: string(name), Err: err, Next: "pawl doctor"}
		}
		value[part] = v
	}
	return value, nil
}

// binding ties sealed bytes to their place: moved elsewhere, they do not open.
func binding(name pawl.SecretName, row, part string) envelope.Binding {
	return envelope.Binding{Scope: string(name), Table: "versions", Column: part, Row: row}
}

func versionRow(v pawl.Version) string { return fmt.Sprintf("v%d", v) }

func signalRow(id pawl.RotationID, step string) string { return string(id) + "/" + step }

// fingerprint of a version is that of its single part, or of its parts in
// the order of their names.
func (e *Engine) fingerprint(value secret.Parts) pawl.Fingerprint {
	if v, ok := value[secret.Single]; ok && len(value) == 1 {
		return e.Vault.Fingerprint(v)
	}
	names := make([]string, 0, len(value))
	for name := range value {
		names = append(names, name)
	}
	slices.Sort(names)
	var all []byte
	for _, name := range names {
		all = append(all, name+"="+string(e.Vault.Fingerprint(value[name]))+"\n"...)
	}
	return e.Vault.Fingerprint(secret.New(all))
}
