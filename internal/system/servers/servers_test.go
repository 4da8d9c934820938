package servers

import (
	"net/url"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/saas"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// TestStatesTellOfEveryLogin: who looks again only where the state is another
// must not miss a login that has come or gone.
func TestStatesTellOfEveryLogin(t *testing.T) {
	servertest.Needed(t)
	s, err := Start(t.Context(), Config{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	branch, login := s.Branch(saas.DatabaseProject, "br-main"), func(password string) error {
		return s.Database().Login((&url.URL{Scheme: "postgresql", User: url.UserPassword(saas.DatabaseRole, password), Host: saas.DatabaseHost, Path: saas.Database}).String())
	}
	changes := func(state func() string, what string, do func() error) {
		t.Helper()
		before := state()
		if state() != before {
			t.Errorf("%s: the state changes by itself", what)
		}
		if err := do(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if state() == before {
			t.Errorf("%s: the state is the same", what)
		}
	}
	changes(s.DatabaseState, "a role is made", func() error { return branch.CreateRole(t.Context(), saas.DatabaseRole, "first-password", true) })
	if err := login("first-password"); err != nil || len(s.Database().Alive()) != 1 {
		t.Errorf("%v; %d roles", err, len(s.Database().Alive()))
	}
	changes(s.DatabaseState, "its password is changed", func() error { return branch.SetPassword(t.Context(), saas.DatabaseRole, "second-password") })
	if login("first-password") == nil || login("second-password") != nil {
		t.Error("the first password works, or the second does not")
	}
	first := s.First()[saas.RedisURL]
	if err := s.Redis().Login(first); err != nil || len(s.Redis().Alive()) != 1 {
		t.Errorf("%v; %d tokens", err, len(s.Redis().Alive()))
	}
	if s.Redis().Login("rediss://"+redisACL+":wrong@"+saas.RedisHost+":6379") == nil {
		t.Error("a wrong token is taken")
	}
	changes(s.RedisState, "the user has another token", func() error { _, err := s.cache.AddUser(t.Context(), redisID, redisACL); return err })
	if s.Redis().Login(first) == nil {
		t.Error("the first token is taken")
	}
}
