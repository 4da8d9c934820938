package plan

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
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
		if s.Plan != "" {
			t.line("  plan: %s, because: %s", s.Plan, s.PlanWhy)
		}
		for _, field := range []struct{ name, text string }{{"for", s.Purpose}, {"owner", s.Owner}, {"minted as", s.Name}} {
			if field.text != "" {
				t.line("  %s: %s", field.name, field.text)
			}
		}
		for _, line := range (Brief{Contacts: s.Contacts, Links: s.Links, BlastRadius: s.BlastRadius}).Lines() {
			t.line("  %s", line)
		}
	}
	if t.p.Mode == Compromised {
		t.line("  COMPROMISED: the old value is in the wrong hands; nothing is undone, nothing soaks or drains")
	}
}

func (t *text) steps() {
	var phase pawl.Phase
	for i := range t.p.Steps {
		s := &t.p.Steps[i]
		if s.Phase != phase {
			phase = s.Phase
			t.line("\n%s", t.heading(phase))
		}
		if s.ID == t.p.NoReturn {
			t.line("  ---- point of no return ----")
		}
		t.line("  %-2d %-13s %s%s", s.Stage+1, s.ID, s.Title, t.extra(s))
		if s.Task != nil {
			t.task(s)
		}
		for j := range s.Each {
			t.line("       at each: %s%s", s.Each[j].Title, t.extra(&s.Each[j]))
		}
	}
}

// heading names a phase. What a person sets is not minted.
func (t *text) heading(p pawl.Phase) string {
	if p == pawl.Mint && t.all(ShapeSet) {
		return "set"
	}
	return string(p)
}

// extra tells in brackets what the title does not.
func (t *text) extra(s *Step) string {
	var notes []string
	if s.Act == ActWait {
		notes = append(notes, Span(s.Wait))
	}
	if s.Act == ActPut && s.Confirm != "" {
		notes = append(notes, "confirmed by "+string(s.Confirm))
	}
	if s.Asks {
		notes = append(notes, "asks a person while it may hold the old version")
	}
	if s.Act != ActWait && s.Within > 0 {
		notes = append(notes, "within "+Span(s.Within))
	}
	if s.Gates != "" {
		notes = append(notes, "before it goes on")
	}
	if s.Task != nil && s.Task.Within > 0 {
		notes = append(notes, "within "+Span(s.Task.Within))
	}
	if len(notes) == 0 {
		return ""
	}
	return "  [" + strings.Join(notes, ", ") + "]"
}

func (t *text) task(s *Step) {
	for _, line := range taskBrief(s.Task).Lines() {
		t.line("       %s", line)
	}
}

func (t *text) undo() {
	back := t.p.back()
	if len(back) == 0 && len(t.p.Undo) == 0 {
		return
	}
	t.line("\nif it must turn back")
	for i := range t.p.Undo {
		s := &t.p.Undo[i]
		back = t.putBack(back, s.Stage)
		t.line("     %-13s %s", s.ID, s.Title)
		if s.Task != nil {
			t.task(s)
		}
	}
	for len(back) > 0 {
		back = t.putBack(back, back[0].Stage+1)
	}
}

// back lists what is put back at each place that is found, in the order of the
// undo.
func (p *Plan) back() []Step {
	var list []Step
	for i := range p.Steps {
		list = append(list, p.Steps[i].Back...)
	}
	slices.SortStableFunc(list, func(a, b Step) int { return a.Stage - b.Stage })
	return list
}

// putBack tells what is put back at each found place before a stage, and gives
// the rest.
func (t *text) putBack(list []Step, stage int) []Step {
	for len(list) > 0 && list[0].Stage < stage {
		t.line("       at each: %s", list[0].Title)
		list = list[1:]
	}
	return list
}

func (t *text) facts() {
	t.line("")
	t.list("point of no return", []string{t.noReturn()})
	t.list("if a step fails", []string{t.onFailure()})
	t.list("longest gap", []string{t.gap()})
	t.list("planned waits", []string{t.waits()})
	t.list("if half done", t.halfDone())
	t.list("people", t.people())
	t.list("note", t.p.Warnings)
	t.line("digest               %s", t.p.Digest)
}

