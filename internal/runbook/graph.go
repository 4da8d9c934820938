package runbook

import (
	"fmt"
	"io"
	"strings"

	"github.com/pawlhq/pawl/estate"
)

// graph is the map as nodes and edges, in the order of the file: a value flows
// from an issuer through a secret to the places that hold it, and from there
// to what loads it.
type graph struct {
	ids   map[string]string
	nodes []node
	edges []edge
}

type node struct {
	id, label string
	kind      nodeKind
}

type nodeKind string

const (
	nodeSecret   nodeKind = "secret"
	nodeIssuer   nodeKind = "issuer"
	nodePlace    nodeKind = "place"
	nodeConsumer nodeKind = "consumer"
)

// edge is one arrow. It is dotted where no value flows from pawl: to a
// verifier, which checks what others present, and from what wins over a place.
type edge struct {
	from, to, label string
	dotted          bool
}

func (m *Map) graph() *graph {
	g := &graph{ids: map[string]string{}}
	for i := range m.Secrets {
		r := &m.Secrets[i]
		id := g.node(nodeSecret, secretLabel(r))
		if r.Issuer != nil {
			g.edges = append(g.edges, edge{from: g.node(nodeIssuer, r.Issuer.Title), to: id, label: "mints"})
		}
		for _, a := range r.Alternatives {
			g.edges = append(g.edges, edge{from: g.node(nodeIssuer, a.Issuer.Title), to: id, label: "or, " + a.Name, dotted: true})
		}
		for j := range r.Locations {
			g.spot(id, &r.Locations[j])
		}
	}
	return g
}

func secretLabel(r *Row) string {
	if r.Never != "" {
		return string(r.Secret) + " (never rotated)"
	}
	return string(r.Secret)
}

func (g *graph) spot(secret string, s *Spot) {
	label := s.Title
	if s.FoundBy != nil {
		label = "each " + label + ", found by " + s.FoundBy.Title
	}
	at := g.node(nodePlace, label)
	g.edges = append(g.edges, edge{from: secret, to: at, label: strings.ReplaceAll(s.Activate, "_", " "), dotted: s.Role == estate.Accepts})
	for _, c := range s.Consumers {
		g.edges = append(g.edges, edge{from: at, to: g.node(nodeConsumer, c.Title), label: "loads"})
	}
	for _, w := range s.ShadowedBy {
		g.edges = append(g.edges, edge{from: g.node(nodePlace, w.Title), to: at, label: "wins over", dotted: true})
	}
}

// node gives the id of a node, made at its first mention. What is named alike
// and is something else is another node.
func (g *graph) node(kind nodeKind, label string) string {
	key := string(kind) + " " + label
	if id, ok := g.ids[key]; ok {
		return id
	}
	id := fmt.Sprintf("n%d", len(g.nodes)+1)
	g.ids[key] = id
	g.nodes = append(g.nodes, node{id, label, kind})
	return id
}

// Mermaid writes the map as a Mermaid flowchart, as GitHub renders it in
// Markdown (mermaid.js.org, "Flowcharts - Basic Syntax").
func (m *Map) Mermaid(w io.Writer) error {
	g := m.graph()
	shapes := map[nodeKind][2]string{nodeSecret: {"([", "])"}, nodeIssuer: {"{{", "}}"}, nodePlace: {"[", "]"}, nodeConsumer: {"(", ")"}}
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	for _, n := range g.nodes {
		shape := shapes[n.kind]
		fmt.Fprintf(&b, "  %s%s\"%s\"%s\n", n.id, shape[0], mermaidText(n.label), shape[1])
	}
	for _, e := range g.edges {
		arrow := "-->"
		if e.dotted {
			arrow = "-.->"
		}
		if e.label != "" {
			arrow += "|\"" + mermaidText(e.label) + "\"|"
		}
		fmt.Fprintf(&b, "  %s %s %s\n", e.from, arrow, e.to)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// mermaidText writes what means something in a quoted label as Mermaid's
// entity codes, which are those of HTML with # in place of &: quotes, what
// begins an entity, HTML, and the backtick, which begins Markdown.
func mermaidText(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "#", "#35;", "<", "#lt;", ">", "#gt;", "&", "#amp;", "`", "#96;", `\`, "#92;").Replace(oneLine(s))
}

// Dot writes the map in Graphviz's language (graphviz.org, "DOT Language").
func (m *Map) Dot(w io.Writer) error {
	g := m.graph()
	shapes := map[nodeKind]string{nodeSecret: "ellipse", nodeIssuer: "hexagon", nodePlace: "box", nodeConsumer: "component"}
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %s {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\"];\n", dotText(m.Estate))
	for _, n := range g.nodes {
		fmt.Fprintf(&b, "  %s [label=%s, shape=%s];\n", n.id, dotText(n.label), shapes[n.kind])
	}
	for _, e := range g.edges {
		style := "solid"
		if e.dotted {
			style = "dashed"
		}
		fmt.Fprintf(&b, "  %s -> %s [label=%s, style=%s];\n", e.from, e.to, dotText(e.label), style)
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// dotText quotes a string as Graphviz reads it. A backslash begins an escape
// of a label, so it is doubled.
func dotText(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(oneLine(s)) + `"`
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
