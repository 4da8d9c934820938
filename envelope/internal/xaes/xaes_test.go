package xaes

import (
	"bytes"
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
