package upstash_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/vendorsim/servertest"
	sim "github.com/pawlhq/pawl/vendorsim/upstash"
)

// TestTokensOfAUserLiveBesideEachOther goes through a rotation, with a reset of
// the password by which pawl logs in between.
func TestTokensOfAUserLiveBesideEachOther(t *testing.T) {
	s := newSite(t, sim.Config{})
	id := s.database(servertest.Redis(t))
	first, err := s.AddUser(t.Context(), id, "app")
	if err != nil {
		t.Fatal(err)
	}
	target := user(id, "app")
	old, err := s.port.Identify(t.Context(), target, login("app", first))
	if err != nil {
		t.Fatal(err)
	}
	m := s.mint(target)
	s.mint(password(id))
	for name, value := range map[string]string{"old": s.verdict(target, login("app", first)), "new": s.verdict(target, m.Value)} {
		if value != "accepted" {
			t.Errorf("the %s token is %s", name, value)
		}
	}
	list, err := s.port.List(t.Context(), target)
	if err != nil || len(list) != 2 || !slices.Contains(list, driver.Credential{ID: old.ID, Name: "app"}) || !slices.Contains(list, driver.Credential{ID: m.Credential.ID, Name: "app"}) {
		t.Errorf("the list is %v (%v)", list, err)
	}
	if err := s.port.Revoke(t.Context(), target, old, nil); err != nil {
		t.Fatal(err)
	}
	if got := s.verdict(target, login("app", first)); got != "refused" {
		t.Errorf("the old token is %s", got)
	}
	if got := s.verdict(target, m.Value); got != "accepted" {
		t.Errorf("the new token is %s after the old one ended", got)
	}
}

func TestUsersThatCannotBe(t *testing.T) {
	s := newSite(t, sim.Config{})
	id := s.database(servertest.Redis(t))
	for name, want := range map[string]driver.ErrorKind{"default": driver.Invalid, "": driver.Invalid, "a b": driver.Invalid, "nobody": driver.NotFound} {
		_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: user(id, name), Version: 2})
		if e := failure(err); e.Kind != want || name == "default" && !strings.Contains(e.Next, "redis_password") {
			t.Errorf("the user %q: %v", name, err)
		}
	}
}

// TestDefaultSwitchedOff holds that a database whose user default is off is
// told from one that cannot be reached.
func TestDefaultSwitchedOff(t *testing.T) {
	s := newSite(t, sim.Config{})
	server := servertest.RedisOf(t, "default switched off")
	id := s.database(server)
	if _, err := s.AddUser(t.Context(), id, "app"); err != nil {
		t.Fatal(err)
	}
	if err := s.SwitchDefaultOff(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	_, err := s.port.Probe(t.Context(), user(id, "app"))
	if e := failure(err); e.Kind != driver.Unauthenticated {
		t.Errorf("got %v", err)
	}
}
