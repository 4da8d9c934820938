package postgres_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl/vendorsim/internal/child/childtest"
	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

func TestServerIsRealAndPrivate(t *testing.T) {
	servertest.Needed(t)
	t.Setenv("TMPDIR", shared(t))
	s, err := postgres.Start(t.Context(), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := login(t, s.DSN("postgres")); err != nil {
		t.Errorf("the superuser cannot log in: %v", err)
	}
	_, err = login(t, strings.ReplaceAll(s.DSN("postgres"), s.Password, "wrong-password"))
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) || refusal.Code != "28P01" {
		t.Errorf("a wrong password: got %v, want SQLSTATE 28P01", err)
	}
	if os.Geteuid() == 0 && childtest.Owner(t, s.PID()) == 0 {
		t.Error("the server runs as root")
	}
	console, err := s.Open(t.Context(), "postgres")
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := console.Ask(t.Context(), "SELECT $1::text, NULL, n FROM generate_series(1, 2) n", "it's"); err != nil || !reflect.DeepEqual(rows, [][]string{{"it's", "", "1"}, {"it's", "", "2"}}) {
		t.Errorf("the console is answered %q: %v", rows, err)
	}
	if _, err := console.Ask(t.Context(), "SELECT nothing"); err == nil || strings.Contains(err.Error(), "SELECT") {
		t.Errorf("a query that is none: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if _, err := login(t, s.DSN("postgres")); err == nil {
		t.Error("after Close somebody still answers")
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "pawl-postgres-*")); len(left) != 0 {
		t.Errorf("after Close there is still %v", left)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

func TestServerComesBackFromACrashWithWhatWasCommitted(t *testing.T) {
	servertest.Needed(t)
	s, err := postgres.Start(t.Context(), postgres.Options{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c, err := login(t, s.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"CREATE TABLE kept AS SELECT 7 AS n", "BEGIN; INSERT INTO kept VALUES (8)"} {
		if _, err := c.Exec(t.Context(), sql).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	port, pid := s.Port, s.PID()
	if err := s.Crash(); err != nil {
		t.Fatalf("crash: %v", err)
	}
	if _, err := c.Exec(t.Context(), "SELECT").ReadAll(); err == nil {
		t.Error("a session outlived the crash")
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Port != port || s.PID() == pid {
		t.Errorf("it came back as process %d on port %d, and was %d on %d", s.PID(), s.Port, pid, port)
	}
	if !strings.Contains(s.Log(), "not properly shut down") {
		t.Errorf("the crash was none: %s", s.Log())
	}
	if c, err = login(t, s.DSN("postgres")); err != nil {
		t.Fatal(err)
	}
	rows := c.ExecParams(t.Context(), "SELECT n FROM kept", nil, nil, nil, nil).Read()
	if rows.Err != nil || len(rows.Rows) != 1 || string(rows.Rows[0][0]) != "7" {
		t.Errorf("after the crash the table has %q (%v), want what was committed: 7", rows.Rows, rows.Err)
	}
}

func TestServerDiesWithItsProcess(t *testing.T) {
	servertest.Needed(t)
	childtest.DiesWithParent(t, func(ctx context.Context) (int, error) {
		s, err := postgres.Start(ctx, postgres.Options{})
		if err != nil {
			return 0, err
		}
		return s.PID(), nil
	})
}

func TestMissingProgramsAreNamed(t *testing.T) {
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 {
		return // they are where no environment can hide them
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := postgres.Start(t.Context(), postgres.Options{}); !errors.Is(err, postgres.ErrMissing) {
		t.Errorf("without the programs: %v", err)
	}
}

func login(t *testing.T, dsn string) (*pgconn.PgConn, error) {
	t.Helper()
	c, err := pgconn.Connect(t.Context(), dsn)
	if err == nil {
		t.Cleanup(func() { _ = c.Close(context.Background()) })
	}
	return c, err
}

// shared gives a temporary folder that the server's own account may enter.
func shared(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; d != filepath.Dir(d) && strings.Contains(d, "Test"); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
