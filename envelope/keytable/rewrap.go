package keytable

import (
	"context"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// Rewrapped is what Rewrap has done.
type Rewrapped struct {
	Keys  int64 // that are wrapped anew
	Asked int64 // that were asked to be written: with an error, what may have been
	Left  int64 // that are not under the new keeper
}

// rewrapPage is how many keys are read at once.
const rewrapPage = 200

// Rewrap wraps every data key under another keeper: the rotation of the key
// that wraps keys. No value is touched. Each key is unwrapped once more from
// what is about to be written, and its row is written only if it is as it was
// read. It can be stopped at any instant and started again, and run twice at
// once. With anew, keys that the keeper has wrapped already are wrapped again,
// under the newest version of its key.
func (t *Table) Rewrap(ctx context.Context, from []envelope.Keeper, to envelope.Keeper, anew bool) (Rewrapped, error) {
	var done Rewrapped
	scope, id := "", int64(-1)
	for {
		keys, err := t.read(ctx, t.sqlf("WHERE state <> 'destroyed' AND (scope > ? OR scope = ? AND key_id > ?) ORDER BY scope, key_id LIMIT %d", rewrapPage), scope, scope, id)
		if err != nil {
			return done, t.failed("read the data keys", "", err)
		}
		if len(keys) == 0 {
			break
		}
		for _, k := range keys {
			scope, id = k.Scope, int64(k.ID)
			if k.Keeper == to.KeyID() && !anew {
				continue
			}
			n, err := t.rewrap(ctx, from, to, k, &done.Asked)
			if err != nil {
				return done, err
			}
			done.Keys += n
		}
	}
	err := t.db.QueryRowContext(ctx, t.sqlf("SELECT count(*) FROM %s WHERE state <> 'destroyed' AND keeper <> ?", t.name), to.KeyID()).Scan(&done.Left)
	return done, t.failed("count the data keys", "", err)
}

func (t *Table) rewrap(ctx context.Context, from []envelope.Keeper, to envelope.Keeper, k envelope.DataKey, asked *int64) (int64, error) {
	fresh, err := envelope.Rewrap(ctx, from, to, k)
	if err != nil {
		return 0, err
	}
	proof := fresh
	proof.State = envelope.KeyPrimary
	if _, err := envelope.OpenRing(ctx, []envelope.Keeper{to}, []envelope.DataKey{proof}); err != nil {
		return 0, &pawl.Error{Code: pawl.CodeCorrupt, Op: "rewrap data key", On: name(k.Scope, k.ID), Why: "the keeper does not give back what it has wrapped; the key is as it was", Err: err, Next: "check the new keeper"}
	}
	*asked++
	n, err := t.exec(ctx, t.db, t.sqlf("UPDATE %s SET keeper = ?, keeper_version = ?, wrapped = ? WHERE scope = ? AND key_id = ? AND state <> 'destroyed' AND wrapped = ?", t.name),
		fresh.Keeper, fresh.Version, fresh.Wrapped, k.Scope, int64(k.ID), k.Wrapped)
	return n, t.failed("rewrap data key", name(k.Scope, k.ID), err)
}
