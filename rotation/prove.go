package rotation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
)

// probe reaches a place and asks what the connection may do there.
func (j *job) probe(ctx context.Context) {
	port, err := j.port(ctx)
	var grants []driver.Grant
	if err == nil {
		grants, err = port.Probe(ctx, j.target())
	}
	if j.failed(ctx, err) {
		return
	}
	var missing []string
	for _, g := range grants {
		if g.Has == driver.No {
			missing = append(missing, strings.TrimSuffix(g.Need+": "+g.Detail, ": "))
		}
	}
	if len(missing) > 0 {
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Denied, Effect: pawl.EffectNone, Why: "the connection lacks: " + strings.Join(missing, ", "), Next: "pawl doctor " + j.step.Place.Connection + j.orByHand()})
		return
	}
	j.ok(Entry{})
}

// orByHand says how a person can do what the connection may not at the issuer.
func (j *job) orByHand() string {
	at, of := j.step.Place, j.subject().Issuer
	if at.Connection != of.Connection || at.Kind != of.Kind || j.facts().Mint != estate.ByAPI {
		return ""
	}
	return fmt.Sprintf("; or have a person mint and end it: by: person in the issuer of %s", j.step.Secret)
}

// quota makes sure that the issuer has room. Pawl makes no room itself: what
// is there belongs to somebody.
func (j *job) quota(ctx context.Context) {
	port, err := j.port(ctx)
	var list []driver.Credential
	if err == nil {
		list, err = port.List(ctx, j.target())
	}
	if j.failed(ctx, err) {
		return
	}
	if limit := j.facts().MaxLive; len(list) >= limit {
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Quota, Effect: pawl.EffectNone, Why: fmt.Sprintf("%d of %d credentials exist", len(list), limit),
			Next: "end one that nobody uses at the issuer; pawl does not end what it did not make"})
		return
	}
	j.ok(Entry{Detail: fmt.Sprintf("%d exist", len(list))})
}

// check looks once at a consumer.
func (j *job) check(ctx context.Context) {
	port, err := j.port(ctx)
	if j.failed(ctx, err) {
		return
	}
	r := driver.CheckRequest{Target: j.target(), Since: j.since(), Resume: j.st.Resume}
	if r.Value, j.err = j.held(ctx, j.inPlace()); j.err != nil {
		return
	}
	if r.Accepted, j.err = j.accepted(ctx, port); j.err != nil {
		return
	}
	f, err := port.Check(ctx, r)
	if e := driver.AsError(j.step.Title, err); e != nil && e.Kind == driver.NoValue && j.inPlace() == j.subject().From {
		j.ok(Entry{Strength: "none", Detail: "left out: pawl does not hold the value that is in place"})
		return
	}
	if j.failed(ctx, err) {
		return
	}
	j.found(f)
}

// accepted is the version before, for checks that rewrite what is under it.
func (j *job) accepted(ctx context.Context, port *driver.Port) ([]secret.Parts, error) {
	k, ok := port.Info().Kind(estate.RoleCheck, j.step.Place.Kind)
	if !ok || k.Check == nil || !k.Check.TakesAccepted || j.subject().From == 0 {
		return nil, nil
	}
	old, err := j.held(ctx, j.subject().From)
	if err != nil || old == nil {
		return nil, err
	}
	return []secret.Parts{old}, nil
}

// since is what a check's result must be younger than: for what must have
// drained before the old version ends, the write; else the check itself.
func (j *job) since() time.Time {
	if j.step.Of != "" && j.step.Act == plan.ActCheck {
		if put := j.s.state.Step(j.step.Of); !put.DoneAt.IsZero() {
			return put.DoneAt
		}
	}
	switch {
	case j.st.AnnouncedAt.IsZero():
		return j.now()
	case j.step.Cleans: // what it makes is named by this, and must be found again
		return j.st.AnnouncedAt
	default:
		return j.st.since()
	}
}

// inPlace is the version that should work when the step runs: the new one from
// its mint on, and the old one again in an undo.
func (j *job) inPlace() pawl.Version {
	if j.before0() || j.step.Reverses != "" {
		return j.subject().From
	}
	return j.subject().To
}

// before0 reports whether the step runs before anything was minted.
func (j *job) before0() bool { return j.step.Phase == pawl.Preflight }

func (j *job) found(f driver.Finding) {
	switch {
	case f.State == driver.Passed:
		j.ok(Entry{Detail: f.Detail})
	case f.State == driver.Pending:
		j.pending(f.After, f.Resume, f.Detail)
	case j.mutant(mutant.RetireUnproven):
		j.ok(Entry{Detail: f.Detail})
	case !f.Final && !j.late() && !j.before0() && !j.step.Acts:
		j.pending(f.After, f.Resume, f.Detail) // it may still come: caches, load balancers, replicas
	default:
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "the expected result is not there: " + f.Detail, Next: f.Link})
		j.entries[len(j.entries)-1].Resume = "" // tried again, it begins anew
	}
}

