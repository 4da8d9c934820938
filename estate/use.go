package estate

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// secretToken stands for the secret's declared name in the default of a field.
// It is understood in defaults only, never in what a user writes.
const secretToken = "{{secret}}"

// target is the use and kind keys, which every kind of use has.
func target[T any](at func(*T) *Use) []key[T] {
	return []key[T]{
		text("use", "A connection of this file, a driver that needs none, or person.", func(t *T) *string { return &at(t).Connection }).needed(),
		text("kind", "What it is there. May be left out when the driver serves only one.", func(t *T) *string { return &at(t).Kind }),
	}
}

// readUse reads an object that names a connection and a kind: the keys of its
// table, and the fields that the driver declares for the kind.
func readUse[T any](d *decoder, n *yaml.Node, t *table[T], role Role, into *T, u *Use) (*object, bool) {
	u.Pos = d.at(n)
	kind, ok := d.resolveUse(n, role)
	s := settings{d: d, what: t.what, extraNames: t.names}
	if kind != nil {
		s.what, s.fields = fmt.Sprintf("%s of kind %s", t.what, kind.Name), kind.Fields
		_, shadow := any(into).(*Shadow)
		s.waived = kind.spared(role == RoleLocation && d.mentions(n, "discover"), shadow)
		u.Facts = *kind
		if kind.Name == Person && d.isPerson(n) {
			u.Facts = Kind{}
		}
	}
	extra := s.read
	if kind == nil {
		extra = func(_, _ *yaml.Node) bool { return true } // what is unknown has no known keys
	}
	o := readObject(d, n, t, into, extra)
	o.others = s.seen
	if kind == nil {
		return o, false
	}
	u.Kind, u.Settings = kind.Name, s.finish(n)
	if u.Connection == Person {
		u.Kind = ""
	}
	return o, ok && !s.bad
}

// peek gives the value of a key without reporting anything.
func (d *decoder) peek(n *yaml.Node, name string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for pairs, i := d.pairs(n), 0; i+1 < len(pairs); i += 2 {
		if v := resolve(pairs[i+1]); pairs[i].Value == name && v.Kind == yaml.ScalarNode {
			return v
		}
	}
	return nil
}

// mentions reports whether a mapping has a key.
func (d *decoder) mentions(n *yaml.Node, name string) bool {
	for pairs, i := d.pairs(n), 0; i+1 < len(pairs); i += 2 {
		if n.Kind == yaml.MappingNode && pairs[i].Value == name {
			return true
		}
	}
	return false
}

func (d *decoder) isPerson(n *yaml.Node) bool {
	v := d.peek(n, "use")
	return v != nil && v.Value == Person
}

// resolveUse finds the kind that an object names, nil when there is none,
// which it then has reported. A missing use is reported by the table.
func (d *decoder) resolveUse(n *yaml.Node, role Role) (*Kind, bool) {
	use, kind := d.peek(n, "use"), d.peek(n, "kind")
	if use == nil {
		return nil, false
	}
	if use.Value == Person {
		return d.person(use, kind, role)
	}
	name, ok := d.quietly(use)
	if !ok {
		return nil, false
	}
	spec := d.driverOf(use, name)
	if spec == nil {
		return nil, false
	}
	wanted := ""
	if kind != nil {
		if wanted, ok = d.quietly(kind); !ok {
			return nil, false
		}
	}
	if k := spec.kind(role, wanted); k != nil {
		return k, true
	}
	d.unknownKind(n, kind, spec, role, name, wanted)
	return nil, false
}

// quietly expands a text whose problems the table will report.
func (d *decoder) quietly(n *yaml.Node) (string, bool) {
	before := len(d.problems)
	s, ok := d.expand(n)
	d.problems = d.problems[:before]
	return s, ok
}

func (d *decoder) person(use, kind *yaml.Node, role Role) (*Kind, bool) {
	if role == RoleDiscovery {
		d.fail(use, "make the whole location one of a person", "a person cannot discover locations")
		return nil, false
	}
	if kind != nil {
		d.fail(kind, "remove it", "a person has no kind")
	}
	return d.people[role], true
}

// driverOf finds the driver behind a connection's name.
func (d *decoder) driverOf(n *yaml.Node, name string) *driverSpec {
	if c, ok := d.estate.Connections[name]; ok {
		return d.drivers.spec(c.Driver) // an unknown driver is reported where the connection is
	}
	spec := d.drivers.spec(name)
	switch {
	case spec == nil:
		known := d.usable()
		d.fail(n, d.meant(name, known, "there are "+oneOf(known)), "there is no connection %s", shown(name))
	case !spec.free():
		d.fail(n, fmt.Sprintf("connections: {%s: {driver: %s, credential: env:NAME}}", name, name),
			"there is no connection %s, and the driver %s cannot be used without one", shown(name), name)
		return nil
	}
	return spec
}

