package neon_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/neon"
)

// lostAnswers are the ways in which an answer is lost after Neon has acted.
func lostAnswers(path string) map[string]vendorsim.Rule {
	rule := func(k vendorsim.Kind, code int) vendorsim.Rule {
		return vendorsim.Rule{Kind: k, Method: "POST", Path: "/api/v2/projects/*/branches/*/" + path, Acts: true, Code: code, Count: 1}
	}
	return map[string]vendorsim.Rule{"cut": rule(vendorsim.AfterLost, 0), "garbage": rule(vendorsim.Garbage, 0), "500": rule(vendorsim.Status, 500), "503": rule(vendorsim.Status, 503)}
}

// TestTwoRolesSideBySide is a whole turn: both roles work until the old one is
// deleted.
func TestTwoRolesSideBySide(t *testing.T) {
	s := newSite(t, sim.Config{Operation: operation}, sim.Project{})
	first := s.mint(s.role(), "app_v1")
	if !strings.HasPrefix(first.Credential.ID, "app_v1_") || first.Credential.Name != "app_v1" {
		t.Errorf("the role is %+v", first.Credential)
	}
	if s.verdict(s.role(), first.Value) != "accepted" || !s.opens(first.Value) {
		t.Fatal("the first role does not work")
	}
	second := s.mint(s.role(), "app_v2")
	if s.verdict(s.role(), second.Value) != "accepted" || !s.opens(second.Value) || !s.opens(first.Value) {
		t.Fatal("the two roles do not work side by side")
	}
	for range 2 { // twice is not an error
		if err := s.port.Revoke(t.Context(), s.role(), first.Credential, nil); err != nil {
			t.Fatal(err)
		}
	}
	if s.verdict(s.role(), first.Value) != "refused" || s.opens(first.Value) || s.verdict(s.role(), second.Value) != "accepted" {
		t.Error("not the first role is what died")
	}
}

// TestLostRolesAreReadBack holds that a role whose answer was lost is not made
// again: Neon gives its password back.
func TestLostRolesAreReadBack(t *testing.T) {
	for name, rule := range lostAnswers("roles") {
		s := newSite(t, sim.Config{Operation: operation}, sim.Project{})
		s.Faults().Add(rule)
		m := s.mint(s.role(), "app_v2")
		if s.verdict(s.role(), m.Value) != "accepted" || !s.opens(m.Value) || s.made("POST", "/roles") != 1 || len(s.Roles(project, s.branch)) != 2 {
			t.Errorf("%s: %d requests, roles %v", name, s.made("POST", "/roles"), s.Roles(project, s.branch))
		}
	}
}

func TestRolesThatWereNotMade(t *testing.T) {
	for _, tt := range []struct {
		name   string
		rule   vendorsim.Rule
		kind   driver.ErrorKind
		effect pawl.Effect
	}{
		{"never sent", vendorsim.Rule{Kind: vendorsim.Before}, driver.Unavailable, pawl.EffectNone},
		{"locked", vendorsim.Rule{Kind: vendorsim.Status, Code: 423}, driver.Conflict, pawl.EffectNone},
		{"bad gateway", vendorsim.Rule{Kind: vendorsim.Status, Code: 502}, driver.Unavailable, pawl.EffectUnknown},
		{"unavailable", vendorsim.Rule{Kind: vendorsim.Status, Code: 503}, driver.Unavailable, pawl.EffectUnknown},
		{"refused", vendorsim.Rule{Kind: vendorsim.Status, Code: 400}, driver.Invalid, pawl.EffectNone},
	} {
		s := newSite(t, sim.Config{}, sim.Project{})
		tt.rule.Method = "POST"
		s.Faults().Add(tt.rule)
		_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: s.role(), Name: "app_v2"})
		if e := failure(err); e.Kind != tt.kind || e.Effect != tt.effect || s.made("POST", "/roles") != 1 || len(s.Roles(project, s.branch)) != 1 {
			t.Errorf("%s: got %v after %d requests", tt.name, err, s.made("POST", "/roles"))
		}
	}
}

// TestAChangeWaitsForOperations holds that the driver does not run into 423
// while it knows better, and that it does not wait for ever.
func TestAChangeWaitsForOperations(t *testing.T) {
	s := newSite(t, sim.Config{Operation: 15 * time.Second}, sim.Project{})
	s.mint(s.role(), "app_v1")
	before := s.now
	s.mint(s.role(), "app_v2")
	if waited := s.now.Sub(before); waited < 15*time.Second || waited > 25*time.Second {
		t.Errorf("waited %s for an operation of 15s", waited)
	}
	s = newSite(t, sim.Config{Operation: time.Hour}, sim.Project{})
	s.mint(s.role(), "app_v1")
	_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: s.role(), Name: "app_v2"})
	if e := failure(err); e.Kind != driver.Conflict || e.Effect != pawl.EffectNone || !strings.Contains(e.Next, "passes by itself") {
		t.Errorf("got %v, next %q", err, e.Next)
	}
}

