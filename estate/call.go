package estate

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Fixture is what a check needs and is there for it alone: it is made before
// the check and removed after it, also when the check has failed or pawl was
// killed in between. Pawl chooses its name, {{.Fixture}}, and journals it
// before Create is called, so that one whose answer was lost is removed too.
type Fixture struct {
	Create Use
	Remove Use
	Settle time.Duration // between the two, before the check looks
}

// fixtureField is what the texts of a fixture and of its check may name.
const fixtureField = "{{.Fixture}}"

func callTable() *table[Use] {
	return newTable("a call", "One act on a system, of a kind that serves checks.", target(func(u *Use) *Use { return u })...)
}

// call reads one act. A person is none: pawl must be able to do it again
// after a crash.
func (d *decoder) call(n *yaml.Node, t *table[Use], u *Use) (*object, bool) {
	o, ok := readUse(d, n, t, RoleCheck, u, u)
	if ok && u.Connection == Person {
		d.fail(n, "use tasks:, which ask a person", "pawl makes this call itself, also after a crash, and a person is no call")
	}
	return o, ok && u.Connection != Person
}

// pair is two calls that belong together while they are read.
type pair struct {
	keys [2]*object
	ok   [2]bool
}

// fixture is a Fixture while it is read.
type fixture struct {
	Fixture
	pair
}

func fixtureTable(call *table[Use]) *table[fixture] {
	return newTable("a fixture", "What a check needs and is there for it alone, named "+fixtureField+".",
		one("create", "Makes it.", "call", func(d *decoder, n *yaml.Node, f *fixture) {
			f.keys[0], f.ok[0] = d.call(n, call, &f.Create)
		}).needed(),
		one("remove", "Takes it away again, also after a failure.", "call", func(d *decoder, n *yaml.Node, f *fixture) {
			f.keys[1], f.ok[1] = d.call(n, call, &f.Remove)
		}).needed(),
		span("settle", "How long to wait before the check looks.", func(f *fixture) *time.Duration { return &f.Settle }).like("60s"))
}

// one is a key that holds one object of a definition of the schema.
func one[T any](name, doc, definition string, read func(d *decoder, n *yaml.Node, into *T)) key[T] {
	return custom(name, doc, refSchema(definition), read)
}

// fixture reads a fixture. Both calls must name it, or two rotations could
// remove each other's.
func (d *decoder) fixture(n *yaml.Node, t *table[fixture]) *Fixture {
	f := fixture{}
	readObject(d, n, t, &f, nil)
	for i, u := range []Use{f.Create, f.Remove} {
		if f.ok[i] && !names(u.Settings, fixtureField) {
			d.fail(f.keys[i].node, "write "+fixtureField+" where its name belongs, such as in the path or the body", "the call does not name the fixture, so that pawl could not tell its own from others")
		}
	}
	return &f.Fixture
}

// names reports whether any text of some settings has a word in it.
func names(s Settings, word string) bool {
	for _, v := range s {
		switch v := v.(type) {
		case string:
			if strings.Contains(v, word) {
				return true
			}
		case map[string]string:
			for _, text := range v {
				if strings.Contains(text, word) {
					return true
				}
			}
		}
	}
	return false
}
