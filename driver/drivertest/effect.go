package drivertest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// faults puts every fault in the way of every call of an act, one at a time,
// and holds the driver to the one right answer.
func (s *suite) faults(t *testing.T, tr trial, a act) {
	b, st := s.prepared(t, tr, a)
	if b.world.Transport == nil {
		return
	}
	b.wire.aim(-1, nil, nil)
	if err := a.run(t.Context(), b, st); err != nil {
		t.Fatalf("without a fault: %s", b.wire.clean(err.Error()))
	}
	calls, _ := b.wire.exchanges()
	if len(calls) > maxFaulted {
		calls = calls[:maxFaulted] // the rest are the same calls on other machines
	}
	for i := range calls {
		for _, f := range faults() {
			if f.name == "huge" && i > 0 && i < len(calls)-1 {
				continue // it costs much, and all calls share one client
			}
			s.faulted(t, tr, a, i, f)
		}
	}
}

// maxFaulted is how many of an act's calls faults are put in the way of.
const maxFaulted = 24

func (s *suite) prepared(t testing.TB, tr trial, a act) (*bench, *state) {
	b, st := s.open(t, tr, false), &state{}
	if a.prepare != nil {
		a.prepare(b, st)
		b.settle()
	}
	return b, st
}

func (s *suite) faulted(t *testing.T, tr trial, a act, i int, f *fault) {
	b, st := s.prepared(t, tr, a)
	before := b.truth(a)
	b.wire.aim(i, f, nil)
	err := a.run(t.Context(), b, st)
	made, hit := b.wire.exchanges()
	if !hit {
		return // the driver took another way this time
	}
	met := met{act: a, fault: f, at: i, made: made, name: fmt.Sprintf("%s at call %d (%s)", f.name, i+1, made[i].call)}
	e := b.inspect(met.name, err, st.verdict, st.grants, st.finding, st.receipt, st.found)
	switch {
	case e == nil:
		b.absorbed(met, st)
	default:
		b.judge(met, e)
		if e.Effect == pawl.EffectNone && a.strict && b.truth(a) != before {
			t.Errorf("%s: the error says that nothing was changed, but something was", met.name)
		}
	}
	b.wire.aim(-1, nil, nil)
	b.recover(t, met, st)
}

// met is a fault that an act met.
type met struct {
	act   act
	fault *fault
	at    int
	made  []exchange
	name  string
}

func (m met) writes() bool { return m.made[m.at].writes }

// wrote reports whether a writing call went well before the fault.
func (m met) wrote() bool {
	return slices.ContainsFunc(m.made[:m.at], func(e exchange) bool { return e.writes })
}

// repeated reports whether a call that was refused, so that nothing had been
// done, was made again with what the driver had learnt from that.
func (m met) repeated() bool {
	return !m.fault.lost && m.fault.after == 0 && m.act.strict &&
		slices.ContainsFunc(m.made[m.at+1:], func(e exchange) bool { return e.call == m.made[m.at].call })
}

func (b *bench) excuse(m met) (Excuse, bool) {
	for _, e := range b.world.Excuses {
		if (e.Act == "" || e.Act == m.act.name) && e.Fault == m.fault.name {
			return e, true
		}
	}
	return Excuse{}, false
}

// judge holds an error to the fault that it comes from.
func (b *bench) judge(m met, e *driver.Error) {
	kinds, excused := []driver.ErrorKind{m.fault.kind}, false
	if x, ok := b.excuse(m); ok && !x.Absorbed {
		kinds, excused = append(kinds, x.Kind), e.Kind == x.Kind && e.Effect == x.Effect
	}
	if m.act.name == "identify" {
		kinds = append(kinds, driver.NotFound) // a value that is refused has no record
	}
	if !slices.Contains(kinds, e.Kind) {
		b.t.Errorf("%s: the error's kind is %s, want %s: %s", m.name, e.Kind, m.fault.kind, b.wire.clean(e.Error()))
	}
	if want := m.effects(); !excused && !slices.Contains(want, e.Effect) {
		b.t.Errorf("%s: the effect is %q, want %q", m.name, e.Effect, want)
	}
	if m.fault.after > 0 && e.RetryAfter != m.fault.after {
		b.t.Errorf("%s: the error says to come back after %s, the vendor said %s", m.name, e.RetryAfter, m.fault.after)
	}
}