func TestNamesOfRoles(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	for _, name := range []string{"", strings.Repeat("x", 55), strings.Repeat("é", 28)} {
		_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: s.role(), Name: name})
		if e := failure(err); e.Kind != driver.Invalid || len(s.seen) != 0 {
			t.Errorf("%d bytes: got %v and %d calls", len(name), err, len(s.seen))
		}
	}
	s.AddRole(project, s.branch, "tables", true)
	s.AddRole(project, s.branch, "made_by_hand_x1", false)
	s.mint(s.role(), strings.Repeat("x", 54))
	list, err := s.port.List(t.Context(), s.role())
	var names []string
	for _, c := range list {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); err != nil || got != owner+" made_by_hand_x1 "+strings.Repeat("x", 54) {
		t.Errorf("the list has %s (%v): roles that do not log in are no credentials", got, err)
	}
}

func TestOwnersAreNotDeleted(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	err := s.port.Revoke(t.Context(), s.role(), driver.Credential{ID: owner}, nil)
	if e := failure(err); e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || !strings.Contains(e.Why, "owns the database neondb") || !strings.Contains(e.Next, "another owner") {
		t.Errorf("got %v, next %q", err, e.Next)
	}
	if !s.opens(s.stored(owner)) {
		t.Error("the role is gone")
	}
	s.AddRole(project, s.branch, "tables", true)
	s.SetOwner(project, s.branch, "neondb", "tables")
	if err := s.port.Revoke(t.Context(), s.role(), driver.Credential{ID: owner}, nil); err != nil {
		t.Errorf("the role owns nothing any more: %v", err)
	}
}

// TestVerdictsOnRoles tells what is dead from what could not be asked.
func TestVerdictsOnRoles(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	good, password := s.stored(owner), s.stored(owner)["password"]
	elsewhere := target("role", "project", "calm-dew-11223344", "branch", s.branch)
	for _, tt := range []struct {
		name   string
		target driver.Target
		value  secret.Parts
		want   string
	}{
		{"good", s.role(), good, "accepted"},
		{"good as a password", s.role(owner), good, "accepted"},
		{"wrong password", s.role(), login(owner, "wrong"), "refused"},
		{"no such role", s.role(), secret.Parts{"user": secret.NewString("nobody"), "password": password}, "refused"},
		{"another role's, as a password", s.role(owner), secret.Parts{"user": secret.NewString("nobody"), "password": password}, "refused"},
		{"no such project", elsewhere, good, "not_found"},
		{"no user", s.role(), secret.Parts{"password": password}, "invalid"},
		{"no password", s.role(), secret.Parts{"user": good["user"]}, "invalid"},
		{"one part", s.role(), single("x"), "invalid"},
	} {
		if got := s.verdict(tt.target, tt.value); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	for _, code := range []int{401, 403, 404, 500} {
		s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Path: "/api/v2/projects/*/branches/*/roles/*/reveal_password", Code: code, Count: 1})
		if got := s.verdict(s.role(), good); got == "accepted" || got == "refused" {
			t.Errorf("HTTP %d is a verdict: %s", code, got)
		}
	}
}

func TestIdentifyRoles(t *testing.T) {
	s := newSite(t, sim.Config{Operation: operation}, sim.Project{})
	m := s.mint(s.role(), "app_v1")
	if c, err := s.port.Identify(t.Context(), s.role(), m.Value); err != nil || c != m.Credential {
		t.Errorf("got %+v (%v), want %+v", c, err, m.Credential)
	}
	p := s.mint(s.role(owner), "")
	if c, err := s.port.Identify(t.Context(), s.role(owner), p.Value); err != nil || c != p.Credential {
		t.Errorf("got %+v (%v), want %+v", c, err, p.Credential)
	}
	for name, value := range map[string]secret.Parts{"wrong": login(owner, "wrong"), "another role's": m.Value} {
		if _, err := s.port.Identify(t.Context(), s.role(owner), value); failure(err).Kind != driver.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStrangeIdsMakeNoCalls(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	for _, id := range []string{"", "..", "a/b", "Shiny", "a b", strings.Repeat("a", 61), "a\n"} {
		for _, bad := range []driver.Target{
			target("role", "project", id, "branch", s.branch), target("role", "project", project, "branch", id),
			target("org_api_key", "org_id", id), target("branch", "project", id, "name", "x"),
		} {
			_, err := s.port.Probe(t.Context(), bad)
			if failure(err).Kind != driver.Invalid {
				t.Errorf("%s %q: got %v", bad.Kind, id, err)
			}
		}
	}
	if _, err := s.port.List(t.Context(), s.role(strings.Repeat("x", 64))); failure(err).Kind != driver.Invalid {
		t.Errorf("a long role: %v", err)
	}
	if len(s.seen) != 0 {
		t.Errorf("%d calls were made", len(s.seen))
	}
}

func TestStrangeRolesStayInTheirPlace(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	const strange = `a/b?c="d"#é%2f`
	s.AddRole(project, s.branch, strange, false)
	m := s.mint(s.role(strange), "")
	if s.verdict(s.role(strange), m.Value) != "accepted" || !s.opens(m.Value) {
		t.Error("the password of a role with a strange name does not work")
	}
	if !slices.ContainsFunc(s.Log(), func(e vendorsim.Entry) bool { return strings.HasSuffix(e.Operation, "/reset_password") }) {
		t.Error("no password was reset")
	}
}
