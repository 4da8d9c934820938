package estate

import (
	"slices"

	"go.yaml.in/yaml/v4"
)

func contactTable() *table[Contact] {
	return newTable("a contact", "Whom to ask.",
		text("how", "How to reach them.", func(c *Contact) *string { return &c.How }).needed(),
		list("for", "The connections that they can help with; everything when left out.", func(c *Contact) *[]string { return &c.For }))
}

func (d *decoder) readContacts(n *yaml.Node) {
	if !d.expect(n, yaml.MappingNode, "a mapping of names to contacts") {
		return
	}
	d.named(n, func(k, v *yaml.Node) {
		c := Contact{Name: k.Value}
		if v.Kind == yaml.ScalarNode {
			d.filled(v, &c.How)
		} else {
			o := readObject(d, v, d.forms.contact, &c, nil)
			for _, name := range c.For {
				if _, ok := d.estate.Connections[name]; !ok {
					d.fail(o.value("for"), d.meant(name, d.usable(), "declare it under connections:"), "there is no connection %s", shown(name))
				}
			}
		}
		d.estate.Contacts = append(d.estate.Contacts, c)
	})
}

// ContactsFor gives whom to ask about a secret: those that it names, or else
// those for the connections that it uses and those for everything.
func (e *Estate) ContactsFor(s *Secret) []Contact {
	if len(s.Contacts) > 0 {
		return s.Contacts
	}
	var list []Contact
	for _, c := range e.Contacts {
		if len(c.For) == 0 || slices.ContainsFunc(c.For, s.uses) {
			list = append(list, c)
		}
	}
	return list
}

// uses reports whether a secret reaches a connection.
func (s *Secret) uses(connection string) bool {
	return s.Issuer.Connection == connection ||
		slices.ContainsFunc(s.Locations, func(l Location) bool { return l.reaches(connection) }) ||
		slices.ContainsFunc(s.Checks, func(c Check) bool { return c.Connection == connection }) ||
		slices.ContainsFunc(s.Pauses, func(p Pause) bool { return p.Stop.Connection == connection || p.Start.Connection == connection })
}

// reaches reports whether a location, its consumers, its checks or what wins over
// it reach a connection.
func (l *Location) reaches(connection string) bool {
	return l.Connection == connection ||
		slices.ContainsFunc(l.Shadows, func(s Shadow) bool { return s.Connection == connection }) ||
		slices.ContainsFunc(l.Consumers, func(c Consumer) bool { return c.Connection == connection }) ||
		slices.ContainsFunc(l.Checks, func(c Check) bool { return c.Connection == connection })
}

func (e *Estate) contact(name string) (Contact, bool) {
	i := slices.IndexFunc(e.Contacts, func(c Contact) bool { return c.Name == name })
	if i < 0 {
		return Contact{}, false
	}
	return e.Contacts[i], true
}

// contactsOf reads a list of names of contacts.
func (d *decoder) contactsOf(n *yaml.Node) []Contact {
	names, _ := d.texts(n)
	var list []Contact
	for _, name := range names {
		if c, ok := d.contactNamed(n, name); ok {
			list = append(list, c)
		}
	}
	return list
}

func (d *decoder) contactNamed(n *yaml.Node, name string) (Contact, bool) {
	c, ok := d.estate.contact(name)
	if !ok {
		var known []string
		for _, c := range d.estate.Contacts {
			known = append(known, c.Name)
		}
		d.fail(n, d.meant(name, known, "declare it under contacts:"), "there is no contact %s", shown(name))
	}
	return c, ok
}
