package keytable

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// Rewrapped is what Rewrap has done.
type Rewrapped struct {
	Keys   int64 // that are wrapped anew
	Asked  int64 // that were asked to be written: with an error, what may have been
	Left   int64 // that are not under the new keeper
	Failed int64 // of those left: no keeper that was given unwraps them
}

// rewrapPage is how many keys are read at once.
const rewrapPage = 200

// Rewrap wraps every data key under another keeper: the rotation of the key
// that wraps keys. No value is touched. Each key is unwrapped once more from
// what is about to be written, and its row is written only if it is as it was
// read: three calls of keepers a key. It can be stopped at any instant and
// started again, and run twice at once. With anew, keys that the keeper has
// wrapped already are wrapped again, under the newest version of its key.
//
// A key that does not unwrap, because it is damaged or its keeper was not
// given, is left as it is and the others go on; the error then tells of the
// first. A keeper that cannot be reached, or that does not give back what it
// wraps, ends the work at once.
func (t *Table) Rewrap(ctx context.Context, from []envelope.Keeper, to envelope.Keeper, anew bool) (Rewrapped, error) {
	r := rewrapping{t: t, from: from, to: to, anew: anew}
	err := t.failed("rewrap data keys", "", r.run(ctx))
	if err == nil && r.first != nil {
		err = stuck(r.done, r.first)
	}
	return r.done, err
}

// rewrapping is one run of Rewrap.
type rewrapping struct {
	t      *Table
	from   []envelope.Keeper
	to     envelope.Keeper
	anew   bool
	update *sql.Stmt
	done   Rewrapped
	first  error // of a key that does not unwrap
}

// run works on one connection, with its statement prepared: so that nothing is
// asked to be written before all that may fail first has not.
func (r *rewrapping) run(ctx context.Context) error {
	t := r.t
	conn, err := t.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	r.update, err = conn.PrepareContext(ctx, t.sqlf("UPDATE %s SET keeper = ?, keeper_version = ?, wrapped = ? WHERE scope = ? AND key_id = ? AND state <> 'destroyed' AND wrapped = ?", t.name))
	if err != nil {
		return err
	}
	defer r.update.Close() // for a second time, at the end
	scope, id := "", int64(-1)
	for {
		keys, err := t.read(ctx, conn, t.sqlf("WHERE state <> 'destroyed' AND (scope > ? OR scope = ? AND key_id > ?) ORDER BY scope, key_id LIMIT %d", rewrapPage), scope, scope, id)
		if err != nil {
			return err
		}
		if len(keys) == 0 {
			break
		}
		for _, k := range keys {
			scope, id = k.Scope, int64(k.ID)
			if err := r.rewrap(ctx, k); err != nil {
				return err
			}
		}
	}
	_ = r.update.Close() // whatever it says, the query after it says too
	return conn.QueryRowContext(ctx, t.sqlf("SELECT count(*) FROM %s WHERE state <> 'destroyed' AND keeper <> ?", t.name), r.to.KeyID()).Scan(&r.done.Left)
}

// rewrap wraps one key anew. It proves that the keeper gives it back before it
// writes it, and writes it only if nobody else was quicker.
func (r *rewrapping) rewrap(ctx context.Context, k envelope.DataKey) error {
	if k.Keeper == r.to.KeyID() && !r.anew {
		return nil
	}
	fresh, err := envelope.Rewrap(ctx, r.from, r.to, k)
	if code := pawl.CodeOf(err); code == pawl.CodeCorrupt || code == pawl.CodeNotFound {
		if r.done.Failed++; r.first == nil {
			r.first = fmt.Errorf("%s: %w", name(k.Scope, k.ID), err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	proof := fresh
	proof.State = envelope.KeyPrimary
	_, err = envelope.OpenRing(ctx, []envelope.Keeper{r.to}, []envelope.DataKey{proof})
	if pawl.CodeOf(err) == pawl.CodeCorrupt {
		return &pawl.Error{Code: pawl.CodeCorrupt, Op: "rewrap data key", On: name(k.Scope, k.ID), Why: "the keeper does not give back what it has wrapped; the key is as it was", Err: err, Next: "check the new keeper"}
	}
	if err != nil {
		return err
	}
	return r.write(ctx, k, fresh)
}

// write writes a key that was wrapped anew.
func (r *rewrapping) write(ctx context.Context, k, fresh envelope.DataKey) error {
	result, err := r.update.ExecContext(ctx, fresh.Keeper, fresh.Version, fresh.Wrapped, k.Scope, int64(k.ID), k.Wrapped)
	if !errors.Is(err, driver.ErrBadConn) { // which says that nothing has left
		r.done.Asked++
	}
	if err != nil {
		return r.t.failed("rewrap data key", name(k.Scope, k.ID), err)
	}
	n, err := result.RowsAffected()
	r.done.Keys += n
	return err
}

func stuck(done Rewrapped, first error) error {
	return &pawl.Error{
		Code: pawl.CodeOf(first), Op: "rewrap data keys", Err: first,
		Why:  fmt.Sprintf("%d were, and %d could not be unwrapped and are as they were; the first of these", done.Keys, done.Failed),
		Next: pawl.HintOf(first),
	}
}
