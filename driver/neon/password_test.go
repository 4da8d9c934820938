package neon_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/neon"
)

// TestANewPasswordWorksWhenNeonHasDoneItsWork holds that the value is handed
// over at once, and that no verdict comes before it is true.
func TestANewPasswordWorksWhenNeonHasDoneItsWork(t *testing.T) {
	s := newSite(t, sim.Config{Operation: operation}, sim.Project{})
	old, asked := s.stored(owner), s.now
	m := s.mint(s.role(owner), "")
	if !s.now.Equal(asked) || s.opens(m.Value) || !s.opens(old) {
		t.Error("the mint has waited with the value in its hands")
	}
	if s.verdict(s.role(owner), m.Value) != "accepted" || !s.opens(m.Value) {
		t.Error("the new password is said to work and does not")
	}
	if s.verdict(s.role(owner), old) != "refused" || s.opens(old) {
		t.Error("the old password is said to be dead and is not")
	}
}

func TestNoVerdictWhileNeonIsAtWork(t *testing.T) {
	s := newSite(t, sim.Config{Operation: time.Hour}, sim.Project{})
	old := s.stored(owner)
	m := s.mint(s.role(owner), "")
	for name, value := range map[string]driver.Minted{"new": m, "old": {Value: old}} {
		_, err := s.port.Verify(t.Context(), s.role(owner), value.Value)
		if e := failure(err); e.Kind != driver.Conflict || !e.Passing() || !strings.Contains(e.Why, "apply_config is still running") {
			t.Errorf("the %s password: %v", name, err)
		}
	}
	if s.now = s.now.Add(time.Hour); s.verdict(s.role(owner), m.Value) != "accepted" {
		t.Error("the new password is not accepted in the end")
	}
}

func TestNoVerdictWhenNeonHasFailed(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	old := s.stored(owner)
	s.FailNext("apply_config")
	m := s.mint(s.role(owner), "")
	for _, value := range []driver.Minted{m, {Value: old}} {
		_, err := s.port.Verify(t.Context(), s.role(owner), value.Value)
		if e := failure(err); e.Kind != driver.Unavailable || !strings.Contains(e.Why, "has failed") || !strings.Contains(e.Next, "console") {
			t.Errorf("got %v, next %q", err, e.Next)
		}
	}
	s.mint(s.role(owner), "") // another change that comes through settles it
	if s.verdict(s.role(owner), s.stored(owner)) != "accepted" || s.verdict(s.role(owner), old) != "refused" {
		t.Error("a later change does not settle what the failed one left open")
	}
}

// TestOperationsElsewhereDoNotMatter holds that a verdict does not wait for
// branches that come and go in the same project.
func TestOperationsElsewhereDoNotMatter(t *testing.T) {
	s := newSite(t, sim.Config{Operation: time.Minute}, sim.Project{})
	if _, err := s.Provision(s.credential, project, "tenant-1"); err != nil {
		t.Fatal(err)
	}
	before := s.now
	if s.verdict(s.role(owner), s.stored(owner)) != "accepted" || !s.now.Equal(before) {
		t.Errorf("waited %s for another branch", s.now.Sub(before))
	}
}

func TestLostPasswordsAreReadBack(t *testing.T) {
	for name, rule := range lostAnswers("roles/*/reset_password") {
		s := newSite(t, sim.Config{Operation: operation}, sim.Project{})
		s.now = s.now.Add(time.Hour)
		old := s.stored(owner)
		s.Faults().Add(rule)
		m := s.mint(s.role(owner), "")
		if s.verdict(s.role(owner), m.Value) != "accepted" || !s.opens(m.Value) || s.opens(old) || s.made("POST", "/reset_password") != 1 {
			t.Errorf("%s: after %d requests the password that was read back does not work", name, s.made("POST", "/reset_password"))
		}
		if list, err := s.port.List(t.Context(), s.role(owner)); err != nil || len(list) != 1 || list[0] != m.Credential {
			t.Errorf("%s: the list has %+v (%v), want %+v", name, list, err, m.Credential)
		}
	}
}

