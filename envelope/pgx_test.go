package envelope_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// pgxCell is a value of an encrypted bytea column for pgx: it is sealed when it
// is sent and opened when it is scanned. Row points to the row's key, which
// stands before the cell in a SELECT, so that it is scanned first. A cell with
// a nil Plain is NULL.
type pgxCell struct {
	Context context.Context // of the query: keys may have to be asked for
	Column  *envelope.Column
	Scope   string
	Row     *int64
	Plain   []byte
}

// BytesValue gives pgx what is sent.
func (c *pgxCell) BytesValue() ([]byte, error) {
	if c.Plain == nil {
		return nil, nil
	}
	return c.Column.Seal(c.Context, c.Scope, strconv.FormatInt(*c.Row, 10), c.Plain)
}

// ScanBytes takes what pgx has received, which is only valid until it returns.
func (c *pgxCell) ScanBytes(stored []byte) (err error) {
	c.Plain = nil
	if stored != nil {
		c.Plain, err = c.Column.Open(c.Context, c.Scope, strconv.FormatInt(*c.Row, 10), stored)
	}
	return err
}

// pgxConn connects to a private server.
func pgxConn(t *testing.T) *pgx.Conn {
	t.Helper()
	servertest.Needed(t)
	server, err := postgres.Start(t.Context(), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	db, err := pgx.Connect(t.Context(), server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.Background()) })
	return db
}

// TestWithPgx is how an application uses a column with pgx itself.
func TestWithPgx(t *testing.T) {
	ctx, db, urls := t.Context(), pgxConn(t), column(t, false)
	exec := func(query string, args ...any) {
		t.Helper()
		if _, err := db.Exec(ctx, query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("CREATE TABLE orgs (id bigint PRIMARY KEY, database_url bytea)")
	for id, value := range map[int64][]byte{1: []byte("postgres://one"), 2: {}, 3: nil} {
		exec("INSERT INTO orgs VALUES ($1, $2)", id, &pgxCell{Context: ctx, Column: urls, Scope: "acme", Row: &id, Plain: value})
	}
	var id int64
	cell := pgxCell{Context: ctx, Column: urls, Scope: "acme", Row: &id}
	read := func() (all []string, err error) {
		rows, err := db.Query(ctx, "SELECT id, database_url FROM orgs ORDER BY id")
		if err != nil {
			return nil, err
		}
		_, err = pgx.ForEachRow(rows, []any{&id, &cell}, func() error {
			all = append(all, fmt.Sprintf("%d %q %t", id, cell.Plain, cell.Plain == nil))
			return nil
		})
		return all, err
	}
	got, err := read()
	if want := []string{`1 "postgres://one" false`, `2 "" false`, `3 "" true`}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	var raw []byte
	if err := db.QueryRow(ctx, "SELECT database_url FROM orgs WHERE id = 1").Scan(&raw); err != nil {
		t.Fatal(err)
	}
	if key, ok := envelope.KeyOf(raw); !ok || key != 1 {
		t.Errorf("the database has %d bytes under key %d: %t", len(raw), key, ok)
	}
	exec("UPDATE orgs SET database_url = (SELECT database_url FROM orgs WHERE id = 1) WHERE id = 2")
	if got, err := read(); pawl.CodeOf(err) != pawl.CodeCorrupt || len(got) != 1 {
		t.Errorf("a value of another row: %d rows, %v", len(got), err)
	}
}
