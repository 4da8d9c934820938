package estate

import (
	"time"

	"go.yaml.in/yaml/v4"
)

// draft is a secret while it is read, with what later checks need to know of
// how it was written.
type draft struct {
	Secret
	declared   string // the name without its environment
	spots      []spot
	options    []option
	proofs     []proof
	keys       *object
	issuerOK   bool
	issuerKeys *object
	retireKeys *object
	leakKeys   *object
	formatKeys *object
	derivedAt  []*yaml.Node
	after      []mention
	also       []mention
}

// mention is a name of another secret, and where it is written.
type mention struct {
	name string
	pos  Pos
}

func (d *decoder) mentionsOf(n *yaml.Node) []mention {
	if !d.expect(n, yaml.SequenceNode, "a list of secrets") {
		return nil
	}
	var list []mention
	for _, item := range items(n) {
		var name string
		if d.filled(item, &name) {
			list = append(list, mention{name, d.at(item)})
		}
	}
	return list
}

func secretTable() *table[draft] {
	keys := append(describing(), making()...)
	keys = append(keys, proving()...)
	return newTable("a secret", "One named credential and everything that is known of it.", append(keys, ending()...)...)
}

// describing has the keys that say what the secret is.
func describing() []key[draft] {
	return []key[draft]{
		text("purpose", "What it is for.", func(s *draft) *string { return &s.Purpose }),
		text("owner", "Who answers for it.", func(s *draft) *string { return &s.Owner }),
		list("links", "Where to read more.", func(s *draft) *[]string { return &s.Links }),
		custom("contacts", "Whom to ask: names of contacts.", listSchema(textSchema()), func(d *decoder, n *yaml.Node, s *draft) { s.Contacts = d.contactsOf(n) }),
		text("blast_radius", "What a rotation does to others even when it goes well.", func(s *draft) *string { return &s.BlastRadius }).
			like("Every running workspace restarts"),
		custom("environments", "The environments in which it exists, each with a value of its own.", listSchema(textSchema()), func(*decoder, *yaml.Node, *draft) {}),
		custom("parts", "The names of its parts, when it has more than one value.", listSchema(nameSchema()), func(d *decoder, n *yaml.Node, s *draft) { s.Parts = d.parts(n) }),
		text("never", "The reason why pawl must refuse to rotate it.", func(s *draft) *string { return &s.Never }),
		flag("config", "It is configuration: a person sets it, nothing is minted, and nothing of it ends.", func(s *draft) *bool { return &s.Config }),
		text("if_half_done", "What breaks when a rotation stops half way.", func(s *draft) *string { return &s.IfHalfDone }),
	}
}

// making has the keys that say where a version comes from.
func making() []key[draft] {
	return []key[draft]{
		custom("issuer", "Where versions are minted and ended.", refSchema("issuer"), func(d *decoder, n *yaml.Node, s *draft) {
			s.issuerKeys, s.issuerOK = readUse(d, n, d.forms.issuer, RoleIssuer, &s.Issuer, &s.Issuer)
		}),
		custom("alternatives", "Other plans for it, by name.", ordered{{"type", "object"}, {"additionalProperties", refSchema("alternative")}},
			func(d *decoder, n *yaml.Node, s *draft) { d.alternatives(n, s) }),
		custom("format", "Rules for generated and pasted values.", refSchema("format"), func(d *decoder, n *yaml.Node, s *draft) {
			s.formatKeys = readObject(d, n, d.forms.format, &s.Format, nil)
		}),
		custom("derived", "Further parts, computed from the minted ones by templates.", ordered{{"type", "object"}, {"additionalProperties", textSchema()}},
			func(d *decoder, n *yaml.Node, s *draft) { d.derived(n, s) }),
	}
}

// proving has the keys that say where a version goes and how it is proven.
func proving() []key[draft] {
	return []key[draft]{
		custom("locations", "The places that hold a copy, written in this order.", listOrNoneSchema("location"), func(d *decoder, n *yaml.Node, s *draft) { d.locations(n, s) }),
		custom("checks", "Proofs that the consumers work.", listOrNoneSchema("check"), func(d *decoder, n *yaml.Node, s *draft) { d.checks(n, s) }),
		custom("after", "Secrets that rotate before this one when they rotate in the same run.", listSchema(textSchema()),
			func(d *decoder, n *yaml.Node, s *draft) { s.after = d.mentionsOf(n) }),
		custom("tasks", "What people do at the ends of phases.", listSchema(refSchema("staged_task")),
			func(d *decoder, n *yaml.Node, s *draft) { s.Tasks = d.tasks(n, d.forms.stagedTask) }),
		custom("pauses", "Other automation that must not run meanwhile.", listSchema(refSchema("pause")),
			func(d *decoder, n *yaml.Node, s *draft) { s.Pauses = d.pauses(n) }),
		custom("migrate", "Data that must be rewritten before the old version can end.", refSchema("call"), func(d *decoder, n *yaml.Node, s *draft) {
			s.Migrate = &Use{}
			readUse(d, n, d.forms.migrate, RoleCheck, s.Migrate, s.Migrate)
		}),
	}
}

// ending has the keys that say when it rotates and how a version ends.
func ending() []key[draft] {
	return []key[draft]{
		span("overlap", "How long both versions must stay valid after the switch: token life, caches.", func(s *draft) *time.Duration { return &s.Overlap }).like("24h"),
		custom("retire", "How the old version ends.", refSchema("retire"), func(d *decoder, n *yaml.Node, s *draft) {
			s.retireKeys = readObject(d, n, d.forms.retire, &s.Retire, nil)
		}),
		custom("policy", "When and how it rotates.", refSchema("policy"), func(d *decoder, n *yaml.Node, s *draft) { d.policy(n, &s.Policy) }),
		custom("compromised", "What changes when it has leaked.", refSchema("compromised"), func(d *decoder, n *yaml.Node, s *draft) {
			l := leak{Compromised: s.Compromised}
			s.leakKeys = readObject(d, n, d.forms.compromised, &l, nil)
			s.Compromised, s.also = l.Compromised, l.also
		}),
		choice("escrow", "keep: the sealed previous value is kept so that a write can be undone. none: it is forgotten when the rotation has ended.",
			func(s *draft) *Escrow { return &s.Escrow }, EscrowKeep, EscrowNone),
	}
}

func (d *decoder) parts(n *yaml.Node) []string {
	if !d.expect(n, yaml.SequenceNode, "a list of names") {
		return nil
	}
	var names []string
	taken := map[string]bool{}
	for _, at := range items(n) {
		name := ""
		switch {
		case !d.filled(at, &name):
			continue
		case taken[name]:
			d.fail(at, "remove one of them", "the part %s is here twice", shown(name))
		default:
			d.partName(at, name)
			names = append(names, name)
		}
		taken[name] = true
	}
	return names
}

// partName refuses names that a template could not say or would confuse.
func (d *decoder) partName(n *yaml.Node, name string) {
	switch {
	case !isName(name, "_"):
		d.fail(n, "a letter, then letters, digits and _", "%s is not the name of a part", shown(name))
	case name == "all" || name == "old" || name == "new":
		d.fail(n, "choose another name", "%s means something else in templates", name)
	}
}

func (d *decoder) derived(n *yaml.Node, s *draft) {
	if !d.expect(n, yaml.MappingNode, "a mapping of parts to templates") {
		return
	}
	d.named(n, func(k, v *yaml.Node) {
		d.partName(k, k.Value)
		entry := Derived{Part: k.Value}
		d.filled(v, &entry.Template)
		s.Derived = append(s.Derived, entry)
		s.derivedAt = append(s.derivedAt, v)
	})
}
