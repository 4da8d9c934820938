package document

import (
	"bytes"
	"strings"
)

func (yamlSyntax) rewrite(body []byte, p place, value string) []edit {
	n, parent := p.node, p.parent()
	if yamlBare(n.literal, value) {
		return []edit{{n.start, n.end, value}, {n.start, n.end, yamlDouble(value)}}
	}
	spot := yamlSpot{flow: n.flow, indent: max(parent.indent, 0) + len(yamlUnit(body)), eol: eolOf(body)}
	if n.block != nil && n.block.indent > 0 {
		spot.indent, spot.digit = n.block.indent, n.block.digit
	}
	quote := n.quote
	if n.kind == blank {
		quote = yamlLike(parent)
	}
	var edits []edit
	for _, t := range spot.ways(quote, value) {
		if e, ok := t.replace(body, n, spot.eol); ok {
			edits = append(edits, e)
		}
	}
	return edits
}

// replace puts t in the place of n.
func (t yamlText) replace(body []byte, n *node, eol string) (edit, bool) {
	if n.block != nil {
		rest := strings.TrimRight(string(body[n.block.head:n.block.content]), "\r\n")
		broken := n.end < len(body) || bytes.HasSuffix(body, []byte("\n"))
		return edit{n.start, n.end, t.around(rest, eol, broken)}, true
	}
	if n.kind == blank && n.start > 0 && !yamlBlank(body, n.start-1) {
		t.inline = " " + t.inline
	}
	if t.lines == "" {
		return edit{n.start, n.end, t.inline}, true
	}
	end := lineEnd(body, n.end)
	rest := string(body[n.end:end])
	if s := strings.TrimLeft(rest, " \t"); s != "" && (s[0] != '#' || s == rest) {
		return edit{}, false
	}
	return edit{n.start, nextLine(body, n.end), t.around(rest, eol, end < len(body))}, true
}

// around writes t with what follows it on its first line, which is blank or a
// comment. broken says that the last line ends in a line break.
func (t yamlText) around(rest, eol string, broken bool) string {
	text := t.inline + rest
	if t.lines != "" {
		text += eol + t.lines
	}
	if broken || t.final {
		text += eol
	}
	return text
}

// yamlUnit gives one level of indentation.
func yamlUnit(body []byte) string {
	unit := layoutOf(body).unit
	if strings.Trim(unit, " ") != "" || len(unit) > 8 {
		return "  "
	}
	return unit
}

// yamlLike gives how the last text of a container is quoted.
func yamlLike(parent *node) string {
	for i := len(parent.entries) - 1; i >= 0; i-- {
		n := parent.entries[i].value
		if n.kind == scalar && n.literal == "" && (n.quote == `"` || n.quote == `'` || n.quote == "") {
			return n.quote
		}
	}
	return ""
}

func (yamlSyntax) insert(body []byte, p place, value string) []edit {
	parent := p.parent()
	switch {
	case parent.kind == blank && parent != p.root:
		return yamlFill(body, p, value)
	case parent.kind == mapping && parent.flow:
		return yamlFlow(body, p, value)
	}
	at, indent := parent.start, 0
	if parent.kind == mapping {
		at, indent = parent.end, parent.indent
		if at > 0 && body[at-1] != '\n' {
			at = nextLine(body, at)
		}
	}
	return yamlFields(body, at, indent, yamlLike(parent), p.missing, value)
}

// yamlFill writes the first field below a key without a value.
func yamlFill(body []byte, p place, value string) []edit {
	parent := p.parent()
	above := p.trail[len(p.trail)-2]
	if above.flow {
		return nil
	}
	indent := max(above.indent, 0) + len(yamlUnit(body))
	return yamlFields(body, nextLine(body, parent.end), indent, yamlLike(above), p.missing, value)
}

// yamlFields writes a field, and the parents that it lacks, on lines of their
// own at a line start or at the end of the document.
func yamlFields(body []byte, at, indent int, quote string, keys []string, value string) []edit {
	eol, unit := eolOf(body), len(yamlUnit(body))
	var head strings.Builder
	for i, key := range keys {
		if i > 0 {
			head.WriteString(eol)
			indent += unit
		}
		head.WriteString(strings.Repeat(" ", indent) + yamlKey(key, false) + ":")
	}
	open := at == len(body) && at > 0 && body[at-1] != '\n'
	spot := yamlSpot{indent: indent + unit, eol: eol}
	var edits []edit
	for _, t := range spot.ways(quote, value) {
		t.inline = head.String() + " " + t.inline
		text := t.around("", eol, !open)
		if open {
			text = eol + text
		}
		edits = append(edits, edit{at, at, text})
	}
	return edits
}

func yamlKey(key string, quoted bool) string {
	if !quoted && yamlPlain(key, true) && !strings.Contains(key, " ") {
		return key
	}
	return yamlDouble(key)
}

// yamlFlow adds a field to a mapping between braces.
func yamlFlow(body []byte, p place, value string) []edit {
	parent := p.parent()
	if parent.start >= len(body) || body[parent.start] != '{' {
		return nil // a pair in a list, [a: b], cannot hold a second one
	}
	quoted := false
	if n := len(parent.entries); n > 0 {
		quoted = body[parent.entries[n-1].start] == '"'
	}
	colon := colonLike(body, parent)
	if strings.TrimSpace(colon) != ":" || !quoted || strings.ContainsAny(colon, "\r\n") {
		colon = ": "
	}
	var edits []edit
	for _, t := range (yamlSpot{flow: true}).ways(yamlLike(parent), value) {
		text := yamlKey(p.missing[0], quoted) + colon
		for _, key := range p.missing[1:] {
			text += "{" + yamlKey(key, quoted) + colon
		}
		text += t.inline + strings.Repeat("}", len(p.missing)-1)
		if len(parent.items) == 0 {
			edits = append(edits, edit{parent.start + 1, parent.start + 1, text})
			continue
		}
		edits = append(edits, flowInsert(body, parent, func(string) string { return text }))
	}
	return edits
}

func (yamlSyntax) remove(body []byte, p place) []edit {
	parent, e := p.parent(), p.entry()
	if parent.flow {
		return flowRemove(body, p)
	}
	start := lineStart(body, e.start)
	if strings.Trim(string(body[start:e.start]), " ") == "" {
		end := e.value.end
		if body[end-1] != '\n' {
			end = nextLine(body, end)
		}
		return []edit{cutLines(body, start, end)}
	}
	if next := p.position() + 1; next < len(parent.entries) { // behind a dash, which stays
		return []edit{{start: e.start, end: parent.entries[next].start}}
	}
	if len(parent.entries) == 1 {
		return []edit{{start: e.start, end: e.value.end}}
	}
	return nil
}
