package drivertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// clean does the act in a good world and holds its result to what is so.
func (s *suite) clean(t *testing.T, tr trial, a act) {
	b, st := s.prepared(t, tr, a)
	err := a.run(t.Context(), b, st)
	b.inspect("in a good world", err, st.verdict, st.grants, st.finding, st.receipt, st.list, st.minted, st.found)
	if err != nil {
		t.Fatalf("in a good world: %s", b.wire.clean(err.Error()))
	}
	switch a.name {
	case "probe":
		for _, g := range st.grants {
			if g.Need == "" || g.Has != driver.Yes && g.Has != driver.Maybe {
				t.Errorf("with a good credential the grant is %+v", g)
			}
		}
	case "mint":
		b.minted(st)
	case "list":
		if !slices.ContainsFunc(st.list, func(c driver.Credential) bool { return c.ID == st.credential.ID }) {
			t.Error("the list does not have a credential that is accepted")
		}
	case "verify":
		if st.verdict != driver.Accepted {
			t.Errorf("a good value is %q", st.verdict)
		}
	case "check":
		if st.finding.State != driver.Passed {
			t.Errorf("a healthy consumer is %q: %s", st.finding.State, st.finding.Detail)
		}
	case "discover":
		b.discovered(st.found)
	default:
		b.right(a, "in a good world")
	}
}

func (b *bench) minted(st *state) {
	b.t.Helper()
	if st.minted.Credential.ID == "" {
		b.t.Error("the new credential has no id")
	}
	parts := b.kind.Issuer.Parts
	if len(parts) == 0 {
		parts = []string{secret.Single}
	}
	for _, p := range parts {
		if st.minted.Value[p].Empty() {
			b.t.Errorf("the new credential's part %q is empty", p)
		}
	}
	if b.kind.Issuer.Named && st.minted.Credential.Name != mintName {
		b.t.Errorf("the new credential is called %q, not as asked", st.minted.Credential.Name)
	}
}

// quiet holds that no goroutine outlives the act: the bubble waits for all of
// them, and fails when one waits for ever.
func (s *suite) quiet(t *testing.T, tr trial, a act) {
	synctest.Test(t, func(t *testing.T) {
		b, st := s.prepared(t, tr, a)
		if err := a.run(t.Context(), b, st); err != nil {
			t.Errorf("in a bubble: %s", b.wire.clean(err.Error()))
		}
		if err := b.conn.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}

// cancelled holds that a context that has ended makes no call, and that one
// that ends under way ends the act.
func (s *suite) cancelled(t *testing.T, tr trial, a act) {
	b, st := s.prepared(t, tr, a)
	b.wire.aim(-1, nil, nil)
	b.line.aim(-1, nil, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := b.truth(act{})
	err := a.run(ctx, b, st)
	made := b.calls()
	if e := b.inspect("cancelled before", err); e == nil || !errors.Is(err, context.Canceled) || e.Effect != pawl.EffectNone || made != 0 || b.truth(act{}) != before {
		t.Errorf("a context that had ended: %d calls, error %v, want none and context.Canceled without effect", made, err)
	}
	if b.world.Transport == nil {
		return
	}
	for i := range maxFaulted {
		b, st := s.prepared(t, tr, a)
		ctx, cancel := context.WithCancel(t.Context())
		b.wire.aim(i, nil, cancel)
		err := a.run(ctx, b, st)
		cancel()
		made, hit := b.wire.exchanges()
		if !hit {
			return
		}
		e := b.inspect("cancelled under way", err)
		last := i == len(made)-1
		switch {
		case e == nil && !last:
			t.Errorf("cancelled at call %d, the act went on to the end", i+1)
		case e != nil && !errors.Is(err, context.Canceled):
			t.Errorf("cancelled at call %d, the error is not context.Canceled: %s", i+1, b.wire.clean(e.Error()))
		case e != nil && a.strict && made[i].writes && e.Effect == pawl.EffectNone:
			t.Errorf("cancelled at call %d, which writes, the error says that nothing was changed", i+1)
		}
	}
}

// strangers holds that a connection whose credential is unknown is told so.
func (s *suite) strangers(t *testing.T, tr trial, a act) {
	good, st := s.prepared(t, tr, a)
	if good.world.Transport == nil && good.world.Dial == nil || good.world.Credential.Empty() {
		return
	}
	if a.name == "verify" || a.name == "identify" || a.name == "revoke" {
		return // some are made with the value alone
	}
	b := s.open(t, tr, true)
	if a.prepare != nil {
		*b.wire.values = *good.wire.values
	}
	err := a.run(t.Context(), b, st)
	if b.calls() == 0 || a.name == "check" && tr.kind.Check.TakesValue {
		return // the credential was not needed, or it is the value that is tried
	}
	if e := b.inspect("a stranger", err, st.grants); e == nil || e.Kind != driver.Unauthenticated || e.Effect != pawl.EffectNone {
		t.Errorf("with a credential that the vendor does not know: got %s, want an error of kind unauthenticated", b.wire.clean(fmt.Sprint(err)))
	}
}
