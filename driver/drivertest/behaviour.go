package drivertest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// behaviour holds what takes more than one act: doing it twice, seeing what
// was done, and telling a refusal from an outage.
func (s *suite) behaviour(t *testing.T, tr trial) {
	switch {
	case tr.kind.Issuer != nil:
		s.issuer(t, tr, *tr.kind.Issuer)
	case tr.kind.Location != nil:
		s.location(t, tr, *tr.kind.Location)
	case tr.kind.Check != nil:
		if b := s.open(t, tr, false); b.c.Break != nil {
			b.c.Break()
			st := &state{}
			if err := look(t.Context(), b, st); err != nil || st.finding.State != driver.Failed {
				t.Errorf("a consumer that does not work is %q: %v", st.finding.State, err)
			}
		}
	case tr.kind.Role == estate.RoleActivation:
		s.activatedTwice(t, tr, act{name: "activate"}, activate(tr.kind.Name, false))
	case tr.kind.Role == estate.RoleDiscovery:
		s.foundTwice(t, tr)
	}
}

func (s *suite) issuer(t *testing.T, tr trial, f estate.IssuerFacts) {
	if f.Mint == estate.ByAPI {
		s.mintTwice(t, tr, f)
	}
	b, st := s.open(t, tr, false), &state{}
	if f.Mint != estate.Locally {
		obtain(b, st)
	}
	if f.Identifies {
		c, err := b.conn.(driver.Identifier).Identify(t.Context(), b.target(), st.value)
		if err != nil || st.credential.ID != "" && c.ID != st.credential.ID {
			t.Errorf("identify gives %q for the value of %q: %v", c.ID, st.credential.ID, err)
		}
		st.credential = c
	}
	b.verify(t, f, st.value, driver.Accepted, "a good value")
	b.verify(t, f, secret.One(secret.NewString("PAWLCANARY-never-issued-0123456789abcdef")), driver.Refused, "a value that nobody has issued")
	if f.Deactivates {
		b.deactivate(t, f, st)
	}
	if f.Revokes {
		b.revoke(t, f, st)
	}
}

func (s *suite) mintTwice(t *testing.T, tr trial, f estate.IssuerFacts) {
	b := s.open(t, tr, false)
	first, second := &state{}, &state{}
	obtain(b, first)
	if x, ok := b.excuse(met{act: act{name: "mint"}, fault: &fault{name: Twice}}); ok && f.Named { // names are taken
		err := mint(t.Context(), b, second)
		if e := b.inspect("minted twice", err); e == nil || e.Kind != x.Kind || e.Effect != x.Effect {
			t.Errorf("a mint under a name that is taken: %v, want %s without effect", e, x.Kind)
		}
		return
	}
	obtain(b, second)
	if first.credential.ID == second.credential.ID || first.value[secret.Single].Equal(second.value[secret.Single]) && len(f.Parts) == 0 {
		t.Error("two mints gave one credential")
	}
	if !f.Lists {
		return
	}
	list, err := b.conn.(driver.Issuer).List(t.Context(), b.target())
	if err != nil {
		t.Fatal(b.wire.clean(err.Error()))
	}
	for _, c := range []driver.Credential{first.credential, second.credential} {
		if f.Overlap != estate.Replaced && !slices.ContainsFunc(list, func(l driver.Credential) bool { return l.ID == c.ID }) {
			t.Errorf("the list does not tell two credentials of one name apart: %q is missing", c.ID)
		}
	}
}

// verify asks about a value. That the driver cannot ask is Unsupported.
func (b *bench) verify(t *testing.T, f estate.IssuerFacts, value secret.Parts, want driver.Verdict, what string) {
	t.Helper()
	if !f.Verifies {
		return
	}
	got, err := b.conn.(driver.Verifier).Verify(t.Context(), b.target(), value)
	if e := b.inspect(what, err); e != nil && !(want == driver.Refused && e.Kind == driver.Invalid) || e == nil && got != want {
		t.Errorf("%s: the verdict is %q, want %q (%v)", what, got, want, e)
	}
}