func (t *text) noReturn() string {
	s, ok := t.p.Step(t.p.NoReturn)
	if !ok {
		return "none: it can be undone until it is done"
	}
	return fmt.Sprintf("%s, stage %d: %s", s.ID, s.Stage+1, s.Title)
}

func (t *text) onFailure() string {
	before := "it turns back (an outage holds)"
	switch {
	case len(t.p.Undo) == 0 && t.p.NoReturn != "":
		before = "it ends, with nothing changed"
	case t.p.NoReturn != "" && !slices.ContainsFunc(t.p.Undo, func(s Step) bool { return s.Act != ActStart && s.Act != ActStop }):
		before = "it starts again what it has stopped and ends, with nothing changed"
	case t.p.OnFailure == estate.HoldOnFailure:
		before = "it holds and a person decides"
	}
	if t.p.NoReturn == "" {
		return before
	}
	return fmt.Sprintf("before %s %s; from there on it holds and a person decides", t.p.NoReturn, before)
}

func (t *text) gap() string {
	g := t.p.Gap
	switch {
	case g.Longest > 0 && g.People:
		return fmt.Sprintf("%s, and as long as people take: %s", Span(g.Longest), g.Why)
	case g.Longest > 0:
		return fmt.Sprintf("%s: %s", Span(g.Longest), g.Why)
	case t.all(ShapeSet):
		return "none: nothing ends the value in place"
	case t.all(ShapeLocal):
		return "none: no issuer ends the old version"
	default:
		return "none: old and new work side by side"
	}
}

// all reports whether every subject has a shape.
func (t *text) all(shape Shape) bool {
	return !slices.ContainsFunc(t.p.Subjects, func(s Subject) bool { return s.Shape != shape })
}

// waits tells the sum of the planned waits and, if there are several, each.
func (t *text) waits() string {
	var each []string
	for i := range t.p.Steps {
		if s := &t.p.Steps[i]; s.Act == ActWait {
			each = append(each, s.ID+" "+Span(s.Wait))
		}
	}
	switch len(each) {
	case 0:
		return "none"
	case 1:
		return Span(t.p.Waits())
	default:
		return fmt.Sprintf("%s: %s", Span(t.p.Waits()), strings.Join(each, ", "))
	}
}

// halfDone tells what breaks, by secret where there are several.
func (t *text) halfDone() []string {
	var list []string
	for i := range t.p.Subjects {
		s := &t.p.Subjects[i]
		line := s.IfHalfDone
		if line == "" {
			line = "the estate does not say; it can, with if_half_done"
		}
		if len(t.p.Subjects) > 1 {
			line = string(s.Secret) + ": " + line
		}
		list = append(list, line)
	}
	return list
}

func (t *text) people() []string {
	if len(t.p.People) == 0 {
		return []string{"nobody has to be present"}
	}
	return t.p.People
}

func (t *text) list(name string, items []string) {
	for _, item := range items {
		t.line("%-20s %s", name, item)
		name = ""
	}
}

// Waits adds up the times that the plan waits on purpose. Waits of one stage
// run side by side.
func (p *Plan) Waits() time.Duration {
	var sum, longest time.Duration
	stage := -1
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Act != ActWait {
			continue
		}
		if s.Stage != stage {
			sum, stage, longest = sum+longest, s.Stage, 0
		}
		longest = max(longest, s.Wait)
	}
	return sum + longest
}

// Span writes a duration as people do: 90d, 36h, 24h10m, 20m, 90s. It rounds to
// seconds.
func Span(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = d.Round(time.Second); {
	case d < 0:
		return "-" + Span(-d)
	case d >= 2*day && d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d < 2*time.Minute && d%time.Minute != 0 || d == 0:
		return fmt.Sprintf("%ds", d/time.Second)
	}
	var b strings.Builder
	for _, unit := range []struct {
		name string
		long time.Duration
	}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if n := d / unit.long; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, unit.name)
			d %= unit.long
		}
	}
	return b.String()
}
