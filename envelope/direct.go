package envelope

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope/internal/xaes"
)

// DirectRing makes a ring of keys that an application holds itself, 32 bytes
// each, such as those of its environment: the first seals, all of them open.
// Their ids are KeyIDOf.
//
// It has no key table and no keeper, and therefore no cheap rotation: each new
// key means that every value is written anew. A key that seals or opens legacy
// values is none of them: one key is for one algorithm.
func DirectRing(primary []byte, others ...[]byte) (*Ring, error) {
	r := &Ring{keys: map[uint32]*xaes.Key{}, primary: KeyIDOf(primary)}
	held := map[uint32][]byte{}
	for _, raw := range append([][]byte{primary}, others...) {
		key, err := xaes.New(raw)
		if err != nil {
			return nil, unfit("a key does not have 32 bytes")
		}
		id := KeyIDOf(raw)
		if other := held[id]; other != nil && subtle.ConstantTimeCompare(other, raw) == 0 {
			return nil, unfit(fmt.Sprintf("two keys have the id %d", id))
		}
		r.keys[id], held[id] = key, raw
	}
	var err error
	r.print, err = hkdf.Key(sha256.New, primary, nil, "pawl fingerprint", 32)
	return r, err
}

func unfit(why string) error {
	return &pawl.Error{Code: pawl.CodeInvalid, Op: "make a key ring", Why: why, Next: "openssl rand -hex 32"}
}

// KeyIDOf is the id of a key in a DirectRing: the first four bytes of
// SHA-256("pawl direct key" ‖ key).
func KeyIDOf(key []byte) uint32 {
	h := sha256.New()
	h.Write([]byte("pawl direct key"))
	h.Write(key)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// ParseKey reads a key of 32 bytes from its text: hexadecimal, or any base64,
// whose lengths differ. It gives nil for anything else.
func ParseKey(text []byte) []byte {
	text = bytes.TrimSpace(text)
	decoders := []func([]byte, []byte) ([]byte, error){hex.AppendDecode}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		decoders = append(decoders, enc.Strict().AppendDecode)
	}
	for _, decode := range decoders {
		if key, err := decode(nil, text); err == nil && len(key) == keySize {
			return key
		}
	}
	return nil
}
