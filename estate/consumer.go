package estate

import (
	"time"

	"go.yaml.in/yaml/v4"
)

// Consumer reads a location and is made to load a new value by something
// other than the location: a deployment that must be restarted after a secret
// manager was written, a sync that must be forced, a pipeline that must run.
// Consumers load one after the other, each confirmed before the next.
type Consumer struct {
	Use                    // of RoleActivation
	Parallel string        // neighbours with the same non-empty label load side by side
	Within   time.Duration // deadline; 0 is the default
	Task     *Task         // set when Connection is Person
}

func consumerTable() *table[Consumer] {
	keys := append(target(func(c *Consumer) *Use { return &c.Use }),
		text("parallel", "Neighbouring consumers with the same label load side by side.", func(c *Consumer) *string { return &c.Parallel }),
		span("within", "Deadline for it to have loaded the value.", func(c *Consumer) *time.Duration { return &c.Within }).like("20m"))
	return newTable("a consumer", "What is made to load the value of a location.", keys...)
}

func (d *decoder) consumers(n *yaml.Node) []Consumer {
	if !d.expect(n, yaml.SequenceNode, "a list of consumers") {
		return nil
	}
	var list []Consumer
	for _, item := range items(n) {
		c := Consumer{}
		o, ok := readUse(d, item, d.forms.consumer, RoleActivation, &c, &c.Use)
		if ok && c.Connection == Person {
			withinOf(o, &c.Use, c.Within)
			c.Task = d.taskOf(c.Use, o)
			d.checkWords(c.Use, o)
		}
		list = append(list, c)
	}
	return list
}

// activation is the long form of a location's activate.
type activation struct {
	kind   string
	within time.Duration
	undo   string
	gap    string
}

func activationTable() *table[activation] {
	return newTable("an activation", "How the consumers of a location are made to load the value.",
		text("kind", "One of the kinds on the driver's page.", func(a *activation) *string { return &a.kind }).needed(),
		span("within", "Deadline. When left out 15 minutes, or 14 days where the load is somebody else's next deployment.", func(a *activation) *time.Duration { return &a.within }).like("14d"),
		text("undo", "How they load the old value when it is put back, where that cannot wait for somebody else: a kind that pawl does itself. The same way when left out.", func(a *activation) *string { return &a.undo }),
		text("gap", "How they load it where the plan has a gap: the old value is dead by then and no order keeps anything working. A kind that pawl does itself, as a rule one that takes all consumers at once. The same way when left out.", func(a *activation) *string { return &a.gap }))
}

// activate reads "rolling" or {kind: next_deploy, within: 14d, undo: rolling,
// gap: immediate}.
func (d *decoder) activate(n *yaml.Node, s *spot) {
	if n.Kind != yaml.MappingNode {
		d.filled(n, &s.Activate)
		return
	}
	a := activation{}
	readObject(d, n, d.forms.activation, &a, nil)
	s.Activate, s.ActivateWithin, s.ActivateUndo, s.ActivateGap = a.kind, a.within, a.undo, a.gap
}

// Discovery finds the targets of a location at run time.
type Discovery struct {
	Use
	AtLeast int // fewer is an error and never a pass; 1 when left out
	AtMost  int // more is an error: a guard against a query that is too wide; 0 is no bound
}

func discoverTable() *table[Discovery] {
	const most = 1_000_000
	return newTable("a discovery", "Finds the targets of a location at run time.", append(target(func(f *Discovery) *Use { return &f.Use }),
		count("at_least", "Fewer targets are an error; 1 by default.", 0, most, func(f *Discovery) *int { return &f.AtLeast }),
		count("at_most", "More targets are an error: the query is too wide.", 1, most, func(f *Discovery) *int { return &f.AtMost }))...)
}

func (d *decoder) discovery(n *yaml.Node) *Discovery {
	f := &Discovery{AtLeast: 1}
	o, _ := readUse(d, n, d.forms.discover, RoleDiscovery, f, &f.Use)
	if f.AtMost > 0 && f.AtMost < f.AtLeast {
		d.fail(o.value("at_most"), "raise at_most or lower at_least", "at most %d targets can never be at least %d", f.AtMost, f.AtLeast)
	}
	return f
}

// Shadow is a place whose value, when there is one, wins over that of a
// location: an override, or a fallback that is read when the location is
// empty. It is never written, since it belongs to somebody else. While it may
// hold the old version, nothing ends that version without a person's word;
// anything else that it holds is reported.
type Shadow struct {
	Use      // of RoleLocation
	Discover *Discovery
	Why      string
}

func shadowTable() *table[Shadow] {
	return newTable("a shadow", "A place whose value wins over that of the location. It is looked at and never written.",
		append(target(func(s *Shadow) *Use { return &s.Use }),
			text("why", "When it wins.", func(s *Shadow) *string { return &s.Why }),
			one("discover", "Finds the places at run time.", "discover", func(d *decoder, n *yaml.Node, s *Shadow) { s.Discover = d.discovery(n) }))...)
}

func (d *decoder) shadows(n *yaml.Node) []Shadow {
	if !d.expect(n, yaml.SequenceNode, "a list of places") {
		return nil
	}
	var list []Shadow
	for _, item := range items(n) {
		s := Shadow{}
		_, ok := readUse(d, item, d.forms.shadow, RoleLocation, &s, &s.Use)
		switch f := s.Facts.Location; {
		case ok && s.Connection == Person:
			d.fail(item, "add a check that a person confirms", "a person cannot be looked at for another value")
		case ok && f != nil && f.Confirm == ByNothing:
			d.fail(item, "use a kind that can be looked at, or add a check that a person confirms", "a location of kind %s tells nothing of what it holds", s.Kind)
		}
		list = append(list, s)
	}
	return list
}
