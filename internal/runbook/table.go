package runbook

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of the table's width, in characters.
const (
	narrowest = 60
	widest    = 100
)

// Table writes the map for a terminal: a row for each secret, a line in it for
// each place, without the secret's own name at its end. It is at most width characters wide, and never more than
// a hundred or less than sixty; cells go on over several lines.
func (m *Map) Table(w io.Writer, width int) error {
	rows := [][]string{{"SECRET", "ROTATES", "ISSUER", "LOCATIONS"}}
	for i := range m.Secrets {
		r := &m.Secrets[i]
		base, _, _ := strings.Cut(string(r.Secret), "@")
		short := *r
		short.Locations = slices.Clone(r.Locations)
		for j := range short.Locations {
			short.Locations[j].Title = strings.TrimSuffix(oneLine(short.Locations[j].Title), " "+base)
		}
		rows = append(rows, []string{string(r.Secret), r.rotates(), r.issuer(), joined(short.places(), "\n", oneLine)})
	}
	return layout(w, rows, min(max(width, narrowest), widest))
}

// Lines writes the map for a pipe: a line for each place, its fields
// separated by tabs: secret, when it rotates, issuer, place, role and how
// consumers load it.
func (m *Map) Lines(w io.Writer) error {
	for i := range m.Secrets {
		r := &m.Secrets[i]
		head := []string{string(r.Secret), r.rotates(), r.issuer()}
		if len(r.Locations) == 0 {
			if err := line(w, append(head, "-", "-", "-")); err != nil {
				return err
			}
		}
		for j := range r.Locations {
			l := &r.Locations[j]
			if err := line(w, append(head, l.name(), string(l.Role), dash(l.Activate))); err != nil {
				return err
			}
		}
	}
	return nil
}

func line(w io.Writer, fields []string) error {
	for i := range fields {
		fields[i] = oneLine(fields[i])
	}
	_, err := fmt.Fprintln(w, strings.Join(fields, "\t"))
	return err
}

func (r *Row) issuer() string {
	if r.Issuer == nil {
		return "-"
	}
	return oneLine(r.Issuer.Title)
}

// places lists the locations in their order, with a number where there are
// several.
func (r *Row) places() []string {
	if len(r.Locations) == 0 {
		if r.NoLocation == "" {
			return []string{"-"}
		}
		return []string{"none: " + r.NoLocation}
	}
	list := make([]string, len(r.Locations))
	for i := range r.Locations {
		list[i] = r.Locations[i].name()
		if len(list) > 1 {
			list[i] = fmt.Sprintf("%d. %s", i+1, list[i])
		}
	}
	return list
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// layout aligns rows in columns two spaces apart, wrapped into width. Columns
// that need less than an equal share get what they need, the others share
// what is left.
func layout(w io.Writer, rows [][]string, width int) error {
	need := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			for line := range strings.SplitSeq(cell, "\n") {
				need[i] = max(need[i], utf8.RuneCountInString(line))
			}
		}
	}
	columns := shares(need, width-2*(len(need)-1))
	for _, row := range rows {
		if err := wrapped(w, row, columns); err != nil {
			return err
		}
	}
	return nil
}

// shares gives each column what it needs, as far as that is there.
func shares(need []int, width int) []int {
	given := make([]int, len(need))
	open, left := len(need), width
	for settled := true; settled && open > 0; {
		settled = false
		for i, n := range need {
			if given[i] == 0 && n <= left/open {
				given[i], settled = max(n, 1), true
				left, open = left-given[i], open-1
				if open == 0 {
					return given
				}
			}
		}
	}
	for i := range given {
		if given[i] == 0 {
			given[i] = max(left/open, 1)
			left, open = left-given[i], open-1
		}
	}
	return given
}

// wrapped writes one row, each cell over as many lines as it needs.
func wrapped(w io.Writer, row []string, columns []int) error {
	cells := make([][]string, len(row))
	lines := 1
	for i, cell := range row {
		for line := range strings.SplitSeq(cell, "\n") {
			cells[i] = append(cells[i], wrap(line, columns[i])...)
		}
		lines = max(lines, len(cells[i]))
	}
	for n := range lines {
		var b strings.Builder
		for i, cell := range cells {
			text := ""
			if n < len(cell) {
				text = cell[n]
			}
			fmt.Fprintf(&b, "%-*s  ", columns[i], text)
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// wrap breaks a text at spaces into lines of at most width characters. What
// goes on is indented, where there is room; a word that is longer than a line
// is broken behind a mark if it has one, and anywhere else.
func wrap(text string, width int) []string {
	indent := ""
	if width > 20 {
		indent = "   "
	}
	var lines []string
	current := ""
	for _, word := range strings.Fields(text) {
		for {
			sep := ""
			if strings.TrimSpace(current) != "" {
				sep = " "
			}
			if len([]rune(current+sep+word)) <= width {
				current += sep + word
				break
			}
			if sep != "" {
				lines, current = append(lines, current), indent
				continue
			}
			runes := []rune(word)
			at := breakAt(runes, width-len(current))
			lines, current = append(lines, current+string(runes[:at])), indent
			word = string(runes[at:])
		}
	}
	return append(lines, current)
}

// breakAt is where a word that does not fit is broken: behind the last mark
// that still fits, unless that would leave less than half of the line.
func breakAt(word []rune, room int) int {
	for i := room; i > room/2; i-- {
		if strings.ContainsRune("/_-.@", word[i-1]) {
			return i
		}
	}
	return max(room, 1)
}
