// Package xaes is XAES-256-GCM (C2SP): AES-256-GCM with a 24-byte nonce, by
// deriving a key from the first half of the nonce. Random nonces are safe for
// 2^80 messages under one key, so nobody has to count.
package xaes

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
)

// The sizes, in bytes.
const (
	KeySize   = 32
	NonceSize = 24
	Overhead  = 16
)

// ErrOpen means that a ciphertext is not authentic under key, nonce and data.
var ErrOpen = errors.New("not authentic: another key, another place, or changed bytes")

// Key is a key, ready for use. It is safe for concurrent use.
type Key struct {
	c  cipher.Block
	k1 [aes.BlockSize]byte
}

// New makes a Key of 32 bytes.
func New(key []byte) (*Key, error) {
	if len(key) != KeySize {
		return nil, errors.New("xaes: a key has 32 bytes")
	}
	c, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	k := &Key{c: c}
	c.Encrypt(k.k1[:], k.k1[:])
	msb := byte(0)
	for i := len(k.k1) - 1; i >= 0; i-- {
		msb, k.k1[i] = k.k1[i]>>7, k.k1[i]<<1|msb
	}
	k.k1[len(k.k1)-1] ^= msb * 0b10000111
	return k, nil
}

// Derive makes the AEAD for a nonce's first 12 bytes: AES-256-GCM, whose own
// nonces are the last 12. Who seals much under one of them must never give it
// one of those twice.
func (k *Key) Derive(nonce []byte) (cipher.AEAD, error) {
	var sub [KeySize]byte
	defer clear(sub[:])
	for i := range 2 {
		block := sub[i*aes.BlockSize : (i+1)*aes.BlockSize]
		copy(block, []byte{0, byte(i + 1), 'X', 0})
		copy(block[4:], nonce[:12])
		for j := range block {
			block[j] ^= k.k1[j]
		}
		k.c.Encrypt(block, block)
	}
	c, err := aes.NewCipher(sub[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(c)
}

// Seal appends the ciphertext to dst. nonce has 24 bytes and is never used
// twice under one key.
func (k *Key) Seal(dst, nonce, plain, data []byte) ([]byte, error) {
	aead, err := k.Derive(nonce)
	if err != nil {
		return nil, err
	}
	return aead.Seal(dst, nonce[12:], plain, data), nil
}

// Open appends the plaintext to dst, or fails with ErrOpen.
func (k *Key) Open(dst, nonce, sealed, data []byte) ([]byte, error) {
	aead, err := k.Derive(nonce)
	if err != nil {
		return nil, err
	}
	out, err := aead.Open(dst, nonce[12:], sealed, data)
	if err != nil {
		return nil, ErrOpen
	}
	return out, nil
}
