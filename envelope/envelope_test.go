package envelope_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/secret"
)

var (
	now   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	place = envelope.Binding{Scope: "FLY_API_TOKEN", Table: "versions", Column: "value", Row: "v7"}
)

const plain = "an example value, not a secret"

// newKeeper makes a keeper of 32 equal bytes.
func newKeeper(t testing.TB, b byte) *envelope.KeyKeeper {
	t.Helper()
	k, err := envelope.NewKeyKeeper(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newKey(t testing.TB, k envelope.Keeper, id uint32) envelope.DataKey {
	t.Helper()
	key, err := envelope.NewDataKey(t.Context(), k, id, "pawl", now, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newRing(t testing.TB, k envelope.Keeper, keys ...envelope.DataKey) *envelope.Ring {
	t.Helper()
	r, err := envelope.OpenRing(t.Context(), []envelope.Keeper{k}, keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// testRing is a ring with one fresh key.
func testRing(t testing.TB) *envelope.Ring {
	k := newKeeper(t, 7)
	return newRing(t, k, newKey(t, k, 1))
}

func seal(t testing.TB, r *envelope.Ring, value string, b envelope.Binding) envelope.Sealed {
	t.Helper()
	s, err := r.Seal(secret.NewString(value), b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mustOpen fails unless the value opens as wanted.
func mustOpen(t testing.TB, r *envelope.Ring, s envelope.Sealed, b envelope.Binding, want string) {
	t.Helper()
	got, err := r.Open(s, b)
	if err != nil {
		t.Errorf("a value of %d bytes does not open: %v", len(want), err)
	} else if !got.Equal(secret.NewString(want)) {
		t.Errorf("another value of %d bytes came back than the one of %d that was sealed", got.Len(), len(want))
	}
}

// mustRefuse fails unless opening is an error for programs and people, and
// gives no value.
func mustRefuse(t testing.TB, r *envelope.Ring, s envelope.Sealed, b envelope.Binding, what string) {
	t.Helper()
	got, err := r.Open(s, b)
	if err == nil {
		t.Errorf("%s: it opens", what)
		return
	}
	if !got.Empty() {
		t.Errorf("%s: a value comes with the error", what)
	}
	if pawl.CodeOf(err) != pawl.CodeCorrupt || pawl.HintOf(err) == "" {
		t.Errorf("%s: code %q, hint %q", what, pawl.CodeOf(err), pawl.HintOf(err))
	}
	if strings.Contains(err.Error(), plain) {
		t.Errorf("%s: the error shows the value", what)
	}
}

func TestSealedValuesOpen(t *testing.T) {
	r := testRing(t)
	for _, n := range []int{0, 1, 15, 16, 17, 100, 4096, 1 << 20} {
		value := strings.Repeat("v", n)
		s := seal(t, r, value, place)
		if len(s) != n+48 {
			t.Errorf("a value of %d bytes is sealed in %d, want 48 more", n, len(s))
		}
		mustOpen(t, r, s, place, value)
	}
}

func TestSealingHidesTheValue(t *testing.T) {
	r := testRing(t)
	a, b := seal(t, r, plain, place), seal(t, r, plain, place)
	if bytes.Contains(a, []byte(plain)) {
		t.Error("the sealed bytes have the value in them")
	}
	if bytes.Equal(a[8:32], b[8:32]) || bytes.Equal(a[32:], b[32:]) {
		t.Error("sealing the same value twice gives the same bytes: the nonce is not fresh")
	}
}

func TestSealingADestroyedValueFails(t *testing.T) {
	v := secret.NewString(plain)
	v.Destroy()
	if s, err := testRing(t).Seal(v, place); err == nil || s != nil {
		t.Errorf("a destroyed value is sealed: %d bytes, %v", len(s), err)
	}
}

// TestEveryBitCounts flips each bit of a sealed value.
func TestEveryBitCounts(t *testing.T) {
	k := newKeeper(t, 7)
	// The key with id 0 is one bit from id 1, so that a flip there finds a key.
	older := newKey(t, k, 0)
	older.State = envelope.KeyReadable
	r := newRing(t, k, older, newKey(t, k, 1))
	s := seal(t, r, plain, place)
	for i := range len(s) * 8 {
		changed := bytes.Clone(s)
		changed[i/8] ^= 1 << (i % 8)
		mustRefuse(t, r, changed, place, fmt.Sprintf("bit %d of byte %d", i%8, i/8))
	}
	mustOpen(t, r, s, place, plain)
}

func TestEveryLengthCounts(t *testing.T) {
	r := testRing(t)
	s := seal(t, r, plain, place)
	for n := range len(s) {
		mustRefuse(t, r, s[:n], place, fmt.Sprintf("the first %d bytes", n))
		mustRefuse(t, r, s[n+1:], place, fmt.Sprintf("without the first %d bytes", n+1))
		mustRefuse(t, r, append(bytes.Clone(s[:n]), s[n+1:]...), place, fmt.Sprintf("without byte %d", n))
	}
	mustRefuse(t, r, append(bytes.Clone(s), 0), place, "one byte more")
	mustRefuse(t, r, append(bytes.Clone(s), s...), place, "twice")
	mustRefuse(t, r, nil, place, "nothing")
}

func TestAnotherPlaceIsRefused(t *testing.T) {
	r := testRing(t)
	s := seal(t, r, plain, place)
	for name, b := range map[string]envelope.Binding{
		"another scope":            {"OTHER", "versions", "value", "v7"},
		"another table":            {"FLY_API_TOKEN", "others", "value", "v7"},
		"another column":           {"FLY_API_TOKEN", "versions", "user", "v7"},
		"another row":              {"FLY_API_TOKEN", "versions", "value", "v8"},
		"no place":                 {},
		"a byte moved to the left": {"FLY_API_TOKENv", "ersions", "value", "v7"},
		"fields swapped":           {"FLY_API_TOKEN", "value", "versions", "v7"},
		"all in one field":         {Scope: "FLY_API_TOKENversionsvaluev7"},
	} {
		mustRefuse(t, r, s, b, name)
	}
}

// TestPartsOfTwoValuesDoNotMix holds that no piece of one sealed value stands
// in another: an older ciphertext, another nonce, another header.
func TestPartsOfTwoValuesDoNotMix(t *testing.T) {
	r := testRing(t)
	a, b := seal(t, r, plain, place), seal(t, r, strings.ToUpper(plain), place)
	for name, mix := range map[string][][]byte{
		"the other nonce":          {a[:8], b[8:32], a[32:]},
		"the other ciphertext":     {a[:32], b[32 : len(b)-16], a[len(a)-16:]},
		"the other tag":            {a[:len(a)-16], b[len(b)-16:]},
		"half of the other's body": {a[:40], b[40:]},
	} {
		mustRefuse(t, r, bytes.Join(mix, nil), place, name)
	}
}

func TestAnotherKeyIsRefused(t *testing.T) {
	k := newKeeper(t, 7)
	s := seal(t, newRing(t, k, newKey(t, k, 1)), plain, place)
	mustRefuse(t, newRing(t, k, newKey(t, k, 1)), s, place, "another key with the same id")
	mustRefuse(t, newRing(t, k, newKey(t, k, 2)), s, place, "a ring without the key's id")
}

func TestAnotherFormatIsNamed(t *testing.T) {
	r := testRing(t)
	for _, format := range []byte{0, 1, 2, 4, 255} {
		s := seal(t, r, plain, place)
		s[3] = format
		mustRefuse(t, r, s, place, fmt.Sprintf("format %d", format))
		if _, err := r.Open(s, place); !strings.Contains(fmt.Sprint(err), fmt.Sprintf("format %d,", format)) {
			t.Errorf("the error does not name format %d: %v", format, err)
		}
	}
}

// TestRingIsSafeForConcurrentUse seals, opens and digests in many goroutines;
// the race detector watches.
func TestRingIsSafeForConcurrentUse(t *testing.T) {
	r := testRing(t)
	shared := seal(t, r, plain, place)
	want := r.Fingerprint(secret.NewString(plain))
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			own := place
			own.Row = fmt.Sprint(i)
			for j := range 50 {
				value := fmt.Sprint(i, "/", j)
				s, err := r.Seal(secret.NewString(value), own)
				if err != nil {
					t.Error(err)
					return
				}
				mustOpen(t, r, s, own, value)
				mustOpen(t, r, shared, place, plain)
				if r.Fingerprint(secret.NewString(plain)) != want {
					t.Error("a fingerprint changed")
				}
			}
		})
	}
	group.Wait()
}

// FuzzOpen gives the opener whatever bytes and places. Only what was sealed,
// whole and at its place, may open.
func FuzzOpen(f *testing.F) {
	r := testRing(f)
	known := seal(f, r, plain, place)
	f.Add([]byte(known), "FLY_API_TOKEN", "versions", "value", "v7")
	f.Add([]byte(known[:47]), "", "", "", "")
	f.Add([]byte{0xA7, 'R', 'K', 3, 0, 0, 0, 1}, "FLY_API_TOKEN", "versions", "value", "v7")
	f.Add(append(bytes.Clone(known[:8]), make([]byte, 40)...), "a", "b", "c", "d")
	f.Fuzz(func(t *testing.T, s []byte, scope, table, column, row string) {
		b := envelope.Binding{Scope: scope, Table: table, Column: column, Row: row}
		if bytes.Equal(s, known) && b == place {
			mustOpen(t, r, s, b, plain)
			return
		}
		before := bytes.Clone(s)
		mustRefuse(t, r, s, b, "bytes that were not sealed here")
		if !bytes.Equal(s, before) {
			t.Error("opening changed its input")
		}
		v := secret.New(bytes.Clone(s))
		again, err := r.Seal(v, b)
		if err != nil {
			t.Fatal(err)
		}
		mustOpen(t, r, again, b, string(s))
	})
}

// fresh gives n random bytes.
func fresh(t testing.TB, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHeaderAndKeyOf(t *testing.T) {
	r := testRing(t)
	s := seal(t, r, "", place) // the shortest there is
	if id, ok := envelope.KeyOf(s); !ok || id != 1 || !bytes.HasPrefix(s, envelope.Header(1)) {
		t.Errorf("key %d, %t", id, ok)
	}
	if id, ok := envelope.KeyOf(append(envelope.Header(0xFEDCBA98), make([]byte, 40)...)); !ok || id != 0xFEDCBA98 {
		t.Errorf("key %x, %t", id, ok)
	}
	for n := range s {
		if _, ok := envelope.KeyOf(s[:n]); ok {
			t.Errorf("%d bytes look like a sealed value", n)
		}
	}
	for i := range 4 {
		changed := bytes.Clone(s)
		changed[i] ^= 1
		if _, ok := envelope.KeyOf(changed); ok {
			t.Errorf("it looks sealed with another byte %d", i)
		}
	}
}
