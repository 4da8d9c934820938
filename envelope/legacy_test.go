package envelope_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// format1 makes a legacy value of a static key, as the standard library alone
// would; with a fresh nonce when there is none.
func format1(t testing.TB, key, nonce []byte, value string) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	if nonce == nil {
		nonce = fresh(t, 12)
	}
	return aead.Seal(bytes.Clone(nonce), nonce, []byte(value), nil)
}

// valueKeys is a keeper of keys that values of format 2 carry. It counts what
// it is asked.
type valueKeys struct {
	keeper *envelope.KeyKeeper
	down   error
	calls  atomic.Int64
}

var valueKeyBinding = envelope.KeyBinding{Scope: "a value's key"}

func newValueKeys(t testing.TB) *valueKeys { return &valueKeys{keeper: newKeeper(t, 9)} }

func (v *valueKeys) UnwrapValueKey(ctx context.Context, wrapped []byte) ([]byte, error) {
	v.calls.Add(1)
	if v.down != nil {
		return nil, v.down
	}
	if v.keeper == nil {
		return nil, envelope.ErrUnwrap
	}
	return v.keeper.Unwrap(ctx, wrapped, valueKeyBinding)
}

// format2 makes a legacy value with a key of its own.
func (v *valueKeys) format2(t testing.TB, value string) []byte {
	t.Helper()
	key := fresh(t, 32)
	w, err := v.keeper.Wrap(t.Context(), key, valueKeyBinding)
	if err != nil {
		t.Fatal(err)
	}
	head := binary.BigEndian.AppendUint16([]byte{2}, uint16(len(w.Key)))
	return slices.Concat(head, w.Key, format1(t, key, nil, value))
}

