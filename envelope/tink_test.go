package envelope_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/xaesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/pawlhq/pawl/envelope"
)

// tinkAEAD is Tink's XAES-256-GCM under a key, without Tink's own prefix: its
// ciphertext is nonce, ciphertext and tag, as ours is behind the header.
func tinkAEAD(t *testing.T, raw []byte) tink.AEAD {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	params, err := xaesgcm.NewParameters(xaesgcm.VariantNoPrefix, 12)
	must(err)
	key, err := xaesgcm.NewKey(secretdata.NewBytesFromData(raw, insecuresecretdataaccess.Token{}), 0, params)
	must(err)
	keys := keyset.NewManager()
	id, err := keys.AddKey(key)
	must(err)
	must(keys.SetPrimary(id))
	handle, err := keys.Handle()
	must(err)
	a, err := aead.New(handle)
	must(err)
	return a
}

// additional is the additional data, as docs/formats/envelope.md says it.
func additional(header []byte, b envelope.Binding) []byte {
	out := slices.Clone(header)
	for _, f := range []string{b.Scope, b.Table, b.Column, b.Row} {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(f))), f...)
	}
	return out
}

// TestTinkAgrees seals here and opens with Tink, and the other way round.
func TestTinkAgrees(t *testing.T) {
	raw := fresh(t, 32)
	ring, err := envelope.DirectRing(raw)
	if err != nil {
		t.Fatal(err)
	}
	batch, err := ring.NewBatch()
	if err != nil {
		t.Fatal(err)
	}
	other := tinkAEAD(t, raw)
	header := envelope.Header(ring.Primary())
	for _, n := range []int{0, 1, 16, 100, 5000} {
		value := fresh(t, n)
		single, err := ring.SealBytes(value, place)
		if err != nil {
			t.Fatal(err)
		}
		for what, s := range map[string]envelope.Sealed{"Seal": single, "Batch": batch.Seal(nil, value, place)} {
			got, err := other.Decrypt(s[len(header):], additional(header, place))
			if err != nil || !bytes.Equal(got, value) {
				t.Errorf("%s of %d bytes: Tink opens %d bytes, %v", what, n, len(got), err)
			}
			if _, err := other.Decrypt(s[len(header):], additional(header, envelope.Binding{})); err == nil {
				t.Errorf("%s of %d bytes: Tink opens it at another place", what, n)
			}
		}
		theirs, err := other.Encrypt(value, additional(header, place))
		if err != nil {
			t.Fatal(err)
		}
		mustOpen(t, ring, slices.Concat(header, theirs), place, string(value))
	}
}
