package estate

import (
	"go.yaml.in/yaml/v4"
)

// link is a connection while it is read.
type link struct {
	Connection
	credentialAt Pos
}

func connectionTable() *table[link] {
	return newTable("a connection", "How pawl reaches one vendor account.",
		text("driver", "The driver's name.", func(l *link) *string { return &l.Driver }).needed(),
		custom("credential", "Where the connection's own credential is found: env:NAME, file:path, exec:command, or secret:NAME for a secret of this estate. Never the value.",
			ordered{{"type", "string"}, {"pattern", "^(env|file|exec|secret):."}, {"examples", []any{"env:FLY_ADMIN_TOKEN"}}},
			func(d *decoder, n *yaml.Node, l *link) {
				l.credentialAt = d.at(n)
				l.Credential = d.reference(n)
			}))
}

// readConnections reads all connections first, since everything else names them.
func (d *decoder) readConnections(n *yaml.Node) {
	if !d.expect(n, yaml.MappingNode, "a mapping of names to connections") {
		return
	}
	d.named(n, func(k, v *yaml.Node) {
		l := link{Connection: Connection{Name: k.Value, Pos: d.at(k)}}
		switch {
		case k.Value == Person:
			d.fail(k, "choose another name", "person is the built-in connection for what only a human can do")
		case !isName(k.Value, "_.-"):
			d.fail(k, "a letter, then letters, digits, _, . and -", "%s is not the name of a connection", shown(k.Value))
		}
		d.connection(v, &l)
		d.estate.Connections[k.Value] = l.Connection
		d.links[k.Value] = l
	})
}

func (d *decoder) connection(n *yaml.Node, l *link) {
	var spec *driverSpec
	driver := d.peek(n, "driver")
	if driver != nil {
		spec = d.drivers.spec(driver.Value)
	}
	s := settings{d: d, what: "a connection", extraNames: d.forms.connection.names}
	extra := func(_, _ *yaml.Node) bool { return true }
	if spec != nil {
		s.what, s.fields, extra = "a connection of the driver "+spec.Name, spec.Connection, s.read
	}
	o := readObject(d, n, d.forms.connection, l, extra)
	switch {
	case spec != nil:
		l.Settings = s.finish(n)
		d.needsCredential(spec, o)
	case driver != nil:
		d.fail(driver, d.meant(driver.Value, d.drivers.names, "there are "+oneOf(d.drivers.names)+"; for anything else there are exec, http and person"),
			"there is no driver %s", shown(driver.Value))
	}
}

func (d *decoder) needsCredential(spec *driverSpec, o *object) {
	given := o.has("credential")
	switch {
	case spec.Credential == NeedsCredential && !given:
		d.fail(o.node, "credential: env:NAME", "the driver %s needs a credential", spec.Name)
	case spec.Credential == NoCredential && given:
		d.fail(o.value("credential"), "remove it", "the driver %s takes no credential", spec.Name)
	}
}
