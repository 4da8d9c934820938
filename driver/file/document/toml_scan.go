package document

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// tomlScanner reads the words of TOML 1.0: blanks, keys and values.
type tomlScanner struct {
	body []byte
	pos  int
}

func (s *tomlScanner) peek() byte {
	if s.pos < len(s.body) {
		return s.body[s.pos]
	}
	return 0
}

func (s *tomlScanner) has(prefix string) bool {
	return bytes.HasPrefix(s.body[s.pos:], []byte(prefix))
}

func (s *tomlScanner) blanks() {
	for s.peek() == ' ' || s.peek() == '\t' {
		s.pos++
	}
}

// comment passes a comment, up to its line break.
func (s *tomlScanner) comment() error {
	if s.peek() != '#' {
		return nil
	}
	end := lineEnd(s.body, s.pos)
	for ; s.pos < end; s.pos++ {
		if c := s.body[s.pos]; (c < 0x20 && c != '\t') || c == 0x7f {
			return invalid(s.pos, "a control character stands in a comment")
		}
	}
	return nil
}

// lineBreak passes one line break and tells whether there was one.
func (s *tomlScanner) lineBreak() bool {
	switch {
	case s.has("\r\n"):
		s.pos += 2
	case s.has("\n"):
		s.pos++
	default:
		return false
	}
	return true
}

// space passes blanks, comments and line breaks.
func (s *tomlScanner) space() error {
	for {
		s.blanks()
		if err := s.comment(); err != nil {
			return err
		}
		if !s.lineBreak() {
			return nil
		}
	}
}

// finishLine wants nothing more on the line but a comment.
func (s *tomlScanner) finishLine() error {
	s.blanks()
	if err := s.comment(); err != nil {
		return err
	}
	if s.pos < len(s.body) && !s.lineBreak() {
		return invalid(s.pos, "the line should end here")
	}
	return nil
}

// key reads a key, with its dots.
func (s *tomlScanner) key() ([]string, error) {
	var parts []string
	for {
		part, err := s.keyPart()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		end := s.pos
		s.blanks()
		if s.peek() != '.' {
			s.pos = end
			return parts, nil
		}
		s.pos++
		s.blanks()
	}
}

func (s *tomlScanner) keyPart() (string, error) {
	start := s.pos
	switch s.peek() {
	case '"', '\'':
		if s.has(`"""`) || s.has(`'''`) {
			return "", invalid(start, "a key cannot be a multi-line string")
		}
		n := &node{}
		err := s.text(n)
		return n.value, err
	}
	for isBareKey(s.peek()) {
		s.pos++
	}
	if s.pos == start {
		return "", invalid(start, "a key is expected here")
	}
	return string(s.body[start:s.pos]), nil
}

func isBareKey(c byte) bool {
	return c == '_' || c == '-' || (c >= '0' && c <= '9') || (c|0x20 >= 'a' && c|0x20 <= 'z')
}

// text reads any of the four kinds of string.
func (s *tomlScanner) text(n *node) error {
	start := s.pos
	n.quote = string(s.peek())
	if triple := strings.Repeat(n.quote, 3); s.has(triple) {
		n.quote = triple
	}
	s.pos += len(n.quote)
	if len(n.quote) == 3 {
		s.lineBreak() // one right after the opening quotes does not count
	}
	var b strings.Builder
	for !s.has(n.quote) {
		if err := s.character(n.quote, &b); err != nil {
			return err
		}
		if s.pos >= len(s.body) {
			return invalid(start, "a string has no closing quote")
		}
	}
	s.pos += len(n.quote)
	for extra := 0; len(n.quote) == 3 && extra < 2 && s.peek() == n.quote[0]; extra++ {
		b.WriteByte(s.peek()) // quotes that touch the closing ones
		s.pos++
	}
	n.value = b.String()
	return nil
}

// character reads one character of a string, or one escape. Line breaks are
// given as \n however they are written.
func (s *tomlScanner) character(quote string, b *strings.Builder) error {
	c := s.peek()
	switch {
	case c == '\\' && quote[0] == '"':
		return s.escape(quote, b)
	case len(quote) == 3 && s.lineBreak():
		b.WriteByte('\n')
		return nil
	case (c < 0x20 && c != '\t') || c == 0x7f:
		return invalid(s.pos, "a control character or a missing quote in a string")
	}
	b.WriteByte(c)
	s.pos++
	return nil
}

func (s *tomlScanner) escape(quote string, b *strings.Builder) error {
	start := s.pos
	s.pos++
	c := s.peek()
	if i := strings.IndexByte(`btnfr"\`, c); i >= 0 && c != 0 {
		b.WriteByte("\b\t\n\f\r\"\\"[i])
		s.pos++
		return nil
	}
	switch {
	case c == 'u':
		return s.codePoint(start, 4, b)
	case c == 'U':
		return s.codePoint(start, 8, b)
	case len(quote) == 3 && s.hiddenBreak():
		return nil
	}
	return invalid(start, "a string has an escape that TOML does not know")
}

func (s *tomlScanner) codePoint(start, digits int, b *strings.Builder) error {
	s.pos++
	if s.pos+digits <= len(s.body) {
		r, err := strconv.ParseUint(string(s.body[s.pos:s.pos+digits]), 16, 32)
		if err == nil && r <= utf8.MaxRune && utf8.ValidRune(rune(r)) {
			b.WriteRune(rune(r))
			s.pos += digits
			return nil
		}
	}
	return invalid(start, "a string has a wrong Unicode escape")
}

// hiddenBreak passes the white space after a backslash at the end of a line.
func (s *tomlScanner) hiddenBreak() bool {
	s.blanks()
	if !s.lineBreak() {
		return false
	}
	for s.blanks(); s.lineBreak(); s.blanks() {
	}
	return true
}
