package neon_test

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/vendorsim/neon"
)

// script notes the statements that a server is given.
type script struct {
	got  []string
	fail string // statements that begin so fail
}

func (s *script) Exec(_ context.Context, sql string) error {
	s.got = append(s.got, sql)
	if s.fail != "" && strings.HasPrefix(sql, s.fail) {
		return errors.New("the server refuses")
	}
	return nil
}

func (s *script) Address() string { return "127.0.0.1:5433" }

func TestSQL(t *testing.T) {
	server := &script{}
	d := neon.SQL(server)
	ctx := t.Context()
	for _, err := range []error{
		d.DropSessions(ctx), // nothing to drop yet
		d.CreateRole(ctx, `a"b`, `p'w\`, true),
		d.CreateRole(ctx, "tables", "", false),
		d.SetPassword(ctx, `a"b`, "next"),
		d.DropSessions(ctx),
		d.DropRole(ctx, `a"b`, "tables"),
		d.DropSessions(ctx),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`CREATE ROLE "a""b" LOGIN CREATEDB CREATEROLE PASSWORD E'SCRAM-SHA-256$…'`,
		`CREATE ROLE "tables" NOLOGIN CREATEDB CREATEROLE PASSWORD NULL`,
		`ALTER ROLE "a""b" PASSWORD E'SCRAM-SHA-256$…'`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN (E'a"b', E'tables')`,
		`ALTER ROLE "a""b" NOLOGIN`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN (E'a"b')`,
		`REASSIGN OWNED BY "a""b" TO "tables"`,
		`DROP OWNED BY "a""b"`,
		`DROP ROLE "a""b"`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename IN (E'tables')`,
	}
	if got := regexp.MustCompile(`SCRAM-SHA-256\$[^']*`).ReplaceAllString(strings.Join(server.got, "\n"), "SCRAM-SHA-256$$…"); got != strings.Join(want, "\n") {
		t.Errorf("the server was given\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

// TestRolesAreRolesOfAServer holds that a branch's roles reach its own server
// and that its address is what clients are told.
func TestRolesAreRolesOfAServer(t *testing.T) {
	server := &script{}
	s := newSite(t, neon.Config{Operation: operation, Database: func(string, string) neon.Database {
		if len(server.got) > 0 {
			return nil // the next branch has one in memory
		}
		return neon.SQL(server)
	}}, neon.Project{})
	s.must(201, "POST", s.path+"/roles", map[string]any{"role": map[string]any{"name": "app_v1"}})
	if len(server.got) != 1 {
		t.Errorf("the server was given %d statements before the operation has ended, want 1", len(server.got))
	}
	s.pass(operation)
	s.Settle()
	if len(server.got) != 3 || !strings.HasPrefix(server.got[1], `CREATE ROLE "app_v1"`) || !strings.Contains(server.got[2], "pg_terminate_backend") {
		t.Errorf("the server was given %d statements", len(server.got))
	}
	uri := text(t, s.must(200, "GET", "/projects/"+project+"/connection_uri?database_name=neondb&role_name=app_v1", nil), "uri")
	if !strings.Contains(uri, "@127.0.0.1:5433/neondb?sslmode=disable") {
		t.Error("the connection string does not lead to the server")
	}
	server.fail = "ALTER ROLE"
	got := s.must(200, "POST", s.path+"/roles/app_v1/reset_password", nil)
	s.pass(operation)
	one := s.must(200, "GET", "/projects/"+project+"/operations/"+text(t, got, "operations", 0, "id"), nil)
	if text(t, one, "operation", "status") != "failed" {
		t.Error("what the server refuses does not fail the operation")
	}
	if child := s.child("in-memory"); child == "" {
		t.Error("no branch")
	} else if _, ok := s.Login(project, child, "app_v1", "x"); ok {
		t.Error("a wrong password is taken")
	}
}
