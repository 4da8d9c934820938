package envelope_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"testing"

	"github.com/pawlhq/pawl/secret"
)

// The benchmarks stand beside the standard library's AES-256-GCM with a shared
// key, a fresh nonce, and the same value and additional data: what is paid for
// nonces that need no counting, for the copy into a secret.Value, and for the
// binding.
const benchSize = 100

func stdlib(b *testing.B) cipher.AEAD {
	b.Helper()
	block, err := aes.NewCipher(fresh(b, 32))
	if err != nil {
		b.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	return aead
}

func BenchmarkSeal(b *testing.B) {
	value := fresh(b, benchSize)
	b.Run("envelope", func(b *testing.B) {
		r, v := testRing(b), secret.New(append([]byte{}, value...))
		b.SetBytes(benchSize)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Seal(v, place); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stdlib", func(b *testing.B) {
		aead, data := stdlib(b), fresh(b, 50)
		b.SetBytes(benchSize)
		b.ReportAllocs()
		for b.Loop() {
			nonce := make([]byte, 12, 12+benchSize+16)
			if _, err := rand.Read(nonce); err != nil {
				b.Fatal(err)
			}
			aead.Seal(nonce, nonce, value, data)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	value := fresh(b, benchSize)
	b.Run("envelope", func(b *testing.B) {
		r := testRing(b)
		s := seal(b, r, string(value), place)
		b.SetBytes(benchSize)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Open(s, place); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stdlib", func(b *testing.B) {
		aead, data, nonce := stdlib(b), fresh(b, 50), fresh(b, 12)
		sealed := aead.Seal(nil, nonce, value, data)
		b.SetBytes(benchSize)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := aead.Open(nil, nonce, sealed, data); err != nil {
				b.Fatal(err)
			}
		}
	})
}
