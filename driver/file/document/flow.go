package document

import (
	"bytes"
	"strings"
)

// layout is how a document is laid out, as far as adding to it needs to know.
type layout struct {
	eol   string // "\n" or "\r\n"
	unit  string // one level of indentation
	colon string // between key and value where nothing better is known
	lines bool   // the document is written over several lines
}

func layoutOf(body []byte) layout {
	l := layout{eol: eolOf(body), unit: "  ", colon: ": ", lines: len(body) == 0}
	if at := bytes.IndexByte(body, '\n'); at >= 0 && len(bytes.TrimSpace(body[at:])) > 0 {
		l.lines = true
	}
	for line := range bytes.Lines(body) {
		if indent := indentOf(line); indent != "" && len(bytes.TrimSpace(line)) > 0 {
			l.unit = indent
			break
		}
	}
	if !l.lines && bytes.Contains(body, []byte(`":`)) && !bytes.Contains(body, []byte(`": `)) {
		l.colon = ":"
	}
	return l
}

// eolOf gives the line ending that the document's first line has.
func eolOf(body []byte) string {
	if at := bytes.IndexByte(body, '\n'); at > 0 && body[at-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

func indentOf(line []byte) string {
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// lineStart gives the offset of the line that at stands on.
func lineStart(body []byte, at int) int { return bytes.LastIndexByte(body[:at], '\n') + 1 }

// lineEnd gives the offset of the line break that ends the line at stands on.
func lineEnd(body []byte, at int) int {
	end := bytes.IndexByte(body[at:], '\n')
	if end < 0 {
		return len(body)
	}
	end += at
	if end > at && body[end-1] == '\r' {
		end--
	}
	return end
}

// nextLine gives the offset after the line that at stands on.
func nextLine(body []byte, at int) int {
	if end := bytes.IndexByte(body[at:], '\n'); end >= 0 {
		return at + end + 1
	}
	return len(body)
}

// cutLines removes whole lines. The last line of a document without a final
// line break takes the break before it along, so that none is left over.
func cutLines(body []byte, start, end int) edit {
	if end == len(body) && start > 0 && !bytes.HasSuffix(body, []byte("\n")) {
		start--
		if start > 0 && body[start-1] == '\r' {
			start--
		}
	}
	return edit{start: start, end: end}
}

// appendLine adds a line at the end, with or without a final line break as
// the document has it.
func appendLine(body []byte, line string) edit {
	end, eol := len(body), eolOf(body)
	if end == 0 || bytes.HasSuffix(body, []byte("\n")) {
		return edit{end, end, line + eol}
	}
	return edit{end, end, eol + line}
}

// flowInsert adds a field at the end of an object between brackets, in the
// manner of the last one. write gives the field's text for an indentation.
func flowInsert(body []byte, parent *node, write func(indent string) string) edit {
	if len(parent.items) == 0 {
		return flowFirst(body, parent, write)
	}
	last := len(parent.items) - 1
	at := parent.items[last].end
	from := parent.start + 1
	if last > 0 {
		from = parent.items[last-1].end
	}
	gap := gapLike(body[from:parent.items[last].start], last == 0 && bytes.Contains(body[parent.start:at], []byte(`: `)))
	return edit{at, at, "," + gap + write(strings.TrimLeft(gap, "\r\n"))}
}

// gapLike gives the white space to put after a comma.
func gapLike(between []byte, airy bool) string {
	if at := bytes.LastIndexByte(between, '\n'); at >= 0 {
		if at > 0 && between[at-1] == '\r' {
			at--
		}
		between = between[at:]
	}
	gap := string(bytes.TrimLeft(between, ","))
	if strings.Trim(gap, " \t\r\n") != "" || (gap == "" && airy) {
		return " "
	}
	return gap
}

// flowFirst adds the first field to an empty object.
func flowFirst(body []byte, parent *node, write func(indent string) string) edit {
	l := layoutOf(body)
	at := parent.start + 1
	inside := body[at : parent.end-1]
	if !l.lines && !bytes.Contains(inside, []byte("\n")) {
		return edit{at, at, write("")}
	}
	outer := indentOf(body[lineStart(body, parent.start):parent.start])
	text := l.eol + outer + l.unit + write(outer+l.unit)
	if !bytes.Contains(inside, []byte("\n")) {
		text += l.eol + outer
	}
	return edit{at, at, text}
}

// colonLike gives what stands between the last key of an object and its value.
func colonLike(body []byte, parent *node) string {
	for i := len(parent.entries) - 1; i >= 0; i-- {
		e := parent.entries[i]
		key := bytes.TrimRight(body[e.start:e.value.start], " \t")
		if bytes.HasSuffix(key, []byte(":")) {
			key = bytes.TrimRight(key[:len(key)-1], " \t")
			return string(body[e.start+len(key) : e.value.start])
		}
	}
	return layoutOf(body).colon
}

// flowRemove takes a field out of an object between brackets, with one comma.
func flowRemove(body []byte, p place) []edit {
	parent, e := p.parent(), p.entry()
	i := -1
	for j, item := range parent.items {
		if item.start == e.start && item.end == e.value.end {
			i = j
		}
	}
	if i < 0 {
		return nil
	}
	cut := parent.cut(i)
	rest := string(body[cut.start:e.start]) + string(body[e.value.end:cut.end])
	if strings.Trim(rest, ", \t\r\n") != "" {
		return nil // a comment would go along
	}
	return []edit{{start: cut.start, end: cut.end}}
}

// cut gives what goes when item i goes.
func (n *node) cut(i int) span {
	switch {
	case len(n.items) == 1:
		return span{n.start + 1, n.end - 1}
	case i > 0:
		return span{n.items[i-1].end, n.items[i].end}
	}
	return span{n.items[0].start, n.items[1].start}
}
