// Package leak finds secret values where they must not be, in the forms in
// which they get out: as they are, in base64, in hexadecimal, escaped for a
// URL or for JSON, and in pieces.
package leak

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
)

// Form is how a value was written where it was found.
type Form string

// The forms.
const (
	Plain  Form = "plain"
	Base64 Form = "base64"
	Hex    Form = "hex"
	URL    Form = "url"
	JSON   Form = "json"
	Piece  Form = "piece"
)

// Shortest is the length in bytes below which a value is not looked for:
// shorter ones are found everywhere by chance.
const Shortest = 8

// pieceLength is how much of a value in a row gives it away. Known beginnings,
// such as a vendor's prefix, and hints, such as a vendor's last four, are
// shorter.
const pieceLength = 20

// Finder looks for a set of values. It is safe for concurrent use.
type Finder struct {
	needles []needle
}

type needle struct {
	form  Form
	bytes []byte
}

// NewFinder makes a Finder of values in all forms. Values shorter than
// Shortest are left out.
func NewFinder(values ...string) *Finder {
	f := &Finder{}
	seen := map[string]bool{}
	for _, v := range values {
		if len(v) < Shortest || seen[v] {
			continue
		}
		seen[v] = true
		f.add(Plain, v)
		f.encoded(v)
		for i := pieceLength / 2; i+pieceLength <= len(v); i += pieceLength / 2 {
			f.add(Piece, v[i:i+pieceLength])
		}
	}
	return f
}

func (f *Finder) add(form Form, s string) {
	f.needles = append(f.needles, needle{form: form, bytes: []byte(s)})
}

func (f *Finder) encoded(v string) {
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := range 3 {
			if s := inside(e, v, shift); len(s) >= Shortest {
				f.add(Base64, s)
			}
		}
	}
	f.add(Hex, hex.EncodeToString([]byte(v)))
	f.add(Hex, strings.ToUpper(hex.EncodeToString([]byte(v))))
	for _, escaped := range []string{url.QueryEscape(v), url.PathEscape(v)} {
		if escaped != v {
			f.add(URL, escaped)
		}
	}
	if b, err := json.Marshal(v); err == nil && string(b[1:len(b)-1]) != v {
		f.add(JSON, string(b[1:len(b)-1]))
	}
}

// inside gives the characters of a base64 text that a value decides when it
// stands shift bytes behind a group of three.
func inside(e *base64.Encoding, v string, shift int) string {
	whole := e.EncodeToString(append(make([]byte, shift), v...))
	first := (shift*8 + 5) / 6 // the characters that hold bits from before
	last := (shift + len(v)) * 8 / 6
	return whole[first:last]
}

// Find gives the form of the first value found in a text, "" when none is
// there.
func (f *Finder) Find(text []byte) Form {
	for i := range f.needles {
		if bytes.Contains(text, f.needles[i].bytes) {
			return f.needles[i].form
		}
	}
	return ""
}