// usable lists what use may name.
func (d *decoder) usable() []string {
	if d.connections == nil {
		for name := range d.estate.Connections {
			d.connections = append(d.connections, name)
		}
		for _, name := range d.drivers.names {
			if s := d.drivers.spec(name); s != nil && s.free() && !slices.Contains(d.connections, name) {
				d.connections = append(d.connections, name)
			}
		}
		d.connections = append(d.connections, Person)
		slices.Sort(d.connections)
	}
	return d.connections
}

func (d *decoder) unknownKind(n, kind *yaml.Node, spec *driverSpec, role Role, name, wanted string) {
	names := spec.kindNames(role)
	switch {
	case len(names) == 0:
		d.fail(n, spec.serves()+"; for anything else there are exec, http and person", "%s cannot be %s: the driver %s serves none yet", shown(name), role.withArticle(), spec.Name)
	case wanted == "":
		d.fail(n, "kind: "+oneOf(names), "%s serves several kinds of %s; name one", shown(name), role)
	default:
		d.fail(kind, d.meant(wanted, names, spec.serves()), "the driver %s serves no %s of kind %s", spec.Name, role, shown(wanted))
	}
}

// settings collects the fields that a driver declares.
type settings struct {
	d          *decoder
	what       string
	fields     []Field
	extraNames []string // further keys that the object may have, for hints
	waived     []string // fields that need not be there after all
	values     Settings
	seen       []entry
	bad        bool
}

// read takes one key, if the driver declares it.
func (s *settings) read(k, v *yaml.Node) bool {
	i := slices.IndexFunc(s.fields, func(f Field) bool { return f.Name == k.Value })
	if i < 0 || k.Kind != yaml.ScalarNode {
		names := s.names()
		s.d.fail(k, s.d.meant(k.Value, names, "the keys are "+oneOf(names)), "%s has no key %s", s.what, shown(k.Value))
		s.bad = true
		return true
	}
	if first := s.key(k.Value); first != nil {
		s.d.twice(k, first)
		return true
	}
	s.seen = append(s.seen, entry{k, v})
	value, ok := s.d.setting(&s.fields[i], v)
	if !ok {
		s.bad = true
		return true
	}
	s.set(k.Value, value)
	return true
}

func (s *settings) set(name string, value any) {
	if s.values == nil {
		s.values = make(Settings, len(s.fields))
	}
	s.values[name] = value
}

// key gives the node of a key that was read, nil if it was not there.
func (s *settings) key(name string) *yaml.Node {
	for _, e := range s.seen {
		if e.key.Value == name {
			return e.key
		}
	}
	return nil
}

func (s *settings) names() []string {
	names := slices.Clone(s.extraNames)
	for _, f := range s.fields {
		names = append(names, f.Name)
	}
	return names
}

// finish fills defaults in and reports what is missing.
func (s *settings) finish(n *yaml.Node) Settings {
	for i := range s.fields {
		f := &s.fields[i]
		if s.key(f.Name) != nil {
			continue
		}
		if value, ok := s.d.byDefault(f); ok {
			s.set(f.Name, value)
		} else if f.Required && !slices.Contains(s.waived, f.Name) {
			s.d.fail(n, f.help(), "%s needs %q", s.what, f.Name)
			s.bad = true
		}
	}
	return s.values
}

// help is a field's documentation as a hint.
func (f *Field) help() string {
	if f.Example != "" {
		return fmt.Sprintf("%s Example: %s: %s", f.Doc, f.Name, f.Example)
	}
	return f.Doc
}

func (d *decoder) byDefault(f *Field) (any, bool) {
	if text, ok := f.Default.(string); ok {
		return strings.ReplaceAll(text, secretToken, d.declared), true
	}
	return f.Default, f.Default != nil
}

// setting reads one value by its field's type.
func (d *decoder) setting(f *Field, n *yaml.Node) (value any, ok bool) {
	switch f.Type {
	case Integer:
		return d.integer(n)
	case Boolean:
		return d.boolean(n)
	case Duration:
		return d.duration(n)
	case List:
		return d.texts(n)
	case Map:
		return d.textMap(n)
	}
	if len(f.Enum) > 0 {
		return d.word(n, f.Enum)
	}
	var s string
	if f.Required {
		ok = d.filled(n, &s)
	} else {
		s, ok = d.text(n)
	}
	if why := addressFault(s); ok && f.URL && why != "" {
		d.fail(n, fmt.Sprintf("write it as in %s", f.Example), "%s is no address: %s", f.Name, why)
		return s, false
	}
	return s, ok
}

// addressFault says why a text is not the address of a server, "" if it is. It
// never repeats the text, which may have a password in it.
func addressFault(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "it cannot be read"
	case u.Scheme != "http" && u.Scheme != "https":
		return "it does not begin with https:// or http://"
	case u.Hostname() == "":
		return "it has no host"
	case u.User != nil:
		return "it has a user or password in it; a connection's credential is a reference"
	case u.RawQuery != "" || u.Fragment != "":
		return "it has something behind the path"
	default:
		return ""
	}
}
