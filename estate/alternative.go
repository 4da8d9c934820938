package estate

import (
	"slices"
	"time"

	"go.yaml.in/yaml/v4"
)

// Alternative is another plan for the same secret, chosen by name: the reset
// of a password where the usual plan adds a second user, or the way that is
// left when an issuer is down. It says only what differs; locations, checks
// and tasks stay the secret's.
type Alternative struct {
	Name      string
	Why       string // when to choose it
	Issuer    Use
	Overlap   time.Duration
	Retire    Retire
	AcceptGap bool
	Pos       Pos
}

// UsualPlan is the name by which a secret's own plan is chosen where it has
// alternatives, for example for a leak for which another one is declared. No
// alternative has it.
const UsualPlan = "usual"

// Alternative finds an alternative by name.
func (s *Secret) Alternative(name string) (Alternative, bool) {
	i := slices.IndexFunc(s.Alternatives, func(a Alternative) bool { return a.Name == name })
	if i < 0 {
		return Alternative{}, false
	}
	return s.Alternatives[i], true
}

// By gives the secret as an alternative has it: a copy in which what the
// alternative says stands in place of what the secret says. The usual plan,
// "" too, and names that the secret does not know give the secret itself.
func (s *Secret) By(name string) *Secret {
	a, ok := s.Alternative(name)
	if !ok {
		return s
	}
	other := *s
	other.Issuer, other.Overlap, other.Retire, other.Policy.AcceptGap = a.Issuer, a.Overlap, a.Retire, a.AcceptGap
	return &other
}

// option is an alternative while it is read.
type option struct {
	Alternative
	issuerOK   bool
	issuerKeys *object
	retireKeys *object
}

func alternativeTable(retire *table[Retire]) *table[option] {
	return newTable("an alternative", "Another plan for the same secret, chosen by name.",
		text("why", "When to choose it.", func(a *option) *string { return &a.Why }).needed(),
		one("issuer", "Where versions are minted and ended then.", "issuer", func(d *decoder, n *yaml.Node, a *option) {
			a.issuerKeys, a.issuerOK = readUse(d, n, d.forms.issuer, RoleIssuer, &a.Issuer, &a.Issuer)
		}).needed(),
		span("overlap", "How long both versions must stay valid after the switch then.", func(a *option) *time.Duration { return &a.Overlap }),
		one("retire", "How the old version ends then.", "retire", func(d *decoder, n *yaml.Node, a *option) {
			a.retireKeys = readObject(d, n, retire, &a.Retire, nil)
		}),
		flag("accept_gap", "Accept that consumers fail for a while then.", func(a *option) *bool { return &a.AcceptGap }))
}

func (d *decoder) alternatives(n *yaml.Node, s *draft) {
	if !d.expect(n, yaml.MappingNode, "a mapping of names to alternatives") {
		return
	}
	d.named(n, func(k, v *yaml.Node) {
		if !isName(k.Value, "_-") {
			d.fail(k, "a letter, then letters, digits, _ and -", "%s is not the name of an alternative", shown(k.Value))
		}
		if k.Value == UsualPlan {
			d.fail(k, "choose another name", "%s is the name of the plan without an alternative", UsualPlan)
		}
		a := option{Alternative: Alternative{Name: k.Value, Pos: d.at(k)}}
		readObject(d, v, d.forms.alternative, &a, nil)
		s.options = append(s.options, a)
	})
}

// checkAlternatives holds each alternative to its issuer, as the secret is to
// its own. All mint the same parts, since the locations are the same.
func (d *decoder) checkAlternatives(s *draft) {
	for i := range s.options {
		a := &s.options[i]
		s.Alternatives = append(s.Alternatives, a.Alternative)
		if !a.issuerOK {
			continue
		}
		other := &draft{issuerOK: true, issuerKeys: a.issuerKeys, retireKeys: a.retireKeys}
		other.Name, other.Issuer, other.Retire, other.Parts, other.Derived = s.Name, a.Issuer, a.Retire, s.Parts, s.Derived
		if yields := other.issuerFacts().Parts; len(yields) > 0 && !among(s.Parts, yields) {
			d.fail(a.issuerKeys.node, "the locations need "+allOf(s.Parts), "%s mints the parts %s", other.issuerName(), allOf(yields))
		}
		d.checkIssuer(other)
		d.checkRetire(other)
	}
	d.checkPlan(s)
}

// checkPlan finds the alternative that is used when the secret has leaked.
func (d *decoder) checkPlan(s *draft) {
	if s.Compromised.Plan == "" {
		return
	}
	var known []string
	for _, a := range s.Alternatives {
		if a.Name == s.Compromised.Plan {
			return
		}
		known = append(known, a.Name)
	}
	d.fail(s.leakKeys.value("plan"), d.meant(s.Compromised.Plan, known, "declare it under alternatives:"), "%s has no alternative %s", s.Name, shown(s.Compromised.Plan))
}
