package document

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// propertiesSyntax follows java.util.Properties.load: # and ! start comment
// lines; a line that ends in an odd number of backslashes goes on in the next;
// a key ends at the first = or : or blank; \t \n \r \f and \uXXXX are escapes
// and any other backslash drops out. Text is written as ASCII, with \u escapes,
// because some readers take the file for Latin-1 and some for UTF-8.
type propertiesSyntax struct{}

func (propertiesSyntax) parse(body []byte) ([]*node, error) {
	root := &node{kind: mapping, end: len(body)}
	for at := 0; at < len(body); {
		start := at + len(body[at:]) - len(bytes.TrimLeft(body[at:], " \t\f"))
		if start == len(body) {
			break
		}
		switch body[start] {
		case '\r', '\n':
			at = start + 1
			continue
		case '#', '!':
			at = start + 1 + breakIn(body[start+1:])
			continue
		}
		end := logicalEnd(body, start)
		e, err := propertiesEntry(body, at, start, end)
		if err != nil {
			return nil, err
		}
		root.entries = append(root.entries, e)
		at = end
	}
	return []*node{root}, nil
}

// breakIn gives the offset of the first line break, or the length.
func breakIn(b []byte) int {
	if i := bytes.IndexAny(b, "\r\n"); i >= 0 {
		return i
	}
	return len(b)
}

// logicalEnd gives where the logical line that starts at at ends, before its
// line break.
func logicalEnd(body []byte, at int) int {
	for at < len(body) && body[at] != '\r' && body[at] != '\n' {
		if body[at] == '\\' {
			at += continuation(body, at)
			continue
		}
		at++
	}
	return min(at, len(body))
}

// continuation gives the length of a backslash and what it escapes; a line
// break goes with the blanks that follow it.
func continuation(body []byte, at int) int {
	if at+1 >= len(body) {
		return 1
	}
	if c := body[at+1]; c != '\r' && c != '\n' {
		_, size := utf8.DecodeRune(body[at+1:])
		return 1 + size
	}
	n := 2
	if bytes.HasPrefix(body[at+1:], []byte("\r\n")) {
		n++
	}
	rest := body[at+n:]
	return n + len(rest) - len(bytes.TrimLeft(rest, " \t\f"))
}

// propertiesEntry reads the logical line body[start:end]; at is where its
// first natural line starts.
func propertiesEntry(body []byte, at, start, end int) (entry, error) {
	keyEnd := start
	for keyEnd < end && strings.IndexByte("=: \t\f", body[keyEnd]) < 0 {
		if body[keyEnd] == '\\' {
			keyEnd += continuation(body, keyEnd) - 1
		}
		keyEnd++
	}
	valueAt := skipBlanks(body, keyEnd, end)
	if valueAt < end && (body[valueAt] == '=' || body[valueAt] == ':') {
		valueAt = skipBlanks(body, valueAt+1, end)
	}
	key, err := propertiesDecode(body, start, keyEnd)
	if err != nil {
		return entry{}, err
	}
	value, err := propertiesDecode(body, valueAt, end)
	n := &node{start: valueAt, end: end, value: value, indent: keyEnd}
	return entry{key: key, start: at, value: n}, err
}

// skipBlanks passes blanks, and line breaks that a backslash hides.
func skipBlanks(body []byte, at, end int) int {
	for at < end {
		switch {
		case body[at] == ' ' || body[at] == '\t' || body[at] == '\f':
			at++
		case body[at] == '\\' && at+1 < end && (body[at+1] == '\r' || body[at+1] == '\n'):
			at += continuation(body, at)
		default:
			return at
		}
	}
	return end
}

// propertiesDecode resolves escapes and continuations. Halves of a surrogate
// pair are joined; a half alone becomes U+FFFD.
func propertiesDecode(body []byte, start, end int) (string, error) {
	var units []uint16
	for at := start; at < end; {
		if body[at] != '\\' {
			next := at + 1
			for next < end && body[next] != '\\' {
				next++
			}
			units = append(units, utf16.Encode([]rune(string(body[at:next])))...)
			at = next
			continue
		}
		if at+1 < end && body[at+1] == 'u' {
			unit, err := hexUnit(body, at, end)
			if err != nil {
				return "", err
			}
			units = append(units, unit)
			at += 6
			continue
		}
		size := continuation(body[:end], at)
		units = append(units, utf16.Encode([]rune(unescaped(body[at:at+size])))...)
		at += size
	}
	return string(utf16.Decode(units)), nil
}

func hexUnit(body []byte, at, end int) (uint16, error) {
	if at+6 <= end {
		if unit, err := strconv.ParseUint(string(body[at+2:at+6]), 16, 16); err == nil {
			return uint16(unit), nil
		}
	}
	return 0, invalid(at, "four hexadecimal digits are expected after a \\u")
}

// unescaped gives what a backslash and the character after it stand for.
func unescaped(escape []byte) string {
	if len(escape) == 1 {
		return ""
	}
	switch escape[1] {
	case '\r', '\n':
		return ""
	case 't':
		return "\t"
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 'f':
		return "\f"
	}
	return string(escape[1:])
}

func (propertiesSyntax) rewrite(body []byte, p place, value string) []edit {
	n := p.node
	old := body[n.start:n.end]
	join := ""
	if at := bytes.IndexAny(old, "\r\n"); at >= 0 {
		join = "\\" + string(old[at:at+continuation(old, at-1)-1])
	}
	text := propertiesEscape(value, join)
	if n.start == n.indent { // a key alone, or ended by nothing
		text = "=" + text
	}
	return []edit{{n.start, n.end, text}, {n.start, n.end, propertiesEscape(value, "")}}
}

// propertiesEscape writes a value. join is what goes between its lines, after
// the \n escape; empty keeps it on one line.
func propertiesEscape(value, join string) string {
	var b strings.Builder
	first := true // of a line; a reader would skip a blank there
	for i, r := range value {
		if (first && r == ' ') || (i == 0 && (r == '=' || r == ':')) {
			b.WriteByte('\\')
		}
		b.WriteString(propertiesRune(r))
		first = r == '\n' && join != "" && i < len(value)-1
		if first {
			b.WriteString(join)
		}
	}
	return b.String()
}

func propertiesRune(r rune) string {
	switch r {
	case '\\':
		return `\\`
	case '\t':
		return `\t`
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\f':
		return `\f`
	}
	if r >= ' ' && r < 0x7f {
		return string(r)
	}
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune{r}) {
		fmt.Fprintf(&b, `\u%04X`, unit)
	}
	return b.String()
}

func (propertiesSyntax) insert(body []byte, p place, value string) []edit {
	separator := "="
	if n := len(p.parent().entries); n > 0 {
		last := p.parent().entries[n-1].value
		if s := string(body[last.indent:last.start]); s != "" && !strings.ContainsAny(s, "\\") {
			separator = s
		}
	}
	return []edit{appendLine(body, propertiesKey(p.missing[0])+separator+propertiesEscape(value, ""))}
}

func propertiesKey(key string) string {
	var b strings.Builder
	for i, r := range key {
		if strings.ContainsRune("=: ", r) || (i == 0 && strings.ContainsRune("#!", r)) {
			b.WriteByte('\\')
		}
		b.WriteString(propertiesRune(r))
	}
	return b.String()
}

func (propertiesSyntax) remove(body []byte, p place) []edit {
	e := p.entry()
	return []edit{cutLines(body, e.start, nextLine(body, e.value.end))}
}
