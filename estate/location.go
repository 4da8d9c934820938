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
	keys  *object
	ok    bool // its use was understood
	gates []proof
}

func locationTable() *table[spot] {
	keys := append(target(func(s *spot) *Use { return &s.Use }),
		choice("role", "What its reader does with the value: presents it (logs in), or accepts it (checks values shown to it; can hold several).",
			func(s *spot) *LocationRole { return &s.Role }, Presents, Accepts),
		text("render", "Template of what is written, over the parts: {{.user}}:{{.password | urlquery}}. With role accepts over .all, or .old and .new.",
			func(s *spot) *string { return &s.Render }).like("postgres://{{.user}}:{{.password | urlquery}}@db.example.com/app"),
		custom("activate", "How its consumers are made to load the value; the driver's page lists the kinds.", anySchema(textSchema(), refSchema("activation")), (*decoder).activate),
		text("parallel", "Neighbouring locations with the same label are written side by side.", func(s *spot) *string { return &s.Parallel }),
		span("settle", "Wait this long after the write and the activation.", func(s *spot) *time.Duration { return &s.Settle }),
		count("slots", "With role accepts: how many values it can hold at once; as many as there are when left out. With 1 the template sees the parts, and logins fail until every reader has the new value.", 1, 100,
			func(s *spot) *int { return &s.Slots }),
		one("discover", "Finds the targets at run time.", "discover", func(d *decoder, n *yaml.Node, s *spot) { s.Discover = d.discovery(n) }),
		custom("consumers", "What is made to load the value beside activate, one after the other.", listSchema(refSchema("consumer")),
			func(d *decoder, n *yaml.Node, s *spot) { s.Consumers = d.consumers(n) }),
		custom("checks", "Proofs that must pass before the next location is written.", listSchema(refSchema("check")),
			func(d *decoder, n *yaml.Node, s *spot) { d.gates(n, s) }),
		custom("shadowed_by", "Places whose value wins over this one's.", listSchema(refSchema("shadow")),
			func(d *decoder, n *yaml.Node, s *spot) { s.Shadows = d.shadows(n) }))
	return newTable("a location", "One place that holds a copy.", keys...)
}

// gates reads the checks of one location.
func (d *decoder) gates(n *yaml.Node, s *spot) {
	if !d.expect(n, yaml.SequenceNode, "a list of checks") {
		return
	}
	list := items(n)
	s.gates = make([]proof, len(list))
	for i, item := range list {
		p := &s.gates[i]
		if d.check(item, p); p.keys.has("when") {
			d.fail(p.keys.value("when"), "remove it", "a check of a location runs right after the location was written")
		}
		if p.Builtin.ofTheOld() {
			d.fail(item, "put it under the secret's checks:", "%s cannot pass before everything is written: the old version is in use", p.Builtin)
		}
	}
}

// locations reads a list of locations, or the words "none: reason".
func (d *decoder) locations(n *yaml.Node, s *draft) {
	reason, nodes := d.listOrNone(n, "locations")
	s.NoLocation = reason
	s.spots = make([]spot, len(nodes))
	for i, item := range nodes {
		p := &s.spots[i]
		p.keys, p.ok = readUse(d, item, d.forms.location, RoleLocation, p, &p.Use)
		if p.Role == "" {
			p.Role = Presents
		}
		if p.ok && p.Connection == Person {
			p.Task = d.taskOf(p.Use, p.keys)
		}
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
		for _, key := range []string{"render", "activate", "discover", "settle", "consumers", "shadowed_by"} {
			if p.keys.has(key) {
				d.fail(p.keys.value(key), "say it in do: instead", "a person is told what to do in words, not by %q", key)
			}
		}
		return
	}
	if p.Slots > 0 && p.Role != Accepts {
		d.fail(p.keys.value("slots"), "add role: accepts, or remove it", "a place whose reader presents the value holds one")
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
	case p.Activate == "" && len(kinds) > 0 && !facts.Live && !p.keys.has("activate") && len(p.Consumers) == 0:
		d.fail(p.keys.node, "activate: "+oneOf(kinds), "a location of kind %s takes effect only when its consumers load it; say how", p.Kind)
	case p.Activate == "" || slices.Contains(kinds, p.Activate):
	case len(kinds) == 0:
		d.fail(p.keys.value("activate"), "remove it", "a location of kind %s has no activation", p.Kind)
	default:
		d.fail(p.keys.value("activate"), d.meant(p.Activate, kinds, "there are "+oneOf(kinds)), "a location of kind %s has no activation %s", p.Kind, shown(p.Activate))
	}
	d.checkOwn(p, facts.Activations, "undo", p.ActivateUndo)
	d.checkOwn(p, facts.Activations, "gap", p.ActivateGap)
}

// checkOwn holds that pawl itself makes consumers load a value in the way that
// the estate has under a key for when nobody else must be waited for.
func (d *decoder) checkOwn(p *spot, facts []ActivationFact, key, kind string) {
	var own []string
	for _, a := range facts {
		if !a.Waits {
			own = append(own, a.Kind)
		}
	}
	if kind != "" && !slices.Contains(own, kind) {
		d.fail(p.keys.value("activate"), d.meant(kind, own, key+": "+oneOf(own)), "a location of kind %s has no activation %s that pawl does itself", p.Kind, shown(kind))
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
