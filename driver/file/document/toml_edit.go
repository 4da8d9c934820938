package document

import (
	"bytes"
	"fmt"
	"strings"
)

func (tomlSyntax) rewrite(body []byte, p place, value string) []edit {
	n := p.node
	var edits []edit
	for _, text := range tomlWays(body, n, value) {
		edits = append(edits, edit{n.start, n.end, text})
	}
	return edits
}

// tomlWays gives the ways to write a value in the place of another, best
// first.
func tomlWays(body []byte, old *node, value string) []string {
	if old.literal != "" && tomlType(value) == old.literal {
		return []string{value}
	}
	written := body[old.start:old.end]
	open := ""
	if len(old.quote) == 3 {
		open = old.quote
		if at := bytes.IndexByte(written, '\n'); at >= 0 && at <= 4 {
			open += eolOf(body)
		}
	}
	var ways []string
	// Readers differ in what a CR LF inside a multi-line string means, so a
	// value with line breaks is escaped there.
	raw := !strings.Contains(value, "\n") || eolOf(body) == "\n"
	switch {
	case old.quote == `'` && tomlPlain(value) && !strings.ContainsAny(value, "'\n"):
		ways = append(ways, `'`+value+`'`)
	case old.quote == `'''` && raw && tomlPlain(value) && !strings.Contains(value, `'''`):
		ways = append(ways, open+value+`'''`)
	case len(old.quote) == 3 && raw:
		ways = append(ways, strings.ReplaceAll(open, "'", `"`)+tomlEscape(value, true)+`"""`)
	}
	return append(ways, tomlQuote(value))
}

// tomlPlain tells whether a literal string can hold the value.
func tomlPlain(value string) bool {
	for _, r := range value {
		if (r < 0x20 && r != '\t' && r != '\n') || r == 0x7f {
			return false
		}
	}
	return true
}

func tomlQuote(value string) string { return `"` + tomlEscape(value, false) + `"` }

// tomlEscape escapes what a basic string cannot hold.
func tomlEscape(value string, lines bool) string {
	var b strings.Builder
	for _, r := range value {
		switch {
		case r == '\n' && lines:
			b.WriteRune(r)
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// tomlKey writes a key with dots.
func tomlKey(parts []string) string {
	out := make([]string, len(parts))
	for i, part := range parts {
		out[i] = part
		if part == "" || strings.ContainsFunc(part, func(r rune) bool { return r > 0x7f || !isBareKey(byte(r)) }) {
			out[i] = tomlQuote(part)
		}
	}
	return strings.Join(out, ".")
}

func (tomlSyntax) insert(body []byte, p place, value string) []edit {
	parent, t := p.parent(), p.parent().table
	eol := eolOf(body)
	text := tomlLike(body, parent, value)
	line := tomlKey(p.missing) + " = " + text
	switch {
	case t.origin == inlineTable:
		return []edit{tomlInline(body, parent, p.missing, value)}
	case t.origin == dottedTable:
		return tomlDotted(body, p, text)
	case t.origin == impliedTable:
		at := headerStart(body, t.line)
		return []edit{{at, at, "[" + tomlKey(t.path) + "]" + eol + line + eol + eol}}
	case parent == p.root && len(p.missing) > 1:
		return []edit{tomlSection(body, p.missing, text)}
	case parent == p.root && t.last < 0:
		return []edit{tomlFirst(body, p.root, line)}
	}
	return []edit{tomlLine(body, t, line)}
}

// tomlLike writes a new value as the last one of the same table is quoted.
func tomlLike(body []byte, parent *node, value string) string {
	for i := len(parent.entries) - 1; i >= 0; i-- {
		n := parent.entries[i].value
		if n.kind == scalar && n.literal == "" {
			return tomlWays(body, &node{quote: n.quote[:1]}, value)[0]
		}
	}
	return tomlQuote(value)
}

// tomlInline adds to a table between braces.
func tomlInline(body []byte, parent *node, keys []string, value string) edit {
	text := tomlKey(keys[:1]) + " = "
	for _, key := range keys[1:] {
		text += "{" + tomlKey([]string{key}) + " = "
	}
	text += tomlLike(body, parent, value) + strings.Repeat("}", len(keys)-1)
	if last := len(parent.items) - 1; last >= 0 {
		at := parent.items[last].end
		return edit{at, at, ", " + text}
	}
	at := parent.start + 1
	return edit{at, at, text}
}

// tomlDotted adds a line to the section that a dotted table is written in.
func tomlDotted(body []byte, p place, text string) []edit {
	t := p.parent().table
	if t.section.flow {
		return nil // dots between braces: not certain where a comma belongs
	}
	keys := append(append([]string{}, t.prefix...), p.missing...)
	return []edit{tomlLine(body, t.section.table, tomlKey(keys)+" = "+text)}
}

// tomlLine adds a line below the last one of a section.
func tomlLine(body []byte, t *tomlTable, line string) edit {
	model := t.line
	if t.last >= 0 {
		model = t.last
	}
	line = string(body[lineStart(body, model):model]) + line
	if t.next == len(body) && !bytes.HasSuffix(body, []byte("\n")) {
		return edit{t.next, t.next, eolOf(body) + line}
	}
	return edit{t.next, t.next, line + eolOf(body)}
}

// tomlSection adds a table with one field at the end of the document.
func tomlSection(body []byte, keys []string, text string) edit {
	eol := eolOf(body)
	last := len(keys) - 1
	section := "[" + tomlKey(keys[:last]) + "]" + eol + tomlKey(keys[last:]) + " = " + text
	if len(body) == 0 {
		return edit{0, 0, section + eol}
	}
	e := appendLine(body, section)
	e.text = eol + e.text
	return e
}

// tomlFirst adds the first field of the root, above all headers.
func tomlFirst(body []byte, root *node, line string) edit {
	first := len(body)
	for _, e := range root.entries {
		first = min(first, e.start)
	}
	if first == len(body) {
		return appendLine(body, line)
	}
	at := headerStart(body, first)
	return edit{at, at, line + eolOf(body) + eolOf(body)}
}

// headerStart gives where a header's line starts, with the comments above it
// that touch it.
func headerStart(body []byte, header int) int {
	at := lineStart(body, header)
	for at > 0 {
		above := lineStart(body, at-1)
		if !bytes.HasPrefix(bytes.TrimLeft(body[above:at], " \t"), []byte("#")) {
			break
		}
		at = above
	}
	return at
}

func (tomlSyntax) remove(body []byte, p place) []edit {
	parent, e := p.parent(), p.entry()
	if parent.flow {
		return flowRemove(body, p)
	}
	if t := e.value.table; t != nil && !e.value.flow {
		start := lineStart(body, t.line)
		if t.origin != headerTable || e.value.kind != mapping {
			return nil
		}
		if t.next == len(body) && start > 0 { // with the blank line that set it off
			if above := lineStart(body, start-1); len(bytes.TrimSpace(body[above:start])) == 0 {
				start = above
			}
		}
		return []edit{cutLines(body, start, t.next)}
	}
	return []edit{cutLines(body, lineStart(body, e.start), nextLine(body, e.value.end))}
}
