package estate

import "strings"

// guesses bounds how often one file may ask for the nearest name: comparing
// with ten thousand names ten thousand times would take minutes.
const guesses = 100

// meant gives "did you mean x?" for a name that is close to one of the known,
// and otherwise the fallback.
func (d *decoder) meant(name string, known []string, fallback string) string {
	d.guessed++
	if d.guessed > guesses {
		return fallback
	}
	if near := nearest(name, known); near != "" {
		return "did you mean " + near + "?"
	}
	return fallback
}

// nearest gives the known name that is at most a third of the letters away.
func nearest(name string, known []string) string {
	const longest = 64
	if len(name) > longest {
		return ""
	}
	best, distance := "", max(1, len(name)/3)+1
	for _, k := range known {
		if d := len(k) - len(name); d >= distance || -d >= distance {
			continue
		}
		if d := edits(strings.ToLower(name), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// edits counts the insertions, deletions, replacements and swaps of
// neighbours between two names.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
