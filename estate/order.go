package estate

import (
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
)

// order resolves what secrets say of other secrets, adds the order of
// environments, and refuses circles.
func (d *decoder) order() {
	for _, s := range d.drafts {
		s.After = d.resolved(s.after, s.Environment)
		s.Compromised.AlsoLeaked = d.resolved(s.also, s.Environment)
		if before := d.before(s); before != "" && !slices.Contains(s.After, before) {
			s.After = append(s.After, before)
		}
	}
	graph := make([][]int, len(d.drafts))
	for i, s := range d.drafts {
		for _, name := range s.After {
			graph[i] = append(graph[i], d.byName[name])
		}
	}
	for _, circle := range circles(graph) {
		s := d.drafts[circle[0]]
		pos := s.Pos
		if len(s.after) > 0 {
			pos = s.after[0].pos
		}
		d.failAt(pos, "remove one after", "these secrets wait for each other: %s", d.circle(circle))
	}
}

// resolved finds mentions, within the same environment first.
func (d *decoder) resolved(mentions []mention, environment string) []pawl.SecretName {
	var names []pawl.SecretName
	for _, m := range mentions {
		name := pawl.SecretName(inEnvironment(m.name, environment))
		if _, ok := d.byName[name]; !ok {
			name = pawl.SecretName(m.name)
		}
		if _, ok := d.byName[name]; !ok {
			d.failAt(m.pos, d.whichSecret(m.name), "there is no secret %s in this estate", shown(m.name))
			continue
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// before gives the same secret in the nearest environment that comes before.
func (d *decoder) before(s *draft) pawl.SecretName {
	after := d.afterOf(s.Environment)
	for range d.estate.Environments { // at most all of them, also in a circle
		if after == "" {
			break
		}
		name := pawl.SecretName(inEnvironment(s.declared, after))
		if _, ok := d.byName[name]; ok && after != s.Environment {
			return name
		}
		after = d.afterOf(after)
	}
	return ""
}

func (d *decoder) afterOf(environment string) string {
	if s, ok := d.scopes[environment]; ok {
		return s.after
	}
	return ""
}

// circle prints secrets that wait for each other.
func (d *decoder) circle(circle []int) string {
	return d.path(circle, func(i int) string { return string(d.drafts[i].Name) })
}

func (d *decoder) path(circle []int, name func(int) string) string {
	const most = 12
	var names []string
	for i, at := range circle {
		if i == most {
			names = append(names, "…")
			break
		}
		names = append(names, name(at))
	}
	return strings.Join(append(names, name(circle[0])), " > ")
}

// circles finds closed paths in a graph, each node in at most one of them.
func circles(graph [][]int) [][]int {
	left := leftovers(graph)
	var found [][]int
	for start := range graph {
		if len(found) == printed {
			break
		}
		path, at := map[int]int{}, start
		var nodes []int
		for left[at] {
			if from, seen := path[at]; seen {
				found = append(found, nodes[from:])
				break
			}
			path[at] = len(nodes)
			nodes = append(nodes, at)
			at = graph[at][slices.IndexFunc(graph[at], func(j int) bool { return left[j] })]
		}
		if len(nodes) > 0 {
			left = without(graph, left, nodes)
		}
	}
	return found
}

// leftovers marks the nodes from which a circle can be reached.
func leftovers(graph [][]int) []bool {
	left := make([]bool, len(graph))
	for i := range left {
		left[i] = true
	}
	return without(graph, left, nil)
}

// without unmarks some nodes, and then all that lead nowhere any more.
func without(graph [][]int, left []bool, nodes []int) []bool {
	back, degree := make([][]int, len(graph)), make([]int, len(graph))
	var ends []int
	for _, i := range nodes {
		left[i] = false
	}
	for i, edges := range graph {
		for _, j := range edges {
			if left[i] && left[j] {
				back[j] = append(back[j], i)
				degree[i]++
			}
		}
		if left[i] && degree[i] == 0 {
			ends = append(ends, i)
		}
	}
	for len(ends) > 0 {
		j := ends[len(ends)-1]
		ends = ends[:len(ends)-1]
		left[j] = false
		for _, i := range back[j] {
			if degree[i]--; degree[i] == 0 {
				ends = append(ends, i)
			}
		}
	}
	return left
}
