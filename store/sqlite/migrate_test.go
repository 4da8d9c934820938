package sqlite

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
)

func fresh(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "pawl.db"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// plain opens the file beside the store, as another program would.
func plain(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func run(t *testing.T, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func outline(t *testing.T, db *sql.DB) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT name || ': ' || coalesce(sql, '') FROM sqlite_master ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}

func TestMigrationsUpDownUpDown(t *testing.T) {
	s := fresh(t, Options{})
	db := plain(t, s.path)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	full := outline(t, db)
	for range 2 {
		for version := latest - 1; version >= 0; version-- {
			if err := s.migrate(t.Context(), conn, version); err != nil {
				t.Fatalf("down to %d: %v", version, err)
			}
		}
		if left := outline(t, db); left != "" {
			t.Fatalf("version 0 still has:\n%s", left)
		}
		for version := 1; version <= latest; version++ {
			if err := s.migrate(t.Context(), conn, version); err != nil {
				t.Fatalf("up to %d: %v", version, err)
			}
		}
		if again := outline(t, db); again != full {
			t.Fatalf("after down and up the schema is\n%s\nwant\n%s", again, full)
		}
	}
}

func TestAFailedMigrationLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pawl.db")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Open(ctx, path, Options{Now: func() time.Time { cancel(); return time.Time{} }})
	if err == nil {
		t.Fatal("a migration whose context ended succeeded")
	}
	if left := outline(t, plain(t, path)); left != "" {
		t.Fatalf("it left:\n%s", left)
	}
	again, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestANewerSchemaIsRefused(t *testing.T) {
	s := fresh(t, Options{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	run(t, plain(t, s.path), `INSERT INTO migrations (version, pawl, at) VALUES (?, 'v9.9.9', 0)`, latest+1)
	for _, readOnly := range []bool{false, true} {
		_, err := Open(t.Context(), s.path, Options{ReadOnly: readOnly, Pawl: "v1.0.0"})
		if pawl.CodeOf(err) != pawl.CodeStore || !strings.Contains(err.Error(), "v9.9.9") || !strings.Contains(err.Error(), "v1.0.0") ||
			!strings.Contains(pawl.HintOf(err), "v9.9.9 or newer") {
			t.Fatalf("got %v (%s), want a refusal that names both pawls", err, pawl.HintOf(err))
		}
	}
}

func TestAnotherProgramsDatabaseIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	db := plain(t, path)
	run(t, db, `CREATE TABLE theirs (a)`)
	if _, err := Open(t.Context(), path, Options{}); pawl.CodeOf(err) != pawl.CodeStore || !strings.Contains(err.Error(), "another program") {
		t.Fatalf("got %v, want it refused", err)
	}
	if got := outline(t, db); !strings.HasPrefix(got, "theirs") || strings.Contains(got, "\n") {
		t.Fatalf("the database now has:\n%s", got)
	}
}

func TestTheSchemaGuardsItself(t *testing.T) {
	s := fresh(t, Options{})
	db := plain(t, s.path)
	run(t, db, `INSERT INTO records (seq, prev, hash, rotation, body) VALUES (1, zeroblob(32), zeroblob(32), '', x'7b7d')`)
	run(t, db, `INSERT INTO versions (secret, version, state, credential, fingerprint, rotation, at) VALUES ('A', 1, 'current', '', '', '', 0)`)
	for _, q := range []string{`DELETE FROM records`, `UPDATE records SET body = x'7b7d'`, `DELETE FROM versions`} {
		if _, err := db.ExecContext(t.Context(), q); err == nil {
			t.Errorf("%s was let through", q)
		}
	}
}
