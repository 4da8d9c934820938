package estate

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/secret"
)

// checkSecret looks at a secret as a whole, once all its keys are read.
func (d *decoder) checkSecret(s *draft) {
	d.configured(s)
	d.partsOf(s)
	d.derive(s)
	d.needs(s)
	d.checkRetire(s)
	d.checkFormat(s)
	if s.issuerOK {
		d.checkIssuer(s)
	}
	d.checkAlternatives(s)
	for i := range s.spots {
		p := &s.spots[i]
		d.checkLocation(s, p)
		d.checkIdentity(s, p)
		p.Checks = d.proven(s, p.gates)
		s.Locations = append(s.Locations, p.Location)
	}
	s.Checks = d.proven(s, s.proofs)
	s.spots, s.proofs, s.derivedAt, s.options = nil, nil, nil, nil // read and done with
}

// proven looks at checks and gives what of them is kept.
func (d *decoder) proven(s *draft, proofs []proof) []Check {
	if len(proofs) == 0 {
		return nil
	}
	list := make([]Check, len(proofs))
	for i := range proofs {
		if p := &proofs[i]; p.ok {
			d.checkProof(s, p)
		}
		list[i] = proofs[i].Check
	}
	return list
}

// checkIssuer looks at what people are told, and at the name of credentials.
func (d *decoder) checkIssuer(s *draft) {
	d.checkTemplates(s, s.Issuer, s.issuerKeys)
	d.checkWords(s.Issuer, s.issuerKeys)
	if s.Issuer.Connection == Person {
		d.taskOf(s.Issuer, s.issuerKeys) // for its contacts
	}
	if s.issuerFacts().Named {
		d.checkText(s.issuerKeys.value("name"), s.Issuer.Settings.String("name"))
	}
}

// needs reports what a secret must say and does not.
func (d *decoder) needs(s *draft) {
	if s.Never != "" {
		if s.Policy.Every > 0 {
			d.fail(s.keys.value("policy"), "remove every, or never", "%s has a schedule and is never rotated", s.Name)
		}
		return
	}
	for _, need := range []struct{ key, hint string }{
		{"issuer", "issuer: {use: …, kind: …}; a secret that pawl must not rotate says never: the reason"},
		{"locations", `list the places that hold a copy, or write locations: "none: the reason"`},
		{"checks", `list what proves that it works, or write checks: "none: the reason"`},
	} {
		if !s.keys.has(need.key) && !(s.Config && need.key == "issuer") {
			d.failAt(s.Pos, need.hint, "%s has no %s", s.Name, need.key)
		}
	}
}

// checkRender holds the rendering of a location to the secret's parts.
func (d *decoder) checkRender(s *draft, p *spot) {
	if p.Render != "" {
		_, bad := d.template(s, p.Render, p.Role == Accepts && p.Slots != 1)
		d.flawed(p.keys.value("render"), "render", bad)
		return
	}
	if parts := s.allParts(); !p.keys.has("render") && len(parts) > 1 && !slices.Contains(parts, secret.Single) {
		d.fail(p.keys.node, "add render: with a template over the parts "+allOf(parts), "%s has several parts and this location does not say how they are written", s.Name)
	}
}

// checkTemplates looks at the settings that a driver declares as templates.
func (d *decoder) checkTemplates(s *draft, u Use, o *object) {
	for i := range u.Facts.Fields {
		f := &u.Facts.Fields[i]
		if f.Type != Template {
			continue
		}
		if text := u.Settings.String(f.Name); text != "" {
			_, bad := d.template(s, text, false)
			d.flawed(o.value(f.Name), f.Name, bad)
		}
	}
}

func (d *decoder) flawed(n *yaml.Node, what string, bad *flaw) {
	if bad != nil {
		d.fail(n, bad.hint, "%s: %s", what, bad.why)
	}
}

// checkWords looks at what a person is told.
func (d *decoder) checkWords(u Use, o *object) {
	if u.Connection == Person {
		for _, name := range []string{"title", "do", "url"} {
			d.checkText(o.value(name), u.Settings.String(name))
		}
	}
}

// wording is what the name of a credential and the texts for people may use.
type wording struct {
	Estate, Secret, Environment, Date, Name string
	Version                                 pawl.Version
}

// checkText tries a text for people, or the name of a credential.
func (d *decoder) checkText(n *yaml.Node, text string) {
	if !strings.Contains(text, "{{") {
		return
	}
	text = actions(text)
	bad, ok := d.wordings[text]
	if !ok {
		var c *compiled
		if c, bad = compile(text, nil); bad == nil {
			if _, bad = c.execute(wording{Estate: "x", Secret: "x", Environment: "x", Date: "20060102", Name: "x", Version: 1}); bad != nil {
				bad.why = "it uses a field that does not exist"
			}
		}
		if bad != nil {
			bad.hint = "{{.Date}}, {{.Estate}}, {{.Secret}}, {{.Environment}}, {{.Version}} and {{.Name}} may stand here; write {{`{{`}} for two literal braces"
		}
		d.wordings[text] = bad
	}
	d.flawed(n, "this text", bad)
}

// actions gives a text's template actions alone, which decide whether it is a
// template: the names of ten thousand credentials differ only in what stands
// between. A text with quotes or comments in its actions is given whole.
func actions(text string) string {
	var b strings.Builder
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "{{")
		if !found {
			return b.String()
		}
		action, next, closed := strings.Cut(after, "}}")
		if !closed || strings.ContainsAny(action, "\"'`/") {
			return text
		}
		b.WriteString("{{" + action + "}}")
		rest = next
	}
}
