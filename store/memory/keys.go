package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/store/internal/ledger"
)

// DataKeys lists the wrapped data keys, by scope and id.
func (s *Store) DataKeys(ctx context.Context) ([]envelope.DataKey, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []envelope.DataKey
	for _, k := range s.keys {
		list = append(list, copyKey(k))
	}
	return list, nil
}

// AddDataKey stores a new data key. It fails with CodeConflict when the scope
// has a key of this id.
func (s *Store) AddDataKey(ctx context.Context, k envelope.DataKey) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := s.key(k)
	if found {
		return ledger.KeyExists(k.ID, k.Scope)
	}
	s.keys = slices.Insert(s.keys, i, copyKey(k))
	return nil
}

// ReplaceDataKey puts k in the place of the key of its scope and id. It fails
// with rotation.ErrNotFound when there is no such key.
func (s *Store) ReplaceDataKey(ctx context.Context, k envelope.DataKey) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := s.key(k)
	if !found {
		return ledger.NoKey(k.ID, k.Scope)
	}
	clear(s.keys[i].Wrapped)
	s.keys[i] = copyKey(k)
	return nil
}

func (s *Store) key(k envelope.DataKey) (int, bool) {
	return slices.BinarySearchFunc(s.keys, k, func(a, b envelope.DataKey) int {
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.ID, b.ID))
	})
}

func copyKey(k envelope.DataKey) envelope.DataKey {
	k.Wrapped, k.Check, k.CreatedAt = slices.Clone(k.Wrapped), slices.Clone(k.Check), utc(k.CreatedAt)
	return k
}