// effects gives what is true after the fault.
func (m met) effects() []pawl.Effect {
	switch {
	case m.writes() && m.fault.lost && !m.fault.idle:
		return []pawl.Effect{pawl.EffectUnknown, pawl.EffectApplied}
	case m.writes() && m.fault.lost:
		return []pawl.Effect{pawl.EffectUnknown}
	case m.wrote() && m.act.strict:
		return []pawl.Effect{pawl.EffectUnknown, pawl.EffectApplied}
	case m.wrote():
		return []pawl.Effect{pawl.EffectNone, pawl.EffectUnknown, pawl.EffectApplied}
	default:
		return []pawl.Effect{pawl.EffectNone}
	}
}

// absorbed holds that an act which went well in spite of a fault was right to.
func (b *bench) absorbed(m met, st *state) {
	b.t.Helper()
	x, excused := b.excuse(m)
	if excused && x.Absorbed || m.repeated() {
		return
	}
	last := m.at == len(m.made)-1
	gone := m.fault.name == "Not Found" || x.Kind == driver.NotFound
	refusal := gone || m.fault.name == "Unauthorized" || m.fault.name == "Forbidden"
	fine := false
	switch name := m.act.name; {
	case name == "verify":
		fine = refusal && st.verdict == driver.Refused
	case name == "probe":
		fine = refusal && slices.ContainsFunc(st.grants, func(g driver.Grant) bool { return g.Has != driver.Yes })
	case name == "check":
		fine = st.finding.State == driver.Passed && !last || refusal && st.finding.State == driver.Failed
	case strings.HasPrefix(name, "activate"):
		fine = true // whether it is really done is looked at afterwards
	case name == "revoke" || name == "remove":
		fine = gone
	case name == "discover": // a target that is not found keeps the old value
	case name == "list" || name == "identify" || name == "mint" && m.writes():
	default:
		fine = gone && !m.writes()
	}
	if !fine {
		b.t.Errorf("%s: the act went on as if nothing had happened (%s)", m.name, b.outcome(st))
	}
}

func (b *bench) outcome(st *state) string {
	return b.wire.clean(fmt.Sprintf("verdict %q, finding %q, grants %v", st.verdict, st.finding.State, st.grants))
}

// truth tells what the act has changed, as far as it can be seen.
func (b *bench) truth(a act) string {
	value, ok, known := b.holds()
	if a.name == "mint" && b.kind.Issuer.Lists {
		list, err := b.conn.(driver.Issuer).List(context.Background(), b.target())
		if err != nil {
			b.t.Errorf("list: %s", b.wire.clean(err.Error()))
		}
		return fmt.Sprint(len(list))
	}
	return fmt.Sprint(value, ok, known)
}

// recover does the act again without a fault: after any failure it can be
// repeated. A mint cannot; what a lost one has made can be found instead.
func (b *bench) recover(t *testing.T, m met, st *state) {
	b.settle()
	if m.act.name == "mint" && b.kind.Issuer.Named && b.kind.Issuer.Lists && m.writes() && m.fault.lost && !m.fault.idle {
		list, err := b.conn.(driver.Issuer).List(t.Context(), b.target())
		if err != nil || !slices.ContainsFunc(list, func(c driver.Credential) bool { return c.Name == mintName }) {
			t.Errorf("%s: the credential that the lost call has made is not found by its name (%v)", m.name, err)
		}
	}
	if !m.act.again {
		return
	}
	if err := m.act.run(t.Context(), b, st); err != nil {
		t.Errorf("%s: acting again failed: %s", m.name, b.wire.clean(err.Error()))
	}
	b.right(m.act, m.name)
}

// right holds that a location and its consumers have what the act gave them.
func (b *bench) right(a act, when string) {
	value, ok, known := b.holds()
	switch {
	case !known || b.kind.Location == nil:
	case a.name == "remove" && ok:
		b.t.Errorf("%s: the copy is still there", when)
	case a.name != "remove" && (!ok || value != canary):
		b.t.Errorf("%s: the location does not hold the value that was written", when)
	}
	if strings.HasPrefix(a.name, "activate") && b.c.Loaded != nil && !b.c.Loaded(canary) {
		b.t.Errorf("%s: the activation is done, but a consumer does not have the value", when)
	}
}
