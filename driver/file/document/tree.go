package document

// kind says what a node is.
type kind int

const (
	scalar  kind = iota
	mapping      // entries have keys
	list         // entries have none
	blank        // nothing is written, so anything may be: an empty document, a YAML key without a value
	opaque       // something that is neither read nor changed: a YAML alias
)

// node is one value in a document. Every parser builds the same tree, so that
// looking up and checking are written once.
type node struct {
	kind       kind
	start, end int    // where it is written, in the body
	value      string // of a scalar, decoded
	literal    string // type of a scalar that is not text: "number", "bool", "null", "date"
	quote      string // how a scalar is quoted: the opening quotes, or the YAML block indicator
	entries    []entry
	items      []span  // of a mapping between brackets, its parts between the commas
	flow       bool    // a mapping or list between brackets
	indent     int     // of a YAML block mapping or list, in columns
	shared     string  // why it may not be read or changed on its own
	merged     []*node // what YAML merge keys bring in
	mark       string  // YAML anchor, alias and tag, for the comparison
	table      *tomlTable
	block      *yamlBlock
}

// entry is one field of a mapping or one element of a list.
type entry struct {
	key   string
	start int // where its key starts
	value *node
}

// span is a part of the body.
type span struct{ start, end int }

// place is what a lookup found.
type place struct {
	root    *node
	trail   []*node  // the nodes walked through, from the root; never empty
	steps   []int    // which entry was taken in each of them
	node    *node    // the field; nil when it is not there
	missing []string // the segments that are not there
}

// parent is the deepest existing container of the field.
func (p place) parent() *node {
	if p.node != nil {
		return p.trail[len(p.trail)-2]
	}
	return p.trail[len(p.trail)-1]
}

// entry is the field's own entry in its parent.
func (p place) entry() entry { return p.parent().entries[p.position()] }

func (p place) position() int { return p.steps[len(p.steps)-1] }

// find looks a route up in all documents, or in the one that it names.
func find(roots []*node, r route) (place, error) {
	if r.document >= len(roots) {
		return place{}, &fault{at: -1, kind: ErrPath, why: "the file has fewer documents than that"}
	}
	if r.document >= 0 {
		roots = roots[r.document : r.document+1]
	}
	if len(roots) > 1 {
		return findAny(roots, r.segments)
	}
	p, err := lookup(roots[0], r.segments)
	if err != nil {
		return p, err
	}
	return p, nil
}

// findAny wants the field in exactly one of several documents. A document of
// another shape is passed over; one that cannot be decided is an error.
func findAny(roots []*node, segments []string) (place, error) {
	several := &fault{at: -1, kind: ErrAmbiguous, why: "the file has several documents; put the number of one and a colon in front of the path"}
	var hit place
	for _, root := range roots {
		p, err := lookup(root, segments)
		if err != nil && err.kind != ErrPath {
			return place{}, err
		}
		if err != nil || p.node == nil {
			continue
		}
		if hit.node != nil {
			return place{}, several
		}
		hit = p
	}
	if hit.node == nil {
		hit = place{root: nil, missing: segments}
	}
	return hit, nil
}

// lookup walks down one document as far as the segments lead.
func lookup(root *node, segments []string) (place, *fault) {
	p := place{root: root, trail: []*node{root}}
	at := root
	for i, segment := range segments {
		step, err := at.step(segment)
		if err != nil {
			return p, err
		}
		if step < 0 {
			p.missing = segments[i:]
			return p, nil
		}
		at = at.entries[step].value
		p.trail, p.steps = append(p.trail, at), append(p.steps, step)
	}
	if at.kind == opaque {
		return p, &fault{at: at.start, kind: ErrShared, why: at.shared}
	}
	p.node = at
	return p, nil
}

// step gives the entry that a segment names, or -1 when there is none.
func (n *node) step(segment string) (int, *fault) {
	switch n.kind {
	case blank:
		return -1, nil
	case opaque:
		return 0, &fault{at: n.start, kind: ErrShared, why: n.shared}
	case list:
		if i, ok := index(segment); ok && i < len(n.entries) {
			return i, nil
		}
		return 0, &fault{at: n.start, kind: ErrPath, why: "the list has no such element; elements are not added"}
	case mapping:
		return n.field(segment)
	}
	return 0, &fault{at: n.start, kind: ErrPath, why: "the path leads through a value that has no fields"}
}

func (n *node) field(key string) (int, *fault) {
	hit := -1
	for i, e := range n.entries {
		if e.key != key || e.value == nil {
			continue
		}
		if hit >= 0 {
			return 0, &fault{at: e.start, kind: ErrAmbiguous, why: "the key occurs twice"}
		}
		hit = i
	}
	if hit < 0 && n.inherits(key, map[*node]bool{}) {
		return 0, &fault{at: n.start, kind: ErrShared, why: "the field comes from a merge key, so others share it; change it where it is written"}
	}
	return hit, nil
}

// inherits tells whether a merge key of n brings the key in.
func (n *node) inherits(key string, seen map[*node]bool) bool {
	for _, m := range n.merged {
		if seen[m] {
			continue
		}
		seen[m] = true
		for _, e := range m.entries {
			if e.key == key {
				return true
			}
		}
		if m.inherits(key, seen) {
			return true
		}
	}
	return false
}
