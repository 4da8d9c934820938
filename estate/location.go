package estate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// spot is a location while its secret is read, with the keys that it was
// written with.
type spot struct {
	Location
	keys *object
	ok   bool // its use was understood
}

func locationTable(discover *table[Use]) *table[spot] {
	keys := append(target(func(s *spot) *Use { return &s.Use }),
		choice("role", "What its reader does with the value: presents it (logs in), or accepts it (checks values shown to it; can hold several).",
			func(s *spot) *LocationRole { return &s.Role }, Presents, Accepts),
		text("render", "Template of what is written, over the parts: {{.user}}:{{.password | urlquery}}. With role accepts over .all, or .old and .new.",
			func(s *spot) *string { return &s.Render }).like("postgres://{{.user}}:{{.password | urlquery}}@db.example.com/app"),
		text("activate", "How its consumers are made to load the value; the driver's page lists the kinds.", func(s *spot) *string { return &s.Activate }),
		text("parallel", "Neighbouring locations with the same label are written side by side.", func(s *spot) *string { return &s.Parallel }),
		span("settle", "Wait this long after the write and the activation.", func(s *spot) *time.Duration { return &s.Settle }),
		custom("discover", "Finds the targets at run time.", refSchema("discover"), func(d *decoder, n *yaml.Node, s *spot) {
			s.Discover = &Use{}
			readUse(d, n, discover, RoleDiscovery, s.Discover, s.Discover)
		}))
	return newTable("a location", "One place that holds a copy.", keys...)
}

func discoverTable() *table[Use] {
	return newTable("a discovery", "Finds the targets of a location at run time.", target(func(u *Use) *Use { return u })...)
}

// locations reads a list of locations, or the words "none: reason".
func (d *decoder) locations(n *yaml.Node, s *draft) {
	reason, nodes := d.listOrNone(n, "locations")
	s.NoLocation = reason
	for _, item := range nodes {
		p := spot{}
		p.keys, p.ok = readUse(d, item, d.forms.location, RoleLocation, &p, &p.Use)
		if p.Role == "" {
			p.Role = Presents
		}
		if p.ok && p.Connection == Person {
			p.Task = taskOf(p.Use)
		}
		s.spots = append(s.spots, p)
	}
}

// listOrNone reads what must be a list that is not empty, or a reason why
// there is nothing.
func (d *decoder) listOrNone(n *yaml.Node, what string) (string, []*yaml.Node) {
	hint := fmt.Sprintf(`write %s: "none: the reason"`, what)
	switch {
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		return "", items(n)
	case n.Kind == yaml.SequenceNode:
		d.fail(n, hint, "an empty list of %s says nothing", what)
		return "", nil
	case n.Kind != yaml.ScalarNode || n.Tag != "!!str":
		d.fail(n, hint, "expected a list of %s, found %s", what, found(n))
		return "", nil
	}
	s, ok := d.text(n)
	reason, isNone := strings.CutPrefix(s, "none:")
	if reason = strings.TrimSpace(reason); ok && (!isNone || reason == "") {
		d.fail(n, hint, `expected a list of %s, or "none:" with the reason`, what)
	}
	return reason, nil
}

// checkLocation holds a location to what its kind can do.
func (d *decoder) checkLocation(s *draft, p *spot) {
	if !p.ok {
		return
	}
	if p.Connection == Person {
		d.checkWords(p.Use, p.keys)
		for _, key := range []string{"render", "activate", "discover", "settle"} {
			if p.keys.has(key) {
				d.fail(p.keys.value(key), "say it in do: instead", "a person is told what to do in words, not by %q", key)
			}
		}
		return
	}
	d.checkActivation(p)
	d.checkRender(s, p)
	d.checkTemplates(s, p.Use, p.keys)
}

func (d *decoder) checkActivation(p *spot) {
	facts := p.Facts.Location
	if facts == nil {
		facts = &LocationFacts{Live: true}
	}
	kinds := make([]string, len(facts.Activations))
	for i, a := range facts.Activations {
		kinds[i] = a.Kind
	}
	switch {
	case p.Activate == "" && len(kinds) > 0 && !facts.Live && !p.keys.has("activate"):
		d.fail(p.keys.node, "activate: "+oneOf(kinds), "a location of kind %s takes effect only when its consumers load it; say how", p.Kind)
	case p.Activate == "" || slices.Contains(kinds, p.Activate):
	case len(kinds) == 0:
		d.fail(p.keys.value("activate"), "remove it", "a location of kind %s has no activation", p.Kind)
	default:
		d.fail(p.keys.value("activate"), d.meant(p.Activate, kinds, "there are "+oneOf(kinds)), "a location of kind %s has no activation %s", p.Kind, shown(p.Activate))
	}
}

// identity is what tells one place from another.
func (p *spot) identity() string {
	fields := p.Facts.Identity
	if len(fields) == 0 {
		for _, f := range p.Facts.Fields {
			fields = append(fields, f.Name)
		}
	}
	var b strings.Builder
	b.WriteString(p.Connection + "\x00" + p.Kind)
	for _, name := range fields {
		b.WriteByte(0)
		switch v := p.Settings[name].(type) {
		case string:
			b.WriteString(v)
		case nil:
		default:
			fmt.Fprint(&b, v)
		}
	}
	return b.String()
}

// checkIdentity refuses a second copy at the same place: the later write
// would destroy the earlier one.
func (d *decoder) checkIdentity(s *draft, p *spot) {
	if !p.ok || p.Connection == Person || p.Discover != nil {
		return
	}
	id := p.identity()
	first, taken := d.places[id]
	if !taken {
		d.places[id] = placed{pos: p.Pos, secret: s}
		return
	}
	hint := "remove one of them, or give them different targets"
	if first.pos == p.Pos {
		hint = "use a variable of the environment in it, such as ${env}"
	}
	d.failAt(p.Pos, hint, "%s writes the same place as %s at %s", s.Name, first.secret.Name, first.pos)
}

// placed is the first location that took a place.
type placed struct {
	pos    Pos
	secret *draft
}
