package estate

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/pawlhq/pawl"
)

// schemes are the references that pawl resolves; planned ones it will.
func schemes() []string { return []string{"env", "file", "exec", "secret"} }
func planned() []string {
	return []string{"op", "vault", "awssm", "gcpsm", "azkv", "bw", "keyring", "keychain"}
}

const referenceHint = "write env:NAME, file:path, exec:command or secret:NAME"

// reference reads where a credential is found. Whatever has no scheme may be
// the credential itself and is never repeated.
func (d *decoder) reference(n *yaml.Node) Reference {
	s, ok := d.text(n)
	if !ok {
		return Reference{}
	}
	scheme, rest, ok := strings.Cut(s, ":")
	switch {
	case !ok || !isName(scheme, "+-"):
		d.fail(n, referenceHint, "a credential is named by where it is found; its value never goes in this file")
	case slices.Contains(planned(), scheme):
		d.fail(n, referenceHint, "references of the scheme %s: are not supported yet", scheme)
	case !slices.Contains(schemes(), scheme):
		d.fail(n, referenceHint, "a credential is named by where it is found: its value never goes in this file, and pawl does not know this scheme")
	case strings.TrimSpace(rest) == "":
		d.fail(n, referenceHint, "%s: names nothing", scheme)
	case scheme == "env" && !isVariable(rest):
		d.fail(n, "env: takes the name alone, such as env:FLY_ADMIN_TOKEN", "this is not the name of an environment variable")
	default:
		return Reference{Scheme: scheme, Rest: rest}
	}
	return Reference{}
}

// ParseReference reads a reference as the estate writes it, env:NAME or
// file:PATH, from a flag.
func ParseReference(s string) (Reference, error) {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || !slices.Contains(schemes(), scheme) || strings.TrimSpace(rest) == "" || scheme == "env" && !isVariable(rest) {
		return Reference{}, errors.New("it is not where a credential is found, such as env:DATABASE_URL or file:key.hex; its value never goes into an argument")
	}
	return Reference{Scheme: scheme, Rest: rest}, nil
}

func isVariable(s string) bool { return isName(strings.TrimLeft(s, "_"), "_") }

// checkReferences finds the secrets that connections take their credentials
// from, and refuses circles: a secret whose issuer can be reached only with a
// second one, whose issuer can be reached only with the first. A secret that
// mints its own successor is no such circle.
func (d *decoder) checkReferences() {
	for _, l := range d.links {
		if l.Credential.Scheme != "secret" {
			continue
		}
		name := pawl.SecretName(l.Credential.Rest)
		if d.secret(name) == nil {
			d.failAt(l.credentialAt, d.whichSecret(string(name)), "there is no secret %s in this estate", shown(string(name)))
		}
	}
	graph := d.issuerGraph()
	for _, circle := range circles(graph) {
		if len(circle) > 1 {
			s := d.drafts[circle[0]]
			d.failAt(s.Issuer.Pos, "give one of the connections a credential from outside the estate, such as env:NAME",
				"these secrets can each be minted only with the next: %s", d.circle(circle))
		}
	}
}

// issuerGraph leads from each secret to the one that its issuer's connection
// needs.
func (d *decoder) issuerGraph() [][]int {
	graph := make([][]int, len(d.drafts))
	for i, s := range d.drafts {
		l, ok := d.links[s.Issuer.Connection]
		if ok && l.Credential.Scheme == "secret" {
			if j, ok := d.byName[pawl.SecretName(l.Credential.Rest)]; ok {
				graph[i] = append(graph[i], j)
			}
		}
	}
	return graph
}

// whichSecret helps with a name that no secret has: a near one, or the
// environments in which it exists.
func (d *decoder) whichSecret(name string) string {
	if variants := d.variants[name]; len(variants) > 0 {
		return "it exists as " + oneOf(plain(variants))
	}
	return d.meant(name, d.declaredNames(), "declare it under secrets:")
}
