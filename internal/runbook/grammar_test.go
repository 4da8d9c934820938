package runbook_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/internal/runbook"
)

// drawn is what a graph says, read back by the grammar of its language.
type drawn struct {
	labels map[string]string // by id
	edges  [][2]string
}

var (
	mermaidNode = regexp.MustCompile(`^  (n[0-9]+)(\(\[|\{\{|\[|\()"([^"]*)"(\]\)|\}\}|\]|\))$`)
	mermaidEdge = regexp.MustCompile(`^  (n[0-9]+) (?:-->|-\.->)(?:\|"([^"]*)"\|)? (n[0-9]+)$`)
	dotString   = `"((?:[^"\\\n]|\\["\\])*)"`
	dotNode     = regexp.MustCompile(`^  (n[0-9]+) \[label=` + dotString + `, shape=(?:ellipse|hexagon|box|component)\];$`)
	dotEdge     = regexp.MustCompile(`^  (n[0-9]+) -> (n[0-9]+) \[label=` + dotString + `, style=(?:solid|dashed)\];$`)
)

// TestMermaid reads every line by the grammar of flowcharts, of which quoted
// labels with entity codes are used alone.
func TestMermaid(t *testing.T) {
	for _, file := range estates() {
		var b bytes.Buffer
		if err := runbook.NewMap(load(t, file)).Mermaid(&b); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if lines[0] != "flowchart LR" {
			t.Errorf("it begins with %q", lines[0])
		}
		d := drawn{labels: map[string]string{}}
		pairs := map[string]string{"([": "])", "{{": "}}", "[": "]", "(": ")"}
		for _, line := range lines[1:] {
			if m := mermaidNode.FindStringSubmatch(line); m != nil && pairs[m[2]] == m[4] {
				d.labels[m[1]] = mermaidLabel(t, m[3])
			} else if m := mermaidEdge.FindStringSubmatch(line); m != nil {
				mermaidLabel(t, m[2])
				d.edges = append(d.edges, [2]string{m[1], m[3]})
			} else {
				t.Errorf("%s: no node and no edge: %q", file, line)
			}
		}
		d.hold(t, file)
	}
}

// mermaidLabel takes entity codes back, and refuses what else could mean
// something in a label.
func mermaidLabel(t *testing.T, text string) string {
	entities := map[string]string{"#quot;": `"`, "#35;": "#", "#lt;": "<", "#gt;": ">", "#amp;": "&", "#96;": "`", "#92;": `\`}
	bare := regexp.MustCompile(`#[a-z0-9]+;`).ReplaceAllStringFunc(text, func(code string) string {
		if entities[code] == "" {
			t.Errorf("%q is no entity code", code)
		}
		return ""
	})
	if strings.ContainsAny(bare, "#<>&`\"\\\n") {
		t.Errorf("a label with markup in it: %q", text)
	}
	return regexp.MustCompile(`#[a-z0-9]+;`).ReplaceAllStringFunc(text, func(code string) string { return entities[code] })
}

// TestDot reads every line by the DOT language's grammar.
func TestDot(t *testing.T) {
	for _, file := range estates() {
		var b bytes.Buffer
		if err := runbook.NewMap(load(t, file)).Dot(&b); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		head := regexp.MustCompile(`^digraph ` + dotString + ` \{$`)
		attributes := regexp.MustCompile(`^  (?:rankdir=LR|(?:node|edge) \[fontname=` + dotString + `\]);$`)
		if !head.MatchString(lines[0]) || lines[len(lines)-1] != "}" {
			t.Errorf("%s: not one digraph: %q … %q", file, lines[0], lines[len(lines)-1])
		}
		d := drawn{labels: map[string]string{}}
		for _, line := range lines[1 : len(lines)-1] {
			if m := dotNode.FindStringSubmatch(line); m != nil {
				d.labels[m[1]] = strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(m[2])
			} else if m := dotEdge.FindStringSubmatch(line); m != nil {
				d.edges = append(d.edges, [2]string{m[1], m[2]})
			} else if !attributes.MatchString(line) {
				t.Errorf("%s: no statement: %q", file, line)
			}
		}
		d.hold(t, file)
	}
}

// hold holds a graph to the map: each secret, issuer and place is a node, each
// copy is an edge, and no edge leads nowhere.
func (d *drawn) hold(t *testing.T, file string) {
	t.Helper()
	m := runbook.NewMap(load(t, file))
	var labels []string
	for _, l := range d.labels {
		labels = append(labels, l)
	}
	edges := 0
	for _, r := range m.Secrets {
		has := func(part string) {
			part = strings.Join(strings.Fields(part), " ")
			if !slices.ContainsFunc(labels, func(l string) bool { return strings.Contains(l, part) }) {
				t.Errorf("%s: no node %q", file, part)
			}
		}
		has(string(r.Secret))
		if r.Issuer != nil {
			has(r.Issuer.Title)
			edges++
		}
		edges += len(r.Alternatives)
		for _, l := range r.Locations {
			has(l.Title)
			edges += 1 + len(l.Consumers) + len(l.ShadowedBy)
			for _, c := range l.Consumers {
				has(c.Title)
			}
		}
	}
	if len(d.edges) != edges {
		t.Errorf("%s: %d edges, the map has %d", file, len(d.edges), edges)
	}
	for _, e := range d.edges {
		if d.labels[e[0]] == "" || d.labels[e[1]] == "" {
			t.Errorf("%s: the edge %v leads to no node", file, e)
		}
	}
}
