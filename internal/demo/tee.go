package demo

import (
	"bytes"
	"strings"
)

// tee shows a child's output indented, and keeps all of it for the leak
// search.
type tee struct {
	d    *Demo
	keep *bytes.Buffer
	last string // what waited, to show it once
}

func (t *tee) Write(p []byte) (int, error) {
	t.keep.Write(p)
	if t.d.screen.out == nil {
		return len(p), nil
	}
	for line := range strings.Lines(string(p)) {
		text := event(strings.TrimRight(line, "\n"))
		if t.repeated(text) || t.d.short != nil && !t.d.short.tells(text) {
			continue
		}
		t.d.say("  %s", t.d.dress(text))
	}
	return len(p), nil
}

// event takes the time and the rotation's id off a plain line of progress.
func event(line string) string {
	if _, rest, ok := strings.Cut(line, "Z "); ok && len(line) > 20 && line[4] == '-' {
		if _, text, ok := strings.Cut(rest, " "); ok {
			return text
		}
	}
	return strings.ReplaceAll(line, "\t", "  ")
}

// repeated reports whether a line tells of the same wait as the one before.
func (t *tee) repeated(line string) bool {
	before := t.last
	t.last, _, _ = strings.Cut(line, "  ")
	return strings.HasPrefix(line, "…") && t.last == before
}

// shorten cuts a line of progress to a width. What a step did is cut before
// what came of it, which stands after two spaces.
func shorten(line string, width int) string {
	r := []rune(line)
	if len(r) <= width {
		return line
	}
	if i := strings.LastIndex(line, "  "); i > 0 {
		if note := []rune(line[i:]); len(note)+width/3 < width {
			return string(r[:width-len(note)-1]) + "…" + string(note)
		}
	}
	return string(r[:width-1]) + "…"
}

// dress cuts a line to the terminal and paints its mark.
func (d *Demo) dress(line string) string {
	const indent = 3
	if d.Width > indent {
		line = shorten(line, d.Width-indent)
	}
	mark, rest, ok := strings.Cut(line, " ")
	color, known := map[string]string{"✓": "32", "✗": "31", "!": "31", "?": "33", "~": "33", "<": "33", ">": "32", "…": "2"}[mark]
	if !ok || !known {
		return line
	}
	return d.paint(color, mark) + " " + rest
}
