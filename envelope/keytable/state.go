package keytable

import (
	"context"
	"database/sql"
	"fmt"
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
// by itself when it meets a value under a key that it does not know.
func (t *Table) Promote(ctx context.Context, scope string, id uint32) error {
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return t.failed("promote data key", name(scope, id), err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if _, err := t.exec(ctx, tx, t.sqlf("UPDATE %s SET state = 'retiring' WHERE scope = ? AND state = 'primary' AND key_id <> ?", t.name), scope, int64(id)); err != nil {
		return t.failed("promote data key", name(scope, id), err)
	}
	if err := t.move(ctx, tx, scope, id, envelope.KeyPrimary, envelope.KeyPending, envelope.KeyReadable, envelope.KeyPrimary); err != nil {
		return err
	}
	return t.failed("promote data key", name(scope, id), tx.Commit())
}

// Destroy throws a key away for good: its wrapped bytes are overwritten. Only
// one that is retiring, or pending and never used, can be. Call it when no
// value, and no backup, is under it any more: pawl reencrypt counts them.
func (t *Table) Destroy(ctx context.Context, scope string, id uint32) error {
	if err := t.move(ctx, t.db, scope, id, envelope.KeyDestroyed, envelope.KeyRetiring, envelope.KeyPending, envelope.KeyDestroyed); err != nil {
		return err
	}
	_, err := t.exec(ctx, t.db, t.sqlf("UPDATE %s SET wrapped = ?, kcv = ? WHERE scope = ? AND key_id = ? AND state = 'destroyed'", t.name), []byte{}, []byte{}, scope, int64(id))
	return t.failed("destroy data key", name(scope, id), err)
}

// execer is a database, or a transaction of one.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// move takes a key from one of some states to another.
func (t *Table) move(ctx context.Context, db execer, scope string, id uint32, to envelope.KeyState, from ...envelope.KeyState) error {
	var states []string
	for _, s := range from {
		states = append(states, "'"+string(s)+"'")
	}
	n, err := t.exec(ctx, db, t.sqlf("UPDATE %s SET state = ? WHERE scope = ? AND key_id = ? AND state IN (%s)", t.name, strings.Join(states, ", ")), string(to), scope, int64(id))
	if err != nil {
		return t.failed("make data key "+string(to), name(scope, id), err)
	}
	if n == 0 {
		return &pawl.Error{Code: pawl.CodeConflict, Op: "make data key " + string(to), On: name(scope, id), Why: "it is not there, or not " + strings.Join(states, " or "), Next: "look at the table " + t.name}
	}
	return nil
}

func (t *Table) exec(ctx context.Context, db execer, query string, args ...any) (int64, error) {
	result, err := db.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func name(scope string, id uint32) string { return fmt.Sprintf("%s/%d", scope, id) }
