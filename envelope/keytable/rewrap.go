package keytable

import (
	"context"
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
	var done Rewrapped
	var first error
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
			fresh, err := envelope.Rewrap(ctx, from, to, k)
			if code := pawl.CodeOf(err); code == pawl.CodeCorrupt || code == pawl.CodeNotFound {
				if done.Failed++; first == nil {
					first = fmt.Errorf("%s: %w", name(k.Scope, k.ID), err)
				}
				continue
			}
			if err != nil {
				return done, err
			}
			if err := t.replace(ctx, to, k, fresh, &done); err != nil {
				return done, err
			}
		}
	}
	err := t.db.QueryRowContext(ctx, t.sqlf("SELECT count(*) FROM %s WHERE state <> 'destroyed' AND keeper <> ?", t.name), to.KeyID()).Scan(&done.Left)
	if err == nil && first != nil {
		return done, stuck(done, first)
	}
	return done, t.failed("count the data keys", "", err)
}

// replace writes a key that was wrapped anew, if the keeper gives it back and
// nobody else was quicker.
func (t *Table) replace(ctx context.Context, to envelope.Keeper, k, fresh envelope.DataKey, done *Rewrapped) error {
	proof := fresh
	proof.State = envelope.KeyPrimary
	_, err := envelope.OpenRing(ctx, []envelope.Keeper{to}, []envelope.DataKey{proof})
	if pawl.CodeOf(err) == pawl.CodeCorrupt {
		return &pawl.Error{Code: pawl.CodeCorrupt, Op: "rewrap data key", On: name(k.Scope, k.ID), Why: "the keeper does not give back what it has wrapped; the key is as it was", Err: err, Next: "check the new keeper"}
	}
	if err != nil {
		return err
	}
	done.Asked++
	n, err := t.exec(ctx, t.db, t.sqlf("UPDATE %s SET keeper = ?, keeper_version = ?, wrapped = ? WHERE scope = ? AND key_id = ? AND state <> 'destroyed' AND wrapped = ?", t.name),
		fresh.Keeper, fresh.Version, fresh.Wrapped, k.Scope, int64(k.ID), k.Wrapped)
	done.Keys += n
	return t.failed("rewrap data key", name(k.Scope, k.ID), err)
}

func stuck(done Rewrapped, first error) error {
	return &pawl.Error{
		Code: pawl.CodeOf(first), Op: "rewrap data keys", Err: first,
		Why:  fmt.Sprintf("%d were, and %d could not be unwrapped and are as they were; the first of these", done.Keys, done.Failed),
		Next: pawl.HintOf(first),
	}
}
