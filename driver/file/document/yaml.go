package document

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// yamlSyntax takes structure and starting points from the YAML parser and
// finds the ends itself, because the parser does not give them.
type yamlSyntax struct{}

func (yamlSyntax) parse(body []byte) ([]*node, error) {
	documents, err := yamlDocuments(body)
	if err != nil {
		return nil, err
	}
	r := &yamlReader{body: body, lines: yamlLines(body), used: map[*yaml.Node]bool{}, made: map[*yaml.Node]*node{}}
	var roots []*node
	for _, d := range documents {
		r.collect(d)
		root, err := r.node(d.Content[0], nil)
		if err != nil {
			return nil, err
		}
		roots = append(roots, root)
	}
	if len(roots) == 0 {
		roots = []*node{{kind: blank, start: len(body), end: len(body)}}
	}
	return roots, nil
}

// yamlDocuments parses the stream. The parser's words are dropped: they can
// quote the document.
func yamlDocuments(body []byte) ([]*yaml.Node, error) {
	bad := &fault{at: -1, kind: ErrInvalid, why: "it is not valid YAML here"}
	loader, err := yaml.NewLoader(bytes.NewReader(yamlVersion(body)))
	if err != nil {
		return nil, bad
	}
	var documents []*yaml.Node
	for {
		var d yaml.Node
		err := loader.Load(&d)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if failed := (*yaml.LoadError)(nil); errors.As(err, &failed) {
			bad.line, bad.column = failed.Mark.Line, failed.Mark.Column
		}
		if err != nil {
			return nil, bad
		}
		if d.Kind == yaml.DocumentNode && len(d.Content) == 1 {
			documents = append(documents, &d)
		}
	}
}

// yamlVersion gives the body with a first directive for version 1.2 written as
// one for 1.1, the only one that the parser takes; it reads both the same way.
func yamlVersion(body []byte) []byte {
	const version, accepted = "%YAML 1.2", "%YAML 1.1"
	for at := 0; at < len(body); at = nextLine(body, at) {
		line := body[at:lineEnd(body, at)]
		if bytes.HasPrefix(line, []byte(version)) {
			return edit{at, at + len(version), accepted}.apply(body)
		}
		if len(bytes.TrimSpace(line)) > 0 && line[0] != '#' {
			break
		}
	}
	return body
}

// yamlReader turns parser nodes into nodes with spans.
type yamlReader struct {
	body  []byte
	lines []int // where each line starts
	used  map[*yaml.Node]bool
	made  map[*yaml.Node]*node
	last  yamlPosition // what offset found last
}

// yamlPosition is a line and a column, from 1, and their offset.
type yamlPosition struct{ line, column, at int }

// collect notes which nodes an alias points to.
func (r *yamlReader) collect(y *yaml.Node) {
	if y.Kind == yaml.AliasNode {
		r.used[y.Alias] = true
	}
	for _, c := range y.Content {
		r.collect(c)
	}
}

// offset gives where a parser position is in the body. Positions come nearly
// in order, so it goes on from the last one: a document on one line would take
// quadratic time else.
func (r *yamlReader) offset(y *yaml.Node) int {
	if y.Line < 1 || y.Line > len(r.lines) {
		return len(r.body)
	}
	if y.Line != r.last.line || y.Column < r.last.column {
		r.last = yamlPosition{line: y.Line, column: 1, at: r.lines[y.Line-1]}
	}
	for r.last.column < y.Column && r.last.at < len(r.body) {
		r.last.at += yamlWidth(r.body, r.last.at)
		r.last.column++
	}
	return r.last.at
}

// node makes the node of y, which stands in a list or mapping, or nil.
func (r *yamlReader) node(y *yaml.Node, in *node) (*node, error) {
	n := &node{start: r.offset(y), indent: -1}
	r.made[y] = n
	n.flow = in != nil && in.flow
	n.mark = y.Anchor + "\x02" + y.Tag
	if y.Kind == yaml.AliasNode {
		n.kind, n.shared = opaque, "it is an alias of a value elsewhere; change it where it is written"
		n.mark, n.end = y.Value, n.start+len("*")+len(y.Value)
		return n, nil
	}
	if r.used[y] {
		n.shared = "it carries an anchor that other places use"
	}
	n.start = r.pastProperties(n.start)
	switch y.Kind {
	case yaml.MappingNode, yaml.SequenceNode:
		return n, r.container(n, y)
	}
	return n, r.scalar(n, y, in)
}

