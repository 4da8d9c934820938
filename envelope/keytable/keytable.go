// Package keytable keeps an application's wrapped data keys in a table of its
// own database, over database/sql. The database only ever has wrapped keys.
package keytable

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
	keys, err := t.read(ctx, "WHERE scope = "+t.arg(1)+" ORDER BY key_id", scope)
	return keys, t.failed("read the data keys", scope, err)
}

func (t *Table) read(ctx context.Context, where string, args ...any) ([]envelope.DataKey, error) {
	rows, err := t.db.QueryContext(ctx, "SELECT "+columns+" FROM "+t.name+" "+where, args...)
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

// arg is the n-th parameter in a statement, from 1.
func (t *Table) arg(n int) string {
	if t.dialect == SQLite {
		return fmt.Sprintf("?%d", n)
	}
	return fmt.Sprintf("$%d", n)
}

// sqlf writes a statement whose parameters are ? in it.
func (t *Table) sqlf(format string, args ...any) string {
	var b strings.Builder
	n := 0
	for _, c := range fmt.Sprintf(format, args...) {
		if c == '?' {
			n++
			b.WriteString(t.arg(n))
			continue
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (t *Table) failed(op, on string, err error) error {
	var own *pawl.Error
	if err == nil || errors.As(err, &own) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &pawl.Error{Code: pawl.CodeStore, Op: op, On: on, Err: err, Next: "check the database and the table " + t.name}
}
