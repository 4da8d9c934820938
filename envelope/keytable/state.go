package keytable

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// makes is how often an id is drawn anew because another process was quicker.
const makes = 10

// Make makes a data key of a scope and keeps it as pending: processes that
// read the table can open what will be sealed under it, and none seals yet.
func (t *Table) Make(ctx context.Context, keeper envelope.Keeper, scope string) (envelope.DataKey, error) {
	return t.make(ctx, keeper, scope, envelope.KeyPending)
}

// First gives a scope its first data key, which is primary at once: there is
// nobody yet who could not read it. Where it has keys it does nothing.
func (t *Table) First(ctx context.Context, keeper envelope.Keeper, scope string) error {
	keys, err := t.DataKeys(ctx, scope)
	if err != nil || len(keys) > 0 {
		return err
	}
	_, err = t.make(ctx, keeper, scope, envelope.KeyPrimary)
	if keys, look := t.DataKeys(ctx, scope); look == nil && len(keys) > 0 {
		return nil // another process was quicker
	}
	return err
}

func (t *Table) make(ctx context.Context, keeper envelope.Keeper, scope string, state envelope.KeyState) (envelope.DataKey, error) {
	const op = "make a data key"
	var last error
	for range makes {
		var id int64
		if err := t.db.QueryRowContext(ctx, t.sqlf("SELECT coalesce(max(key_id), 0) + 1 FROM %s WHERE scope = ?", t.name), scope).Scan(&id); err != nil {
			return envelope.DataKey{}, t.failed(op, scope, err)
		}
		if id > math.MaxUint32 {
			return envelope.DataKey{}, &pawl.Error{Code: pawl.CodeConflict, Op: op, On: scope, Why: "the scope has a key with the highest id there is", Next: "use another scope"}
		}
		k, err := envelope.NewDataKey(ctx, keeper, uint32(id), scope, t.now(), nil)
		if err != nil {
			return envelope.DataKey{}, err
		}
		k.State = state
		n, err := t.exec(ctx, t.db, t.sqlf("INSERT INTO %s (%s) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", t.name, columns),
			k.Scope, int64(k.ID), k.Keeper, k.Version, k.Wrapped, k.Check, string(k.State), t.stamp(k.CreatedAt))
		if err != nil {
			return envelope.DataKey{}, t.failed(op, scope, err)
		}
		if n == 1 {
			return k, nil
		}
		last = &pawl.Error{Code: pawl.CodeConflict, Op: op, On: scope, Why: "other processes make keys of this scope at the same time", Next: "try again"}
		if state == envelope.KeyPrimary {
			break
		}
	}
	return envelope.DataKey{}, last
}

// Promote has a pending or readable key seal from now on. The one that did is
// retiring. Call it when every reader has seen the key: a Keyring looks again
// by itself when it meets a value under a key that it does not know. Of two
// promotions at the same time the later one stands.
func (t *Table) Promote(ctx context.Context, scope string, id uint32) error {
	const op = "promote data key"
	tx, err := t.begin(ctx, scope)
	if err != nil {
		return t.failed(op, name(scope, id), err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if _, err := t.exec(ctx, tx, t.sqlf("UPDATE %s SET state = 'retiring' WHERE scope = ? AND state = 'primary' AND key_id <> ?", t.name), scope, int64(id)); err != nil {
		return t.failed(op, name(scope, id), err)
	}
	if err := t.move(ctx, tx, op, scope, id, "state = 'primary'", envelope.KeyPending, envelope.KeyReadable, envelope.KeyPrimary); err != nil {
		return err
	}
	return t.failed(op, name(scope, id), tx.Commit())
}

// begin begins a transaction that is alone with a scope's keys. In SQLite it
// is as soon as it writes. PostgreSQL must wait for others before it looks: a
// statement that had looked would not see the key that they made primary.
func (t *Table) begin(ctx context.Context, scope string) (*sql.Tx, error) {
	if t.dialect == SQLite {
		return t.db.BeginTx(ctx, nil)
	}
	tx, err := t.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return nil, err
	}
	if _, err := t.exec(ctx, tx, t.sqlf("SELECT key_id FROM %s WHERE scope = ? ORDER BY key_id FOR UPDATE", t.name), scope); err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

// Retire says that a readable key is on its way out. The primary one retires
// when another is promoted.
func (t *Table) Retire(ctx context.Context, scope string, id uint32) error {
	return t.move(ctx, t.db, "retire data key", scope, id, "state = 'retiring'", envelope.KeyReadable, envelope.KeyRetiring)
}

// Destroy throws a key away for good: its wrapped bytes are overwritten. Only
// one that is retiring, or pending and never used, can be.
//
// Call it when no value, and no backup, is under it any more (pawl reencrypt
// counts them), and when no process still seals under it: one that could not
// read the table since Promote still does. What was overwritten stays in
// backups, and in the database's files until it cleans them; only the keeper's
// key makes it unreadable there.
func (t *Table) Destroy(ctx context.Context, scope string, id uint32) error {
	const nothing = "state = 'destroyed', wrapped = ?, kcv = ?"
	return t.move(ctx, t.db, "destroy data key", scope, id, nothing, envelope.KeyRetiring, envelope.KeyPending, envelope.KeyDestroyed)
}

// execer is a database, or a transaction of one.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// move changes a key that is in one of some states, in one statement. Each
// parameter that set has becomes no bytes.
func (t *Table) move(ctx context.Context, db execer, op, scope string, id uint32, set string, from ...envelope.KeyState) error {
	var args []any
	for range strings.Count(set, "?") {
		args = append(args, []byte{})
	}
	states := make([]string, len(from))
	for i, s := range from {
		states[i] = "'" + string(s) + "'"
	}
	n, err := t.exec(ctx, db, t.sqlf("UPDATE %s SET "+set+" WHERE scope = ? AND key_id = ? AND state IN ("+strings.Join(states, ", ")+")", t.name), append(args, scope, int64(id))...)
	if err != nil {
		return t.failed(op, name(scope, id), err)
	}
	if n == 0 {
		return t.unmoved(ctx, db, op, scope, id, from)
	}
	return nil
}

// unmoved says why a key was not changed.
func (t *Table) unmoved(ctx context.Context, db execer, op, scope string, id uint32, from []envelope.KeyState) error {
	var is envelope.KeyState
	err := db.QueryRowContext(ctx, t.sqlf("SELECT state FROM %s WHERE scope = ? AND key_id = ?", t.name), scope, int64(id)).Scan(&is)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return &pawl.Error{Code: pawl.CodeNotFound, Op: op, On: name(scope, id), Why: "there is no such key in " + t.name, Next: "pawl reencrypt keys list"}
	case err != nil:
		return t.failed(op, name(scope, id), err)
	}
	return &pawl.Error{Code: pawl.CodeConflict, Op: op, On: name(scope, id), Why: fmt.Sprintf("it is %s, and must be %s or %s", is, from[0], from[1]), Next: advice(is)}
}

// advice says how to go on with a key that is in the wrong state.
func advice(is envelope.KeyState) string {
	switch is {
	case envelope.KeyPrimary:
		return "promote another key first"
	case envelope.KeyReadable:
		return "retire it first"
	default:
		return "use another key: there is no way back"
	}
}

func (t *Table) exec(ctx context.Context, db execer, query string, args ...any) (int64, error) {
	result, err := db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func name(scope string, id uint32) string { return fmt.Sprintf("%s/%d", scope, id) }
