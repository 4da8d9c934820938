package envelope

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/pawlhq/pawl"
)

// Legacy reads the two formats that came before format 3. It is safe for
// concurrent use. Neither format binds a value to its place.
//
//	1: nonce, 12 bytes | ciphertext | tag, 16 bytes                  AES-GCM under a static key
//	2: 0x02 | n, uint16 big-endian | wrapped key, n bytes | 1        AES-GCM under the value's own key
//
// In text they are in hexadecimal or in any base64, which may have line breaks.
type Legacy struct {
	static []cipher.AEAD
	keys   ValueKeys
	mu     sync.Mutex
	cache  map[[32]byte]cipher.AEAD
}

// ValueKeys unwraps the key that a value of format 2 carries. It fails with
// ErrUnwrap when the key was looked at and is not authentic.
type ValueKeys interface {
	UnwrapValueKey(ctx context.Context, wrapped []byte) ([]byte, error)
}

const (
	legacyOverhead = 12 + 16
	perValue       = 0x02
	cachedKeys     = 1024 // unwrapped keys that a Legacy remembers
)

// ErrLegacy means that no key opens a legacy value.
var ErrLegacy = errors.New("it is not a value of this format, and no legacy key opens it")

// errTooOld is ErrLegacy to callers.
var errTooOld = fmt.Errorf("%w that may still be used", ErrLegacy)

// NewLegacy makes a reader of values under static keys of 16, 24 or 32 bytes,
// and of those that carry their key when keys is not nil.
func NewLegacy(static [][]byte, keys ValueKeys) (*Legacy, error) {
	l := &Legacy{keys: keys, cache: map[[32]byte]cipher.AEAD{}}
	for _, k := range static {
		aead, err := gcm(k)
		if err != nil {
			return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "read the legacy key", Why: "it does not have 16, 24 or 32 bytes", Next: "give the key as hexadecimal or base64"}
		}
		l.static = append(l.static, aead)
	}
	return l, nil
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// Open appends a legacy value's plaintext to dst. ErrLegacy
// means that no key opens it; any other, that its key could not be asked for.
//
// Static keys are tried first: a value of format 1 begins with a random byte,
// so one in 256 looks like format 2, and trying that first would send garbage
// to the keeper.
func (l *Legacy) Open(ctx context.Context, dst, stored []byte) ([]byte, error) {
	return l.open(ctx, dst, stored, 1)
}

// open refuses formats before oldest. It looks for static keys all the same: a
// value of theirs must not be sent to the keeper.
func (l *Legacy) open(ctx context.Context, dst, stored []byte, oldest int) ([]byte, error) {
	for raw := range encodings(stored) {
		for _, aead := range l.static {
			if out, err := openGCM(aead, dst, raw); err == nil && oldest > 1 {
				return nil, errTooOld
			} else if err == nil {
				return out, nil
			}
		}
	}
	if l.keys == nil {
		return nil, ErrLegacy
	}
	for raw := range encodings(stored) {
		if out, err := l.openPerValue(ctx, dst, raw); !errors.Is(err, ErrLegacy) {
			return out, err
		}
	}
	return nil, ErrLegacy
}

func openGCM(aead cipher.AEAD, dst, raw []byte) ([]byte, error) {
	if len(raw) < legacyOverhead {
		return nil, ErrLegacy
	}
	return aead.Open(dst, raw[:12], raw[12:], nil)
}

func (l *Legacy) openPerValue(ctx context.Context, dst, raw []byte) ([]byte, error) {
	if len(raw) < 3 || raw[0] != perValue {
		return nil, ErrLegacy
	}
	n := int(binary.BigEndian.Uint16(raw[1:]))
	if n == 0 || 3+n+legacyOverhead > len(raw) {
		return nil, ErrLegacy
	}
	aead, err := l.unwrap(ctx, raw[3:3+n])
	if err != nil {
		return nil, err
	}
	if dst, err = openGCM(aead, dst, raw[3+n:]); err != nil {
		return nil, ErrLegacy
	}
	return dst, nil
}

// unwrap asks for a value's key, once as long as it is remembered.
func (l *Legacy) unwrap(ctx context.Context, wrapped []byte) (cipher.AEAD, error) {
	id := sha256.Sum256(wrapped)
	l.mu.Lock()
	aead := l.cache[id]
	l.mu.Unlock()
	if aead != nil {
		return aead, nil
	}
	key, err := l.keys.UnwrapValueKey(ctx, wrapped)
	if errors.Is(err, ErrUnwrap) {
		return nil, ErrLegacy
	}
	if err != nil {
		return nil, &pawl.Error{Code: pawl.CodeStore, Op: "unwrap a value's key", Why: "the key keeper could not do it", Err: err, Next: "make the key keeper reachable, then try again"}
	}
	defer clear(key)
	if aead, err = gcm(key); err != nil {
		return nil, ErrLegacy
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.cache) >= cachedKeys {
		clear(l.cache)
	}
	l.cache[id] = aead
	return aead, nil
}

// encodings gives what stored may stand for: itself, and what it is in
// hexadecimal or base64. Only an authentic one counts, so that more than one
// reading does no harm.
func encodings(stored []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		if !yield(stored) || !printable(stored) {
			return
		}
		text := bytes.TrimRight(stored, "=\r\n")
		if raw, err := hex.AppendDecode(nil, text); err == nil && !yield(raw) {
			return
		}
		alphabet := base64.RawStdEncoding
		if bytes.ContainsAny(text, "-_") {
			alphabet = base64.RawURLEncoding
		}
		if raw, err := alphabet.AppendDecode(nil, text); err == nil {
			yield(raw)
		}
	}
}

// printable reports whether all of a value is letters, digits and what base64
// has besides.
func printable(b []byte) bool {
	for _, c := range b {
		if (c < '+' || c > 'z') && c != '\n' && c != '\r' {
			return false
		}
	}
	return true
}
