package neon_test

import (
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/neon"
)

func (s *site) check(t driver.Target) driver.State {
	s.t.Helper()
	f, err := s.port.Check(s.t.Context(), driver.CheckRequest{Target: t, Since: s.now})
	if err != nil {
		s.t.Fatal(err)
	}
	if f.State == driver.Pending && f.After <= 0 {
		s.t.Error("a pending check does not say when to look again")
	}
	return f.State
}

// TestABranchComesAndGoes follows a service that makes a branch for a customer
// and deletes it again.
func TestABranchComesAndGoes(t *testing.T) {
	s := newSite(t, sim.Config{Operation: operation}, sim.Project{})
	there := target("branch", "project", project, "name", "keytest", "expect", "present")
	gone := target("branch", "project", project, "name", "keytest", "expect", "absent")
	step := func(what string, wantThere, wantGone driver.State) {
		t.Helper()
		if a, b := s.check(there), s.check(gone); a != wantThere || b != wantGone {
			t.Errorf("%s: present is %s and absent is %s, want %s and %s", what, a, b, wantThere, wantGone)
		}
	}
	step("before", driver.Failed, driver.Passed)
	id, err := s.Provision(s.credential, project, "keytest")
	if err != nil {
		t.Fatal(err)
	}
	step("made", driver.Pending, driver.Failed)
	s.now = s.now.Add(2 * operation)
	step("ready", driver.Passed, driver.Failed)
	if err := s.Deprovision(s.credential, project, id); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(2 * operation)
	step("deleted", driver.Failed, driver.Passed)
	if _, err := s.Provision(s.credential, project, "keytest-2"); err != nil {
		t.Fatal(err)
	}
	step("another of a longer name", driver.Failed, driver.Passed)
}

func TestBranchesBeyondTheFirstPage(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	for i := range 130 {
		if _, err := s.Provision(s.credential, project, "tenant-"+string(rune('a'+i/26))+string(rune('a'+i%26))); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.check(target("branch", "project", project, "name", "tenant-ez", "expect", "present")); got != driver.Passed {
		t.Errorf("the last branch: %s", got)
	}
	if _, err := s.Provision(s.credential, project, "tenant"); err != nil {
		t.Fatal(err)
	}
	before := s.made("GET", "/branches")
	if got := s.check(target("branch", "project", project, "name", "tenant", "expect", "present")); got != driver.Passed || s.made("GET", "/branches")-before != 2 {
		t.Errorf("a branch whose name is part of 130 others: %s after %d pages", got, s.made("GET", "/branches")-before)
	}
}

func TestAuthCheck(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	if got := s.check(target("auth")); got != driver.Passed {
		t.Errorf("a good key: %s", got)
	}
	s.credential = "napi_unknown"
	_, err := s.port.Check(t.Context(), driver.CheckRequest{Target: target("auth"), Since: s.now})
	if e := failure(err); e.Kind != driver.Unauthenticated || e.Next == "" {
		t.Errorf("a bad key: %v", err)
	}
}

func TestProbes(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	for _, tt := range []struct {
		name   string
		target driver.Target
		want   []driver.Has
	}{
		{"the connection", driver.Target{}, []driver.Has{driver.Yes}},
		{"a person's keys", target("api_key"), []driver.Has{driver.Yes, driver.Yes}},
		{"an organisation's keys", target("org_api_key", "org_id", org), []driver.Has{driver.Maybe, driver.Yes}},
		{"keys of an organisation that is not there", target("org_api_key", "org_id", "org-no-such-1"), []driver.Has{driver.Maybe, driver.No}},
		{"roles", s.role(), []driver.Has{driver.Yes, driver.Yes, driver.Maybe}},
		{"roles of a branch that is not there", target("role", "project", project, "branch", "br-no-such-1"), []driver.Has{driver.Yes, driver.No, driver.No}},
		{"a password", s.role(owner), []driver.Has{driver.Yes, driver.Maybe}},
		{"the password of a role that is not there", s.role("nobody"), []driver.Has{driver.Yes, driver.No}},
		{"a branch", target("branch", "project", project, "name", "main"), []driver.Has{driver.Yes}},
	} {
		grants, err := s.port.Probe(t.Context(), tt.target)
		if err != nil || len(grants) != len(tt.want) {
			t.Errorf("%s: %+v (%v)", tt.name, grants, err)
			continue
		}
		for i, g := range grants {
			if g.Has != tt.want[i] || g.Need == "" || g.Has != driver.Yes && g.Detail == "" {
				t.Errorf("%s: %+v, want %s", tt.name, g, tt.want[i])
			}
		}
	}
	if n := s.made("POST", "") + s.made("DELETE", ""); n != 0 {
		t.Errorf("probing has made %d changes", n)
	}
}

// TestTheClientKeepsToNeonsLimit holds that a burst of calls is spread so that
// Neon refuses none.
func TestTheClientKeepsToNeonsLimit(t *testing.T) {
	s := newSite(t, sim.Config{RateLimit: true}, sim.Project{})
	before := s.now
	for range 100 {
		if got := s.check(target("auth")); got != driver.Passed {
			t.Fatal(got)
		}
	}
	if waited := s.now.Sub(before); waited < 5*time.Second || waited > 6*time.Second {
		t.Errorf("100 calls took %s, want an eleventh of a second for each behind the first 40", waited)
	}
}

// TestRetryAfterIsHandedOn holds that Neon's wish reaches the engine.
func TestRetryAfterIsHandedOn(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	s.Faults().Add(vendorsim.Rule{Kind: vendorsim.TooMany, Wait: 9 * time.Second})
	_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: target("api_key"), Name: "x"})
	if e := failure(err); e.Kind != driver.Limited || e.RetryAfter != 9*time.Second {
		t.Errorf("got %v, after %s", err, e.RetryAfter)
	}
}
