package estate

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// proof is a check while its secret is read.
type proof struct {
	Check
	keys *object
	ok   bool
}

func checkTable() *table[proof] {
	keys := append(target(func(p *proof) *Use { return &p.Use }), whenKey(), withinKey(),
		one("fixture", "What the check needs and is there for it alone.", "fixture", func(d *decoder, n *yaml.Node, p *proof) { p.Fixture = d.fixture(n, d.forms.fixture) }).
			later("a program under exec can make it, look, and remove it"))
	return newTable("a check", "One proof that the rotation worked.", keys...)
}

func builtinTable() *table[proof] {
	return newTable("a built-in check", "A proof that asks the issuer.",
		choice("kind", "accepted: the issuer accepts the new value. old_refused: it refuses the old one. wrong_refused: it refuses a made-up one. old_unused: it saw no use of the old one for a time.",
			func(p *proof) *Builtin { return &p.Builtin }, builtins()...).needed(),
		span("for", "With old_unused: how long the old version must have been unused.", func(p *proof) *time.Duration { return &p.For }).like("24h"),
		whenKey(), withinKey())
}

func builtins() []Builtin {
	return []Builtin{BuiltinAccepted, BuiltinOldRefused, BuiltinWrongRefused, BuiltinOldUnused}
}

func whenKey() key[proof] {
	words := plain([]When{Before, Minted, After, Drain, Final})
	schema := looseSchema(enumSchema(words))
	return custom("when", "In which phases it runs; before, after and final unless it acts on the system. minted: with the new version, before it is written anywhere.", schema,
		func(d *decoder, n *yaml.Node, p *proof) {
			for _, item := range items(n) {
				if w, ok := d.word(item, words); ok && !slices.Contains(p.When, When(w)) {
					p.When = append(p.When, When(w))
				}
			}
		})
}

func withinKey() key[proof] {
	return span("within", "Deadline for a pass.", func(p *proof) *time.Duration { return &p.Within }).like("20m")
}

// checks reads a list of checks, or the words "none: reason".
func (d *decoder) checks(n *yaml.Node, s *draft) {
	reason, nodes := d.listOrNone(n, "checks")
	s.NoCheck = reason
	s.proofs = make([]proof, len(nodes))
	for i, item := range nodes {
		d.check(item, &s.proofs[i])
	}
}

func (d *decoder) check(n *yaml.Node, p *proof) {
	if d.isBuiltin(n) {
		p.Pos, p.ok = d.at(n), true
		p.keys = readObject(d, n, d.forms.builtin, p, nil)
		return
	}
	p.keys, p.ok = readUse(d, n, d.forms.check, RoleCheck, p, &p.Use)
	if p.ok && p.Connection == Person {
		withinOf(p.keys, &p.Use, p.Within)
		p.Task = d.taskOf(p.Use, p.keys)
	}
}

// withinOf gives a person's deadline to the task too, where the key is one of
// the object's own and so did not become a setting.
func withinOf(o *object, u *Use, within time.Duration) {
	if o.has("within") {
		if u.Settings == nil {
			u.Settings = Settings{}
		}
		u.Settings["within"] = within
	}
}

// isBuiltin reports whether a check has no use and so asks the issuer.
func (d *decoder) isBuiltin(n *yaml.Node) bool {
	if n.Kind != yaml.MappingNode || d.mentions(n, "use") {
		return false
	}
	kind := d.peek(n, "kind")
	return kind != nil && (slices.Contains(plain(builtins()), kind.Value) || nearest(kind.Value, plain(builtins())) != "")
}

// checkProof holds a built-in check to what the issuer can tell.
func (d *decoder) checkProof(s *draft, p *proof) {
	if p.Builtin == "" {
		d.checkWords(p.Use, p.keys)
		d.checkTemplates(s, p.Use, p.keys)
		d.checkObservation(p)
		return
	}
	unused := p.Builtin == BuiltinOldUnused
	switch {
	case unused && p.For == 0 && !p.keys.has("for"):
		d.fail(p.keys.node, "for: 24h", "old_unused needs to know for how long")
	case !unused && p.keys.has("for"):
		d.fail(p.keys.value("for"), "remove it", "%s has no use of for", p.Builtin)
	}
	if slices.Contains(p.When, Minted) && p.Builtin.ofTheOld() {
		d.fail(p.keys.value("when"), "leave minted out", "%s cannot pass before the new version is written: the old one is in use", p.Builtin)
	}
	if !s.issuerKnown() {
		return
	}
	facts := s.issuerFacts()
	if unused && !facts.LastUsed {
		d.fail(p.keys.value("kind"), "use a check of your own, such as a query of the consumer's log, or a person", "%s does not tell when a version was last used", s.issuerName())
	}
	if !unused && !facts.Verifies {
		d.fail(p.keys.value("kind"), "use a check of your own, such as an http probe", "%s cannot be asked whether it accepts a value", s.issuerName())
	}
}

// ofTheOld reports whether a built-in check is about the end of the old version.
func (b Builtin) ofTheOld() bool { return b == BuiltinOldRefused || b == BuiltinOldUnused }

// issuerName names the issuer for messages.
func (s *draft) issuerName() string {
	switch s.Issuer.Connection {
	case "":
		return "a secret without an issuer"
	case Person:
		return "a person as issuer"
	}
	return "the issuer " + strings.Join([]string{s.Issuer.Connection, s.Issuer.Kind}, " ")
}

// issuerFacts gives the issuer's facts; a person has none.
func (s *draft) issuerFacts() IssuerFacts {
	if s.Issuer.Facts.Issuer == nil {
		return IssuerFacts{Mint: ByPerson, Overlap: SideBySide}
	}
	return *s.Issuer.Facts.Issuer
}

// issuerKnown reports whether the issuer was understood, so that what it
// cannot do is worth a message.
func (s *draft) issuerKnown() bool { return s.issuerOK || s.Issuer.Connection == "" }
