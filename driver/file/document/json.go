package document

import (
	"bytes"
	"encoding/json"
	"regexp"
)

// maxDepth bounds the nesting of a document, far above what people write.
const maxDepth = 500

// jsonSyntax is RFC 8259 as encoding/json reads it.
type jsonSyntax struct{}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// parse reads the whole body as one value. An empty body is an empty document.
func (jsonSyntax) parse(body []byte) ([]*node, error) {
	s := &jsonScanner{body: body}
	s.space()
	if s.pos == len(body) {
		return []*node{{kind: blank}}, nil
	}
	root, err := s.value(0)
	if err != nil {
		return nil, err
	}
	s.space()
	if s.pos < len(body) {
		return nil, invalid(s.pos, "there is more after the end of the JSON value")
	}
	return []*node{root}, nil
}

// jsonScanner reads values and notes where they stand.
type jsonScanner struct {
	body []byte
	pos  int
}

func (s *jsonScanner) peek() byte {
	if s.pos < len(s.body) {
		return s.body[s.pos]
	}
	return 0
}

func (s *jsonScanner) space() {
	for s.pos < len(s.body) && bytes.IndexByte([]byte(" \t\r\n"), s.body[s.pos]) >= 0 {
		s.pos++
	}
}

func (s *jsonScanner) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, invalid(s.pos, "it is nested too deeply")
	}
	n := &node{start: s.pos}
	var err error
	switch s.peek() {
	case '{':
		n.kind, n.flow = mapping, true
		err = s.members(n, depth)
	case '[':
		n.kind, n.flow = list, true
		err = s.elements(n, depth)
	case '"':
		n.value, err = s.text()
		n.quote = `"`
	default:
		err = s.word(n)
	}
	n.end = s.pos
	return n, err
}

// word reads a number, a truth value or null.
func (s *jsonScanner) word(n *node) error {
	end := s.pos
	for end < len(s.body) && bytes.IndexByte([]byte(" \t\r\n,:[]{}\""), s.body[end]) < 0 {
		end++
	}
	n.value = string(s.body[s.pos:end])
	if n.literal = jsonType(n.value); n.literal == "" {
		return invalid(s.pos, "a JSON value is expected here")
	}
	s.pos = end
	return nil
}

// jsonType gives the type of an unquoted word, or "".
func jsonType(word string) string {
	switch {
	case word == "true" || word == "false":
		return "bool"
	case word == "null":
		return "null"
	case jsonNumber.MatchString(word):
		return "number"
	}
	return ""
}

// text reads a string and leaves the escapes to encoding/json.
func (s *jsonScanner) text() (string, error) {
	start := s.pos
	for s.pos++; s.pos < len(s.body); s.pos++ {
		switch c := s.body[s.pos]; {
		case c == '\\':
			s.pos++
		case c < 0x20:
			return "", invalid(s.pos, "a control character stands in a string")
		case c == '"':
			s.pos++
			var text string
			if json.Unmarshal(s.body[start:s.pos], &text) != nil {
				return "", invalid(start, "a string has a wrong escape")
			}
			return text, nil
		}
	}
	s.pos = len(s.body)
	return "", invalid(start, "a string has no closing quote")
}

func (s *jsonScanner) members(n *node, depth int) error {
	return s.bracketed(n, '}', func() (entry, error) {
		e := entry{start: s.pos}
		if s.peek() != '"' {
			return e, invalid(s.pos, "a key in double quotes is expected here")
		}
		var err error
		if e.key, err = s.text(); err != nil {
			return e, err
		}
		if s.space(); s.peek() != ':' {
			return e, invalid(s.pos, "a colon is expected here")
		}
		s.pos++
		s.space()
		e.value, err = s.value(depth + 1)
		return e, err
	})
}

func (s *jsonScanner) elements(n *node, depth int) error {
	return s.bracketed(n, ']', func() (entry, error) {
		e := entry{start: s.pos}
		var err error
		e.value, err = s.value(depth + 1)
		return e, err
	})
}

// bracketed reads what stands between brackets, with commas between.
func (s *jsonScanner) bracketed(n *node, end byte, next func() (entry, error)) error {
	s.pos++
	if s.space(); s.peek() == end {
		s.pos++
		return nil
	}
	for {
		s.space()
		e, err := next()
		if err != nil {
			return err
		}
		n.entries = append(n.entries, e)
		n.items = append(n.items, span{e.start, s.pos})
		s.space()
		c := s.peek()
		s.pos++
		if c == end {
			return nil
		}
		if c != ',' {
			return invalid(s.pos-1, "a comma or a closing bracket is expected here")
		}
	}
}

func (jsonSyntax) rewrite(_ []byte, p place, value string) []edit {
	n := p.node
	text := jsonQuote(value)
	if (n.literal == "number" || n.literal == "bool") && jsonType(value) == n.literal {
		text = value
	}
	if n.kind == blank {
		return nil // the root itself, which no path names
	}
	return []edit{{n.start, n.end, text}}
}

// jsonQuote writes a string with the fewest escapes that JSON allows.
func jsonQuote(value string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		return `""` // a string always encodes; a wrong text would fail the check
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func (jsonSyntax) insert(body []byte, p place, value string) []edit {
	l := layoutOf(body)
	if p.parent().kind == blank {
		return []edit{{0, len(body), l.object(p.missing, value, "") + l.eol}}
	}
	return []edit{flowInsert(body, p.parent(), func(indent string) string {
		return jsonQuote(p.missing[0]) + colonLike(body, p.parent()) + l.object(p.missing[1:], value, indent)
	})}
}

func (jsonSyntax) remove(body []byte, p place) []edit { return flowRemove(body, p) }

// object writes value under keys, one object in another.
func (l layout) object(keys []string, value, indent string) string {
	if len(keys) == 0 {
		return jsonQuote(value)
	}
	if !l.lines {
		return "{" + jsonQuote(keys[0]) + l.colon + l.object(keys[1:], value, "") + "}"
	}
	return "{" + l.eol + indent + l.unit + jsonQuote(keys[0]) + ": " +
		l.object(keys[1:], value, indent+l.unit) + l.eol + indent + "}"
}
