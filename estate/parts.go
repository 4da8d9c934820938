package estate

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl/secret"
)

// partsOf settles which parts a mint yields.
func (d *decoder) partsOf(s *draft) {
	yields := s.issuerFacts().Parts
	if len(s.Parts) > 0 && len(yields) > 0 && !among(s.Parts, yields) {
		d.fail(s.keys.value("parts"), "leave parts out, or list those of these that the places need", "%s mints the parts %s", s.issuerName(), allOf(yields))
	}
	switch {
	case len(s.Parts) > 0:
	case len(yields) > 0:
		s.Parts = yields
	default:
		s.Parts = []string{secret.Single}
	}
}

// among reports whether an issuer yields every part that is wanted. It may
// yield more: those are not kept.
func among(wanted, yields []string) bool {
	return !slices.ContainsFunc(wanted, func(name string) bool { return !slices.Contains(yields, name) })
}

// allParts lists minted and derived parts.
func (s *draft) allParts() []string {
	if len(s.Derived) == 0 {
		return s.Parts
	}
	all := slices.Clone(s.Parts)
	for _, part := range s.Derived {
		all = append(all, part.Part)
	}
	return all
}

// derive checks the templates of derived parts and puts each part behind
// those that it is made of.
func (d *decoder) derive(s *draft) {
	if len(s.Derived) == 0 {
		return
	}
	index := map[string]int{}
	for i, part := range s.Derived {
		index[part.Part] = i
		if slices.Contains(s.Parts, part.Part) {
			d.fail(s.derivedAt[i], "give the derived part another name", "the part %s is minted and cannot be derived too", part.Part)
		}
	}
	graph := make([][]int, len(s.Derived))
	for i, part := range s.Derived {
		uses, bad := d.template(s, part.Template, false)
		d.flawed(s.derivedAt[i], "the derived part "+part.Part, bad)
		for _, name := range uses {
			if j, ok := index[name]; ok {
				graph[i] = append(graph[i], j)
			}
		}
	}
	name := func(i int) string { return s.Derived[i].Part }
	rings := circles(graph)
	for _, ring := range rings {
		d.fail(s.derivedAt[ring[0]], "derive parts from minted ones", "these parts are made of each other: %s", d.path(ring, name))
	}
	if len(rings) == 0 {
		s.Derived = sorted(s.Derived, graph)
	}
}

// sorted puts each part behind those that it is made of, otherwise in order.
func sorted(parts []Derived, graph [][]int) []Derived {
	done := make([]bool, len(parts))
	var list []Derived
	var visit func(i int)
	visit = func(i int) {
		if done[i] {
			return
		}
		done[i] = true
		for _, j := range graph[i] {
			visit(j)
		}
		list = append(list, parts[i])
	}
	for i := range parts {
		visit(i)
	}
	return list
}

// trial is a template that was tried on made-up parts; many secrets of an
// estate have the same one.
type trial struct {
	uses []string
	flaw *flaw
}

// template tries a template over a secret's parts.
func (d *decoder) template(s *draft, text string, accepts bool) ([]string, *flaw) {
	parts := s.allParts()
	id := strconv.FormatBool(accepts) + "\x00" + strings.Join(parts, "\x00") + "\x00\x00" + text
	t, ok := d.trials[id]
	if !ok {
		t = try(text, parts, accepts)
		d.trials[id] = t
	}
	return t.uses, t.flaw
}

// try carries a template out over made-up values: with two versions and with
// one, where the location accepts.
func try(text string, parts []string, accepts bool) trial {
	c, bad := compile(text, functions())
	if bad != nil {
		return trial{nil, bad}
	}
	names := allOf(parts)
	if accepts {
		if !slices.Contains(c.uses, "all") && !(slices.Contains(c.uses, "old") && slices.Contains(c.uses, "new")) {
			return trial{nil, &flaw{"a location that accepts must be given .all, or .old and .new", `such as {{join "," .all}}`}}
		}
		names = "all, old and new"
	}
	for _, data := range madeUp(parts, accepts) {
		out, bad := c.execute(data)
		if bad == nil && len(out) == 0 {
			bad = &flaw{"the result is empty, and an empty value is never written", ""}
		}
		if bad != nil && bad.hint == "" {
			bad.hint = "the parts are " + names
		}
		if bad != nil {
			return trial{nil, bad}
		}
	}
	if !accepts && !slices.ContainsFunc(c.uses, func(name string) bool { return slices.Contains(parts, name) }) {
		return trial{nil, &flaw{"the template uses no part of the secret", "the parts are " + names}}
	}
	return trial{c.uses, nil}
}

// madeUp gives data like that of a rotation.
func madeUp(parts []string, accepts bool) []map[string]any {
	version := map[string]string{}
	data := map[string]any{}
	for _, name := range parts {
		version[name], data[name] = "x", "x"
	}
	if !accepts {
		return []map[string]any{data}
	}
	newer := maps.Clone(version)
	return []map[string]any{acceptedData([]map[string]string{version, newer}), acceptedData([]map[string]string{version})}
}
