package xaes

import (
	"bytes"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"testing"
)

// The vectors are those of the C2SP specification of XAES-256-GCM.
func TestVectors(t *testing.T) {
	for _, v := range []struct {
		key        byte
		data, want string
	}{
		{1, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{3, "c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	} {
		k, err := New(bytes.Repeat([]byte{v.key}, KeySize))
		if err != nil {
			t.Fatal(err)
		}
		nonce := []byte("ABCDEFGHIJKLMNOPQRSTUVWX")
		got, err := k.Seal(nil, nonce, []byte("XAES-256-GCM"), []byte(v.data))
		if err != nil || hex.EncodeToString(got) != v.want {
			t.Errorf("key %d: got %x, %v", v.key, got, err)
		}
		plain, err := k.Open(nil, nonce, got, []byte(v.data))
		if err != nil || string(plain) != "XAES-256-GCM" {
			t.Errorf("key %d: open: %q, %v", v.key, plain, err)
		}
		got[0] ^= 1
		if _, err := k.Open(nil, nonce, got, []byte(v.data)); !errors.Is(err, ErrOpen) {
			t.Errorf("key %d: changed bytes open: %v", v.key, err)
		}
	}
}

func TestKeySize(t *testing.T) {
	if _, err := New(make([]byte, 16)); err == nil {
		t.Error("a key of 16 bytes is taken")
	}
}

// TestAccumulatedVectors holds to the digest that the C2SP specification gives
// of 10,000 ciphertexts whose inputs are drawn from SHAKE128 of nothing.
func TestAccumulatedVectors(t *testing.T) {
	const want = "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"
	source, digest := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	draw := func(n int) []byte {
		b := make([]byte, n)
		_, _ = source.Read(b) // it never fails
		return b
	}
	for range 10_000 {
		key, nonce := draw(KeySize), draw(NonceSize)
		plain := draw(int(draw(1)[0]))
		data := draw(int(draw(1)[0]))
		k, err := New(key)
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := k.Seal(nil, nonce, plain, data)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.Open(nil, nonce, sealed, data); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("it opens as %d bytes, not %d: %v", len(got), len(plain), err)
		}
		_, _ = digest.Write(sealed)
	}
	sum := make([]byte, 32)
	_, _ = digest.Read(sum)
	if got := hex.EncodeToString(sum); got != want {
		t.Errorf("the digest is %s", got)
	}
}
