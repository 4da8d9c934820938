package envelope

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"

	"github.com/pawlhq/pawl/envelope/internal/xaes"
)

// Batch seals and opens many values one after the other, for the price of
// AES-256-GCM alone: it derives one key from 12 random bytes and counts in the
// other 12 bytes of the nonce. What it seals is not different from what Seal
// seals, and opens like it. Start a new one every few thousand values, and
// after the process may have been copied with its memory, as by a snapshot of
// its machine: two copies would use the same nonces. A Batch is for one
// goroutine.
type Batch struct {
	ring   *Ring
	seal   cipher.AEAD
	nonce  [xaes.NonceSize]byte
	header [headerSize]byte
	data   []byte

	open   cipher.AEAD // of the value that was opened last
	openID uint32
	prefix [12]byte
}

// NewBatch starts a batch that seals under the primary key.
func (r *Ring) NewBatch() (*Batch, error) {
	b := &Batch{ring: r, data: make([]byte, 0, 128)}
	appendHeader(b.header[:0], r.primary)
	if err := b.Renew(); err != nil {
		return nil, err
	}
	return b, nil
}

// Renew starts the batch anew, under another derived key. After an error the
// batch is what it was.
func (b *Batch) Renew() error {
	// The count starts anywhere: should two batches ever have one derived key,
	// their counts still are unlikely to meet.
	var nonce [xaes.NonceSize]byte
	if _, err := rand.Read(nonce[:]); err != nil {
		return err
	}
	seal, err := b.ring.keys[b.ring.primary].Derive(nonce[:])
	if err != nil {
		return err
	}
	b.nonce, b.seal = nonce, seal
	return nil
}

// Seal appends a sealed value to dst. plain and the free part of dst must not
// overlap.
func (b *Batch) Seal(dst, plain []byte, at Binding) []byte {
	count := b.nonce[xaes.NonceSize-8:]
	binary.BigEndian.PutUint64(count, binary.BigEndian.Uint64(count)+1)
	dst = append(append(dst, b.header[:]...), b.nonce[:]...)
	b.data = at.appendData(b.data[:0], b.header[:])
	return b.seal.Seal(dst, b.nonce[12:], plain, b.data)
}

// Open appends what is sealed to dst, and fails as Ring.Open does. Values that
// one batch has sealed are opened quickly in a row.
func (b *Batch) Open(dst []byte, s Sealed, at Binding) ([]byte, error) {
	key, err := b.ring.keyOf(s)
	if err != nil {
		return nil, bad(at, err.Error())
	}
	id, nonce := binary.BigEndian.Uint32(s[4:]), s[headerSize:headerSize+xaes.NonceSize]
	if b.open == nil || id != b.openID || !bytes.Equal(b.prefix[:], nonce[:12]) {
		if b.open, err = key.Derive(nonce); err != nil {
			return nil, err
		}
		b.openID, b.prefix = id, [12]byte(nonce)
	}
	b.data = at.appendData(b.data[:0], s[:headerSize])
	out, err := b.open.Open(dst, nonce[12:], s[headerSize+xaes.NonceSize:], b.data)
	if err != nil {
		return nil, bad(at, xaes.ErrOpen.Error())
	}
	return out, nil
}
