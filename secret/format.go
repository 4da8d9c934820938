package secret

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"regexp/syntax"
	"strings"
)

// Format is the rules that a generated or pasted value must obey. The zero
// Format means 32 random bytes as unpadded base64url when a value is
// generated, and any value when one is checked.
type Format struct {
	Encoding   string   `json:"encoding,omitempty"`   // base64url (default), base64, hex, alphabet
	Bytes      int      `json:"bytes,omitempty"`      // random bytes behind an encoding; default 32
	Length     int      `json:"length,omitempty"`     // characters of an alphabet value; default 32
	Alphabet   string   `json:"alphabet,omitempty"`   // alnum, lower, digits, urlsafe, ascii, or the characters themselves
	Prefix     string   `json:"prefix,omitempty"`     // before the random part
	Suffix     string   `json:"suffix,omitempty"`     // after it
	Require    []string `json:"require,omitempty"`    // classes of which at least one character must appear: lower, upper, digit, symbol
	Forbid     string   `json:"forbid,omitempty"`     // characters that must not appear
	MinLength  int      `json:"min_length,omitempty"` // of the whole value, in bytes
	MaxLength  int      `json:"max_length,omitempty"` // of the whole value, in bytes
	Pattern    string   `json:"pattern,omitempty"`    // RE2 that the whole value must match
	SingleLine bool     `json:"single_line,omitempty"`
	PEM        string   `json:"pem,omitempty"` // the value must be a PEM block of this type
}

// minEntropy is the least entropy of a generated value, in bits.
const minEntropy = 64

// generateTries bounds how often a value is drawn until the rules are obeyed.
const generateTries = 1000

const (
	lowerSet  = "abcdefghijklmnopqrstuvwxyz"
	upperSet  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digitSet  = "0123456789"
	symbolSet = "!#$%&()*+,-./:;<=>?@[]^_{|}~"
)

var alphabets = map[string]string{
	"":        lowerSet + upperSet + digitSet,
	"alnum":   lowerSet + upperSet + digitSet,
	"lower":   lowerSet,
	"digits":  digitSet,
	"urlsafe": lowerSet + upperSet + digitSet + "-_",
	"ascii":   lowerSet + upperSet + digitSet + symbolSet,
}

var classes = map[string]string{"lower": lowerSet, "upper": upperSet, "digit": digitSet, "symbol": symbolSet}

// alphabet gives the characters to draw from, without those forbidden.
func (f Format) alphabet() string {
	set, ok := alphabets[f.Alphabet]
	if !ok {
		set = f.Alphabet
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(f.Forbid, r) {
			return -1
		}
		return r
	}, set)
}

// Validate finds rules that contradict each other, before anything runs.
func (f Format) Validate() error {
	if err := compiles(f.Pattern); err != nil {
		return err
	}
	if f.MaxLength > 0 && f.MinLength > f.MaxLength {
		return fmt.Errorf("min_length %d is more than max_length %d", f.MinLength, f.MaxLength)
	}
	for _, c := range f.Require {
		if classes[c] == "" {
			return fmt.Errorf("require: %q is not one of lower, upper, digit, symbol", c)
		}
	}
	if i := strings.IndexAny(f.Prefix+f.Suffix, f.Forbid); f.Forbid != "" && i >= 0 {
		return fmt.Errorf("prefix or suffix has a forbidden character")
	}
	if f.PEM != "" { // never generated here, only checked
		return nil
	}
	return f.validateRandom()
}

// validateRandom checks what can be generated: its entropy and its length.
func (f Format) validateRandom() error {
	bits, length, err := f.size()
	if err != nil {
		return err
	}
	if bits < minEntropy {
		return fmt.Errorf("a generated value would have %.0f bits of entropy; at least %d are needed", bits, minEntropy)
	}
	length += len(f.Prefix) + len(f.Suffix)
	if f.MaxLength > 0 && length > f.MaxLength {
		return fmt.Errorf("a generated value would have %d characters and max_length is %d", length, f.MaxLength)
	}
	if length < f.MinLength {
		return fmt.Errorf("a generated value would have %d characters and min_length is %d", length, f.MinLength)
	}
	return nil
}

// size gives the entropy in bits and the length of the random part.
func (f Format) size() (float64, int, error) {
	n := f.bytes()
	switch f.Encoding {
	case "", "base64url":
		return float64(8 * n), base64.RawURLEncoding.EncodedLen(n), nil
	case "base64":
		return float64(8 * n), base64.StdEncoding.EncodedLen(n), nil
	case "hex":
		return float64(8 * n), hex.EncodedLen(n), nil
	case "alphabet":
		set := f.alphabet()
		if len(set) < 2 {
			return 0, 0, fmt.Errorf("alphabet: fewer than two characters are left")
		}
		if len(set) != len([]rune(set)) || len(set) > 256 {
			return 0, 0, fmt.Errorf("alphabet: characters must be ASCII")
		}
		return float64(f.length()) * math.Log2(float64(len(set))), f.length(), nil
	default:
		return 0, 0, fmt.Errorf("encoding %q is not one of base64url, base64, hex, alphabet", f.Encoding)
	}
}

