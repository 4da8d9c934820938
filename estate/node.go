package estate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Bounds that keep a hostile file from taking the machine: how deep it may
// nest, and how many nodes aliases and environments may add to those written.
const (
	maxDepth  = 50
	maxCopies = 2_000_000
)

// tree parses the bytes into one document. It reports what is wrong and gives
// nil then.
func (d *decoder) tree(data []byte) *yaml.Node {
	if !d.readable(data) {
		return nil
	}
	loader, err := yaml.NewLoader(bytes.NewReader(data), yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth), loaderlimits.AliasNone())))
	if err != nil {
		d.failAt(Pos{File: d.file, Line: 1, Column: 1}, "", "the file cannot be read as YAML")
		return nil
	}
	var doc, next yaml.Node
	if err := loader.Load(&doc); errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		d.failAt(Pos{File: d.file, Line: 1, Column: 1}, "pawl init writes a first one", "the estate is empty")
		return nil
	} else if err != nil {
		d.syntax(err)
		return nil
	}
	switch err := loader.Load(&next); {
	case err == nil:
		d.fail(&next, "keep one document a file and remove the --- line", "a second YAML document begins here; an estate is one document")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
	}
	return doc.Content[0]
}

// readable refuses what is not text, at the first byte that shows it.
func (d *decoder) readable(data []byte) bool {
	for i := 0; i < len(data); {
		c := data[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c == 0x7f {
				d.failAt(d.offset(data, i), "an estate is a YAML file in UTF-8", "the file is not text: byte 0x%02x", c)
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			d.failAt(d.offset(data, i), "an estate is a YAML file in UTF-8", "the file is not text: byte 0x%02x", c)
			return false
		}
		i += size
	}
	return true
}

// syntax reports a YAML error. Its text is used only where it is known to
// quote nothing of the file.
func (d *decoder) syntax(err error) {
	pos, message := Pos{File: d.file, Line: 1, Column: 1}, "not valid YAML"
	var bad *yaml.LoadError
	if errors.As(err, &bad) {
		if bad.Mark.Line > 0 {
			pos.Line, pos.Column = bad.Mark.Line, max(bad.Mark.Column, 1)
		}
		switch {
		case bytes.Contains([]byte(bad.Message), []byte("unknown anchor")):
			message = "this alias names an anchor that does not exist"
		case bytes.Contains([]byte(bad.Message), []byte("max depth")):
			message = fmt.Sprintf("nested deeper than %d levels", maxDepth)
		case !bytes.ContainsAny([]byte(bad.Message), "'\"`"):
			message = "not valid YAML: " + bad.Message
		default:
			message = "not valid YAML: a sign is missing or in the wrong place"
		}
	}
	d.failAt(pos, "look for indentation, a missing colon, bracket or quote here or just above", "%s", message)
}

// lineEnds are what ends a line in YAML.
func lineEnds() []string { return []string{"\n", "\r", "\u0085", "\u2028", "\u2029"} }

// countLines counts lines as YAML does.
func countLines(data []byte) int {
	lines := 1 - bytes.Count(data, []byte("\r\n"))
	for _, end := range lineEnds() {
		lines += bytes.Count(data, []byte(end))
	}
	return lines
}

// at gives the place of a node.
func (d *decoder) at(n *yaml.Node) Pos {
	return Pos{File: d.file, Line: max(n.Line, 1), Column: max(n.Column, 1)}
}

// weigh counts the nodes that a tree stands for when its aliases are written
// out, and refuses cycles and bombs before anything walks the tree.
func (d *decoder) weigh(root *yaml.Node) bool {
	w := weigher{weights: map[*yaml.Node]int{}}
	total, written := w.node(root), w.written
	switch {
	case w.cycle != nil:
		d.fail(w.cycle, "write the inner part out", "this alias contains itself")
		return false
	case total-written > maxCopies:
		d.fail(root, "use fewer aliases of aliases", "the aliases of this file stand for more than %d further entries", maxCopies)
		return false
	}
	return true
}

// weigher adds up weights; those of anchored nodes are kept, so that every
// node is counted once however often it is used.
type weigher struct {
	weights map[*yaml.Node]int // -1 while under way
	written int
	cycle   *yaml.Node
}

func (w *weigher) node(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode {
		w.written++
		return w.alias(n)
	}
	if n.Anchor == "" {
		return w.content(n)
	}
	if weight, ok := w.weights[n]; ok {
		return weight
	}
	w.weights[n] = -1
	weight := w.content(n)
	w.weights[n] = weight
	return weight
}

func (w *weigher) alias(n *yaml.Node) int {
	weight, ok := w.weights[n.Alias]
	if !ok {
		weight = w.node(n.Alias)
	}
	if weight < 0 {
		w.cycle = n
		return 0
	}
	return weight
}

func (w *weigher) content(n *yaml.Node) int {
	const enough = 1 << 40 // far over any bound, far under overflow
	w.written++
	weight := 1
	for _, c := range n.Content {
		weight = min(weight+w.node(c), enough)
	}
	return weight
}

// resolve follows an alias to what it stands for.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// pairs gives the keys and values of a mapping in turn, with merge keys
// (<<: *other) put in; a key that is written wins over a merged one.
func (d *decoder) pairs(n *yaml.Node) []*yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			return d.merged(n)
		}
	}
	return n.Content
}

func isMerge(k *yaml.Node) bool { return k.Kind == yaml.ScalarNode && k.Tag == "!!merge" }

func (d *decoder) merged(n *yaml.Node) []*yaml.Node {
	var content, sources []*yaml.Node
	has := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], resolve(n.Content[i+1])
		switch {
		case !isMerge(k):
			has[k.Value] = true
			content = append(content, k, v)
		case v.Kind == yaml.SequenceNode:
			sources = append(sources, v.Content...)
		default:
			sources = append(sources, v)
		}
	}
	for _, s := range sources {
		s = resolve(s)
		if s.Kind != yaml.MappingNode {
			d.fail(s, "write <<: *name", "expected a mapping to merge, found %s", found(s))
			continue
		}
		for pairs, i := d.pairs(s), 0; i+1 < len(pairs); i += 2 {
			if !has[pairs[i].Value] {
				has[pairs[i].Value] = true
				content = append(content, pairs[i], pairs[i+1])
			}
		}
	}
	return content
}
