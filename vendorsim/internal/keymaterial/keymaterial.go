// Package keymaterial makes the bytes that the stand-ins of key services keep
// to themselves.
package keymaterial

import (
	"crypto/aes"
	"crypto/cipher"
	"io"
)

// Random gives n bytes of a source that does not end. It panics when the source
// fails: that is a mistake of the program.
func Random(r io.Reader, n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		panic("keymaterial: the source of randomness failed: " + err.Error())
	}
	return b
}

// New makes a key of AES-256-GCM; raw is its bytes, for leak searches.
func New(r io.Reader) (aead cipher.AEAD, raw string) {
	key := Random(r, 32)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // 32 bytes are a key
	}
	if aead, err = cipher.NewGCM(block); err != nil {
		panic(err) // AES has GCM
	}
	return aead, string(key)
}