func (f Format) bytes() int {
	if f.Bytes > 0 {
		return f.Bytes
	}
	return 32
}

func (f Format) length() int {
	if f.Length > 0 {
		return f.Length
	}
	return 32
}

// Generate draws a value that obeys every rule. r is crypto/rand when nil. It
// fails when the rules contradict each other, or are so narrow that a
// thousand draws do not meet them.
func (f Format) Generate(r io.Reader) (Value, error) {
	if r == nil {
		r = rand.Reader
	}
	if f.PEM != "" {
		return Value{}, fmt.Errorf("a PEM value cannot be generated here")
	}
	if err := f.Validate(); err != nil {
		return Value{}, err
	}
	for range generateTries {
		b, err := f.draw(r)
		if err != nil {
			return Value{}, err
		}
		v := New(b)
		if f.Check(v) == nil {
			return v, nil
		}
	}
	return Value{}, fmt.Errorf("no value was found that obeys every rule; relax require, forbid or pattern")
}

func (f Format) draw(r io.Reader) ([]byte, error) {
	if f.Encoding == "alphabet" {
		return f.drawAlphabet(r)
	}
	raw := make([]byte, f.bytes())
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, fmt.Errorf("draw random bytes: %w", err)
	}
	defer clear(raw)
	out := []byte(f.Prefix)
	switch f.Encoding {
	case "hex":
		out = hex.AppendEncode(out, raw)
	case "base64":
		out = base64.StdEncoding.AppendEncode(out, raw)
	default:
		out = base64.RawURLEncoding.AppendEncode(out, raw)
	}
	return append(out, f.Suffix...), nil
}

// drawAlphabet draws uniformly: bytes beyond the largest multiple of the
// alphabet's size are drawn again.
func (f Format) drawAlphabet(r io.Reader) ([]byte, error) {
	set := f.alphabet()
	limit := 256 - 256%len(set)
	out := []byte(f.Prefix)
	var one [1]byte
	for n := 0; n < f.length(); {
		if _, err := io.ReadFull(r, one[:]); err != nil {
			return nil, fmt.Errorf("draw random bytes: %w", err)
		}
		if int(one[0]) < limit {
			out = append(out, set[int(one[0])%len(set)])
			n++
		}
	}
	return append(out, f.Suffix...), nil
}

// Check reports the first rule that a value breaks. The error names the rule,
// never the value.
func (f Format) Check(v Value) error {
	return v.Use(func(b []byte) error {
		s := string(b)
		for _, rule := range []struct {
			broken bool
			text   string
		}{
			{f.MinLength > 0 && len(b) < f.MinLength, fmt.Sprintf("it is shorter than min_length %d", f.MinLength)},
			{f.MaxLength > 0 && len(b) > f.MaxLength, fmt.Sprintf("it is longer than max_length %d", f.MaxLength)},
			{!strings.HasPrefix(s, f.Prefix), fmt.Sprintf("it does not begin with %q", f.Prefix)},
			{!strings.HasSuffix(s, f.Suffix), fmt.Sprintf("it does not end with %q", f.Suffix)},
			{f.Forbid != "" && strings.ContainsAny(s, f.Forbid), "it has a forbidden character"},
			{f.SingleLine && strings.ContainsAny(s, "\r\n"), "it has more than one line"},
			{f.PEM != "" && !isPEM(b, f.PEM), fmt.Sprintf("it is not a PEM block of type %q", f.PEM)},
			{!f.classed(s), fmt.Sprintf("it lacks one of the classes %v", f.Require)},
			{!f.matches(s), "it does not match the pattern"},
		} {
			if rule.broken {
				return fmt.Errorf("the value breaks the estate's rules: %s", rule.text)
			}
		}
		return nil
	})
}

func (f Format) classed(s string) bool {
	for _, c := range f.Require {
		if !strings.ContainsAny(s, classes[c]) {
			return false
		}
	}
	return true
}

func (f Format) matches(s string) bool {
	if f.Pattern == "" {
		return true
	}
	re, err := regexp.Compile(`\A(?:` + f.Pattern + `)\z`)
	return err == nil && re.MatchString(s)
}

// compiles says what is wrong with a pattern without repeating it: an example
// of the value may have been pasted for it.
func compiles(pattern string) error {
	_, err := regexp.Compile(pattern)
	var bad *syntax.Error
	if errors.As(err, &bad) {
		return fmt.Errorf("pattern: %s", bad.Code)
	}
	return err
}

func isPEM(b []byte, kind string) bool {
	block, rest := pem.Decode(b)
	return block != nil && block.Type == kind && len(strings.TrimSpace(string(rest))) == 0
}
