package storetest

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/rotation"
)

var keyChecks = []check{
	{"DataKeysAreListedInOrder", keysListed},
	{"ADataKeyIsAddedOnce", keyAddedOnce},
	{"ADataKeyIsReplaced", keyReplaced},
	{"OneOfManyAddsTheDataKey", oneAddsKey},
}

// Keys is the store's place for wrapped data keys.
type Keys interface {
	DataKeys(ctx context.Context) ([]envelope.DataKey, error)
	AddDataKey(ctx context.Context, k envelope.DataKey) error
	ReplaceDataKey(ctx context.Context, k envelope.DataKey) error
}

func dataKey(scope string, id uint32) envelope.DataKey {
	return envelope.DataKey{ID: id, Scope: scope, Keeper: "file:k1", Wrapped: []byte{0, byte(id), 255}, Check: []byte("12345678"),
		State: envelope.KeyPrimary, CreatedAt: start}
}

func (s suite) keys() []envelope.DataKey {
	s.Helper()
	keys, err := s.DataKeys(s.Context())
	if err != nil {
		s.Fatalf("data keys: %v", err)
	}
	return keys
}

func (s suite) addKey(k envelope.DataKey) {
	s.Helper()
	if err := s.AddDataKey(s.Context(), k); err != nil {
		s.Fatalf("add data key %d of %s: %v", k.ID, k.Scope, err)
	}
}

func keysListed(s suite) {
	if n := len(s.keys()); n != 0 {
		s.Fatalf("a new store has %d data keys", n)
	}
	s.addKey(dataKey("b", 1))
	s.addKey(dataKey("a", 1<<32-1))
	s.addKey(dataKey("a", 2))
	want := []envelope.DataKey{dataKey("a", 2), dataKey("a", 1<<32-1), dataKey("b", 1)}
	s.same("keys", s.keys(), want)
	s.keys()[0].Wrapped[0] = 'X'
	s.same("keys after their reader changed a copy", s.keys(), want)
}

func keyAddedOnce(s suite) {
	s.addKey(dataKey("a", 1))
	other := dataKey("a", 1)
	other.Wrapped = []byte("other")
	if err := s.AddDataKey(s.Context(), other); pawl.CodeOf(err) != pawl.CodeConflict || pawl.HintOf(err) == "" {
		s.Fatalf("got %v, want a conflict with a hint", err)
	}
	s.same("keys", s.keys(), []envelope.DataKey{dataKey("a", 1)})
}

func keyReplaced(s suite) {
	if err := s.ReplaceDataKey(s.Context(), dataKey("a", 1)); !errors.Is(err, rotation.ErrNotFound) {
		s.Fatalf("got %v, want ErrNotFound", err)
	}
	s.addKey(dataKey("a", 1))
	s.addKey(dataKey("b", 1))
	anew := envelope.DataKey{ID: 1, Scope: "a", Keeper: "file:k2", Wrapped: []byte("anew"), Check: []byte("abcdefgh"),
		State: envelope.KeyReadable, CreatedAt: start.Add(time.Hour)}
	if err := s.ReplaceDataKey(s.Context(), anew); err != nil {
		s.Fatal(err)
	}
	s.same("keys", s.keys(), []envelope.DataKey{anew, dataKey("b", 1)})
}

func oneAddsKey(s suite) {
	var added atomic.Int64
	each(writers, func(i int) {
		k := dataKey("a", 1)
		k.Wrapped = []byte{byte(i)}
		switch err := s.AddDataKey(s.Context(), k); {
		case err == nil:
			added.Add(1)
		case pawl.CodeOf(err) != pawl.CodeConflict:
			s.Errorf("got %v, want a conflict", err)
		}
	})
	if added.Load() != 1 || len(s.keys()) != 1 {
		s.Fatalf("%d were told that they added the key; the store has %d", added.Load(), len(s.keys()))
	}
}
