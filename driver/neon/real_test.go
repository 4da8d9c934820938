package neon_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl/secret"
	sim "github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// logsIn reports whether a value opens the server that Neon's roles are at.
func logsIn(t *testing.T, address string, value secret.Parts) bool {
	t.Helper()
	u := url.URL{Scheme: "postgresql", Host: address, Path: "/neondb", RawQuery: "sslmode=disable"}
	var user, password string
	_ = value["user"].Use(func(b []byte) error { user = string(b); return nil })         // it is open in a test
	_ = value["password"].Use(func(b []byte) error { password = string(b); return nil }) // likewise
	u.User = url.UserPassword(user, password)
	c, err := pgconn.Connect(t.Context(), u.String())
	var refusal *pgconn.PgError
	switch {
	case errors.As(err, &refusal):
		return false
	case err != nil:
		t.Fatal("the server is not there")
	}
	_ = c.Close(t.Context()) // it has logged in
	return true
}

// TestVerdictsAreThoseOfTheServer goes through a reset and a change of roles at
// a real server: what the driver says of a value is what a login finds.
func TestVerdictsAreThoseOfTheServer(t *testing.T) {
	branch := servertest.NeonBranch(t, "neon")
	s := newSite(t, sim.Config{Operation: operation, Database: func(string, string) sim.Database { return branch }}, sim.Project{})
	address := branch.(sim.Addressed).Address()
	first := s.stored(owner)
	holds := func(when, name string, value secret.Parts, want string) {
		t.Helper()
		got := s.verdict(s.role(), value)
		if got != want || logsIn(t, address, value) != (want == "accepted") {
			t.Errorf("%s, %s: the verdict is %s, and it logs in: %v; want %s", when, name, got, logsIn(t, address, value), want)
		}
	}
	holds("before", "first", first, "accepted")
	reset := s.mint(s.role(owner), "")
	holds("after a reset", "first", first, "refused")
	holds("after a reset", "reset", reset.Value, "accepted")
	role := s.mint(s.role(), "app_v1")
	holds("beside each other", "reset", reset.Value, "accepted")
	holds("beside each other", "role", role.Value, "accepted")
	if err := s.port.Revoke(t.Context(), s.role(), role.Credential, nil); err != nil {
		t.Fatal(err)
	}
	holds("after the role's end", "role", role.Value, "refused")
	if err := s.port.Revoke(t.Context(), s.role(owner), reset.Credential, reset.Value); err != nil {
		t.Fatal(err)
	}
	holds("after the password's end", "reset", reset.Value, "refused")
}