// pastProperties passes the anchor and the tag in front of a value.
func (r *yamlReader) pastProperties(at int) int {
	for at < len(r.body) && (r.body[at] == '&' || r.body[at] == '!') {
		end := at + 1
		for end < len(r.body) && !yamlBlank(r.body, end) && strings.IndexByte(",[]{}", r.body[end]) < 0 {
			end++
		}
		if next := r.pastSpace(end); next < len(r.body) && (next > end || r.body[next] == '[' || r.body[next] == '{') {
			at = next
		} else {
			return end
		}
	}
	return at
}

// pastSpace passes white space, line breaks and comments.
func (r *yamlReader) pastSpace(at int) int {
	for at < len(r.body) {
		switch {
		case r.body[at] == '#' && (at == 0 || yamlBlank(r.body, at-1) || yamlBreak(r.body, at-1) > 0):
			for at < len(r.body) && yamlBreak(r.body, at) == 0 {
				at++
			}
		case yamlBlank(r.body, at):
			at += max(1, yamlBreak(r.body, at))
		default:
			return at
		}
	}
	return at
}

func (r *yamlReader) container(n *node, y *yaml.Node) error {
	n.kind = list
	if y.Kind == yaml.MappingNode {
		n.kind = mapping
	}
	n.flow = n.flow || y.Style&yaml.FlowStyle != 0
	n.end = min(n.start+1, len(r.body))
	if !n.flow {
		n.indent = r.column(n.start)
	}
	step := 1
	if n.kind == mapping {
		step = 2
	}
	for i := 0; i+step <= len(y.Content); i += step {
		if err := r.entry(n, y.Content[i:i+step]); err != nil {
			return err
		}
	}
	if n.flow && n.start < len(r.body) && (r.body[n.start] == '{' || r.body[n.start] == '[') {
		return r.close(n)
	}
	return nil
}

// entry adds an element, or a key and its value, to a container.
func (r *yamlReader) entry(n *node, y []*yaml.Node) error {
	e := entry{start: r.offset(y[0])}
	keyEnd := e.start
	if len(y) == 2 {
		key, err := r.node(y[0], n)
		if err != nil {
			return err
		}
		e.key, keyEnd = yamlKeyName(y[0], 0), key.end
	}
	var err error
	if e.value, err = r.node(y[len(y)-1], n); err != nil {
		return err
	}
	if len(y) == 2 && y[0].Tag == "!!merge" {
		n.merge(r, y[1])
	}
	n.entries = append(n.entries, e)
	n.items = append(n.items, span{e.start, max(keyEnd, e.value.end)})
	n.end = max(n.end, e.value.end)
	return nil
}

// merge notes what a merge key brings in.
func (n *node) merge(r *yamlReader, y *yaml.Node) {
	switch y.Kind {
	case yaml.AliasNode:
		n.merged = append(n.merged, r.made[y.Alias])
	case yaml.MappingNode:
		n.merged = append(n.merged, r.made[y])
	case yaml.SequenceNode:
		for _, c := range y.Content {
			n.merge(r, c)
		}
	}
}

// yamlKeyName gives a key's text. A key that is no scalar gets a name that no
// path has, so that it is compared but never found.
func yamlKeyName(y *yaml.Node, depth int) string {
	if y.Kind == yaml.ScalarNode && depth == 0 {
		return y.Value
	}
	name := "\x00" + y.Value
	for _, c := range y.Content {
		name += yamlKeyName(c, depth+1)
	}
	return name
}

// close finds the closing bracket of a flow container.
func (r *yamlReader) close(n *node) error {
	closing := byte('}')
	if r.body[n.start] == '[' {
		closing = ']'
	}
	for at := n.end; at < len(r.body); at++ {
		if at = r.pastSpace(at); at == len(r.body) {
			break
		}
		if r.body[at] == closing {
			n.end = at + 1
			return nil
		}
		if strings.IndexByte(",:?", r.body[at]) < 0 {
			break
		}
	}
	return &fault{at: n.start, kind: ErrUnsafe, why: "the end of this list or mapping was not found"}
}

// column gives the column of an offset, from 0.
func (r *yamlReader) column(at int) int {
	column := 0
	for i := yamlLineStart(r.body, at); i < at; i += yamlWidth(r.body, i) {
		column++
	}
	return column
}
