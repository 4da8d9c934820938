package secret

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"unicode"
	"unicode/utf8"
)

// Form is what the values of one issuer look like. It tells a value that was
// cut short, or that is another vendor's, from one that can be right; whether
// it is right only the issuer can say. The zero Form is any value. It is data,
// because it is pinned with the plan.
type Form struct {
	Looks     string `json:"looks"`               // for people: "begins with re_"
	Pattern   string `json:"pattern"`             // RE2 that the whole value matches
	Macaroons int    `json:"macaroons,omitempty"` // so many macaroons at least, each of them whole; see [wholeMacaroon]
}

// Check says why a value cannot be one of the issuer's, and never repeats it.
func (f Form) Check(v Value) error {
	if f.Pattern == "" {
		return nil
	}
	re, err := regexp.Compile(`\A(?:` + f.Pattern + `)\z`)
	if err != nil {
		return fmt.Errorf("the form of the issuer's values: %w", compiles(f.Pattern))
	}
	return v.Use(func(b []byte) error {
		if !re.Match(b) {
			return fmt.Errorf("it does not look like what the issuer makes, which %s", f.Looks)
		}
		return f.whole(b)
	})
}

// whole counts the macaroons of a value and holds that none was cut short.
func (f Form) whole(b []byte) error {
	if f.Macaroons == 0 {
		return nil
	}
	if _, rest, found := bytes.Cut(b, []byte(" ")); found { // the scheme of a whole header
		b = rest
	}
	tokens := bytes.Split(b, []byte(","))
	if len(tokens) < f.Macaroons {
		return fmt.Errorf("it has %d of at least %d macaroons, which are written one behind the other with a comma: it was cut short", len(tokens), f.Macaroons)
	}
	for i, token := range tokens {
		_, text, _ := bytes.Cut(token, []byte("_"))
		if !wholeMacaroon(text) {
			return fmt.Errorf("its macaroon %d of %d is not whole: it was cut short", i+1, len(tokens))
		}
	}
	return nil
}

// Pasted says why a value that came through a person's hands cannot be used,
// and never repeats it: it is empty, brought white space or line breaks along,
// breaks the estate's rules, or is none of the issuer's. A pattern of the
// estate takes the place of the issuer's form, should that ever change.
func Pasted(v Value, rules Format, form Form) error {
	if err := v.Use(func(b []byte) error { return clean(b, rules) }); err != nil {
		return err
	}
	if err := rules.Check(v); err != nil || rules.Pattern != "" {
		return err
	}
	return form.Check(v)
}

// clean finds what a clipboard or a terminal adds to a value.
func clean(b []byte, rules Format) error {
	framed := bytes.HasPrefix(b, []byte("-----BEGIN"))
	lines := framed || rules.PEM != "" || rules.Pattern != "" || bytes.HasPrefix(b, []byte("{")) || bytes.HasPrefix(b, []byte("["))
	switch {
	case len(b) == 0:
		return errors.New("it is empty")
	case !framed && len(trim(b)) != len(b):
		return errors.New("it begins or ends with white space")
	case !lines && bytes.ContainsAny(b, "\r\n"):
		return errors.New("it has a line break in it, and is neither a PEM block nor JSON; a value of several lines needs format.pattern, such as (?s).+")
	case utf8.Valid(b) && bytes.ContainsFunc(b, func(r rune) bool { return unseen(r) && !(lines && (r == '\r' || r == '\n' || r == '\t')) }):
		return errors.New("it has a character in it that cannot be seen, as copying from a page may add")
	default:
		return nil
	}
}

func trim(b []byte) []byte {
	if !utf8.Valid(b) { // bytes, not text
		return bytes.TrimSpace(b)
	}
	return bytes.TrimFunc(b, func(r rune) bool { return unicode.IsSpace(r) || unseen(r) })
}

// unseen reports control and format characters: a terminal's escapes, marks of
// the byte order, spaces without width.
func unseen(r rune) bool { return unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r) }