func legacyReader(t testing.TB, keys envelope.ValueKeys, static ...[]byte) *envelope.Legacy {
	t.Helper()
	l, err := envelope.NewLegacy(static, keys)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// texts is every way in which applications keep bytes in text columns.
func texts(raw []byte) map[string]string {
	std, url := base64.StdEncoding, base64.URLEncoding
	lines := func(s, end string) string { return s[:20] + end + s[20:] + end }
	return map[string]string{
		"hex":                    hex.EncodeToString(raw),
		"HEX":                    strings.ToUpper(hex.EncodeToString(raw)),
		"base64":                 std.EncodeToString(raw),
		"base64 without padding": std.WithPadding(base64.NoPadding).EncodeToString(raw),
		"base64url":              url.EncodeToString(raw),
		"base64url unpadded":     url.WithPadding(base64.NoPadding).EncodeToString(raw),
		"with a newline":         std.EncodeToString(raw) + "\n",
		"hex with a newline":     hex.EncodeToString(raw) + "\n",
		"in lines":               lines(std.EncodeToString(raw), "\n"),
		"in lines of MIME":       lines(std.EncodeToString(raw), "\r\n"),
	}
}

func TestLegacyOpensBothFormatsInEveryText(t *testing.T) {
	static, older, own := fresh(t, 32), fresh(t, 16), newValueKeys(t)
	l := legacyReader(t, own, static, older)
	for n := range 70 { // every remainder of base64's and hex's groups, and the empty value
		value := strings.Repeat("v", n)
		for format, raw := range map[string][]byte{"1": format1(t, static, nil, value), "1, an older key": format1(t, older, nil, value), "2": own.format2(t, value)} {
			forms := texts(raw)
			forms["bytes"] = string(raw)
			for form, stored := range forms {
				got, err := l.Open(t.Context(), []byte("before"), []byte(stored))
				if err != nil || string(got) != "before"+value {
					t.Fatalf("format %s, %d bytes, %s: %d bytes, %v", format, n, form, len(got), err)
				}
			}
		}
	}
}

func TestLegacyRefusesWhatNoKeyOpens(t *testing.T) {
	static, own := fresh(t, 32), newValueKeys(t)
	l := legacyReader(t, own, static)
	for what, raw := range map[string][]byte{"format 1": format1(t, static, nil, plain), "format 2": own.format2(t, plain)} {
		for i := range len(raw) * 8 {
			changed := bytes.Clone(raw)
			changed[i/8] ^= 1 << (i % 8)
			if got, err := l.Open(t.Context(), nil, changed); !errors.Is(err, envelope.ErrLegacy) || got != nil {
				t.Errorf("%s, bit %d of byte %d: %d bytes, %v", what, i%8, i/8, len(got), err)
			}
		}
		for n := range len(raw) {
			for _, cut := range [][]byte{raw[:n], raw[n+1:]} {
				if got, err := l.Open(t.Context(), nil, cut); !errors.Is(err, envelope.ErrLegacy) || got != nil {
					t.Errorf("%s, cut at %d: %d bytes, %v", what, n, len(got), err)
				}
			}
		}
		if _, err := legacyReader(t, nil, fresh(t, 32)).Open(t.Context(), nil, raw); !errors.Is(err, envelope.ErrLegacy) {
			t.Errorf("%s under another key: %v", what, err)
		}
	}
}

// TestAStaticKeysValueNeverReachesTheKeeper holds the order of reading: one
// value of format 1 in 256 begins with 0x02, and some of those have a
// plausible length besides.
func TestAStaticKeysValueNeverReachesTheKeeper(t *testing.T) {
	static, own := fresh(t, 32), newValueKeys(t)
	c := column(t, false)
	c.Legacy = legacyReader(t, own, static)
	value := strings.Repeat(plain, 10)
	looks := 0
	for range 100_000 {
		nonce := fresh(t, 12)
		if n := int(binary.BigEndian.Uint16(nonce[1:])); nonce[0] != 2 || n == 0 || 3+n > len(value) {
			continue
		}
		looks++
		mustGive(t, c, "acme", "42", format1(t, static, nonce, value), value)
	}
	nonce := fresh(t, 12)
	copy(nonce, []byte{2, 0, 100}) // whether or not chance gave one
	mustGive(t, c, "acme", "42", format1(t, static, nonce, value), value)
	c.MinFormat = 2
	mustNotGive(t, c, "acme", "42", format1(t, static, nonce, value), "a static key's value where format 2 is the oldest")
	if n := own.calls.Load(); n != 0 {
		t.Errorf("of %d values that look like format 2 the keeper was asked %d times", looks+1, n)
	}
}

// TestLegacyValuesThatLookSealed: a random nonce may be our header.
func TestLegacyValuesThatLookSealed(t *testing.T) {
	static := fresh(t, 32)
	c := column(t, false)
	c.Legacy = legacyReader(t, newValueKeys(t), static)
	unknown := format1(t, static, append(envelope.Header(77), fresh(t, 4)...), plain)
	known := format1(t, static, append(envelope.Header(1), fresh(t, 4)...), plain)
	mustGive(t, c, "acme", "42", unknown, plain)
	// One in 2^64: it is taken for ours, and an error, never another value.
	mustNotGive(t, c, "acme", "42", known, "a legacy value with the header of a key that is here")
	unknown[20] ^= 1
	mustNotGive(t, c, "acme", "42", unknown, "a changed legacy value with a header")
	unknown[20] ^= 1
	c.MinFormat = 2
	mustNotGive(t, c, "acme", "42", unknown, "a legacy value with a header, behind the fence")
}

func TestAValuesKeyIsAskedForOnce(t *testing.T) {
	own := newValueKeys(t)
	l := legacyReader(t, own)
	raw := own.format2(t, plain)
	for range 5 {
		if got, err := l.Open(t.Context(), nil, raw); err != nil || string(got) != plain {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
	if n := own.calls.Load(); n != 1 {
		t.Errorf("the keeper was called %d times", n)
	}
	for range 1100 { // more than are remembered
		if _, err := l.Open(t.Context(), nil, own.format2(t, plain)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := l.Open(t.Context(), nil, raw); err != nil || string(got) != plain {
		t.Errorf("a forgotten key: %d bytes, %v", len(got), err)
	}
}

// TestALegacyOutageIsNoCorruption: whoever reads "corrupt" reaches for a
// backup, and a job would put the row aside.
func TestALegacyOutageIsNoCorruption(t *testing.T) {
	own := newValueKeys(t)
	raw := own.format2(t, plain)
	own.down = errors.New("no route to host")
	c := column(t, false)
	c.Legacy = legacyReader(t, own)
	_, err := c.Open(t.Context(), "acme", "42", raw)
	if pawl.CodeOf(err) != pawl.CodeStore || pawl.HintOf(err) == "" || !errors.Is(err, own.down) {
		t.Errorf("code %q: %v", pawl.CodeOf(err), err)
	}
	own.down = nil
	mustGive(t, c, "acme", "42", raw, plain)
}

func TestLegacyKeysHaveTheSizesOfAES(t *testing.T) {
	for n := range 40 {
		l, err := envelope.NewLegacy([][]byte{make([]byte, n)}, nil)
		if fits := n == 16 || n == 24 || n == 32; fits != (err == nil) || fits != (l != nil) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// TestImplausibleLengthsNeverReachTheKeeper: who begins with 0x02 says how long
// its wrapped key is, and a value must be behind it.
func TestImplausibleLengthsNeverReachTheKeeper(t *testing.T) {
	own := newValueKeys(t)
	l := legacyReader(t, own, fresh(t, 32))
	const size = 100
	open := func(n int) int64 {
		before := own.calls.Load()
		stored := append(binary.BigEndian.AppendUint16([]byte{2}, uint16(n)), make([]byte, size)...)
		if got, err := l.Open(t.Context(), nil, stored); !errors.Is(err, envelope.ErrLegacy) || got != nil {
			t.Errorf("a wrapped key of %d bytes: %d bytes, %v", n, len(got), err)
		}
		return own.calls.Load() - before
	}
	for n, want := range map[int]int64{0: 0, 1: 1, size - 28: 1, size - 27: 0, size: 0, 65535: 0} {
		if got := open(n); got != want {
			t.Errorf("for a wrapped key of %d bytes in %d the keeper is asked %d times, want %d", n, size, got, want)
		}
	}
}
