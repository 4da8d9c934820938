package estate

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// scope is what ${…} stands for while a secret is read for one environment.
type scope struct {
	environment string            // "" for a secret that names none
	after       string            // the environment that comes before
	vars        map[string]string // with env itself
	names       []string
}

func newScope(e Environment) *scope {
	s := &scope{environment: e.Name, after: e.After, vars: map[string]string{"env": e.Name}, names: []string{"env"}}
	for name, value := range e.Vars {
		s.vars[name] = value
		s.names = append(s.names, name)
	}
	slices.Sort(s.names)
	return s
}

// expand replaces each ${name} of a text; $${ is a literal ${, and ${{ is
// left alone, since that belongs to other languages.
func (d *decoder) expand(n *yaml.Node) (string, bool) {
	rest := n.Value
	if !strings.Contains(rest, "${") {
		return rest, true
	}
	var b strings.Builder
	good := true
	for {
		i := strings.Index(rest, "${")
		if i < 0 {
			b.WriteString(rest)
			return b.String(), good
		}
		switch {
		case i > 0 && rest[i-1] == '$':
			b.WriteString(rest[:i-1] + "${")
			rest = rest[i+2:]
		case strings.HasPrefix(rest[i:], "${{"):
			b.WriteString(rest[:i+3])
			rest = rest[i+3:]
		default:
			b.WriteString(rest[:i])
			name, after, ok := strings.Cut(rest[i+2:], "}")
			value, ok := d.variable(n, name, ok)
			if !ok {
				good, after = false, ""
			}
			b.WriteString(value)
			rest = after
		}
	}
}

// variable gives the value of one variable.
func (d *decoder) variable(n *yaml.Node, name string, closed bool) (string, bool) {
	const literal = "; write $${ for a literal ${"
	switch {
	case !closed || !isName(name, "_-"):
		d.fail(n, "write ${name}"+literal, "${ is not followed by the name of a variable and }")
	case d.scope == nil:
		d.fail(n, "declare one per environment, such as fly-staging and fly-production, and write use: fly-${env}"+literal,
			"${%s} has no meaning here: variables belong to the secrets of an environment", name)
	case d.scope.environment == "":
		d.fail(n, "give the secret environments: [ … ]"+literal, "${%s} has no meaning here: the secret names no environment", name)
	default:
		if value, ok := d.scope.vars[name]; ok {
			return value, true
		}
		d.fail(n, d.meant(name, d.scope.names, "declare it: environments: {"+d.scope.environment+": {vars: {"+name+": …}}}"),
			"the environment %s has no variable ${%s}", d.scope.environment, name)
	}
	return "", false
}

// isName reports whether a text is a letter followed by letters, digits and
// the further signs given.
func isName(s, signs string) bool {
	const longest = 128
	for i, c := range s {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && !strings.ContainsRune(signs, c)) {
			return false
		}
	}
	return s != "" && len(s) <= longest
}