func (b *bench) deactivate(t *testing.T, f estate.IssuerFacts, st *state) {
	d := b.conn.(driver.Deactivator)
	for range 2 {
		if e := b.inspect("deactivate", d.Deactivate(t.Context(), b.target(), st.credential)); e != nil {
			t.Errorf("deactivate: %v", e)
		}
	}
	b.settle()
	b.verify(t, f, st.value, driver.Refused, "the value of a deactivated credential")
	for range 2 {
		if e := b.inspect("reactivate", d.Reactivate(t.Context(), b.target(), st.credential)); e != nil {
			t.Errorf("reactivate: %v", e)
		}
	}
	b.settle()
	b.verify(t, f, st.value, driver.Accepted, "the value of a reactivated credential")
}

func (b *bench) revoke(t *testing.T, f estate.IssuerFacts, st *state) {
	i := b.conn.(driver.Issuer)
	for n, c := range []driver.Credential{st.credential, st.credential, {ID: "pawl-drivertest-nobody", Name: "nobody"}} {
		value := st.value
		if n == 2 {
			value = secret.One(secret.NewString("PAWLCANARY-never-issued-0123456789abcdef"))
		}
		if e := b.inspect("revoke", i.Revoke(t.Context(), b.target(), c, value)); e != nil && (n < 2 || e.Kind != driver.Invalid) {
			t.Errorf("revocation %d: %v", n+1, e)
		}
		b.settle()
	}
	b.verify(t, f, st.value, driver.Refused, "the value of a revoked credential")
	if f.Lists {
		list, err := i.List(t.Context(), b.target())
		if err != nil || slices.ContainsFunc(list, func(c driver.Credential) bool { return c.ID == st.credential.ID && (!c.Inactive || f.Deactivates) }) {
			t.Errorf("the list still has the revoked credential (%v)", err)
		}
	}
}

func (s *suite) location(t *testing.T, tr trial, f estate.LocationFacts) {
	b := s.open(t, tr, false)
	s.empty(t, b)
	b.writes(t, f)
	for _, a := range f.Activations {
		s.activatedTwice(t, tr, act{name: "activate " + a.Kind, prepare: fill}, activate(a.Kind, true))
	}
	if f.Removable {
		s.removedTwice(t, tr)
	}
}

// writes puts two values, the second one twice, and looks after each.
func (b *bench) writes(t *testing.T, f estate.LocationFacts) {
	l := b.conn.(driver.Location)
	var seen []driver.Receipt
	for n, value := range []string{canary + "-first", canary, canary} {
		b.clock.Advance(3 * time.Second)
		if _, err := l.Put(t.Context(), b.write(value, pawl.Version(n+1))); err != nil {
			t.Fatalf("write %d: %s", n+1, b.wire.clean(err.Error()))
		}
		r, err := l.Stat(t.Context(), b.target())
		if e := b.inspect("stat", err, r); e != nil || !r.Exists {
			t.Errorf("after write %d the place tells %+v (%v)", n+1, r, e)
		}
		seen = append(seen, r)
		if got, ok, known := b.holds(); known && (!ok || got != value) {
			t.Errorf("after write %d the place does not hold the value", n+1)
		}
		if f.Readable {
			v, ok, err := b.conn.(driver.Reader).Read(t.Context(), b.target())
			if err != nil || !ok || !v.Equal(secret.NewString(value)) {
				t.Errorf("after write %d the place gives something else back (%v, %v)", n+1, ok, err)
			}
		}
	}
	moved := true
	switch f.Confirm {
	case estate.ByDigest:
		moved = seen[0].Digest != "" && seen[0].Digest != seen[1].Digest && seen[1].Digest == seen[2].Digest
	case estate.ByTimestamp:
		moved = seen[1].UpdatedAt.After(seen[0].UpdatedAt)
	case estate.ByValue:
		moved = f.Readable
	}
	if !moved {
		t.Errorf("the place is said to confirm by %s, but tells %+v, then %+v, then %+v", f.Confirm, seen[0], seen[1], seen[2])
	}
}

