package neon_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// refusedLogin is PostgreSQL's word for a wrong password (appendix A).
const refusedLogin = "28P01"

// knock logs in as a client with a connection string does. It gives the session,
// or the server's code for its refusal.
func knock(t *testing.T, uri string) (*pgconn.PgConn, string) {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), uri)
	var refusal *pgconn.PgError
	switch {
	case errors.As(err, &refusal):
		return nil, refusal.Code
	case err != nil:
		t.Fatal("the connection string leads nowhere")
	}
	t.Cleanup(func() { _ = c.Close(t.Context()) })
	return c, ""
}

// uri asks Neon for a role's connection string.
func (s *site) uri(role string) string {
	s.t.Helper()
	return text(s.t, s.must(200, "GET", "/projects/"+project+"/connection_uri?database_name=neondb&role_name="+url.QueryEscape(role), nil), "uri")
}

// TestConnectionStringsLogIn holds that Neon's roles are those of a real
// server: what the API says is what opens it, as soon as operations have ended
// and not before.
func TestConnectionStringsLogIn(t *testing.T) {
	branch := servertest.NeonBranch(t, "neon")
	s := newSite(t, neon.Config{Operation: operation, Database: func(string, string) neon.Database { return branch }}, neon.Project{})
	old := s.uri("neondb_owner")
	session, code := knock(t, old)
	if code != "" {
		t.Fatalf("the first password is refused: %s", code)
	}
	s.must(200, "POST", s.path+"/roles/neondb_owner/reset_password", nil)
	next := s.uri("neondb_owner")
	if _, code := knock(t, old); code != "" {
		t.Errorf("the old password is refused before the operation has ended: %s", code)
	}
	if _, code := knock(t, next); code != refusedLogin {
		t.Errorf("the new password before the operation has ended: %q", code)
	}
	s.pass(3 * operation)
	s.Settle()
	if _, code := knock(t, old); code != refusedLogin {
		t.Errorf("the old password: %q", code)
	}
	if _, code := knock(t, next); code != "" {
		t.Errorf("the new password: %q", code)
	}
	if _, err := session.Exec(t.Context(), "SELECT 1").ReadAll(); err == nil {
		t.Error("a session that was open is still there")
	}
}

// TestRolesComeAndGoAtTheServer makes a role with a strange name and deletes it.
func TestRolesComeAndGoAtTheServer(t *testing.T) {
	branch := servertest.NeonBranch(t, "neon")
	s := newSite(t, neon.Config{Database: func(string, string) neon.Database { return branch }}, neon.Project{})
	const strange = `app v1 "é" O'Neil`
	s.must(201, "POST", s.path+"/roles", map[string]any{"role": map[string]any{"name": strange}})
	made := s.uri(strange)
	if _, code := knock(t, made); code != "" {
		t.Fatalf("the role's password: %q", code)
	}
	s.must(200, "DELETE", s.path+"/roles/"+url.PathEscape(strange), nil)
	if _, code := knock(t, made); code != refusedLogin {
		t.Errorf("the password of a role that was deleted: %q", code)
	}
	s.AddRole(project, s.branch, "tables", true)
	if _, code := knock(t, s.uri("tables")); code == "" {
		t.Error("a role that may not log in does")
	}
}
