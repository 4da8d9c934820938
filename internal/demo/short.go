package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/plan"
)

// short chooses the lines of a rotation's progress that are shown where not all
// are: what pawl asks, finds and does with the secret. It knows the lines by
// their mark and what follows it by the plan: the titles of steps, and what a
// person is told.
type short struct {
	told   map[string]plan.Act // by title, of the steps whose end is shown
	hidden map[string]bool     // lines of what a person is told: who it is for, and whom to ask
	shown  []string            // titles
}

// tellable are the acts of steps whose end is shown.
func tellable() []plan.Act {
	return []plan.Act{plan.ActMint, plan.ActProvide, plan.ActPut, plan.ActCheck, plan.ActWait, plan.ActRevoke, plan.ActRefused}
}

// newShort reads a plan. What is looked at before anything changes is not shown,
// nor is the same look afterwards.
func newShort(p *plan.Plan) *short {
	s := &short{told: map[string]plan.Act{}, hidden: map[string]bool{}}
	for _, step := range p.Steps {
		if slices.Contains(tellable(), step.Act) {
			s.told[step.Title] = step.Act
		}
		brief := p.Brief(&step)
		brief.Do, brief.URL = "", "" // which are shown
		for _, line := range brief.Lines() {
			s.hidden[line] = true
		}
	}
	for _, step := range p.Steps {
		if step.Phase == pawl.Preflight {
			delete(s.told, step.Title)
		}
	}
	return s
}

// inShort asks pawl for the plan of a rotation, and shows its progress in short.
func (d *Demo) inShort(ctx context.Context, name string) error {
	code, out, _ := d.child(ctx, "", []string{"plan", name, "--json"}, nil)
	var doc struct{ Plans []*plan.Plan }
	if err := json.Unmarshal([]byte(out), &doc); err != nil || len(doc.Plans) != 1 {
		return fmt.Errorf("pawl plan %s: exit status %d, %d plans: %s", name, code, len(doc.Plans), out)
	}
	d.short = newShort(doc.Plans[0])
	d.shorts = append(d.shorts, d.short)
	return nil
}

// tells reports whether a line is shown, and notes which step it ends.
func (s *short) tells(line string) bool {
	mark, text, _ := strings.Cut(line, " ")
	switch mark {
	case "?":
		return !s.hidden[text]
	case "!", "✗", "<", ">":
		return true
	case "✓", "~":
		title, _, _ := strings.Cut(text, "  ")
		if s.told[title] == "" {
			return false
		}
		s.shown = append(s.shown, title)
		return true
	default: // a step goes on, or pawl says what the demo says too
		return false
	}
}
