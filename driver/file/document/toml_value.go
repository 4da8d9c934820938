package document

import (
	"bytes"
	"regexp"
)

var (
	tomlInt   = regexp.MustCompile(`^([+-]?(0|[1-9](_?[0-9])*)|0x[0-9A-Fa-f](_?[0-9A-Fa-f])*|0o[0-7](_?[0-7])*|0b[01](_?[01])*)$`)
	tomlFloat = regexp.MustCompile(`^[+-]?((0|[1-9](_?[0-9])*)(\.[0-9](_?[0-9])*)?([eE][+-]?[0-9](_?[0-9])*)?|inf|nan)$`)
	tomlDate  = regexp.MustCompile(`^(\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?)?|\d\d:\d\d:\d\d(\.\d+)?)$`)
	tomlDay   = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:`)
)

// tomlType gives the type of an unquoted word, or "".
func tomlType(word string) string {
	switch {
	case word == "true" || word == "false":
		return "bool"
	case tomlInt.MatchString(word):
		return "number"
	case tomlFloat.MatchString(word):
		return "float"
	case tomlDate.MatchString(word):
		return "date"
	}
	return ""
}

func (s *tomlScanner) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, invalid(s.pos, "it is nested too deeply")
	}
	n := &node{start: s.pos}
	var err error
	switch s.peek() {
	case '"', '\'':
		err = s.text(n)
	case '[':
		n.kind, n.flow = list, true
		err = s.array(n, depth)
	case '{':
		n.kind, n.flow = mapping, true
		n.table = &tomlTable{origin: inlineTable}
		err = s.inline(n, depth)
	default:
		err = s.word(n)
	}
	n.end = s.pos
	return n, err
}

// word reads a number, a truth value or a date.
func (s *tomlScanner) word(n *node) error {
	end := s.pos
	if tomlDay.Match(s.body[end:]) {
		end += len("2006-01-02 ") // its blank does not end the word
	}
	for end < len(s.body) && bytes.IndexByte([]byte(" \t\r\n,]}#="), s.body[end]) < 0 {
		end++
	}
	n.value = string(s.body[s.pos:end])
	if n.literal = tomlType(n.value); n.literal == "" {
		return invalid(s.pos, "a TOML value is expected here")
	}
	s.pos = end
	return nil
}

func (s *tomlScanner) array(n *node, depth int) error {
	s.pos++
	for {
		if err := s.space(); err != nil {
			return err
		}
		if s.peek() == ']' {
			s.pos++
			return nil
		}
		e := entry{start: s.pos}
		var err error
		if e.value, err = s.value(depth + 1); err != nil {
			return err
		}
		n.entries = append(n.entries, e)
		if err := s.space(); err != nil {
			return err
		}
		if s.peek() == ',' {
			s.pos++
		} else if s.peek() != ']' {
			return invalid(s.pos, "a comma or a closing bracket is expected here")
		}
	}
}

// inline reads a table between braces, which stands on one line.
func (s *tomlScanner) inline(n *node, depth int) error {
	s.pos++
	if s.blanks(); s.peek() == '}' {
		s.pos++
		return nil
	}
	for {
		s.blanks()
		start := s.pos
		if err := s.pair(n, depth); err != nil {
			return err
		}
		n.items = append(n.items, span{start, s.pos})
		s.blanks()
		c := s.peek()
		s.pos++
		if c == '}' {
			return nil
		}
		if c != ',' {
			return invalid(s.pos-1, "a comma or a closing brace is expected here")
		}
	}
}

// pair reads a key, an equals sign and a value into a table.
func (s *tomlScanner) pair(table *node, depth int) error {
	start := s.pos
	keys, err := s.key()
	if err != nil {
		return err
	}
	if s.blanks(); s.peek() != '=' {
		return invalid(s.pos, "an equals sign is expected here")
	}
	s.pos++
	s.blanks()
	value, err := s.value(depth + 1)
	if err != nil {
		return err
	}
	return table.assign(keys, start, value)
}
