package estate

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v4"
)

// key is one key of an object in the file: what the schema says of it, and
// how it is read. The parser and the schema are made from the same keys.
type key[T any] struct {
	name     string
	doc      string
	schema   ordered
	required bool
	read     func(d *decoder, n *yaml.Node, into *T)
}

// needed makes a key required.
func (k key[T]) needed() key[T] { k.required = true; return k }

// like adds an example for editors.
func (k key[T]) like(example any) key[T] {
	k.schema = k.schema.with("examples", []any{example})
	return k
}

// table is all keys of one kind of object.
type table[T any] struct {
	what  string // for messages: "a secret"
	doc   string
	keys  []key[T]
	index map[string]int
	names []string
}

func newTable[T any](what, doc string, keys ...key[T]) *table[T] {
	t := &table[T]{what: what, doc: doc, keys: keys, index: make(map[string]int, len(keys))}
	for i, k := range keys {
		t.index[k.name] = i
		t.names = append(t.names, k.name)
	}
	return t
}

// entry is a key of an object as it was found.
type entry struct{ key, value *yaml.Node }

// object is the keys that a mapping in the file really has.
type object struct {
	node   *yaml.Node
	index  map[string]int
	seen   []entry
	others []entry // keys that a driver declares
}

// value gives the node of a key's value, the object's own when it is absent.
func (o *object) value(name string) *yaml.Node {
	if i, ok := o.index[name]; ok && o.seen[i].value != nil {
		return o.seen[i].value
	}
	for _, e := range o.others {
		if e.key.Value == name {
			return e.value
		}
	}
	return o.node
}

func (o *object) has(name string) bool {
	i, ok := o.index[name]
	return ok && o.seen[i].value != nil
}

// readObject reads a mapping by a table. extra, if not nil, is asked about
// keys that the table does not have; it reports whether it took one.
func readObject[T any](d *decoder, n *yaml.Node, t *table[T], into *T, extra func(k, v *yaml.Node) bool) *object {
	o := &object{node: n, index: t.index, seen: make([]entry, len(t.keys))}
	if !d.expect(n, yaml.MappingNode, "a mapping of keys to values") {
		return o
	}
	for pairs, i := d.pairs(n), 0; i+1 < len(pairs); i += 2 {
		k, v := pairs[i], resolve(pairs[i+1])
		at, ok := t.index[k.Value]
		switch {
		case !ok || k.Kind != yaml.ScalarNode:
			if extra == nil || !extra(k, v) {
				d.fail(k, d.meant(k.Value, t.names, "the keys are "+oneOf(t.names)), "%s has no key %s", t.what, shown(k.Value))
			}
		case o.seen[at].key != nil:
			d.twice(k, o.seen[at].key)
		default:
			o.seen[at] = entry{k, v}
			t.keys[at].read(d, v, into)
		}
	}
	for i := range t.keys {
		if t.keys[i].required && o.seen[i].key == nil {
			d.fail(n, t.keys[i].doc, "%s needs %q", t.what, t.keys[i].name)
		}
	}
	return o
}

func (d *decoder) twice(again, first *yaml.Node) {
	d.fail(again, "remove one of them", "the key %s is here twice; first at %s", shown(again.Value), d.at(first))
}

// text is a key that holds a text.
func text[T any](name, doc string, at func(*T) *string) key[T] {
	return key[T]{name: name, doc: doc, schema: textSchema(), read: func(d *decoder, n *yaml.Node, into *T) {
		d.filled(n, at(into))
	}}
}

// span is a key that holds a duration.
func span[T any](name, doc string, at func(*T) *time.Duration) key[T] {
	return key[T]{name: name, doc: doc, schema: durationSchema(), read: func(d *decoder, n *yaml.Node, into *T) {
		*at(into), _ = d.duration(n)
	}}
}

// flag is a key that holds true or false.
func flag[T any](name, doc string, at func(*T) *bool) key[T] {
	return key[T]{name: name, doc: doc, schema: ordered{{"type", "boolean"}}, read: func(d *decoder, n *yaml.Node, into *T) {
		*at(into), _ = d.boolean(n)
	}}
}

// count is a key that holds a whole number between two bounds.
func count[T any](name, doc string, least, most int, at func(*T) *int) key[T] {
	schema := ordered{{"type", "integer"}, {"minimum", least}, {"maximum", most}}
	return key[T]{name: name, doc: doc, schema: schema, read: func(d *decoder, n *yaml.Node, into *T) {
		v, ok := d.integer(n)
		if ok && (v < least || v > most) {
			d.fail(n, "", "%d is out of range; it must be %d to %d", v, least, most)
		}
		*at(into) = v
	}}
}

// list is a key that holds a list of texts.
func list[T any](name, doc string, at func(*T) *[]string) key[T] {
	return key[T]{name: name, doc: doc, schema: listSchema(textSchema()), read: func(d *decoder, n *yaml.Node, into *T) {
		*at(into), _ = d.texts(n)
	}}
}

// choice is a key that holds one of some words.
func choice[T any, S ~string](name, doc string, at func(*T) *S, choices ...S) key[T] {
	words := plain(choices)
	return key[T]{name: name, doc: doc, schema: enumSchema(words), read: func(d *decoder, n *yaml.Node, into *T) {
		if s, ok := d.word(n, words); ok {
			*at(into) = S(s)
		}
	}}
}

// custom is a key with a reader of its own.
func custom[T any](name, doc string, schema ordered, read func(d *decoder, n *yaml.Node, into *T)) key[T] {
	return key[T]{name: name, doc: doc, schema: schema, read: read}
}

func plain[S ~string](choices []S) []string {
	words := make([]string, len(choices))
	for i, c := range choices {
		words[i] = string(c)
	}
	return words
}

// fail reports a problem at a node.
func (d *decoder) fail(n *yaml.Node, hint, format string, args ...any) {
	d.failAt(d.at(n), hint, format, args...)
}

func (d *decoder) failAt(pos Pos, hint, format string, args ...any) {
	if pos.Line > d.lines { // YAML places what is missing at the end behind it
		pos.Line, pos.Column = d.lines, 1
	}
	if len(d.problems) < kept {
		d.problems = append(d.problems, Problem{Pos: pos, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
}
