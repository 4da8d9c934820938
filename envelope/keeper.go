package envelope

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"

	"github.com/pawlhq/pawl/envelope/internal/xaes"
)

// KeyKeeper wraps data keys under a key that is held in memory. The keeper
// over a key file is one; by itself it is for tests.
type KeyKeeper struct {
	id  string
	key *xaes.Key
}

// NewKeyKeeper makes a keeper of 32 bytes. Its id is derived from them.
func NewKeyKeeper(key []byte) (*KeyKeeper, error) {
	k, err := xaes.New(key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte("pawl key id"), key...))
	return &KeyKeeper{id: "key:" + hex.EncodeToString(sum[:8]), key: k}, nil
}

// KeyID names the key.
func (k *KeyKeeper) KeyID() string { return k.id }

// Wrap seals a data key.
func (k *KeyKeeper) Wrap(_ context.Context, dek []byte, b KeyBinding) (Wrapped, error) {
	nonce := make([]byte, xaes.NonceSize, xaes.NonceSize+len(dek)+xaes.Overhead)
	if _, err := rand.Read(nonce); err != nil {
		return Wrapped{}, err
	}
	wrapped, err := k.key.Seal(nonce, nonce, dek, b.Bytes())
	return Wrapped{Key: wrapped}, err
}

// Unwrap opens a data key.
func (k *KeyKeeper) Unwrap(_ context.Context, wrapped []byte, b KeyBinding) ([]byte, error) {
	if len(wrapped) < xaes.NonceSize+xaes.Overhead {
		return nil, xaes.ErrOpen
	}
	return k.key.Open(nil, wrapped[:xaes.NonceSize], wrapped[xaes.NonceSize:], b.Bytes())
}
