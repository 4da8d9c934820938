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
	"strconv"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope/internal/xaes"
)

// ErrUnwrap is what a Keeper's Unwrap fails with, possibly wrapped, when it
// did look and what was wrapped is not authentic under its key and binding.
// Any other error means that the keeper could not look.
var ErrUnwrap = xaes.ErrOpen

// Keeper wraps data keys. The binding must be the same for Wrap and Unwrap.
// Implementations are safe for concurrent use.
type Keeper interface {
	// KeyID names the key that Wrap uses, never its bytes.
	KeyID() string
	Wrap(ctx context.Context, dek []byte, b KeyBinding) (Wrapped, error)
	// Unwrap gives a data key back, in memory that the caller may clear. It
	// fails with ErrUnwrap, possibly wrapped, when the key was looked at and
	// is not authentic.
	Unwrap(ctx context.Context, wrapped []byte, b KeyBinding) ([]byte, error)
}

// Wrapped is what a keeper makes of a data key.
type Wrapped struct {
	Key     []byte
	Version string // of the keeper's key, where the keeper has versions and tells
}

// KeyBinding is the data key that a wrapped key is: a key that was wrapped as
// one does not unwrap as another.
type KeyBinding struct {
	ID    uint32
	Scope string
}

// Bytes is the binding for keepers that take bytes.
func (b KeyBinding) Bytes() []byte {
	return appendField(binary.BigEndian.AppendUint32([]byte("pawl data key"), b.ID), b.Scope)
}

// Pairs is the binding for keepers that take names with values, which then
// can be seen in their logs and asked for in their policies.
func (b KeyBinding) Pairs() map[string]string {
	return map[string]string{"pawl:key": strconv.FormatUint(uint64(b.ID), 10), "pawl:scope": b.Scope}
}

// KeyState says what a data key is used for. A key goes through the states
// from first to last; only a pending one that nobody has sealed under may be
// destroyed at once.
type KeyState string

// The key states.
const (
	KeyPending   KeyState = "pending"   // opens; will be primary when every reader has it
	KeyReadable  KeyState = "readable"  // opens
	KeyPrimary   KeyState = "primary"   // seals and opens
	KeyRetiring  KeyState = "retiring"  // opens; nothing should be sealed under it any more
	KeyDestroyed KeyState = "destroyed" // is no longer unwrapped; its wrapped bytes may be gone
)

// DataKey is a wrapped data key, as a store keeps it.
type DataKey struct {
	ID        uint32
	Scope     string
	Keeper    string // KeyID of the keeper that wrapped it
	Version   string // of the keeper's key, where the keeper told it
	Wrapped   []byte
	Check     []byte // first 8 bytes of an HMAC under the key: the right key came back
	State     KeyState
	CreatedAt time.Time
}

func (k *DataKey) binding() KeyBinding { return KeyBinding{ID: k.ID, Scope: k.Scope} }

// wrap has a keeper wrap the key.
func (k *DataKey) wrap(ctx context.Context, to Keeper, dek []byte) error {
	w, err := to.Wrap(ctx, dek, k.binding())
	if err != nil {
		return refusal("wrap data key", k.ID, err)
	}
	k.Keeper, k.Version, k.Wrapped = to.KeyID(), w.Version, w.Key
	return nil
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
	key := DataKey{ID: id, Scope: scope, State: KeyPrimary, CreatedAt: now, Check: checkValue(dek)}
	if err := key.wrap(ctx, k, dek); err != nil {
		return DataKey{}, err
	}
	return key, nil
}

// Rewrap wraps a data key under another keeper, or anew under the same, whose
// key may have a later version. Nothing that was sealed under it changes.
func Rewrap(ctx context.Context, from []Keeper, to Keeper, k DataKey) (DataKey, error) {
	dek, err := unwrap(ctx, from, &k)
	if err != nil {
		return DataKey{}, err
	}
	defer clear(dek)
	if err := k.wrap(ctx, to, dek); err != nil {
		return DataKey{}, err
	}
	return k, nil
}

// unwrap asks the keeper of a key for it, and checks what comes back.
func unwrap(ctx context.Context, keepers []Keeper, k *DataKey) ([]byte, error) {
	i := slices.IndexFunc(keepers, func(keeper Keeper) bool { return keeper.KeyID() == k.Keeper })
	if i < 0 {
		return nil, &pawl.Error{Code: pawl.CodeNotFound, Op: "unwrap data key", On: fmt.Sprint(k.ID), Why: "no keeper has the key " + k.Keeper, Next: "configure the keeper of that key"}
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
		return &pawl.Error{Code: pawl.CodeCorrupt, Op: op, On: fmt.Sprint(id), Err: err, Next: "check that the keeper's key is the one that wrapped it"}
	}
	next := pawl.HintOf(err) // what the keeper knows of its server
	if next == "" {
		next = "make the key keeper reachable, then try again"
	}
	return &pawl.Error{Code: pawl.CodeStore, Op: op, On: fmt.Sprint(id), Why: "the key keeper could not do it", Err: err, Next: next}
}

func checkValue(dek []byte) []byte {
	mac := hmac.New(sha256.New, dek)
	mac.Write([]byte("pawl data key check"))
	return mac.Sum(nil)[:checkSize]
}