// verdict asks the issuer about a value until it answers as wanted.
func (j *job) verdict(ctx context.Context, want driver.Verdict) {
	v := j.inPlace()
	if want == driver.Refused {
		v = j.subject().From
	}
	if want == driver.Refused && j.mutant(mutant.TrustEnd) {
		j.ok(Entry{})
		return
	}
	value, err := j.held(ctx, v)
	if err != nil {
		j.err = err
		return
	}
	if value == nil && want == driver.Accepted && v == j.subject().From {
		j.ok(Entry{Strength: "none", Detail: "left out: pawl does not hold the value that is in place"})
		return
	}
	if value == nil {
		j.gone(ctx)
		return
	}
	port, err := j.port(ctx)
	var got driver.Verdict
	if err == nil {
		got, err = port.Verify(ctx, j.target(), value)
	}
	switch {
	case err != nil && want == driver.Refused && j.mutant(mutant.TrustOutage):
		j.ok(Entry{})
	case j.failed(ctx, err):
	case got == driver.Refused && want == driver.Refused && j.disabled() && j.listed(ctx, port):
	case got == want:
		j.ok(Entry{Detail: string(got), Print: j.s.e.fingerprint(value)})
	default:
		j.pending(0, "", fmt.Sprintf("the issuer still says %s", got))
	}
}

// gone proves the end of a version whose value pawl never held: the issuer's
// list no longer has its credential.
func (j *job) gone(ctx context.Context) {
	old, err := j.oldCredential(ctx)
	if err != nil {
		j.err = err
		return
	}
	if old == nil || !j.facts().Lists {
		j.ok(Entry{Strength: "none", Detail: "the old value is not held, so its refusal cannot be shown"})
		return
	}
	port, err := j.port(ctx)
	if j.failed(ctx, err) || j.listed(ctx, port) {
		return
	}
	j.ok(Entry{Strength: "list", Detail: "the issuer no longer lists it; the value is not held, so it was not tried"})
}

// disabled reports whether the old version was disabled before it was ended: a
// refusal alone does not tell the two apart.
func (j *job) disabled() bool {
	ended, disabled := false, false
	for i := range j.s.state.Plan.Steps {
		if step := &j.s.state.Plan.Steps[i]; step.Secret == j.step.Secret {
			ended = ended || step.Act == plan.ActRevoke
			disabled = disabled || step.Act == plan.ActDeactivate
		}
	}
	return ended && disabled && j.facts().Lists
}

// listed reports whether the issuer still has the old credential, and records
// that it must be asked again. A disabled one counts where the issuer can
// disable, because there it is not the end.
func (j *job) listed(ctx context.Context, port *driver.Port) bool {
	old, err := j.oldCredential(ctx)
	if err != nil {
		j.err = err
		return true
	}
	if old == nil || old.ID == "" {
		return false
	}
	list, err := port.List(ctx, j.target())
	if j.failed(ctx, err) {
		return true
	}
	for _, c := range list {
		if c.ID == old.ID && (!c.Inactive || j.facts().Deactivates) {
			j.pending(0, "", "the issuer still lists it")
			return true
		}
	}
	return false
}

// wrong is the negative control: a made-up value must be refused.
func (j *job) wrong(ctx context.Context) {
	value, err := j.parts(ctx, j.subject().To)
	if err != nil {
		j.err = err
		return
	}
	bad := make(secret.Parts, len(value))
	for part, v := range value {
		_ = v.Use(func(b []byte) error { // the value was opened just now
			bad[part] = secret.New(spoil(b))
			return nil
		})
	}
	port, err := j.port(ctx)
	var got driver.Verdict
	if err == nil {
		got, err = port.Verify(ctx, j.target(), bad)
	}
	switch {
	case j.failed(ctx, err):
	case got == driver.Refused:
		j.ok(Entry{Detail: "a made-up value is refused"})
	default:
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "a made-up value is accepted: this issuer's word proves nothing"})
	}
}

// spoil changes letters and digits in the second half, keeping the form.
func spoil(b []byte) []byte {
	bad := append([]byte(nil), b...)
	for i := len(bad) / 2; i < len(bad); i++ {
		switch c := bad[i]; {
		case c >= 'a' && c < 'z', c >= 'A' && c < 'Z', c >= '0' && c < '9':
			bad[i]++
		case c == 'z', c == 'Z', c == '9':
			bad[i]--
		}
	}
	return bad
}

// unused waits until the issuer has seen no use of the old version for a time.
func (j *job) unused(ctx context.Context) {
	old, err := j.oldCredential(ctx)
	if err != nil {
		j.err = err
		return
	}
	if old == nil {
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "which credential is the old one is not known"})
		return
	}
	port, err := j.port(ctx)
	var last time.Time
	if err == nil {
		last, err = port.LastUsed(ctx, j.target(), *old)
	}
	if j.failed(ctx, err) {
		return
	}
	quiet := j.now().Sub(latest(last, j.switched()))
	if quiet >= j.step.Wait {
		j.ok(Entry{Detail: fmt.Sprintf("unused for %s", quiet.Round(time.Second))})
		return
	}
	j.postpone(min(j.step.Wait-quiet, time.Hour), "", fmt.Sprintf("unused for %s of %s", quiet.Round(time.Second), j.step.Wait))
}

// switched is when the last location was given the new version: before that
// the old one was in use by design.
func (j *job) switched() time.Time {
	var t time.Time
	for _, st := range j.s.state.Steps {
		if st.Receipt != nil {
			t = latest(t, st.DoneAt)
		}
	}
	return t
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wait lets time pass. Its end is journaled once and survives restarts.
func (j *job) wait() {
	if j.st.timer() || j.mutant(mutant.SkipSoak) {
		j.ok(Entry{})
		return
	}
	j.entries = append(j.entries, Entry{Kind: KindWaiting, Step: j.step.ID, Secret: j.step.Secret, Resume: resumeTimer, Detail: j.step.Title, Until: j.now().Add(j.step.Wait)})
}
