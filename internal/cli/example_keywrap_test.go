package cli

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keytable"
	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

var _ = stdlib.OpenDB // its package registers the driver pgx of database/sql

// wrapped is the world of examples/keywrap: an application's database with a
// key table and sealed rows, on a real server.
type wrapped struct {
	t     *testing.T
	db    *sql.DB
	table *keytable.Table
	dir   string
	first string // the key in place, in hexadecimal
	now   time.Time
	out   bytes.Buffer
}

func newWrapped(t *testing.T) *wrapped {
	t.Helper()
	servertest.Needed(t)
	server, err := postgres.Start(t.Context(), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := &wrapped{t: t, dir: t.TempDir(), first: strings.Repeat("1f", 32), now: time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)}
	if w.db, err = sql.Open("pgx", server.DSN("postgres")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	w.table = keytable.New(w.db, keytable.Postgres, "")
	if err := w.table.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.exec("CREATE TABLE orgs (id text PRIMARY KEY, url bytea NOT NULL)")
	for _, scope := range []string{"acme", "bolt", "cove"} {
		if err := w.table.First(t.Context(), w.keeper(w.first), scope); err != nil {
			t.Fatal(err)
		}
		stored, err := w.column(w.first).Seal(t.Context(), scope, scope, []byte("the URL of "+scope))
		if err != nil {
			t.Fatal(err)
		}
		w.exec("INSERT INTO orgs VALUES ($1, $2)", scope, stored)
	}
	example, err := os.ReadFile(filepath.Join("..", "..", "examples", "keywrap", "pawl.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(server.Addr())
	here := strings.Replace(string(example), "host: db.example.com, database: app, user: pawl", "host: 127.0.0.1, port: "+port+", database: postgres, user: "+postgres.Superuser+", sslmode: disable", 1)
	w.write("pawl.yaml", here)
	w.write("app.env", "WRAPPING_KEYS="+w.first+"\nWRAPPING_KEY="+w.first+"\n")
	t.Setenv("DATABASE_PASSWORD", server.Password)
	t.Setenv("PAWL_ACTOR", "example")
	return w
}

func (w *wrapped) exec(query string, args ...any) {
	w.t.Helper()
	if _, err := w.db.ExecContext(w.t.Context(), query, args...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wrapped) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wrapped) keeper(key string) *envelope.KeyKeeper {
	w.t.Helper()
	raw, err := hex.DecodeString(key)
	if err != nil {
		w.t.Fatal("the key is not hexadecimal")
	}
	k, err := envelope.NewKeyKeeper(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	return k
}

// column is what an application that starts now makes of a wrapping key.
func (w *wrapped) column(key string) *envelope.Column {
	rings := envelope.NewKeyring([]envelope.Keeper{w.keeper(key)}, w.table, time.Hour, nil)
	return &envelope.Column{Rings: rings, Table: "orgs", Name: "url", MinFormat: envelope.Format}
}

// opens reports whether a key, by itself, opens every row.
func (w *wrapped) opens(key string) bool {
	w.t.Helper()
	c := w.column(key)
	for _, scope := range []string{"acme", "bolt", "cove"} {
		var stored []byte
		if err := w.db.QueryRowContext(w.t.Context(), "SELECT url FROM orgs WHERE id = $1", scope).Scan(&stored); err != nil {
			w.t.Fatal(err)
		}
		if plain, err := c.Open(w.t.Context(), scope, scope, stored); err != nil || string(plain) != "the URL of "+scope {
			return false
		}
	}
	return true
}

// digest is of the table's rows, with where each is and who wrote it.
func (w *wrapped) digest() (d string) {
	w.t.Helper()
	err := w.db.QueryRowContext(w.t.Context(), "SELECT md5(string_agg(concat(ctid, xmin, id, url), ',' ORDER BY id)) FROM orgs").Scan(&d)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// field reads what the application would start with.
func (w *wrapped) field(name string) string {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.dir, "app.env"))
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			return value
		}
	}
	return ""
}

func (w *wrapped) pawl(in string, args ...string) int {
	w.out.Reset()
	a := &App{Streams: &Streams{In: strings.NewReader(in), Out: &w.out, Err: &w.out}, Registry: all.Drivers(), Now: func() time.Time { return w.now },
		Sleep: func(ctx context.Context, until time.Time) error {
			if until.After(w.now) {
				w.now = until
			}
			return ctx.Err()
		}}
	return Run(append(args, "--file", filepath.Join(w.dir, "pawl.yaml")), a)
}

// TestExampleKeywrap does what examples/keywrap/README.md says: no row is
// touched, the old key opens nothing any more, and it was held for as long as
// backups are kept.
func TestExampleKeywrap(t *testing.T) {
	w := newWrapped(t)
	for _, args := range [][]string{{"validate"}, {"doctor"}, {"plan", "WRAPPING_KEY"}} {
		if args[0] == "plan" && w.pawl(w.first+"\n", "provide", "WRAPPING_KEY", "--current") != 0 {
			t.Fatal(w.out.String())
		}
		if code := w.pawl("", args...); code != 0 && code != 3 {
			t.Fatalf("%v: status %d: %s", args, code, w.out.String())
		}
	}
	before, began := w.digest(), w.now
	if code := w.pawl("", "rotate", "WRAPPING_KEY"); code != 0 {
		t.Fatalf("rotate: status %d: %s", code, w.out.String())
	}
	for _, want := range []string{"3 data keys of pawl_keys were wrapped anew, 0 are left", "backups from before are kept for 14d"} {
		if !strings.Contains(w.out.String(), want) {
			t.Errorf("it does not say %q: %s", want, w.out.String())
		}
	}
	fresh := w.field("WRAPPING_KEY")
	if fresh == w.first || w.field("WRAPPING_KEYS") != fresh {
		t.Error("the application does not have the new key alone")
	}
	if w.digest() != before {
		t.Error("rows were touched")
	}
	if !w.opens(fresh) || w.opens(w.first) {
		t.Error("the rows must open with the new key and not with the old one")
	}
	if w.now.Sub(began) < 14*24*time.Hour {
		t.Errorf("it ended after %s", w.now.Sub(began))
	}
}
