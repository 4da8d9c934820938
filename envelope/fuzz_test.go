package envelope_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// FuzzColumnOpen gives columns of both kinds whatever bytes and rows, before
// and behind the fence. What opens was sealed here; behind the fence it is the
// very value of the row.
func FuzzColumnOpen(f *testing.F) {
	static, own := fresh(f, 32), newValueKeys(f)
	binary, text := column(f, false), column(f, true)
	text.Rings = binary.Rings
	for _, c := range []*envelope.Column{binary, text} {
		c.Legacy = legacyReader(f, own, static)
	}
	known := map[bool][]byte{false: put(f, binary, "acme", "42", plain), true: put(f, text, "acme", "42", plain)}
	one, two := format1(f, static, nil, "of format 1"), own.format2(f, "of format 2")
	for _, seed := range [][]byte{known[false], known[true], one, two, known[false][8:], []byte(base64.StdEncoding.EncodeToString(one)), []byte(hex.EncodeToString(two)), []byte("pwl3:"), {2, 0xff, 0xff}, nil} {
		f.Add(seed, "42", true, 0)
		f.Add(seed, "43", false, 3)
	}
	f.Fuzz(func(t *testing.T, stored []byte, row string, isText bool, min int) {
		c := *binary
		if isText {
			c = *text
		}
		c.MinFormat = min
		before := bytes.Clone(stored)
		got, err := c.Open(t.Context(), "acme", row, stored)
		if !bytes.Equal(before, stored) {
			t.Error("opening changed its input")
		}
		its := bytes.Equal(stored, known[isText]) && row == "42" && min <= envelope.Format
		switch {
		case err != nil && (its || got != nil || pawl.CodeOf(err) != pawl.CodeCorrupt):
			t.Errorf("the row's own value: %t; %d bytes, %v", its, len(got), err)
		case err == nil && its && string(got) != plain:
			t.Errorf("another value of %d bytes came back", len(got))
		case err == nil && !its && min >= envelope.Format:
			t.Errorf("a value of %d bytes opens behind the fence", len(got))
		case err == nil && !its && string(got) != "of format 1" && string(got) != "of format 2":
			t.Errorf("a value of %d bytes opens that nobody sealed", len(got))
		}
	})
}

// FuzzLegacyOpen gives the reader of legacy values whatever bytes.
func FuzzLegacyOpen(f *testing.F) {
	static, own := fresh(f, 32), newValueKeys(f)
	l := legacyReader(f, own, static)
	sealed := map[string]bool{"of format 1": true, "of format 2": true}
	for _, raw := range [][]byte{format1(f, static, nil, "of format 1"), own.format2(f, "of format 2")} {
		f.Add(raw)
		f.Add(raw[:len(raw)-1])
		for _, text := range texts(raw) {
			f.Add([]byte(text))
		}
	}
	f.Add([]byte{2, 0, 0})
	f.Add(append([]byte{2, 0, 1}, make([]byte, 29)...))
	f.Fuzz(func(t *testing.T, stored []byte) {
		before, calls := bytes.Clone(stored), own.calls.Load()
		got, err := l.Open(t.Context(), []byte("before"), stored)
		if !bytes.Equal(before, stored) {
			t.Error("opening changed its input")
		}
		if err == nil && !sealed[string(bytes.TrimPrefix(got, []byte("before")))] {
			t.Errorf("a value of %d bytes opens that nobody sealed", len(got))
		}
		if err != nil && (!errors.Is(err, envelope.ErrLegacy) || got != nil) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if n := own.calls.Load() - calls; n > 1 { // two readings of one value never both begin with 0x02
			t.Errorf("the keeper was asked %d times for one value", n)
		}
	})
}

// FuzzParseText holds that a sealed value has one text, and that what is not
// one is told apart.
func FuzzParseText(f *testing.F) {
	s := seal(f, testRing(f), plain, place)
	f.Add(envelope.AppendText(nil, s), []byte("before"))
	f.Add(append(envelope.AppendText(nil, s), '\n'), []byte(nil))
	f.Add(append(envelope.AppendText(nil, s), '='), []byte(nil))
	f.Add([]byte("pwl3:"), []byte(nil))
	f.Add([]byte("PWL3:AAAA"), []byte(nil))
	f.Add([]byte(s), []byte(nil))
	f.Fuzz(func(t *testing.T, text, dst []byte) {
		got, ok := envelope.ParseText(bytes.Clone(dst), text)
		if !ok {
			if got != nil {
				t.Errorf("%d bytes come with a refusal", len(got))
			}
		} else if sealed, found := bytes.CutPrefix(got, dst); !found || !bytes.Equal(envelope.AppendText(nil, sealed), text) {
			t.Errorf("the text of what was parsed is another")
		} else if _, ok := envelope.KeyOf(sealed); !ok {
			t.Error("what was parsed is no sealed value")
		}
		raw := append(envelope.Header(1), make([]byte, 40)...)
		raw = append(raw, text...)
		back, ok := envelope.ParseText(bytes.Clone(dst), envelope.AppendText(nil, raw))
		if !ok || !bytes.Equal(back, append(bytes.Clone(dst), raw...)) {
			t.Errorf("%d bytes as text come back as %d: %t", len(raw), len(back)-len(dst), ok)
		}
	})
}
