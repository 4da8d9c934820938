package envelope_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/internal/xaes"
)

func newBatch(t testing.TB, r *envelope.Ring) *envelope.Batch {
	t.Helper()
	b, err := r.NewBatch()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBatchNoncesNeverRepeat goes over many values, batches and renewals.
func TestBatchNoncesNeverRepeat(t *testing.T) {
	r := testRing(t)
	seen := map[[24]byte]bool{}
	prefixes := map[[12]byte]bool{}
	one, other := newBatch(t, r), newBatch(t, r)
	var s []byte
	for i := range 100_000 {
		b := one
		if i%3 == 0 {
			b = other
		}
		if i%10_000 == 9_999 {
			if err := b.Renew(); err != nil {
				t.Fatal(err)
			}
		}
		s = b.Seal(s[:0], []byte{byte(i)}, place)
		nonce := [24]byte(s[8:32])
		if seen[nonce] {
			t.Fatalf("value %d has the nonce of another", i)
		}
		seen[nonce], prefixes[[12]byte(nonce[:12])] = true, true
	}
	if len(prefixes) != 12 {
		t.Errorf("%d keys were derived for two batches and ten renewals", len(prefixes))
	}
}

func TestBatchAndRingOpenEachOthersValues(t *testing.T) {
	r := testRing(t)
	sealer, opener := newBatch(t, r), newBatch(t, r)
	for i := range 200 {
		at := place
		at.Row = fmt.Sprint(i)
		value := bytes.Repeat([]byte{'v'}, i)
		s := sealer.Seal([]byte("before"), value, at)
		if string(s[:6]) != "before" || len(s) != 6+len(value)+envelope.Overhead {
			t.Fatalf("%d bytes are appended for %d", len(s)-6, len(value))
		}
		mustOpen(t, r, s[6:], at, string(value))
		single := seal(t, r, string(value), at)
		for _, stored := range [][]byte{s[6:], single, s[6:]} {
			got, err := opener.Open([]byte("dst"), stored, at)
			if err != nil || string(got) != "dst"+string(value) {
				t.Fatalf("value %d: %d bytes, %v", i, len(got), err)
			}
		}
	}
}

func TestBatchRefusesAsTheRingDoes(t *testing.T) {
	r := testRing(t)
	b := newBatch(t, r)
	s := b.Seal(nil, []byte(plain), place)
	refused := func(what string, stored []byte, at envelope.Binding) {
		t.Helper()
		got, err := b.Open(nil, stored, at)
		if got != nil || pawl.CodeOf(err) != pawl.CodeCorrupt {
			t.Errorf("%s: %d bytes, %v", what, len(got), err)
		}
		if got, err := b.Open(nil, s, place); err != nil || string(got) != plain {
			t.Errorf("after %s a good value opens as %d bytes, %v", what, len(got), err)
		}
	}
	for i := range len(s) * 8 {
		changed := bytes.Clone(s)
		changed[i/8] ^= 1 << (i % 8)
		refused(fmt.Sprintf("bit %d of byte %d", i%8, i/8), changed, place)
	}
	for n := range len(s) {
		refused(fmt.Sprintf("the first %d bytes", n), s[:n], place)
	}
	refused("another row", s, envelope.Binding{Scope: place.Scope, Table: place.Table, Column: place.Column, Row: "v8"})
	refused("another key", seal(t, testRing(t), plain, place), place)
}

// TestBatchOpensEachKeysValues: two keys may have one nonce, and a batch that
// remembers what it derived must not take one for the other.
func TestBatchOpensEachKeysValues(t *testing.T) {
	one, other := fresh(t, 32), fresh(t, 32)
	r, err := envelope.DirectRing(one, other)
	if err != nil {
		t.Fatal(err)
	}
	b, nonce := newBatch(t, r), fresh(t, 24)
	for range 3 {
		for _, raw := range [][]byte{one, other} {
			key, err := xaes.New(raw)
			if err != nil {
				t.Fatal(err)
			}
			header := envelope.Header(envelope.KeyIDOf(raw))
			s, err := key.Seal(slices.Concat(header, nonce), nonce, []byte(plain), additional(header, place))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := b.Open(nil, s, place); err != nil || string(got) != plain {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		}
	}
}

// TestBatchCounts holds that no chance is left within a batch: each value has
// the next number.
func TestBatchCounts(t *testing.T) {
	b := newBatch(t, testRing(t))
	count := func() uint64 { return binary.BigEndian.Uint64(b.Seal(nil, nil, place)[24:32]) }
	last := count()
	for range 1000 {
		next := count()
		if next != last+1 {
			t.Fatalf("after %d it counts %d", last, next)
		}
		last = next
	}
}

// TestBatchesOfOneRing seals and opens in many goroutines; the race detector
// watches.
func TestBatchesOfOneRing(t *testing.T) {
	r := testRing(t)
	var group sync.WaitGroup
	var nonces sync.Map
	for i := range 8 {
		group.Go(func() {
			b, err := r.NewBatch()
			if err != nil {
				t.Error(err)
				return
			}
			at := place
			at.Row = fmt.Sprint(i)
			for j := range 500 {
				s := b.Seal(nil, []byte(plain), at)
				if _, twice := nonces.LoadOrStore([24]byte(s[8:32]), true); twice {
					t.Errorf("batch %d, value %d: a nonce of another batch", i, j)
				}
				if got, err := b.Open(nil, s, at); err != nil || string(got) != plain {
					t.Errorf("batch %d, value %d: %d bytes, %v", i, j, len(got), err)
				}
			}
		})
	}
	group.Wait()
}