// TestNoOldPasswordPassesForANewOne holds that what is read back after a reset
// that did not happen is not taken for its result.
func TestNoOldPasswordPassesForANewOne(t *testing.T) {
	for _, rule := range []vendorsim.Rule{{Kind: vendorsim.Status, Code: 503}, {Kind: vendorsim.Status, Code: 500}, {Kind: vendorsim.Garbage}} {
		s := newSite(t, sim.Config{}, sim.Project{})
		rule.Method = "POST"
		s.Faults().Add(rule)
		before, err := s.port.List(t.Context(), s.role(owner))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.port.Mint(t.Context(), driver.MintRequest{Target: s.role(owner)})
		if e := failure(err); e.Effect != pawl.EffectUnknown || s.made("POST", "/reset_password") != 1 || s.made("GET", "/reveal_password") != 0 {
			t.Errorf("got %v after %d requests", err, s.made("POST", "/reset_password"))
		}
		if after, err := s.port.List(t.Context(), s.role(owner)); err != nil || after[0] != before[0] {
			t.Errorf("the look finds %+v, want %+v: nothing has happened (%v)", after, before, err)
		}
	}
}

// TestALostAnswerShowsInTheList holds what the engine sees when it was killed
// in the middle of a reset: another credential than before.
func TestALostAnswerShowsInTheList(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	before, err := s.port.List(t.Context(), s.role(owner))
	if err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Hour)
	lost := s.mint(s.role(owner), "")
	after, err := s.port.List(t.Context(), s.role(owner))
	if err != nil || len(after) != 1 || after[0].ID == before[0].ID || after[0].Name != owner {
		t.Errorf("before %+v, after %+v (%v)", before, after, err)
	}
	s.now = s.now.Add(time.Hour)
	if err := s.port.Revoke(t.Context(), s.role(owner), after[0], nil); err != nil || s.opens(lost.Value) {
		t.Errorf("the lost password lives on (%v)", err)
	}
}

func TestEndingAPassword(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	old := s.stored(owner)
	s.now = s.now.Add(time.Hour)
	if err := s.port.Revoke(t.Context(), s.role(owner), driver.Credential{}, old); err != nil || s.opens(old) {
		t.Errorf("by its value: the password lives on (%v)", err)
	}
	fresh := s.stored(owner)
	for name, err := range map[string]error{
		"by an old value":      s.port.Revoke(t.Context(), s.role(owner), driver.Credential{}, old),
		"by an old id":         s.port.Revoke(t.Context(), s.role(owner), driver.Credential{ID: owner + "@2026-05-06T07:08:09Z"}, nil),
		"by somebody else's":   s.port.Revoke(t.Context(), s.role(owner), driver.Credential{ID: "nobody@x"}, old),
		"by the id, of a copy": s.port.Revoke(t.Context(), s.role(owner), driver.Credential{ID: "x"}, fresh),
	} {
		if err != nil || !s.opens(fresh) {
			t.Errorf("%s: what is dead already took the living password with it (%v)", name, err)
		}
	}
	if err := s.port.Revoke(t.Context(), s.role(owner), driver.Credential{}, nil); failure(err).Kind != driver.Invalid || !s.opens(fresh) {
		t.Errorf("by nothing: %v", err)
	}
}

// TestChildBranchesKeepTheOldPassword holds what the notes warn of.
func TestChildBranchesKeepTheOldPassword(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	old := s.stored(owner)
	child, err := s.Provision(s.credential, project, "preview")
	if err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Hour)
	m := s.mint(s.role(owner), "")
	at := target("role_password", "project", project, "branch", child, "role", owner)
	if s.verdict(at, old) != "accepted" || s.verdict(at, m.Value) != "refused" || s.verdict(s.role(owner), old) != "refused" {
		t.Error("the child branch is not told apart from its parent")
	}
}

func TestRolesWithoutAPassword(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	s.AddRole(project, s.branch, "tables", true)
	_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: s.role("tables")})
	if failure(err).Kind != driver.Invalid || s.made("POST", "/reset_password") != 0 {
		t.Errorf("got %v", err)
	}
	grants, err := s.port.Probe(t.Context(), s.role("tables"))
	if err != nil || grants[1].Has != driver.No {
		t.Errorf("the grants are %+v (%v)", grants, err)
	}
}

// TestProjectsThatStoreNoPasswords holds that preflight finds out, and that no
// verdict is made up.
func TestProjectsThatStoreNoPasswords(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{ForgetsPWs: true})
	for _, at := range []driver.Target{s.role(), s.role(owner)} {
		grants, err := s.port.Probe(t.Context(), at)
		if err != nil || grants[0].Has != driver.No || !strings.Contains(grants[0].Detail, "postgres") {
			t.Errorf("%s: the grants are %+v (%v)", at.Kind, grants, err)
		}
		if got := s.verdict(at, s.stored(owner)); got != string(driver.Unsupported) {
			t.Errorf("%s: %s", at.Kind, got)
		}
	}
}
