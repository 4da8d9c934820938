package envelope_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

func TestDirectRingOpensUnderAllItsKeys(t *testing.T) {
	older, newer := fresh(t, 32), fresh(t, 32)
	before, err := envelope.DirectRing(older)
	if err != nil {
		t.Fatal(err)
	}
	both, err := envelope.DirectRing(newer, older, older) // twice is once
	if err != nil {
		t.Fatal(err)
	}
	after, err := envelope.DirectRing(newer)
	if err != nil {
		t.Fatal(err)
	}
	if both.Primary() != envelope.KeyIDOf(newer) || !both.Has(envelope.KeyIDOf(older)) {
		t.Error("the first key is not primary, or the other not there")
	}
	old, now := seal(t, before, plain, place), seal(t, both, plain, place)
	mustOpen(t, both, old, place, plain)
	mustOpen(t, both, now, place, plain)
	mustOpen(t, after, now, place, plain)
	mustRefuse(t, after, old, place, "a value under a key that is gone")
}

func TestDirectRingRefusesKeysOfOtherSizes(t *testing.T) {
	for _, n := range []int{0, 16, 31, 33, 64} {
		for _, keys := range [][][]byte{{make([]byte, n)}, {fresh(t, 32), make([]byte, n)}} {
			r, err := envelope.DirectRing(keys[0], keys[1:]...)
			if r != nil || pawl.CodeOf(err) != pawl.CodeInvalid || pawl.HintOf(err) == "" {
				t.Errorf("a key of %d bytes: %v", n, err)
			}
		}
	}
}

// TestDirectRingRefusesTwoKeysOfOneID looks for two: with 32 bits there are
// some among 2^17 keys. One of them would silently not be in the ring.
func TestDirectRingRefusesTwoKeysOfOneID(t *testing.T) {
	seen := map[uint32][]byte{}
	for i := range uint64(1 << 20) {
		key := slices.Concat(make([]byte, 24), binary.BigEndian.AppendUint64(nil, i))
		id := envelope.KeyIDOf(key)
		if other := seen[id]; other != nil {
			if r, err := envelope.DirectRing(key, other); r != nil || pawl.CodeOf(err) != pawl.CodeInvalid {
				t.Errorf("two keys with the id %d make a ring: %v", id, err)
			}
			return
		}
		seen[id] = key
	}
	t.Error("no two keys have one id: KeyIDOf is not 32 bits of a hash")
}
