package estate

import (
	"fmt"

	"go.yaml.in/yaml/v4"

	"github.com/pawlhq/pawl"
)

// band is a group while it is read.
type band struct {
	Group
	members []mention
}

func groupTable() *table[band] {
	return newTable("a group", "Secrets that must match and so rotate in one rotation.",
		custom("secrets", "Its members, at least two.", listSchema(textSchema()).with("minItems", 2), func(d *decoder, n *yaml.Node, b *band) {
			b.members = d.mentionsOf(n)
			if n.Kind == yaml.SequenceNode && len(n.Content) < 2 {
				d.fail(n, "name at least two, or remove the group", "a group of fewer than two secrets couples nothing")
			}
		}).needed(),
		text("why", "Why they must match.", func(b *band) *string { return &b.Why }))
}

// readGroups reads the groups. A group whose members exist in several
// environments becomes one group in each.
func (d *decoder) readGroups(n *yaml.Node) {
	if !d.expect(n, yaml.MappingNode, "a mapping of names to groups") {
		return
	}
	owner := map[pawl.SecretName]mention{}
	d.named(n, func(k, v *yaml.Node) {
		b := band{Group: Group{Name: k.Value, Pos: d.at(k)}}
		if !isName(k.Value, "_.-") {
			d.fail(k, "a letter, then letters, digits, _, . and -", "%s is not the name of a group", shown(k.Value))
		}
		readObject(d, v, d.forms.group, &b, nil)
		d.group(b, owner)
	})
}

// group places the members of a group by environment.
func (d *decoder) group(b band, owner map[pawl.SecretName]mention) {
	var first map[string]pawl.SecretName
	groups := map[string]*Group{}
	for _, m := range b.members {
		found := d.member(m)
		if found == nil {
			d.failAt(m.pos, d.whichSecret(m.name), "there is no secret %s in this estate", shown(m.name))
			continue
		}
		if first == nil {
			first = found
		}
		if !sameKeys(first, found) {
			d.failAt(m.pos, "members of a group must exist in the same environments", "%s exists in other environments than %s", m.name, b.members[0].name)
			continue
		}
		for environment, name := range found {
			d.join(b, m, name, owner)
			g := groups[environment]
			if g == nil {
				g = &Group{Name: inEnvironment(b.Name, environment), Why: b.Why, Pos: b.Pos}
				groups[environment] = g
			}
			g.Secrets = append(g.Secrets, name)
		}
	}
	for _, environment := range append([]string{""}, d.environmentNames()...) {
		if g := groups[environment]; g != nil {
			d.estate.Groups = append(d.estate.Groups, *g)
		}
	}
}

// member gives the secrets that a name stands for, by environment.
func (d *decoder) member(m mention) map[string]pawl.SecretName {
	if s := d.secret(pawl.SecretName(m.name)); s != nil {
		return map[string]pawl.SecretName{s.Environment: s.Name}
	}
	var found map[string]pawl.SecretName
	for _, name := range d.variants[m.name] {
		if found == nil {
			found = map[string]pawl.SecretName{}
		}
		found[d.secret(name).Environment] = name
	}
	return found
}

// join refuses members that cannot be in the group.
func (d *decoder) join(b band, m mention, name pawl.SecretName, owner map[pawl.SecretName]mention) {
	if s := d.secret(name); s.Never != "" {
		d.failAt(m.pos, "remove it from the group, or remove never", "%s is never rotated, so the group could never rotate", name)
	}
	if first, taken := owner[name]; taken {
		d.failAt(m.pos, "a secret is in one group only", "%s is already in the group %s at %s", name, first.name, first.pos)
		return
	}
	owner[name] = mention{b.Name, m.pos}
}

func inEnvironment(name, environment string) string {
	if environment == "" {
		return name
	}
	return fmt.Sprintf("%s@%s", name, environment)
}

func sameKeys(a, b map[string]pawl.SecretName) bool {
	for k := range a {
		if _, ok := b[k]; !ok {
			return false
		}
	}
	return len(a) == len(b)
}
