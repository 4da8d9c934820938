package estate

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// found names what stands at a node, for messages.
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "true or false"
	case "!!int":
		return "a number"
	case "!!float":
		return "a number with a point"
	case "!!timestamp":
		return "a date"
	case "!!str":
		return "text"
	default:
		return "a YAML tag"
	}
}

func (d *decoder) expect(n *yaml.Node, kind yaml.Kind, what string) bool {
	if n.Kind == kind {
		return true
	}
	hint := ""
	if kind == yaml.SequenceNode && n.Kind == yaml.ScalarNode {
		hint = "put it in brackets: [ … ]"
	}
	d.fail(n, hint, "expected %s, found %s", what, found(n))
	return false
}

// text reads a text. Numbers and dates count as the text that was written,
// since ids and versions look like them; true, false and nothing do not.
func (d *decoder) text(n *yaml.Node) (string, bool) {
	if n.Kind == yaml.ScalarNode {
		switch n.Tag {
		case "!!str", "!!int", "!!float", "!!timestamp":
			return d.expand(n)
		}
	}
	hint := ""
	if n.Kind == yaml.ScalarNode && n.Tag == "!!bool" {
		hint = "put it in quotes"
	}
	d.fail(n, hint, "expected text, found %s", found(n))
	return "", false
}

// filled reads a text that must not be empty.
func (d *decoder) filled(n *yaml.Node, into *string) bool {
	s, ok := d.text(n)
	if ok && strings.TrimSpace(s) == "" {
		d.fail(n, "leave the key out, or say something", "expected text, found an empty one")
		return false
	}
	*into = s
	return ok
}

// word reads one of some words.
func (d *decoder) word(n *yaml.Node, words []string) (string, bool) {
	s, ok := d.text(n)
	if ok && !slices.Contains(words, s) {
		d.fail(n, d.meant(s, words, ""), "expected %s, found %s", oneOf(words), shown(s))
		return "", false
	}
	return s, ok
}

// texts reads a list of texts.
func (d *decoder) texts(n *yaml.Node) ([]string, bool) {
	if !d.expect(n, yaml.SequenceNode, "a list of texts") {
		return nil, false
	}
	list, good := make([]string, 0, len(n.Content)), true
	for _, item := range n.Content {
		var s string
		if !d.filled(resolve(item), &s) {
			good = false
			continue
		}
		list = append(list, s)
	}
	return list, good
}

// items gives the entries of a list, or the node itself where one may stand
// without its brackets.
func items(n *yaml.Node) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	list := make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		list[i] = resolve(item)
	}
	return list
}

// textMap reads a mapping of texts to texts.
func (d *decoder) textMap(n *yaml.Node) (map[string]string, bool) {
	if !d.expect(n, yaml.MappingNode, "a mapping of names to texts") {
		return nil, false
	}
	m, good := map[string]string{}, true
	d.named(n, func(k, v *yaml.Node) {
		s, ok := d.text(v)
		m[k.Value], good = s, good && ok
	})
	return m, good
}

// named walks a mapping whose keys are names of the user's choice, and
// reports keys that are not text or are there twice.
func (d *decoder) named(n *yaml.Node, each func(k, v *yaml.Node)) {
	first := map[string]*yaml.Node{}
	for pairs, i := d.pairs(n), 0; i+1 < len(pairs); i += 2 {
		k, v := resolve(pairs[i]), resolve(pairs[i+1])
		switch {
		case k.Kind != yaml.ScalarNode || k.Tag == "!!null":
			d.fail(k, "", "expected a name, found %s", found(k))
		case first[k.Value] != nil:
			d.twice(k, first[k.Value])
		default:
			first[k.Value] = k
			each(k, v)
		}
	}
}

// integer reads a whole number, also out of a variable: "${port}".
func (d *decoder) integer(n *yaml.Node) (int, bool) {
	if n.Kind == yaml.ScalarNode && (n.Tag == "!!int" || variable(n)) {
		s, ok := d.text(n)
		if !ok {
			return 0, false
		}
		if v, err := strconv.Atoi(s); err == nil && v >= math.MinInt32 && v <= math.MaxInt32 && strconv.Itoa(v) == s {
			return v, true
		}
		d.fail(n, "write it in plain digits", "expected a whole number, found one that is too large or written in another way")
		return 0, false
	}
	d.fail(n, "", "expected a whole number, found %s", found(n))
	return 0, false
}

// boolean reads true or false.
func (d *decoder) boolean(n *yaml.Node) (bool, bool) {
	if n.Kind == yaml.ScalarNode && (n.Tag == "!!bool" || variable(n)) {
		s, ok := d.text(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: n.Value, Line: n.Line, Column: n.Column})
		if v, err := strconv.ParseBool(strings.ToLower(s)); ok && err == nil {
			return v, true
		}
	}
	d.fail(n, "write true or false", "expected true or false, found %s", found(n))
	return false, false
}

// variable reports whether a text has a ${variable} in it.
func variable(n *yaml.Node) bool { return n.Tag == "!!str" && strings.Contains(n.Value, "${") }

// duration reads "90s", "1h30m", "90d" or "2w".
func (d *decoder) duration(n *yaml.Node) (time.Duration, bool) {
	const like = "write a number and a unit, such as 90s, 20m, 36h, 90d or 2w"
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		d.fail(n, like, "expected a duration, found %s", found(n))
		return 0, false
	}
	s, ok := d.text(n)
	if !ok {
		return 0, false
	}
	v, err := ParseDuration(s)
	if err != nil {
		d.fail(n, like, "expected a duration: %v", err)
		return 0, false
	}
	return v, true
}

// longest is the longest duration that an estate may name: ten years.
const longest = 10 * 365 * 24 * time.Hour

// ParseDuration reads a duration of the estate, or of a flag. It understands Go's units, and d and w before them: "1w2d12h".
func ParseDuration(s string) (time.Duration, error) {
	var total float64
	rest := s
	for _, unit := range []struct {
		sign string
		size time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, ok := strings.Cut(rest, unit.sign)
		if !ok {
			continue
		}
		v, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%s is none", shown(s))
		}
		total, rest = total+float64(v)*float64(unit.size), after
	}
	if rest != "" {
		v, err := time.ParseDuration(rest)
		if err != nil || v < 0 || strings.HasPrefix(rest, "+") {
			return 0, fmt.Errorf("%s is none", shown(s))
		}
		total += float64(v)
	}
	if s == "" || total > float64(longest) {
		return 0, fmt.Errorf("%s is not between 0 and 3650d", shown(s))
	}
	return time.Duration(total), nil
}
