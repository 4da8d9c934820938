package sqlite

import (
	"context"
	"fmt"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/store/internal/ledger"
)

// DataKeys lists the wrapped data keys, by scope and id.
func (s *Store) DataKeys(ctx context.Context) ([]envelope.DataKey, error) {
	var list []envelope.DataKey
	err := s.view(ctx, "read data keys", func(v *view) error {
		return v.each(func(row scanner) error {
			var k envelope.DataKey
			var created int64
			err := row.Scan(&k.ID, &k.Scope, &k.Keeper, &k.Wrapped, &k.Check, &k.State, &created)
			k.CreatedAt = fromNanos(created)
			list = append(list, k)
			return err
		}, `SELECT id, scope, keeper, wrapped, proof, state, created_at FROM data_keys ORDER BY scope, id`)
	})
	return list, err
}

// AddDataKey stores a new data key. It fails with CodeConflict when the scope
// has a key of this id: another process may have been first.
func (s *Store) AddDataKey(ctx context.Context, k envelope.DataKey) error {
	return s.submit(ctx, fmt.Sprintf("add data key %d", k.ID), func(t *tx) error {
		n, err := t.change(`INSERT INTO data_keys (id, scope, keeper, wrapped, proof, state, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			int64(k.ID), k.Scope, k.Keeper, blob(k.Wrapped), blob(k.Check), string(k.State), nanos(k.CreatedAt))
		if err == nil && n == 0 {
			return ledger.KeyExists(k.ID, k.Scope)
		}
		return err
	})
}

// ReplaceDataKey puts k in the place of the key of its scope and id: after it
// was wrapped anew, or with another state. What was there is overwritten. It
// fails with rotation.ErrNotFound when there is no such key.
func (s *Store) ReplaceDataKey(ctx context.Context, k envelope.DataKey) error {
	return s.submit(ctx, fmt.Sprintf("replace data key %d", k.ID), func(t *tx) error {
		n, err := t.change(`UPDATE data_keys SET keeper = ?, wrapped = ?, proof = ?, state = ?, created_at = ? WHERE id = ? AND scope = ?`,
			k.Keeper, blob(k.Wrapped), blob(k.Check), string(k.State), nanos(k.CreatedAt), int64(k.ID), k.Scope)
		if err == nil && n == 0 {
			return ledger.NoKey(k.ID, k.Scope)
		}
		t.forgot = true
		return err
	})
}
