package envelope_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"testing"
	"time"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/secret"
)

// The benchmarks stand beside the standard library's AES-256-GCM with a shared
// key, a fresh nonce, and the same value and additional data: what is paid for
// nonces that need no counting, for finding the key, and for the binding. Each
// says how many times the standard library's time it takes.
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

// race runs one way after the other, the standard library's first.
type race struct{ base time.Duration }

func (r *race) run(b *testing.B, name string, once func() error) {
	b.Run(name, func(b *testing.B) {
		b.SetBytes(benchSize)
		b.ReportAllocs()
		for b.Loop() {
			if err := once(); err != nil {
				b.Fatal(err)
			}
		}
		each := b.Elapsed() / time.Duration(b.N)
		if name == "stdlib" && (r.base == 0 || each < r.base) {
			r.base = each // the best of -count runs
		}
		b.ReportMetric(float64(each)/float64(r.base), "x/stdlib")
	})
}

// benchColumn is a column whose keys a keyring has, as in an application.
func benchColumn(b *testing.B) *envelope.Column {
	b.Helper()
	k := newKeyring(b)
	return &envelope.Column{Rings: envelope.NewKeyring([]envelope.Keeper{k.keeper}, k.table, time.Hour, nil), Table: "orgs", Name: "database_url"}
}

func BenchmarkSeal(b *testing.B) {
	value, aead, data := fresh(b, benchSize), stdlib(b), fresh(b, 50)
	ring, column := testRing(b), benchColumn(b)
	batch, v, dst := newBatch(b, ring), secret.New(append([]byte{}, value...)), []byte{}
	var r race
	r.run(b, "stdlib", func() error {
		nonce := make([]byte, 12, 12+benchSize+16)
		if _, err := rand.Read(nonce); err != nil {
			return err
		}
		aead.Seal(nonce, nonce, value, data)
		return nil
	})
	r.run(b, "Ring.Seal", func() error { _, err := ring.Seal(v, place); return err })
	r.run(b, "Ring.SealBytes", func() error { _, err := ring.SealBytes(value, place); return err })
	r.run(b, "Column.Seal", func() error { _, err := column.Seal(b.Context(), "pawl", "42", value); return err })
	r.run(b, "Batch.Seal", func() error { dst = batch.Seal(dst[:0], value, place); return nil })
}

func BenchmarkOpen(b *testing.B) {
	value, aead, data, nonce := fresh(b, benchSize), stdlib(b), fresh(b, 50), fresh(b, 12)
	sealed := aead.Seal(nil, nonce, value, data)
	ring, column, static, own := testRing(b), benchColumn(b), fresh(b, 32), newValueKeys(b)
	batch, dst := newBatch(b, ring), []byte{}
	s, inBatch, inColumn := seal(b, ring, string(value), place), batch.Seal(nil, value, place), put(b, column, "pawl", "42", string(value))
	legacy, one, two := legacyReader(b, own, static), format1(b, static, nil, string(value)), own.format2(b, string(value))
	var r race
	r.run(b, "stdlib", func() error { _, err := aead.Open(nil, nonce, sealed, data); return err })
	r.run(b, "Ring.Open", func() error { _, err := ring.Open(s, place); return err })
	r.run(b, "Ring.OpenBytes", func() error { _, err := ring.OpenBytes(s, place); return err })
	r.run(b, "Column.Open", func() error { _, err := column.Open(b.Context(), "pawl", "42", inColumn); return err })
	r.run(b, "Batch.Open", func() (err error) { dst, err = batch.Open(dst[:0], inBatch, place); return err })
	r.run(b, "Legacy.Open/1", func() error { _, err := legacy.Open(b.Context(), nil, one); return err })
	r.run(b, "Legacy.Open/2", func() error { _, err := legacy.Open(b.Context(), nil, two); return err })
}
