// Package envelope seals values under data keys that are themselves wrapped
// by a key keeper, and binds each sealed value to its place.
//
// A sealed value is
//
//	0xA7 'R' 'K' 0x03 | key id, uint32 big-endian | nonce, 24 bytes | ciphertext | tag, 16 bytes
//
// under XAES-256-GCM (C2SP). The additional data is the eight bytes of the
// header and the binding's fields, each with its length before it: a value
// that was moved to another row does not open.
package envelope

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope/internal/xaes"
	"github.com/pawlhq/pawl/secret"
)

const (
	headerSize = 8
	keySize    = xaes.KeySize
	checkSize  = 8
)

var magic = [4]byte{0xA7, 'R', 'K', 0x03}

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
	key.Wrapped, err = k.Wrap(ctx, dek, key.binding())
	return key, err
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
	k.Wrapped, err = to.Wrap(ctx, dek, k.binding())
	return k, err
}

func unwrap(ctx context.Context, keepers []Keeper, k *DataKey) ([]byte, error) {
	for _, keeper := range keepers {
		if keeper.KeyID() != k.Keeper {
			continue
		}
		dek, err := keeper.Unwrap(ctx, k.Wrapped, k.binding())
		if err != nil {
			return nil, &pawl.Error{Code: pawl.CodeCorrupt, Op: "unwrap data key", On: fmt.Sprint(k.ID), Err: err, Next: "check that the key file belongs to this store"}
		}
		if !hmac.Equal(checkValue(dek), k.Check) {
			return nil, &pawl.Error{Code: pawl.CodeCorrupt, Op: "unwrap data key", On: fmt.Sprint(k.ID), Why: "another key came back than the one that was wrapped"}
		}
		return dek, nil
	}
	return nil, &pawl.Error{Code: pawl.CodeNotFound, Op: "unwrap data key", On: fmt.Sprint(k.ID), Why: "no keeper has the key " + k.Keeper, Next: "put that key file back"}
}

func checkValue(dek []byte) []byte {
	mac := hmac.New(sha256.New, dek)
	mac.Write([]byte("pawl data key check"))
	return mac.Sum(nil)[:checkSize]
}

// Binding is the place that a sealed value belongs to.
type Binding struct {
	Scope, Table, Column, Row string
}

// Sealed is a sealed value.
type Sealed []byte

// Ring is the unwrapped data keys of a store. It is safe for concurrent use.
type Ring struct {
	keys    map[uint32]*xaes.Key
	primary uint32
	print   []byte // for fingerprints
}

// OpenRing unwraps keys. It fails when there is no primary one, when a keeper
// is missing, and when a key does not come back as it was.
func OpenRing(ctx context.Context, keepers []Keeper, keys []DataKey) (*Ring, error) {
	r := &Ring{keys: map[uint32]*xaes.Key{}}
	oldest := uint32(0)
	for i := range keys {
		if keys[i].State == KeyRetired {
			continue
		}
		dek, err := unwrap(ctx, keepers, &keys[i])
		if err != nil {
			return nil, err
		}
		if r.keys[keys[i].ID], err = xaes.New(dek); err != nil {
			return nil, err
		}
		if keys[i].State == KeyPrimary {
			r.primary = keys[i].ID
		}
		// Fingerprints must stay comparable when the primary key changes, so
		// they come from the oldest key of the ring.
		if r.print == nil || keys[i].ID < oldest {
			oldest = keys[i].ID
			if r.print, err = hkdf.Key(sha256.New, dek, nil, "pawl fingerprint", 32); err != nil {
				return nil, err
			}
		}
		clear(dek)
	}
	if r.keys[r.primary] == nil {
		return nil, &pawl.Error{Code: pawl.CodeCorrupt, Op: "open the key ring", Why: "no data key is primary", Next: "pawl doctor"}
	}
	return r, nil
}

// Seal seals a value for a place.
func (r *Ring) Seal(v secret.Value, b Binding) (Sealed, error) {
	head := make([]byte, headerSize+xaes.NonceSize, headerSize+xaes.NonceSize+v.Len()+xaes.Overhead)
	copy(head, magic[:])
	binary.BigEndian.PutUint32(head[4:], r.primary)
	if _, err := rand.Read(head[headerSize:]); err != nil {
		return nil, err
	}
	var out []byte
	err := v.Use(func(plain []byte) (err error) {
		out, err = r.keys[r.primary].Seal(head, head[headerSize:], plain, b.data(head[:headerSize]))
		return err
	})
	return out, err
}

// Open opens a sealed value of a place.
func (r *Ring) Open(s Sealed, b Binding) (secret.Value, error) {
	if len(s) < headerSize+xaes.NonceSize+xaes.Overhead || [4]byte(s[:4]) != magic {
		return secret.Value{}, bad(b, "it is not a sealed value")
	}
	key := r.keys[binary.BigEndian.Uint32(s[4:])]
	if key == nil {
		return secret.Value{}, bad(b, fmt.Sprintf("it is sealed under data key %d, which is not here", binary.BigEndian.Uint32(s[4:])))
	}
	nonce := s[headerSize : headerSize+xaes.NonceSize]
	plain, err := key.Open(nil, nonce, s[headerSize+xaes.NonceSize:], b.data(s[:headerSize]))
	if err != nil {
		return secret.Value{}, bad(b, err.Error())
	}
	return secret.New(plain), nil
}

// Fingerprint gives the keyed digest of a value under this store's key.
func (r *Ring) Fingerprint(v secret.Value) pawl.Fingerprint { return v.Fingerprint(r.print) }

func bad(b Binding, why string) error {
	return &pawl.Error{Code: pawl.CodeCorrupt, Op: "open the sealed value of", On: b.Scope + " " + b.Row, Why: why, Next: "pawl doctor"}
}

// data is the additional data: the header, then each field with its length.
func (b Binding) data(header []byte) []byte {
	out := append(make([]byte, 0, 128), header...)
	for _, f := range []string{b.Scope, b.Table, b.Column, b.Row} {
		out = appendField(out, f)
	}
	return out
}

func appendField(out []byte, f string) []byte {
	return append(binary.BigEndian.AppendUint32(out, uint32(len(f))), f...)
}