// activatedTwice holds that consumers that have the value are left alone.
func (s *suite) activatedTwice(t *testing.T, tr trial, a act, run func(context.Context, *bench, *state) error) {
	b, st := s.prepared(t, tr, a)
	if err := run(t.Context(), b, st); err != nil {
		t.Fatal(b.wire.clean(err.Error()))
	}
	b.right(a, "after the act "+a.name)
	st.resume = ""
	b.settle()
	b.wire.aim(-1, nil, nil)
	if err := run(t.Context(), b, st); err != nil {
		t.Errorf("activated again: %s", b.wire.clean(err.Error()))
	}
	made, _ := b.wire.exchanges()
	_, excused := b.excuse(met{act: a, fault: &fault{name: Twice}})
	for _, e := range made {
		if e.writes && !excused {
			t.Errorf("activated again: %s was made although every consumer has the value", e.call)
		}
	}
}

func (s *suite) removedTwice(t *testing.T, tr trial) {
	b, _ := s.prepared(t, tr, act{prepare: fill})
	for range 2 {
		if e := b.inspect("remove", b.conn.(driver.Remover).Remove(t.Context(), b.target())); e != nil {
			t.Errorf("remove: %v", e)
		}
	}
	b.settle()
	if r, err := b.conn.(driver.Location).Stat(t.Context(), b.target()); err != nil || r.Exists {
		t.Errorf("a place that holds nothing is %+v (%v), want no copy and no error", r, err)
	}
	if b.kind.Location.Readable {
		if _, ok, err := b.conn.(driver.Reader).Read(t.Context(), b.target()); ok || err != nil {
			t.Errorf("a place that holds nothing is read: %v, %v", ok, err)
		}
	}
}

// concurrent uses two targets from several goroutines. The race detector sees
// what they share; the places must not be mixed up.
func (s *suite) concurrent(t *testing.T, tr trial) {
	b := s.open(t, tr, false)
	targets := []estate.Settings{b.c.Settings, b.c.Other}
	if b.c.Other == nil {
		targets = targets[:1]
	}
	var all sync.WaitGroup
	for i, settings := range targets {
		for range 3 {
			all.Go(func() { b.busy(driver.Target{Kind: b.c.Kind, Settings: settings}, canary+string(rune('a'+i))) })
		}
	}
	all.Wait()
	if tr.kind.Location == nil || b.c.Holds == nil {
		return
	}
	for i, settings := range targets {
		if got, ok := b.c.Holds(settings); !ok || got != canary+string(rune('a'+i)) {
			t.Errorf("the place %d does not hold its value", i+1)
		}
	}
}

func (b *bench) busy(target driver.Target, value string) {
	ctx, calls := context.Background(), []func() error{}
	if l, ok := b.conn.(driver.Location); ok && b.kind.Location != nil {
		calls = append(calls, func() error {
			_, err := l.Put(ctx, driver.Write{Target: target, Value: secret.NewString(value), Version: 7})
			return err
		}, func() error { _, err := l.Stat(ctx, target); return err })
	}
	if i, ok := b.conn.(driver.Issuer); ok && b.kind.Issuer != nil && b.kind.Issuer.Lists {
		calls = append(calls, func() error { _, err := i.List(ctx, target); return err })
	}
	if c, ok := b.conn.(driver.Checker); ok && b.kind.Check != nil && !b.kind.Check.Acts && !b.kind.Check.TakesValue {
		calls = append(calls, func() error {
			_, err := c.Check(ctx, driver.CheckRequest{Target: target, Since: b.clock.Now()})
			return err
		})
	}
	if d, ok := b.conn.(driver.Discoverer); ok && b.kind.Role == estate.RoleDiscovery {
		calls = append(calls, func() error { _, err := d.Discover(ctx, target); return err })
	}
	calls = append(calls, func() error { _, err := b.conn.Probe(ctx, target); return err })
	for _, call := range calls {
		if err := b.patiently(call); err != nil {
			b.t.Errorf("beside each other: %s", b.wire.clean(err.Error()))
		}
	}
}

// turns is how often a call that came too soon is made again. A client's own
// limit cannot spare it every refusal: a request that was held up on its way
// arrives together with the next one.
const turns = 5

// patiently makes a call as the engine does: after a refusal for coming too
// soon it waits and comes again.
func (b *bench) patiently(call func() error) error {
	for turn := 1; ; turn++ {
		err := call()
		e := b.inspect("beside each other", err)
		if e == nil || e.Kind != driver.Limited || e.Effect != pawl.EffectNone || turn == turns {
			return err
		}
		b.clock.Advance(max(e.RetryAfter, time.Second))
	}
}
