package document

import (
	"slices"
	"strconv"
	"strings"
)

// changeable refuses a field that is not on its own, at any level of its path.
func (op *operation) changeable() error {
	for _, n := range op.at.trail {
		if n.shared != "" {
			return op.failAt(n.start, ErrShared, n.shared)
		}
	}
	return nil
}

// mayAdd refuses to add where it is not certain what would be made.
func (op *operation) mayAdd() error {
	if op.at.root == nil {
		return op.fail(ErrAmbiguous, "the file has several documents and none has the field; put the number of one and a colon in front of the path")
	}
	for _, segment := range op.at.missing[1:] {
		if _, ok := index(segment); ok {
			return op.fail(ErrPath, "the list that the path leads through does not exist; lists are not made")
		}
	}
	return nil
}

func (op *operation) scalarOnly() error {
	n := op.at.node
	if n.kind == scalar || n.kind == blank {
		return nil
	}
	return op.failAt(n.start, ErrPath, "the path leads to an object or a list, not to a value")
}

// removable wants a field of an object, on its own, that holds no others.
func (op *operation) removable() error {
	if err := op.changeable(); err != nil {
		return err
	}
	n := op.at.node
	if n == nil {
		return op.fail(ErrPath, "there is no such field to remove")
	}
	if op.at.parent().kind != mapping {
		return op.failAt(n.start, ErrPath, "an element of a list is not removed: the others would move")
	}
	if len(n.entries) > 0 {
		return op.failAt(n.start, ErrPath, "it holds other fields")
	}
	return nil
}

// settle gives the result of the first edit that passes the check. The bytes
// outside an edit cannot differ, because an edit is one span; what they mean
// can, and that is what is compared.
func (op *operation) settle(edits []edit, ok func(after *operation) bool) ([]byte, error) {
	for _, e := range edits {
		if e.start > e.end || e.end > len(op.body) {
			continue // spans that were read wrongly
		}
		after := &operation{format: op.format, path: op.path, syntax: op.syntax, route: op.route}
		after.body = e.apply(op.body)
		if err := after.read(); err != nil {
			continue
		}
		if ok(after) && slices.Equal(op.others(op.document()), after.others(op.document())) {
			return append([]byte(op.bom), after.body...), nil
		}
	}
	if len(edits) == 0 {
		return nil, op.fail(ErrValue, "there is no way to make this change at this place")
	}
	return nil, op.fail(ErrUnsafe, "no way of making the change left all other fields as they were; change the document by hand")
}

// holds tells whether the field now has the value, and its type still.
func (op *operation) holds(after *operation, value string) bool {
	n := after.at.node
	if n == nil || n.value != value || (n.kind != scalar && n.kind != blank) {
		return false
	}
	return n.literal == "" || (op.at.node != nil && n.literal == op.at.node.literal)
}

// lacks tells whether the field is gone.
func (op *operation) lacks(after *operation) bool { return after.at.node == nil }

// document gives the index of the document that the field is in.
func (op *operation) document() int { return slices.Index(op.roots, op.at.root) }

// others lists every leaf of every document but the target and what is
// emptied or filled above it, in a comparable form and order. target is the
// index of the document that is changed.
func (op *operation) others(target int) []string {
	var leaves []string
	for i, root := range op.roots {
		root.leaves(strconv.Itoa(i), op.route.segments, i == target, &leaves)
	}
	slices.Sort(leaves)
	return leaves
}

// leaves appends a line for each leaf under n. onPath says that n lies on the
// way to the target, whose segments are still to go.
func (n *node) leaves(prefix string, toGo []string, onPath bool, out *[]string) {
	if onPath && (len(toGo) == 0 || len(n.entries) == 0) {
		return
	}
	if len(n.entries) == 0 {
		*out = append(*out, strings.Join([]string{prefix, strconv.Itoa(int(n.kind)), n.literal, n.mark, n.value}, "\x00"))
		return
	}
	for i, e := range n.entries {
		name := e.key
		if n.kind == list {
			name = strconv.Itoa(i)
		}
		if e.value == nil {
			continue
		}
		below := prefix + "\x01" + name
		if onPath && name == toGo[0] {
			e.value.leaves(below, toGo[1:], true, out)
			continue
		}
		e.value.leaves(below, nil, false, out)
	}
}
