package reencrypt_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/reencrypt"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

func key(n byte) []byte { return []byte(strings.Repeat(string(rune('a'+n)), 32)) }

// The keys of the tests.
var oldKey, newKey, foreignKey = key(1), key(2), key(3)

var databases atomic.Int64

// scene is a database of one test, with a connection of the superuser.
type scene struct {
	t   *testing.T
	dsn string
	pg  *pgx.Conn
}

func newScene(t *testing.T, statements ...string) *scene {
	t.Helper()
	server := servertest.PostgresOf(t, "reencrypt")
	admin, err := pgx.Connect(t.Context(), server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	name := fmt.Sprintf("scene%d", databases.Add(1))
	if _, err := admin.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, dsn: server.DSN(name)}
	s.pg = s.connect()
	for _, sql := range statements {
		s.exec(sql)
	}
	return s
}

// connect opens another connection of the superuser. It remembers no plans:
// tests make their tables anew.
func (s *scene) connect() *pgx.Conn {
	s.t.Helper()
	pg, err := pgx.Connect(s.t.Context(), s.dsn+"&default_query_exec_mode=describe_exec")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = pg.Close(context.Background()) })
	return pg
}

func (s *scene) exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.pg.Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
}

// text asks for one value, as text.
func (s *scene) text(sql string, args ...any) string {
	s.t.Helper()
	var out string
	if err := s.pg.QueryRow(s.t.Context(), sql, args...).Scan(&out); err != nil {
		s.t.Fatalf("%s: %v", sql, err)
	}
	return out
}

// as gives the way of a role to the database; the role is made.
func (s *scene) as(role string) func(context.Context) (*pgconn.PgConn, error) {
	s.t.Helper()
	s.exec("CREATE ROLE " + role + " LOGIN PASSWORD 'test-password'")
	s.t.Cleanup(func() {
		ctx := context.Background()
		_, _ = s.pg.Exec(ctx, "DROP OWNED BY "+role)
		if _, err := s.pg.Exec(ctx, "DROP ROLE "+role); err != nil {
			s.t.Error(err)
		}
	})
	u, err := url.Parse(s.dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	u.User = url.UserPassword(role, "test-password")
	return func(ctx context.Context) (*pgconn.PgConn, error) { return pgconn.Connect(ctx, u.String()) }
}

// job makes a job from the legacy format under the old key to format 3 under
// the new one.
func (s *scene) job(table reencrypt.Table) *reencrypt.Job {
	s.t.Helper()
	ring := ring(s.t, newKey, oldKey)
	return &reencrypt.Job{Table: table, Target: reencrypt.ToEnvelope(ring, old(s.t), ring),
		Connect: func(ctx context.Context) (*pgconn.PgConn, error) { return pgconn.Connect(ctx, s.dsn) }}
}

// run runs a job to its end.
func (s *scene) run(j *reencrypt.Job) reencrypt.Result {
	s.t.Helper()
	res, err := j.Run(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

func ring(t *testing.T, primary []byte, others ...[]byte) *envelope.Ring {
	t.Helper()
	r, err := envelope.DirectRing(primary, others...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// old reads the legacy format under the old key.
func old(t *testing.T) *envelope.Legacy {
	t.Helper()
	l, err := envelope.NewLegacy([][]byte{oldKey}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// legacy seals in the legacy format 1.
func legacy(t *testing.T, key []byte, plain string) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce)
	return aead.Seal(nonce, nonce, []byte(plain), nil)
}

// encoded is legacy as text.
func encoded(t *testing.T, enc string, key []byte, plain string) string {
	t.Helper()
	raw := legacy(t, key, plain)
	switch enc {
	case "hex":
		return hex.EncodeToString(raw)
	case "base64":
		return base64.StdEncoding.EncodeToString(raw)
	case "base64raw":
		return base64.RawStdEncoding.EncodeToString(raw)
	case "base64url":
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	t.Fatalf("%s is no encoding", enc)
	return ""
}

// opened opens a value under the new key alone, in format 3 alone.
func opened(t *testing.T, text bool, at envelope.Binding, stored []byte) string {
	t.Helper()
	c := envelope.Column{Rings: ring(t, newKey), Table: at.Table, Name: at.Column, Text: text, MinFormat: envelope.Format}
	plain, err := c.Open(t.Context(), at.Scope, at.Row, stored)
	if err != nil {
		t.Errorf("%s.%s of row %q: %v", at.Table, at.Column, at.Row, err)
		return ""
	}
	return string(plain)
}

// simple is a table orgs (id, v bytea) of so many rows, in the legacy format.
func simple(t *testing.T, rows int) *scene {
	t.Helper()
	s := newScene(t, "CREATE TABLE orgs (id int PRIMARY KEY, note text NOT NULL DEFAULT '', v bytea)")
	s.fill(rows)
	return s
}

// fill gives a simple table its rows.
func (s *scene) fill(rows int) {
	t := s.t
	t.Helper()
	n := 0
	_, err := s.pg.CopyFrom(t.Context(), pgx.Identifier{"orgs"}, []string{"id", "v"}, pgx.CopyFromFunc(func() ([]any, error) {
		if n++; n > rows {
			return nil, nil
		}
		return []any{int32(n), legacy(t, oldKey, fmt.Sprint("value ", n))}, nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	s.exec("ANALYZE orgs")
}

var orgs = reencrypt.Table{Name: "orgs", Columns: []reencrypt.Column{{Name: "v"}}}

// whole holds that every row of a simple table has its value under the new key.
func (s *scene) whole(rows int, want func(id int) string) {
	s.t.Helper()
	got, err := s.pg.Query(s.t.Context(), "SELECT id, v FROM orgs ORDER BY id")
	if err != nil {
		s.t.Fatal(err)
	}
	n := 0
	for ; got.Next(); n++ {
		var id int
		var v []byte
		if err := got.Scan(&id, &v); err != nil {
			s.t.Fatal(err)
		}
		if plain := opened(s.t, false, envelope.Binding{Table: "orgs", Column: "v", Row: fmt.Sprint(id)}, v); plain != want(id) {
			s.t.Fatalf("row %d has %q, want %q", id, plain, want(id))
		}
	}
	if got.Err() != nil || n != rows {
		s.t.Fatalf("there are %d rows (%v), want %d", n, got.Err(), rows)
	}
}

func first(id int) string { return fmt.Sprint("value ", id) }
