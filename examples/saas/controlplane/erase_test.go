package controlplane_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/vendorsim"
)

// trouble is one call that goes wrong.
type trouble struct {
	vendor string
	vendorsim.Rule
}

func (tr trouble) String() string {
	return fmt.Sprintf("%s %s %s (%s)", tr.vendor, tr.Method, tr.Path, tr.Kind)
}

func (s *site) faults(vendor string) *vendorsim.Faults {
	return map[string]*vendorsim.Faults{"neon": s.neon.Faults(), "fly": s.fly.Faults(), "stripe": s.stripe.Faults(), "resend": s.resend.Faults()}[vendor]
}

// troubles lists each call, going wrong in each way.
func troubles(calls ...string) []trouble {
	var list []trouble
	for _, call := range calls {
		f := strings.Fields(call)
		for _, r := range []vendorsim.Rule{{Kind: vendorsim.Before}, {Kind: vendorsim.AfterLost}, {Kind: vendorsim.Status}, {Kind: vendorsim.Status, Acts: true},
			{Kind: vendorsim.Status, Code: 401}, {Kind: vendorsim.TooMany}} {
			r.Method, r.Path, r.Count = f[1], f[2], 1
			list = append(list, trouble{f[0], r})
		}
	}
	return list
}

const app = "/v1/apps/*"

func TestACascadeThatFailsIsDoneByTheNext(t *testing.T) {
	for _, tr := range troubles("stripe DELETE /v1/customers/*", "fly GET "+app+"/machines", "fly DELETE "+app+"/machines/*", "fly DELETE "+app,
		"neon GET /api/v2/projects/*/branches", "neon DELETE /api/v2/projects/*/branches/*") {
		t.Run(tr.String(), func(t *testing.T) {
			s := newSite(t, speed{operation: time.Second})
			store := &controlplane.Memory{}
			cp := s.server(store)
			id := cp.make("acme")
			s.faults(tr.vendor).Add(tr.Rule)
			first := cp.do("DELETE", "/cp/orgs/"+id, "")
			if first.code != http.StatusBadGateway && first.code != http.StatusServiceUnavailable {
				t.Errorf("the first: %d %s", first.code, first.text)
			}
			if s.mails() != 0 {
				t.Error("an erasure is confirmed that has not ended")
			}
			if got := cp.do("DELETE", "/cp/orgs/"+id, ""); got.code != http.StatusNoContent {
				t.Errorf("the second: %d %s", got.code, got.text)
			}
			if left := s.left(store); len(left) > 0 || s.mails() != 1 {
				t.Errorf("left over: %v; %d mails", left, s.mails())
			}
		})
	}
}

func TestNothingIsLeftOfAProvisioningThatFails(t *testing.T) {
	for _, tr := range troubles("stripe POST /v1/customers", "fly GET "+app, "fly POST /v1/apps", "fly POST "+app+"/secrets",
		"neon POST /api/v2/projects/*/branches", "fly POST "+app+"/machines") {
		t.Run(tr.String(), func(t *testing.T) {
			s := newSite(t, speed{operation: time.Second})
			store := &controlplane.Memory{}
			cp := s.server(store)
			s.faults(tr.vendor).Add(tr.Rule)
			got := cp.do("POST", "/cp/orgs", `{"slug":"acme"}`)
			if got.code != http.StatusBadGateway && got.code != http.StatusServiceUnavailable || !strings.Contains(got.text, "provisioning failed: "+tr.vendor) {
				t.Errorf("made: %d %s", got.code, got.text)
			}
			if left := s.left(store); len(left) > 0 {
				t.Errorf("left over: %v", left)
			}
			if cp.make("acme"); cp.status("acme") != "ready" {
				t.Error("it cannot be made afterwards")
			}
		})
	}
}

// TestADeadKeyLeavesNothing has a vendor refuse everything, so that what was
// made elsewhere must be taken away without it.
func TestADeadKeyLeavesNothing(t *testing.T) {
	for _, name := range []string{"FLY_API_TOKEN", "NEON_API_KEY", "STRIPE_API_KEY"} {
		s := newSite(t, speed{})
		store := &controlplane.Memory{}
		cp := s.server(store, name, "sk_live_dead")
		got := cp.do("POST", "/cp/orgs", `{"slug":"acme"}`)
		if left := s.left(store); got.code != http.StatusBadGateway || !strings.Contains(got.text, "401 unauthorized") || len(left) > 0 {
			t.Errorf("%s: %d %s, left %v", name, got.code, got.text, left)
		}
	}
}

