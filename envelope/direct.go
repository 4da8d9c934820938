package envelope

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope/internal/xaes"
)

// DirectRing makes a ring of keys that an application holds itself, 32 bytes
// each, such as those of its environment: the first seals, all of them open.
// Their ids are KeyIDOf.
//
// It has no key table and no keeper, and therefore no cheap rotation: each new
// key means that every value is written anew.
func DirectRing(primary []byte, others ...[]byte) (*Ring, error) {
	r := &Ring{keys: map[uint32]*xaes.Key{}, primary: KeyIDOf(primary)}
	for _, raw := range append([][]byte{primary}, others...) {
		key, err := xaes.New(raw)
		if err != nil {
			return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "make a key ring", Why: "a key does not have 32 bytes", Next: "openssl rand -hex 32"}
		}
		r.keys[KeyIDOf(raw)] = key
	}
	var err error
	r.print, err = hkdf.Key(sha256.New, primary, nil, "pawl fingerprint", 32)
	return r, err
}

// KeyIDOf is the id of a key in a DirectRing: the first four bytes of
// SHA-256("pawl direct key" ‖ key).
func KeyIDOf(key []byte) uint32 {
	h := sha256.New()
	h.Write([]byte("pawl direct key"))
	h.Write(key)
	return binary.BigEndian.Uint32(h.Sum(nil))
}
