// Package keytable keeps an application's wrapped data keys in a table of its
// own database, over database/sql. The database only ever has wrapped keys.
//
// A key goes through its states one way:
//
//	Make     nothing -> pending
//	First    nothing -> primary, for a scope that has no key
//	Promote  pending or readable -> primary, and what was primary -> retiring
//	Retire   readable -> retiring
//	Destroy  pending or retiring -> destroyed
//
// An application that seals and opens needs SELECT on the table alone. Keep
// INSERT and UPDATE for whoever rotates: a wrapped key cannot be forged, but a
// state is not sealed, and who may write it can have an old key seal again.
package keytable

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// DefaultName is the table's usual name.
const DefaultName = "pawl_keys"

// Dialect is how a database is spoken to.
type Dialect string

// The dialects.
const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// Table is the table of wrapped keys. It is an envelope.Source, and safe for
// concurrent use, also by several processes.
type Table struct {
	db      *sql.DB
	dialect Dialect
	name    string
	now     pawl.Clock
}

// New gives a table of a database, which is used as it is: quote a name that
// needs it. name is DefaultName when empty. Nothing is asked of the database.
func New(db *sql.DB, d Dialect, name string) *Table {
	if name == "" {
		name = DefaultName
	}
	return &Table{db: db, dialect: d, name: name, now: time.Now}
}

// Schema is the statements that make the table, for an application's own
// migrations. They change nothing where it is there.
func (t *Table) Schema() string {
	bytes, id, at := "bytea", "bigint", "timestamptz"
	if t.dialect == SQLite {
		bytes, id, at = "blob", "integer", "text"
	}
	index := strings.Trim(t.name[strings.LastIndexByte(t.name, '.')+1:], `"`) + "_primary"
	return fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %[1]s (
  scope text NOT NULL,
  key_id %[3]s NOT NULL CHECK (key_id BETWEEN 0 AND 4294967295),
  keeper text NOT NULL,
  keeper_version text NOT NULL,
  wrapped %[2]s NOT NULL,
  kcv %[2]s NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'readable', 'primary', 'retiring', 'destroyed')),
  created_at %[4]s NOT NULL,
  CHECK (state <> 'destroyed' OR length(wrapped) = 0),
  PRIMARY KEY (scope, key_id)
);
CREATE UNIQUE INDEX IF NOT EXISTS "%[5]s" ON %[1]s (scope) WHERE state = 'primary';`, t.name, bytes, id, at, index)
}

// Create makes the table.
func (t *Table) Create(ctx context.Context) error {
	_, err := t.db.ExecContext(ctx, t.Schema())
	return t.failed("make the key table", "", err)
}

const columns = "scope, key_id, keeper, keeper_version, wrapped, kcv, state, created_at"

// DataKeys gives a scope's keys by id.
func (t *Table) DataKeys(ctx context.Context, scope string) ([]envelope.DataKey, error) {
	keys, err := t.read(ctx, t.db, t.sqlf("WHERE scope = ? ORDER BY key_id"), scope)
	return keys, t.failed("read the data keys", scope, err)
}

// querier is a database, or a connection of one.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func (t *Table) read(ctx context.Context, db querier, where string, args ...any) ([]envelope.DataKey, error) {
	rows, err := db.QueryContext(ctx, "SELECT "+columns+" FROM "+t.name+" "+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []envelope.DataKey
	for rows.Next() {
		var k envelope.DataKey
		var at moment
		if err := rows.Scan(&k.Scope, &k.ID, &k.Keeper, &k.Version, &k.Wrapped, &k.Check, &k.State, &at); err != nil {
			return nil, err
		}
		k.CreatedAt = at.Time
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// moment reads a time that SQLite has as text.
type moment struct{ time.Time }

// Scan takes what a driver gives.
func (m *moment) Scan(v any) (err error) {
	switch v := v.(type) {
	case time.Time:
		m.Time = v.UTC()
	case string:
		m.Time, err = time.Parse(time.RFC3339Nano, v)
	case []byte: // some drivers give text so
		m.Time, err = time.Parse(time.RFC3339Nano, string(v))
	default:
		err = fmt.Errorf("%T is no time", v)
	}
	return err
}

// stamp is a time as the dialect stores it.
func (t *Table) stamp(at time.Time) any {
	if t.dialect == SQLite {
		return at.UTC().Format(time.RFC3339Nano)
	}
	return at.UTC()
}

// sqlf writes a statement whose parameters are ? in format. What is put into
// format may have a question mark of its own, as a quoted name may.
func (t *Table) sqlf(format string, args ...any) string {
	mark, n := byte('$'), 0
	if t.dialect == SQLite {
		mark = '?'
	}
	var b []byte
	for _, c := range []byte(format) {
		b = append(b, c)
		if c == '?' {
			n++
			b = strconv.AppendInt(append(b[:len(b)-1], mark), int64(n), 10)
		}
	}
	return fmt.Sprintf(string(b), args...)
}

func (t *Table) failed(op, on string, err error) error {
	var own *pawl.Error
	if err == nil || errors.As(err, &own) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &pawl.Error{Code: pawl.CodeStore, Op: op, On: on, Err: err, Next: "check the database and the table " + t.name}
}
