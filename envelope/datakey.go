package envelope

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope/internal/xaes"
)

// ErrUnwrap is what a Keeper's Unwrap fails with, possibly wrapped, when it
// did look and what was wrapped is not authentic under its key and binding.
// Any other error means that the keeper could not look.
var ErrUnwrap = xaes.ErrOpen

// Keeper wraps data keys. binding must be the same for Wrap and Unwrap.
// Implementations are safe for concurrent use.
type Keeper interface {
	// KeyID names the key that Wrap uses, never its bytes.
	KeyID() string
	Wrap(ctx context.Context, dek, binding []byte) ([]byte, error)
	Unwrap(ctx context.Context, wrapped, binding []byte) ([]byte, error)
}

// KeyState says what a data key is used for.
type KeyState string

// The key states.
const (
	KeyPrimary  KeyState = "primary"  // seals and opens
	KeyReadable KeyState = "readable" // opens only
	KeyRetired  KeyState = "retired"  // is no longer unwrapped
)

// DataKey is a wrapped data key, as a store keeps it.
type DataKey struct {
	ID        uint32
	Scope     string
	Keeper    string // KeyID of the keeper that wrapped it
	Wrapped   []byte
	Check     []byte // first 8 bytes of an HMAC under the key: the right key came back
	State     KeyState
	CreatedAt time.Time
}

// binding ties a wrapped key to its id and scope.
func (k *DataKey) binding() []byte {
	return appendField(binary.BigEndian.AppendUint32([]byte("pawl data key"), k.ID), k.Scope)
}

// NewDataKey makes a primary data key. rnd is crypto/rand when nil.
func NewDataKey(ctx context.Context, k Keeper, id uint32, scope string, now time.Time, rnd io.Reader) (DataKey, error) {
	dek := make([]byte, keySize)
	defer clear(dek)
	if rnd == nil {
		rnd = rand.Reader
	}
	if _, err := io.ReadFull(rnd, dek); err != nil {
		return DataKey{}, fmt.Errorf("make a data key: %w", err)
	}
	key := DataKey{ID: id, Scope: scope, Keeper: k.KeyID(), State: KeyPrimary, CreatedAt: now, Check: checkValue(dek)}
	var err error
	if key.Wrapped, err = k.Wrap(ctx, dek, key.binding()); err != nil {
		return DataKey{}, refusal("wrap data key", id, err)
	}
	return key, nil
}

// Rewrap wraps a data key under another keeper. Nothing that was sealed under
// it changes.
func Rewrap(ctx context.Context, from []Keeper, to Keeper, k DataKey) (DataKey, error) {
	dek, err := unwrap(ctx, from, &k)
	if err != nil {
		return DataKey{}, err
	}
	defer clear(dek)
	k.Keeper = to.KeyID()
	if k.Wrapped, err = to.Wrap(ctx, dek, k.binding()); err != nil {
		return DataKey{}, refusal("wrap data key", k.ID, err)
	}
	return k, nil
}

// unwrap asks the keeper of a key for it, and checks what comes back.
func unwrap(ctx context.Context, keepers []Keeper, k *DataKey) ([]byte, error) {
	i := slices.IndexFunc(keepers, func(keeper Keeper) bool { return keeper.KeyID() == k.Keeper })
	if i < 0 {
		return nil, &pawl.Error{Code: pawl.CodeNotFound, Op: "unwrap data key", On: fmt.Sprint(k.ID), Why: "no keeper has the key " + k.Keeper, Next: "put that key file back"}
	}
	dek, err := keepers[i].Unwrap(ctx, k.Wrapped, k.binding())
	if err != nil {
		return nil, refusal("unwrap data key", k.ID, err)
	}
	if len(dek) != keySize || !hmac.Equal(checkValue(dek), k.Check) {
		clear(dek)
		return nil, &pawl.Error{Code: pawl.CodeCorrupt, Op: "unwrap data key", On: fmt.Sprint(k.ID), Why: "another key came back than the one that was wrapped", Next: "put the store back from your backup"}
	}
	return dek, nil
}

// refusal tells a key that does not belong to its keeper, which stays so,
// from a keeper that could not do its work, which may pass.
func refusal(op string, id uint32, err error) error {
	if errors.Is(err, ErrUnwrap) {
		return &pawl.Error{Code: pawl.CodeCorrupt, Op: op, On: fmt.Sprint(id), Err: err, Next: "check that the key file belongs to this store"}
	}
	return &pawl.Error{Code: pawl.CodeStore, Op: op, On: fmt.Sprint(id), Why: "the key keeper could not do it", Err: err, Next: "make the key keeper reachable, then try again"}
}

func checkValue(dek []byte) []byte {
	mac := hmac.New(sha256.New, dek)
	mac.Write([]byte("pawl data key check"))
	return mac.Sum(nil)[:checkSize]
}
