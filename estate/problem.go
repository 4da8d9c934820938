package estate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// String gives "file:line:column".
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

func (p Pos) compare(q Pos) int {
	return cmp.Or(strings.Compare(p.File, q.File), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// Problem is one thing that is wrong with an estate file. Neither text ever
// holds what looks like a secret value, even when the file does.
type Problem struct {
	Pos     Pos
	Message string
	Hint    string // what to do about it; may be empty
}

// String gives "file:line:col: message (hint: …)".
func (p Problem) String() string {
	if p.Hint == "" {
		return fmt.Sprintf("%s: %s", p.Pos, p.Message)
	}
	return fmt.Sprintf("%s: %s (hint: %s)", p.Pos, p.Message, p.Hint)
}

// Problems are all that is wrong with an estate file, in the order of their
// places. As an error they print one a line, at most 100 of them.
type Problems []Problem

// printed bounds how many problems an error text lists, kept how many are
// collected at all: a file of ten thousand secrets may have one mistake in each.
const (
	printed = 100
	kept    = 10_000
)

// Error lists the problems, one a line.
func (p Problems) Error() string {
	var b strings.Builder
	for i, problem := range p {
		if i == printed {
			fmt.Fprintf(&b, "\n… and %d more problems", len(p)-printed)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(problem.String())
	}
	return b.String()
}

// tidy sorts, removes repetitions (a secret is read once for each of its
// environments) and makes sure that no text repeats a value from the file.
func (p Problems) tidy() Problems {
	for i := range p {
		if looksSecret(p[i].Message) {
			p[i].Message = "this is wrong, but the text at fault looks like a secret value and is not shown"
		}
		if looksSecret(p[i].Hint) {
			p[i].Hint = ""
		}
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(a.Pos.compare(b.Pos), strings.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(p, func(a, b Problem) bool { return a.Pos == b.Pos && a.Message == b.Message })
}

// shown quotes a text of the file for a message, unless it is long or could
// be a value.
func shown(text string) string {
	const longest = 80
	if len(text) > longest || looksSecret(text) {
		return "this text"
	}
	return fmt.Sprintf("%q", text)
}

// oneOf lists choices for a message: "a, b or c".
func oneOf(names []string) string { return listed(names, "or") }

// allOf lists things that belong together: "a, b and c".
func allOf(names []string) string { return listed(names, "and") }

func listed(names []string, word string) string {
	const most = 30
	if len(names) > most {
		return fmt.Sprintf("%s … (%d in all)", strings.Join(names[:most], ", "), len(names))
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " " + word + " " + names[last]
}
