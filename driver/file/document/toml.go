package document

// tomlSyntax is TOML 1.0.
type tomlSyntax struct{}

// origin says how a table came to be, which decides what may be added to it.
type origin int

const (
	headerTable  origin = iota // [name], an element of [[name]], or the root
	impliedTable               // only named on the way in a longer header
	dottedTable                // made by a dotted key
	inlineTable                // between braces
)

// tomlTable is what a table node needs beside its entries.
type tomlTable struct {
	origin  origin
	path    []string // as a header would name it
	prefix  []string // of a dotted table: from its section's table
	section *node    // of a dotted table: the table whose lines it is written in
	line    int      // where its header stands, or the first that implies it
	next    int      // where a further line may stand
	last    int      // where its last line starts; -1 when it has none
	array   bool     // a list made by [[name]]
}

func (tomlSyntax) parse(body []byte) ([]*node, error) {
	root := &node{kind: mapping, table: &tomlTable{last: -1}, end: len(body)}
	s := &tomlScanner{body: body}
	section := root
	for {
		if err := s.space(); err != nil {
			return nil, err
		}
		if s.pos >= len(body) {
			return []*node{root}, nil
		}
		var err error
		if s.peek() == '[' {
			section, err = s.header(root)
		} else {
			err = s.line(section)
		}
		if err != nil {
			return nil, err
		}
	}
}

// line reads a key and its value and notes where the section's lines end.
func (s *tomlScanner) line(section *node) error {
	start := s.pos
	if err := s.pair(section, 0); err != nil {
		return err
	}
	if err := s.finishLine(); err != nil {
		return err
	}
	section.table.last, section.table.next = start, s.pos
	return nil
}

// header reads [name] or [[name]] and gives the table that it opens.
func (s *tomlScanner) header(root *node) (*node, error) {
	start := s.pos
	array := s.has("[[")
	closing := "]"
	if array {
		closing = "]]"
	}
	s.pos += len(closing)
	s.blanks()
	keys, err := s.key()
	if err != nil {
		return nil, err
	}
	if s.blanks(); !s.has(closing) {
		return nil, invalid(s.pos, "a closing bracket is expected here")
	}
	s.pos += len(closing)
	if err := s.finishLine(); err != nil {
		return nil, err
	}
	table, err := root.open(keys, start, array)
	if err == nil {
		table.table.line, table.table.next, table.table.last = start, s.pos, -1
	}
	return table, err
}

// open finds or makes the table that a header names.
func (n *node) open(keys []string, at int, array bool) (*node, error) {
	for i, key := range keys[:len(keys)-1] {
		next := n.child(key)
		if next == nil {
			next = n.add(key, at, &tomlTable{origin: impliedTable, path: keys[:i+1]})
		}
		if next.kind == list && next.table != nil && next.table.array {
			next = next.entries[len(next.entries)-1].value
		}
		if next.kind != mapping || next.flow {
			return nil, invalid(at, "the header leads through a value that is no table")
		}
		n = next
	}
	if array {
		return n.openElement(keys, at)
	}
	key := keys[len(keys)-1]
	old := n.child(key)
	if old == nil {
		return n.add(key, at, &tomlTable{path: keys}), nil
	}
	if old.kind != mapping || old.flow || old.table.origin != impliedTable {
		return nil, &fault{at: at, kind: ErrInvalid, why: "the table is defined twice"}
	}
	old.table.origin = headerTable
	return old, nil
}

// openElement adds an element to the list of tables that a header names.
func (n *node) openElement(keys []string, at int) (*node, error) {
	key := keys[len(keys)-1]
	all := n.child(key)
	if all == nil {
		all = n.add(key, at, &tomlTable{array: true})
		all.kind = list
	}
	if all.kind != list || all.table == nil || !all.table.array {
		return nil, invalid(at, "the list of tables is already something else")
	}
	element := &node{kind: mapping, start: at, end: at, table: &tomlTable{path: keys}}
	all.entries = append(all.entries, entry{start: at, value: element})
	return element, nil
}

func (n *node) child(key string) *node {
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

func (n *node) add(key string, at int, t *tomlTable) *node {
	t.line, t.last = at, -1
	table := &node{kind: mapping, start: at, end: at, table: t}
	n.entries = append(n.entries, entry{key: key, start: at, value: table})
	return table
}

// assign puts a value under a key with dots. Tables that the dots make may be
// added to by further dots of the same section, and by nothing else.
func (n *node) assign(keys []string, at int, value *node) error {
	section := n
	for i, key := range keys[:len(keys)-1] {
		next := n.child(key)
		if next == nil {
			next = n.add(key, at, &tomlTable{origin: dottedTable, section: section, prefix: keys[:i+1]})
		}
		if next.kind != mapping || next.table.origin != dottedTable || next.table.section != section {
			return invalid(at, "a dotted key adds to something that is already defined")
		}
		n = next
	}
	key := keys[len(keys)-1]
	if n.child(key) != nil {
		return invalid(at, "the key occurs twice")
	}
	n.entries = append(n.entries, entry{key: key, start: at, value: value})
	return nil
}
