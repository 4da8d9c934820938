package estate

import "go.yaml.in/yaml/v4"

// What the model can say and no plan acts on yet. It is part of the format
// from the first release, so that files need not change later; until it is
// served it is refused, since a wish that is silently ignored is worse than
// none.

const notServed = "pawl cannot act on %s yet, and does not ignore what an estate asks for"

// later marks a key that is read and refused. hint says what to write
// meanwhile. What the key holds is checked all the same.
func (k key[T]) later(hint string) key[T] {
	read, name := k.read, k.name
	k.doc += " Not served yet: validate refuses it."
	k.read = func(d *decoder, n *yaml.Node, into *T) {
		read(d, n, into)
		d.unserved(n, hint, name)
	}
	return k
}

func (d *decoder) unserved(n *yaml.Node, hint, what string) {
	if !d.whole {
		d.fail(n, hint, notServed, shown(what))
	}
}
