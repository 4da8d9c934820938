package estate

import (
	"go.yaml.in/yaml/v4"

	"github.com/pawlhq/pawl"
)

// readSecrets reads every secret, once for each of its environments.
func (d *decoder) readSecrets(n *yaml.Node) {
	if !d.expect(n, yaml.MappingNode, "a mapping of names to secrets") {
		return
	}
	d.drafts = make([]*draft, 0, len(n.Content)/2)
	d.named(n, func(k, v *yaml.Node) {
		if !isName(k.Value, "_.-") {
			d.fail(k, "a letter, then letters, digits, _, . and -; environments: adds the @", "%s is not the name of a secret", shown(k.Value))
		}
		environments := d.environmentsOf(v)
		if len(environments) == 0 {
			d.readSecret(k, v, &scope{})
		}
		if d.repeated(k, v, len(environments)) {
			return
		}
		for _, s := range environments {
			d.readSecret(k, v, s)
		}
	})
}

// repeated counts what environments multiply, and reports when it is too much.
func (d *decoder) repeated(k, v *yaml.Node, times int) bool {
	if times < 2 {
		return false
	}
	w := weigher{weights: map[*yaml.Node]int{}}
	if d.copies += (times - 1) * w.node(v); d.copies > maxCopies {
		d.crowded(k)
	}
	return d.copies > maxCopies
}

// environmentsOf finds out for which environments a secret must be read. The
// mistakes of the key itself are reported here, once.
func (d *decoder) environmentsOf(n *yaml.Node) []*scope {
	if !d.mentions(n, "environments") {
		return nil
	}
	var list *yaml.Node
	for pairs, i := d.pairs(n), 0; i+1 < len(pairs); i += 2 {
		if pairs[i].Value == "environments" {
			list = resolve(pairs[i+1])
		}
	}
	if !d.expect(list, yaml.SequenceNode, "a list of environments") {
		return nil
	}
	var scopes []*scope
	taken := map[string]bool{}
	for _, at := range items(list) {
		name := ""
		if !d.filled(at, &name) {
			continue
		}
		s, ok := d.scopes[name]
		switch {
		case !ok:
			d.fail(at, d.meant(name, d.environmentNames(), "declare it under environments:"), "there is no environment %s", shown(name))
		case taken[name]:
			d.fail(at, "remove one of them", "the environment %s is here twice", name)
		default:
			scopes = append(scopes, s)
		}
		taken[name] = true
	}
	return scopes
}

func (d *decoder) environmentNames() []string {
	names := make([]string, len(d.estate.Environments))
	for i, e := range d.estate.Environments {
		names[i] = e.Name
	}
	return names
}

// readSecret reads a secret for one environment, or for none.
func (d *decoder) readSecret(k, v *yaml.Node, in *scope) {
	if len(d.drafts) >= maxSecrets {
		d.crowded(k)
		return
	}
	d.scope, d.declared = in, k.Value
	s := &draft{declared: k.Value}
	s.Name, s.Environment, s.Pos = pawl.SecretName(k.Value), in.environment, d.at(k)
	if in.environment != "" {
		s.Name += pawl.SecretName("@" + in.environment)
	}
	s.Escrow, s.Compromised.Contain = EscrowKeep, ContainLast
	s.keys = readObject(d, v, d.forms.secret, s, nil)
	d.keep(s)
	if v.Kind == yaml.MappingNode {
		d.checkSecret(s)
	}
	d.scope, d.declared = nil, ""
}

// maxSecrets bounds an estate with its environments expanded.
const maxSecrets = 200_000

func (d *decoder) crowded(k *yaml.Node) {
	if !d.full {
		d.full = true
		d.fail(k, "divide the estate into several files", "the environments multiply this estate to more than %d secrets or %d entries", maxSecrets, maxCopies)
	}
}

// keep adds a secret to the indexes.
func (d *decoder) keep(s *draft) {
	d.byName[s.Name] = len(d.drafts)
	d.drafts = append(d.drafts, s)
	if s.Environment != "" {
		d.variants[s.declared] = append(d.variants[s.declared], s.Name)
	}
}

// secret finds a secret by its whole name.
func (d *decoder) secret(name pawl.SecretName) *draft {
	if i, ok := d.byName[name]; ok {
		return d.drafts[i]
	}
	return nil
}

func (d *decoder) declaredNames() []string {
	if d.names == nil {
		for _, s := range d.drafts {
			if len(d.names) == 0 || d.names[len(d.names)-1] != s.declared {
				d.names = append(d.names, s.declared)
			}
		}
	}
	return d.names
}
