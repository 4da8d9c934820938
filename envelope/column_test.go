package envelope_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// column is a column of a table under one fresh key.
func column(t testing.TB, text bool) *envelope.Column {
	t.Helper()
	return &envelope.Column{Rings: testRing(t), Table: "orgs", Name: "database_url", Text: text}
}

func put(t testing.TB, c *envelope.Column, scope, row, value string) []byte {
	t.Helper()
	s, err := c.Seal(t.Context(), scope, row, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mustGive fails unless a row's value opens as wanted.
func mustGive(t testing.TB, c *envelope.Column, scope, row string, stored []byte, want string) {
	t.Helper()
	got, err := c.Open(t.Context(), scope, row, stored)
	if err != nil || string(got) != want || got == nil {
		t.Errorf("a value of %d bytes opens as %d bytes (nil: %t), %v", len(want), len(got), got == nil, err)
	}
}

// mustNotGive fails unless opening is CodeCorrupt, with a hint and no value.
func mustNotGive(t testing.TB, c *envelope.Column, scope, row string, stored []byte, what string) {
	t.Helper()
	got, err := c.Open(t.Context(), scope, row, stored)
	if err == nil || got != nil {
		t.Errorf("%s: it opens, or %d bytes come with the error", what, len(got))
		return
	}
	if pawl.CodeOf(err) != pawl.CodeCorrupt || pawl.HintOf(err) == "" || strings.Contains(err.Error(), plain) {
		t.Errorf("%s: code %q, hint %q: %v", what, pawl.CodeOf(err), pawl.HintOf(err), err)
	}
}

// both runs a test for a column of bytes and one of text.
func both(t *testing.T, f func(t *testing.T, c *envelope.Column)) {
	for _, text := range []bool{false, true} {
		t.Run(fmt.Sprintf("text=%t", text), func(t *testing.T) { f(t, column(t, text)) })
	}
}

func TestColumnOpensWhatItSealed(t *testing.T) {
	both(t, func(t *testing.T, c *envelope.Column) {
		for _, n := range []int{0, 1, 2, 3, 100, 70000} {
			value := strings.Repeat("v", n)
			s := put(t, c, "acme", "42", value)
			if text := strings.HasPrefix(string(s), "pwl3:"); text != c.Text {
				t.Errorf("a value of %d bytes: text %t", n, text)
			}
			mustGive(t, c, "acme", "42", s, value)
			mustGive(t, c, "acme", "", put(t, c, "acme", "", value), value)
		}
	})
}

// TestColumnRefusesTamperedValues flips each bit, cuts at each byte and moves
// the value to every other place, with a reader of legacy values beside it.
func TestColumnRefusesTamperedValues(t *testing.T) {
	both(t, func(t *testing.T, c *envelope.Column) {
		c.Legacy = legacyReader(t, nil, fresh(t, 32))
		s := put(t, c, "acme", "42", plain)
		for i := range len(s) * 8 {
			changed := bytes.Clone(s)
			changed[i/8] ^= 1 << (i % 8)
			mustNotGive(t, c, "acme", "42", changed, fmt.Sprintf("bit %d of byte %d", i%8, i/8))
		}
		for n := range len(s) {
			mustNotGive(t, c, "acme", "42", s[:n], fmt.Sprintf("the first %d bytes", n))
			mustNotGive(t, c, "acme", "42", s[n+1:], fmt.Sprintf("without the first %d bytes", n+1))
			mustNotGive(t, c, "acme", "42", slices.Delete(bytes.Clone(s), n, n+1), fmt.Sprintf("without byte %d", n))
		}
		for _, more := range []string{"\x00", "A", "=", "\n", "\r\n", " ", string(s)} {
			mustNotGive(t, c, "acme", "42", append(bytes.Clone(s), more...), fmt.Sprintf("%q behind it", more[:1]))
			mustNotGive(t, c, "acme", "42", slices.Concat(s[:20], []byte(more), s[20:]), fmt.Sprintf("%q within it", more[:1]))
		}
		mustGive(t, c, "acme", "42", s, plain)
	})
}

func TestColumnRefusesValuesOfOtherPlaces(t *testing.T) {
	both(t, func(t *testing.T, c *envelope.Column) {
		c.Legacy = legacyReader(t, nil, fresh(t, 32))
		s := put(t, c, "acme", "42", plain)
		table, name, stranger := *c, *c, *c
		table.Table, name.Name, stranger.Rings = "users", "redis_url", testRing(t)
		mustNotGive(t, c, "acme", "43", s, "another row")
		mustNotGive(t, c, "acme", "", s, "no row")
		mustNotGive(t, c, "globex", "42", s, "another scope")
		mustNotGive(t, &table, "acme", "42", s, "another table")
		mustNotGive(t, &name, "acme", "42", s, "another column")
		mustNotGive(t, &stranger, "acme", "42", s, "another key of the same id")
		mustNotGive(t, c, "acme", "42", put(t, c, "acme", "", plain), "a value that is bound to no row")
	})
}

// TestColumnRefusesDowngradedValues makes a sealed value look older: without
// its header, with another format in it, and as format 2.
func TestColumnRefusesDowngradedValues(t *testing.T) {
	both(t, func(t *testing.T, c *envelope.Column) {
		static := fresh(t, 32)
		c.Legacy = legacyReader(t, &valueKeys{}, static)
		binary := column(t, false)
		binary.Rings = c.Rings
		s := put(t, binary, "acme", "42", plain)
		older := map[string][]byte{
			"without the header":           s[8:],
			"without header and salt":      s[20:],
			"format 2":                     slices.Concat(s[:3], []byte{2}, s[4:]),
			"format 4":                     slices.Concat(s[:3], []byte{4}, s[4:]),
			"as a value with its own key":  slices.Concat([]byte{2, 0, 20}, s),
			"the ciphertext under no key":  s[32:],
			"in the column's other form":   envelope.AppendText(nil, s),
			"as text without its prefix":   []byte(base64.RawURLEncoding.EncodeToString(s)),
			"as text with an older prefix": []byte("pwl2:" + base64.RawURLEncoding.EncodeToString(s)),
		}
		if c.Text {
			older["in the column's other form"] = s
		}
		for what, stored := range older {
			mustNotGive(t, c, "acme", "42", stored, what)
		}
	})
}

// TestOneKeyForBothFormatsKeepsThemApart: nobody should have a key in the ring
// that reads format 1 as well. Who does still gets no value for another.
func TestOneKeyForBothFormatsKeepsThemApart(t *testing.T) {
	raw := fresh(t, 32)
	ring, err := envelope.DirectRing(raw)
	if err != nil {
		t.Fatal(err)
	}
	c := &envelope.Column{Rings: ring, Table: "orgs", Name: "database_url", Legacy: legacyReader(t, nil, raw)}
	s := put(t, c, "acme", "42", plain)
	mustNotGive(t, c, "acme", "42", s[8:], "a sealed value without its header")
	mustNotGive(t, c, "acme", "42", s[20:], "a sealed value without header and salt")
	mustNotGive(t, c, "acme", "42", slices.Concat(envelope.Header(ring.Primary()), make([]byte, 12), format1(t, raw, nil, plain)), "a legacy value with a header before it")
}

func TestTheFenceStopsLegacyValues(t *testing.T) {
	static, own := fresh(t, 32), newValueKeys(t)
	first := format1(t, static, nil, plain)
	second := own.format2(t, plain)
	both(t, func(t *testing.T, c *envelope.Column) {
		c.Legacy = legacyReader(t, own, static)
		for _, step := range []struct {
			min               int
			one, two, sealed3 bool
		}{{0, true, true, true}, {1, true, true, true}, {2, false, true, true}, {3, false, false, true}, {4, false, false, false}} {
			c.MinFormat = step.min
			for what, v := range map[string]struct {
				stored []byte
				opens  bool
			}{
				"format 1":         {first, step.one},
				"format 1 as text": {[]byte(base64.StdEncoding.EncodeToString(first)), step.one},
				"format 2":         {second, step.two},
				"format 2 as text": {[]byte(base64.StdEncoding.EncodeToString(second)), step.two},
				"format 3":         {put(t, c, "acme", "42", plain), step.sealed3},
			} {
				if v.opens {
					mustGive(t, c, "acme", "42", v.stored, plain)
				} else {
					mustNotGive(t, c, "acme", "42", v.stored, fmt.Sprintf("%s where the oldest is %d", what, step.min))
				}
			}
		}
	})
}

// TestUntilTheFenceALegacyValueMoves is why there is a fence.
func TestUntilTheFenceALegacyValueMoves(t *testing.T) {
	static := fresh(t, 32)
	c := column(t, false)
	c.Legacy = legacyReader(t, nil, static)
	others := format1(t, static, nil, "of row 7")
	mustGive(t, c, "acme", "42", others, "of row 7")
	c.MinFormat = envelope.Format
	mustNotGive(t, c, "acme", "42", others, "another row's legacy value behind the fence")
}

func TestEmptyIsNoSealedValue(t *testing.T) {
	both(t, func(t *testing.T, c *envelope.Column) {
		c.Legacy = legacyReader(t, nil, fresh(t, 32))
		mustNotGive(t, c, "acme", "42", nil, "NULL")
		mustNotGive(t, c, "acme", "42", []byte{}, "an empty value")
	})
}

func TestAColumnThatBindsNothingIsRefused(t *testing.T) {
	for _, c := range []*envelope.Column{{Rings: testRing(t), Name: "c"}, {Rings: testRing(t), Table: "t"}} {
		s, err := c.Seal(context.Background(), "acme", "42", []byte(plain))
		if s != nil || pawl.CodeOf(err) != pawl.CodeInvalid || pawl.HintOf(err) == "" {
			t.Errorf("%q.%q: %d bytes, %v", c.Table, c.Name, len(s), err)
		}
	}
}

func TestRowKeysAreUnambiguous(t *testing.T) {
	keys := [][]string{{"a", "b"}, {"ab", ""}, {"", "ab"}, {"a", "", "b"}, {"ab"}, {"a"}, {"", ""}, {"a", "b", ""}}
	seen := map[string][]string{}
	for _, parts := range keys {
		k := envelope.RowKey(parts...)
		if other, twice := seen[k]; twice {
			t.Errorf("%q and %q have the key %q", parts, other, k)
		}
		seen[k] = parts
	}
	if got := envelope.RowKey("42"); got != "42" {
		t.Errorf("one column's key is %q", got)
	}
	if got := envelope.RowKey("é", "7"); got != "\x00\x00\x00\x02é\x00\x00\x00\x017" {
		t.Errorf("two columns' key is %q", got)
	}
}
