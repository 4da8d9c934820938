package document

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// yamlBlock is what a block scalar needs beside its span.
type yamlBlock struct {
	head    int    // where the indicators end
	content int    // where the first content line starts
	indent  int    // of the content, in columns
	digit   string // an explicit indentation indicator
}

// yamlBreak gives the length of the line break at at, 0 when there is none.
// The parser breaks lines at the YAML 1.1 characters.
func yamlBreak(body []byte, at int) int {
	switch c := body[at]; {
	case c == '\n':
		return 1
	case c == '\r' && at+1 < len(body) && body[at+1] == '\n':
		return 2
	case c == '\r':
		return 1
	case c < 0x80:
		return 0
	}
	switch r, size := utf8.DecodeRune(body[at:]); r {
	case '\u0085', '\u2028', '\u2029':
		return size
	}
	return 0
}

// yamlBlank tells whether a blank or a line break is at at.
func yamlBlank(body []byte, at int) bool {
	return body[at] == ' ' || body[at] == '\t' || yamlBreak(body, at) > 0
}

// yamlWidth gives the length of the character at at.
func yamlWidth(body []byte, at int) int {
	if at >= len(body) {
		return 0
	}
	_, size := utf8.DecodeRune(body[at:])
	return size
}

// yamlLines gives the offsets of all line starts.
func yamlLines(body []byte) []int {
	lines := []int{0}
	for at := 0; at < len(body); {
		if n := yamlBreak(body, at); n > 0 {
			at += n
			lines = append(lines, at)
			continue
		}
		at++
	}
	return lines
}

func yamlLineStart(body []byte, at int) int {
	for at > 0 {
		_, size := utf8.DecodeLastRune(body[:at])
		if yamlBreak(body, at-size) > 0 {
			return at
		}
		at -= size
	}
	return 0
}

// scalar fills in a scalar that stands in a container.
func (r *yamlReader) scalar(n *node, y *yaml.Node, in *node) error {
	n.value = y.Value
	if y.Style&yaml.TaggedStyle != 0 && y.Tag != "!!str" {
		n.shared = "it has an explicit type tag, so it is more than text"
	}
	indent := -1
	if in != nil {
		indent = in.indent
	}
	switch {
	case y.Style&yaml.DoubleQuotedStyle != 0:
		n.quote, n.end = `"`, r.endQuoted(n.start)
	case y.Style&yaml.SingleQuotedStyle != 0:
		n.quote, n.end = `'`, r.endQuoted(n.start)
	case y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		n.quote = "|"
		if y.Style&yaml.FoldedStyle != 0 {
			n.quote = ">"
		}
		r.endBlock(n, indent)
	case y.Value == "":
		n.kind, n.end = blank, n.start
		return nil
	default:
		n.literal = strings.TrimPrefix(strings.TrimPrefix(y.Tag, "!!"), "str")
		n.end = r.endPlain(n.start, indent, n.flow)
	}
	return r.verify(n)
}

// verify refuses a span that does not hold just the value: one too long could
// swallow a comment, which no comparison of values would show.
func (r *yamlReader) verify(n *node) error {
	unsure := &fault{at: n.start, kind: ErrUnsafe, why: "the end of this value was not found"}
	if n.end < 0 || n.end > len(r.body) {
		return unsure
	}
	text := string(r.body[n.start:n.end])
	if n.block != nil {
		text = string(r.body[n.block.content:n.end])
	} else if n.quote != "" {
		return nil // its quotes end it
	}
	if !equalWords(text, n.value) {
		return unsure
	}
	return nil
}

// equalWords compares without regard to white space.
func equalWords(a, b string) bool {
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	return words(a) == words(b)
}

// endQuoted gives the end of a quoted scalar, -1 when there is none.
func (r *yamlReader) endQuoted(start int) int {
	if start >= len(r.body) || (r.body[start] != '"' && r.body[start] != '\'') {
		return -1
	}
	quote := r.body[start]
	for at := start + 1; at < len(r.body); at++ {
		switch {
		case quote == '"' && r.body[at] == '\\':
			at++
		case r.body[at] == quote && quote == '\'' && at+1 < len(r.body) && r.body[at+1] == quote:
			at++
		case r.body[at] == quote:
			return at + 1
		}
	}
	return -1
}

// endPlain gives the end of a plain scalar in a container with that indent.
func (r *yamlReader) endPlain(start, indent int, flow bool) int {
	end := start
	for at := start; at < len(r.body); {
		for at < len(r.body) && !yamlBlank(r.body, at) && !r.endsPlain(at, flow) {
			at += yamlWidth(r.body, at)
			end = at
		}
		if at >= len(r.body) || !yamlBlank(r.body, at) {
			return end
		}
		broken := false
		for at < len(r.body) && yamlBlank(r.body, at) {
			n := yamlBreak(r.body, at)
			broken = broken || n > 0
			at += max(1, n)
		}
		if at >= len(r.body) || r.body[at] == '#' {
			return end
		}
		if broken && (r.marker(at) || (!flow && r.column(at) <= indent)) {
			return end
		}
	}
	return end
}

// endsPlain tells whether an indicator that ends a plain scalar is at at.
func (r *yamlReader) endsPlain(at int, flow bool) bool {
	c := r.body[at]
	if flow && strings.IndexByte(",[]{}", c) >= 0 {
		return true
	}
	if c != ':' {
		return false
	}
	return at+1 == len(r.body) || yamlBlank(r.body, at+1) || (flow && strings.IndexByte(",[]{}", r.body[at+1]) >= 0)
}

// marker tells whether a document marker stands at at.
func (r *yamlReader) marker(at int) bool {
	rest := r.body[at:]
	if yamlLineStart(r.body, at) != at || (!bytes.HasPrefix(rest, []byte("---")) && !bytes.HasPrefix(rest, []byte("..."))) {
		return false
	}
	return len(rest) == 3 || yamlBlank(r.body, at+3)
}

// endBlock finds header, content and end of a block scalar. Blank lines at
// its end belong to it only when its header says keep.
func (r *yamlReader) endBlock(n *node, indent int) {
	b := &yamlBlock{head: n.start + 1}
	keep := false
	for b.head < len(r.body) && strings.IndexByte("+-123456789", r.body[b.head]) >= 0 {
		keep = keep || r.body[b.head] == '+'
		if r.body[b.head] >= '1' && r.body[b.head] <= '9' {
			b.digit = string(r.body[b.head])
			b.indent = max(indent, 0) + int(r.body[b.head]-'0')
		}
		b.head++
	}
	b.content = r.nextLine(b.head)
	n.block, n.end = b, b.content
	for at := b.content; at < len(r.body); at = r.nextLine(at) {
		spaces := len(r.body[at:]) - len(bytes.TrimLeft(r.body[at:], " "))
		last := at+spaces == len(r.body)
		if (last || yamlBreak(r.body, at+spaces) > 0) && (b.indent == 0 || spaces <= b.indent) {
			if keep {
				n.end = r.nextLine(at)
			}
			continue
		}
		if b.indent == 0 {
			b.indent = max(spaces, indent+1)
		}
		if spaces < b.indent {
			break
		}
		n.end = r.nextLine(at)
	}
	if n.end == b.content && b.digit == "" {
		b.indent = 0 // what was measured is the line after it
	}
}

// nextLine gives the offset after the line that at stands on.
func (r *yamlReader) nextLine(at int) int {
	for ; at < len(r.body); at++ {
		if n := yamlBreak(r.body, at); n > 0 {
			return at + n
		}
	}
	return len(r.body)
}
