package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
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
	quoted, _ := json.Marshal(text) // a string always has a JSON form
	for _, form := range []string{strings.Trim(string(quoted), `"`), url.QueryEscape(text), url.PathEscape(text),
		base64.RawStdEncoding.EncodeToString(b), base64.RawURLEncoding.EncodeToString(b), hex.EncodeToString(b)} {
		if form != text {
			pairs = append(pairs, form, "[secret]")
		}
	}
	return pairs
}

// Scrub replaces every value in s.
func (s *Scrubber) Scrub(text string) string {
	if s == nil || text == "" {
		return text
	}
	return s.replacer.Replace(text)
}
