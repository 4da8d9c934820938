package plan

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
)

// Text writes the plan for people. It is the same on a terminal and in a
// pipe; colour is the caller's.
func (p *Plan) Text(w io.Writer) error {
	t := &text{w: w, p: p}
	t.head()
	t.steps()
	t.undo()
	t.facts()
	return t.err
}

type text struct {
	w   io.Writer
	p   *Plan
	err error
}

func (t *text) line(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format+"\n", args...)
	}
}

func (t *text) head() {
	for i := range t.p.Subjects {
		s := &t.p.Subjects[i]
		t.line("%s  version %d -> %d  (%s)", s.Secret, s.From, s.To, s.Shape)
		if s.Purpose != "" {
			t.line("  for: %s", s.Purpose)
		}
	}
	if t.p.Mode == Compromised {
		t.line("  COMPROMISED: the old value is in the wrong hands; nothing is undone, nothing soaks")
	}
}

func (t *text) steps() {
	var phase pawl.Phase
	for i := range t.p.Steps {
		s := &t.p.Steps[i]
		if s.Phase != phase {
			phase = s.Phase
			t.line("\n%s", phase)
		}
		if s.ID == t.p.NoReturn {
			t.line("  ---- point of no return ----")
		}
		t.line("  %-2d %-13s %s%s", s.Stage+1, s.ID, s.Title, t.extra(s))
		if s.Task != nil {
			t.task(s)
		}
	}
}

// extra tells in brackets what the title does not.
func (t *text) extra(s *Step) string {
	var notes []string
	if s.Wait > 0 {
		notes = append(notes, Span(s.Wait))
	}
	if s.Act == ActPut && s.Confirm != "" {
		notes = append(notes, "confirmed by "+string(s.Confirm))
	}
	if s.Act == ActActivate || s.Act == ActCheck || s.Act == ActRefused {
		notes = append(notes, "within "+Span(s.Within))
	}
	if len(notes) == 0 {
		return ""
	}
	return "  [" + strings.Join(notes, ", ") + "]"
}

func (t *text) task(s *Step) {
	for _, field := range []struct{ name, text string }{{"do", s.Task.Do}, {"at", s.Task.URL}, {"who", s.Task.Who}} {
		if field.text != "" {
			t.line("       %s: %s", field.name, field.text)
		}
	}
}

func (t *text) undo() {
	if len(t.p.Undo) == 0 {
		return
	}
	t.line("\nif it must turn back")
	for i := range t.p.Undo {
		t.line("     %-13s %s", t.p.Undo[i].ID, t.p.Undo[i].Title)
	}
}

func (t *text) facts() {
	t.line("")
	if t.p.NoReturn == "" {
		t.line("point of no return   none: it can be undone until it is done")
	} else {
		t.line("point of no return   %s", t.p.NoReturn)
	}
	if t.p.Gap.Longest == 0 {
		t.line("longest gap          none: old and new work side by side")
	} else {
		t.line("longest gap          %s: %s", Span(t.p.Gap.Longest), t.p.Gap.Why)
	}
	if d := t.p.Waits(); d > 0 {
		t.line("planned waits        %s", Span(d))
	}
	t.list("if half done", t.halfDone())
	t.list("people", t.p.People)
	t.list("note", t.p.Warnings)
	t.line("digest               %s", t.p.Digest)
}

func (t *text) halfDone() []string {
	var list []string
	for i := range t.p.Subjects {
		if s := &t.p.Subjects[i]; s.IfHalfDone != "" {
			list = append(list, s.IfHalfDone)
		}
	}
	return list
}

func (t *text) list(name string, items []string) {
	for _, item := range items {
		t.line("%-20s %s", name, item)
		name = ""
	}
}

// Waits adds up the times that the plan waits on purpose.
func (p *Plan) Waits() time.Duration {
	var sum time.Duration
	for i := range p.Steps {
		if p.Steps[i].Act == ActWait {
			sum += p.Steps[i].Wait
		}
	}
	return sum
}

// Span writes a duration as people do: 90d, 36h, 20m, 90s.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day && d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	default:
		return d.Round(time.Second).String()
	}
}