// TestWhatCannotBeTakenAwayStaysOnRecord lets a vendor fail until somebody
// erases the tenant.
func TestWhatCannotBeTakenAwayStaysOnRecord(t *testing.T) {
	s := newSite(t, speed{})
	store := &controlplane.Memory{}
	cp := s.server(store)
	s.neon.Faults().Add(vendorsim.Rule{Kind: vendorsim.AfterLost})
	if got := cp.do("POST", "/cp/orgs", `{"slug":"acme"}`); got.code != http.StatusBadGateway {
		t.Errorf("made: %d", got.code)
	}
	if got := cp.status("acme"); got != "failed" || !strings.Contains(s.log.text(), "not taken away yet") {
		t.Errorf("it is %s", got)
	}
	if got := cp.do("GET", "/cp/workspaces", ""); got.code != http.StatusOK {
		t.Errorf("it spoils the list of workspaces: %d", got.code)
	}
	if got := cp.do("POST", "/cp/orgs/acme/reprovision", ""); got.code != http.StatusConflict {
		t.Errorf("it is provisioned anew: %d", got.code)
	}
	s.neon.Faults().Clear()
	if got := cp.do("DELETE", "/cp/orgs/acme", ""); got.code != http.StatusNoContent || len(s.left(store)) != 0 {
		t.Errorf("erased: %d, left %v", got.code, s.left(store))
	}
}

// mortal is a Store that dies, with its whole machine, before or after the
// nth thing that it does.
type mortal struct {
	controlplane.Store
	site  *site
	left  atomic.Int64
	after bool
}

var errDead = errors.New("the machine is dead")

// do does a thing, unless the machine is dead.
func (m *mortal) do(act func() error) error {
	n := m.left.Add(-1)
	if n < 0 || n == 0 && !m.after {
		m.site.cut.Store(true)
		return errDead
	}
	err := act()
	if n == 0 {
		m.site.cut.Store(true)
		return errDead
	}
	return err
}

func (m *mortal) Insert(ctx context.Context, o controlplane.Org) error {
	return m.do(func() error { return m.Store.Insert(ctx, o) })
}

func (m *mortal) Change(ctx context.Context, id string, c controlplane.Change) error {
	return m.do(func() error { return m.Store.Change(ctx, id, c) })
}

func (m *mortal) Find(ctx context.Context, name string) (o controlplane.Org, err error) {
	err = m.do(func() error { o, err = m.Store.Find(ctx, name); return err })
	return o, err
}

func (m *mortal) Remove(ctx context.Context, id string) (removed bool, err error) {
	err = m.do(func() error { removed, err = m.Store.Remove(ctx, id); return err })
	return removed, err
}

// TestAMachineThatDies lets it die at each thing that it does with the store
// while it makes a tenant and erases it. Another machine takes all away.
func TestAMachineThatDies(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			s := newSite(t, speed{operation: time.Second})
			store := &mortal{Store: &controlplane.Memory{}, site: s, after: after}
			store.left.Store(n)
			cp := s.server(store)
			cp.do("POST", "/cp/orgs", `{"slug":"acme","owner":"o@example.com"}`)
			cp.do("DELETE", "/cp/orgs/acme", "")
			died := s.cut.Load()
			s.cut.Store(false)
			next := s.server(store.Store)
			s.neon.Finish()
			if got := next.do("DELETE", "/cp/orgs/acme", ""); got.code != http.StatusNoContent && got.code != http.StatusNotFound {
				t.Errorf("dead at %d: erased: %d %s", n, got.code, got.text)
			}
			if left := s.left(store.Store); len(left) > 0 {
				t.Errorf("dead at %d, after %v: left over: %v", n, after, left)
			}
			if !died {
				if n < 8 {
					t.Errorf("only %d things are done", n)
				}
				break
			}
		}
	}
}

// TestErasedWhileItIsMade erases a tenant before each call that makes it: the
// erasure cannot see what comes after it.
func TestErasedWhileItIsMade(t *testing.T) {
	for n := 1; ; n++ {
		s := newSite(t, speed{})
		store := &controlplane.Memory{}
		cp, other := s.server(store), s.server(store)
		calls, erased := 0, reply{}
		s.before = func() {
			if calls++; calls == n {
				erased = other.do("DELETE", "/cp/orgs/acme", "")
			}
		}
		made := cp.do("POST", "/cp/orgs", `{"slug":"acme"}`)
		if s.before = nil; calls < n {
			if made.code != http.StatusCreated || n < 6 {
				t.Errorf("after %d calls: %d", calls, made.code)
			}
			return
		}
		if left := s.left(store); erased.code != http.StatusNoContent || made.code < http.StatusBadRequest || len(left) > 0 {
			t.Errorf("at call %d: erased %d, made %d, left over: %v", n, erased.code, made.code, left)
		}
	}
}

// watched is a Store that tells before each change.
type watched struct {
	controlplane.Store
	before func()
}

func (w *watched) Change(ctx context.Context, id string, c controlplane.Change) error {
	w.before()
	return w.Store.Change(ctx, id, c)
}
