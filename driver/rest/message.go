package rest

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"

	"github.com/pawlhq/pawl/secret"
)

// maxMessage bounds what is taken of a vendor's message, in characters.
const maxMessage = 200

// telling is how many bytes of a value in a row give it away. Vendors quote
// the beginning of what they refuse.
const telling = 12

// message finds the short text by which vendors explain a failure, without
// the values that were sent. A body that is not such JSON gives nothing.
func message(body []byte, sent []secret.Value) string {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '{' {
		return ""
	}
	var m struct{ Message, Error, Detail, Errors any }
	if json.Unmarshal(body, &m) != nil {
		return ""
	}
	for _, v := range []any{m.Message, m.Error, m.Detail, m.Errors} {
		if s := textOf(v); s != "" {
			return clean(s, sent)
		}
	}
	return ""
}

// textOf finds a text as it is, in "message", or in the first item.
func textOf(v any) string {
	if list, ok := v.([]any); ok && len(list) > 0 {
		v = list[0]
	}
	if m, ok := v.(map[string]any); ok {
		v = m["message"]
	}
	s, _ := v.(string)
	return s
}

// clean scrubs a text, then makes it one short printable line. In this order:
// a value that was cut or folded would no longer be found.
func clean(s string, sent []secret.Value) string {
	if s == "" {
		return ""
	}
	if len(sent) > 0 {
		s = secret.NewScrubber(sent...).Scrub(s)
		for _, v := range sent {
			if quotes(s, v) {
				return "the vendor's message is left out: it quotes a value"
			}
		}
	}
	s = strings.Join(strings.Fields(strings.Map(printable, s)), " ")
	if r := []rune(s); len(r) > maxMessage {
		s = string(r[:maxMessage]) + "…"
	}
	return s
}

func printable(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case unicode.IsPrint(r):
		return r
	default:
		return -1 // it could steer a terminal
	}
}

// quotes reports whether a part of a value stands in s.
func quotes(s string, v secret.Value) bool {
	found := false
	_ = v.Use(func(b []byte) error { // a destroyed value cannot be quoted
		for i := 0; i+telling <= len(b) && !found; i++ {
			found = strings.Contains(s, string(b[i:i+telling]))
		}
		return nil
	})
	return found
}
