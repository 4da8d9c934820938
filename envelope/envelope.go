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
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope/internal/xaes"
	"github.com/pawlhq/pawl/secret"
)

const (
	headerSize = 8
	keySize    = xaes.KeySize
	checkSize  = 8
)

// Format is the fourth byte of a sealed value, behind the magic.
const Format = 3

// Overhead is how many bytes a sealed value has more than what it seals.
const Overhead = headerSize + xaes.NonceSize + xaes.Overhead

var magic = [3]byte{0xA7, 'R', 'K'}

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

// OpenRing unwraps the keys that are not destroyed. It fails when there is not
// exactly one primary key, when two have one id or one has an unknown state,
// when a keeper is missing, and when a key does not come back as it was.
//
// Fingerprints must stay comparable when the primary key changes, so they
// come from the key with the lowest id. Once that one is destroyed, fingerprints
// are others than before.
func OpenRing(ctx context.Context, keepers []Keeper, keys []DataKey) (*Ring, error) {
	primary, err := survey(keys)
	if err != nil {
		return nil, err
	}
	r := &Ring{keys: map[uint32]*xaes.Key{}, primary: primary}
	lowest := uint32(0)
	for i := range keys {
		if keys[i].State == KeyDestroyed {
			continue
		}
		first := r.print == nil || keys[i].ID < lowest
		if first {
			lowest = keys[i].ID
		}
		if err := r.add(ctx, keepers, &keys[i], first); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// survey finds the primary key and refuses a list that is ambiguous.
func survey(keys []DataKey) (uint32, error) {
	why := ""
	primaries, primary, seen := 0, uint32(0), map[uint32]bool{}
	for _, k := range keys {
		switch k.State {
		case KeyPrimary:
			primaries, primary = primaries+1, k.ID
		case KeyPending, KeyReadable, KeyRetiring:
		case KeyDestroyed:
			continue
		default:
			why = fmt.Sprintf("data key %d has the unknown state %q", k.ID, k.State)
		}
		if seen[k.ID] {
			why = fmt.Sprintf("there are two data keys %d", k.ID)
		}
		seen[k.ID] = true
	}
	if why == "" && primaries != 1 {
		why = fmt.Sprintf("%d data keys are primary, not one", primaries)
	}
	if why != "" {
		return 0, &pawl.Error{Code: pawl.CodeCorrupt, Op: "open the key ring", Why: why, Next: "pawl doctor"}
	}
	return primary, nil
}

// add unwraps a key into the ring; with print it gives the fingerprints' key.
func (r *Ring) add(ctx context.Context, keepers []Keeper, k *DataKey, print bool) error {
	dek, err := unwrap(ctx, keepers, k)
	if err != nil {
		return err
	}
	defer clear(dek)
	if r.keys[k.ID], err = xaes.New(dek); err != nil || !print {
		return err
	}
	r.print, err = hkdf.Key(sha256.New, dek, nil, "pawl fingerprint", 32)
	return err
}

// Primary is the id of the key that the ring seals under.
func (r *Ring) Primary() uint32 { return r.primary }

// Has reports whether the ring has a key.
func (r *Ring) Has(id uint32) bool { return r.keys[id] != nil }

// Seal seals a value for a place.
func (r *Ring) Seal(v secret.Value, b Binding) (Sealed, error) {
	var out []byte
	err := v.Use(func(plain []byte) (err error) {
		out, err = r.SealBytes(plain, b)
		return err
	})
	return out, err
}

// SealBytes seals bytes for a place.
func (r *Ring) SealBytes(plain []byte, b Binding) (Sealed, error) {
	out := appendHeader(make([]byte, 0, len(plain)+Overhead), r.primary)[:headerSize+xaes.NonceSize]
	if _, err := rand.Read(out[headerSize:]); err != nil {
		return nil, err
	}
	return r.keys[r.primary].Seal(out, out[headerSize:], plain, b.data(out[:headerSize]))
}

// Open opens a sealed value of a place. Whatever was changed, be it one bit,
// the length, the key or the place, is an error with CodeCorrupt, never
// another value.
func (r *Ring) Open(s Sealed, b Binding) (secret.Value, error) {
	plain, err := r.OpenBytes(s, b)
	if err != nil {
		return secret.Value{}, err
	}
	return secret.New(plain), nil
}

// OpenBytes opens a sealed value of a place as bytes, as Open does.
func (r *Ring) OpenBytes(s Sealed, b Binding) ([]byte, error) {
	plain, err := r.open(s, b)
	if err != nil {
		return nil, bad(b, err.Error())
	}
	return plain, nil
}

// open opens a sealed value, or says why it does not open. An empty value is
// not nil: that would be NULL to many a database driver.
func (r *Ring) open(s Sealed, b Binding) ([]byte, error) {
	key, err := r.keyOf(s)
	if err != nil {
		return nil, err
	}
	nonce, body := s[headerSize:headerSize+xaes.NonceSize], s[headerSize+xaes.NonceSize:]
	return key.Open(make([]byte, 0, len(s)-Overhead), nonce, body, b.data(s[:headerSize]))
}

// keyOf finds the key that a sealed value names.
func (r *Ring) keyOf(s Sealed) (*xaes.Key, error) {
	if len(s) < Overhead || [3]byte(s[:3]) != magic {
		return nil, errors.New("it is not a sealed value")
	}
	if s[3] != Format {
		return nil, fmt.Errorf("it is sealed in format %d, and this version reads format %d", s[3], Format)
	}
	id := binary.BigEndian.Uint32(s[4:])
	if key := r.keys[id]; key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("it is sealed under data key %d, which is not here", id)
}

// Header is what a value that is sealed in this format under a key begins
// with. It tells an old value from a new one without any key.
func Header(keyID uint32) []byte { return appendHeader(nil, keyID) }

func appendHeader(dst []byte, keyID uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, magic[0], magic[1], magic[2], Format), keyID)
}

// KeyOf tells the key under which a value is sealed; ok is false when it does
// not look like a value of this format. It proves nothing: only Open does.
func KeyOf(s Sealed) (id uint32, ok bool) {
	if len(s) < Overhead || [3]byte(s[:3]) != magic || s[3] != Format {
		return 0, false
	}
	return binary.BigEndian.Uint32(s[4:]), true
}

// Fingerprint gives the keyed digest of a value under this store's key.
func (r *Ring) Fingerprint(v secret.Value) pawl.Fingerprint { return v.Fingerprint(r.print) }

func bad(b Binding, why string) error {
	return &pawl.Error{Code: pawl.CodeCorrupt, Op: "open the sealed value of", On: strings.TrimSpace(b.Scope + " " + b.Row), Why: why, Next: "pawl doctor"}
}

// data is the additional data: the header, then each field with its length.
func (b Binding) data(header []byte) []byte { return b.appendData(make([]byte, 0, 128), header) }

func (b Binding) appendData(dst, header []byte) []byte {
	dst = appendField(append(dst, header...), b.Scope)
	dst = appendField(dst, b.Table)
	dst = appendField(dst, b.Column)
	return appendField(dst, b.Row)
}

func appendField(out []byte, f string) []byte {
	return append(binary.BigEndian.AppendUint32(out, uint32(len(f))), f...)
}
