package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
)

// minScrub is the shortest value that is looked for: shorter ones occur in
// ordinary text by chance.
const minScrub = 6

// Scrubber replaces values, and the forms in which they travel, by
// "[secret]". It is safe for concurrent use. A nil Scrubber changes nothing.
type Scrubber struct {
	replacer *strings.Replacer
}

// NewScrubber makes a scrubber of some values. Those shorter than six bytes
// are left out.
func NewScrubber(values ...Value) *Scrubber {
	var pairs []string
	for _, v := range values {
		_ = v.Use(func(b []byte) error { // a destroyed value cannot leak
			pairs = append(pairs, forms(b)...)
			return nil
		})
	}
	if len(pairs) == 0 {
		return nil
	}
	return &Scrubber{replacer: strings.NewReplacer(pairs...)}
}

// forms gives the value as it is and as encoders write it, with what
// replaces each.
func forms(b []byte) []string {
	if len(b) < minScrub {
		return nil
	}
	text := string(b)
	pairs := []string{text, "[secret]"}
	list := quoted(text)
	for _, q := range list { // a document that stands quoted in an error
		list = append(list, quoted(q)...)
	}
	list = append(list, url.QueryEscape(text), url.PathEscape(text), hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)))
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		list = append(list, e.EncodeToString(b))
		for shift := range 3 {
			list = append(list, inside(e, b, shift))
		}
	}
	for _, form := range list {
		if form != text {
			pairs = append(pairs, form, "[secret]")
		}
	}
	return pairs
}

// quoted gives a text as it stands between the quotes of JSON, with and
// without the escapes that make it safe in HTML, and of Go.
func quoted(text string) []string {
	safe, _ := json.Marshal(text) // a string always has a JSON form
	var plain strings.Builder
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // as above
	list := []string{string(safe), strings.TrimSuffix(plain.String(), "\n"), strconv.Quote(text), strconv.QuoteToASCII(text)}
	for i, s := range list {
		list[i] = s[1 : len(s)-1]
	}
	return list
}

// inside gives the characters of a base64 text that a value alone decides when
// it stands shift bytes behind a group of three, as a password does in the
// header of basic authentication.
func inside(e *base64.Encoding, b []byte, shift int) string {
	whole := e.EncodeToString(append(make([]byte, shift, shift+len(b)), b...))
	first := (shift*8 + 5) / 6 // the characters before have bits of what stands before
	last := (shift + len(b)) * 8 / 6
	return whole[first:last]
}

// Scrub replaces every value in s.
func (s *Scrubber) Scrub(text string) string {
	if s == nil || text == "" {
		return text
	}
	return s.replacer.Replace(text)
}
