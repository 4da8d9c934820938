package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/pawlhq/pawl/estate"
)

// gap finds the longest time in which consumers may have no working value:
// from the step at which the old version stops working to the last one that
// gives consumers the new one, whichever secret the steps between are for.
func (b *builder) gap() {
	for _, s := range b.subjects {
		if s.dies == "" {
			continue
		}
		g := b.between(s.dies, s.loaded)
		g.Why = fmt.Sprintf("the issuer ends version %d when it mints version %d", s.From, s.To)
		if s.slot != "" {
			g.Why = fmt.Sprintf("%s holds one value: from its write on it refuses version %d, and whoever does not have version %d yet fails", s.slot, s.From, s.To)
		}
		if s.elsewhere {
			g.Why = fmt.Sprintf("the issuer may end version %d when it mints version %d, although another one minted it", s.From, s.To)
		}
		if s.ended != "" {
			g.Why = fmt.Sprintf("version %d is disabled before version %d is in place, by `compromised: {contain: first}`", s.From, s.To)
		}
		if g.Longest > b.plan.Gap.Longest {
			g.People = g.People || b.plan.Gap.People
			b.plan.Gap = g
		}
	}
}

// between adds up the stages from one step to another, each as long as its
// longest step may take. Without a last step the first one counts alone.
func (b *builder) between(first, last string) Gap {
	var g Gap
	stage, longest := -1, time.Duration(0)
	from := b.index(first)
	to := max(from, b.index(last))
	for i := from; i <= to; i++ {
		step := &b.plan.Steps[i]
		if step.Stage != stage {
			g.Longest += longest
			stage, longest = step.Stage, 0
		}
		longest = max(longest, step.allowance())
		g.People = g.People || step.Task != nil || step.Act == ActApprove
	}
	g.Longest += longest
	return g
}

func (b *builder) index(id string) int {
	return slices.IndexFunc(b.plan.Steps, func(s Step) bool { return s.ID == id })
}

// allowance is how long a step may take by itself: its deadline where it may
// stay pending, a minute for a call.
func (s *Step) allowance() time.Duration {
	within := s.Within
	if s.Task != nil {
		within = s.Task.Within
	}
	longest := max(callAllowance, within, s.Wait)
	for i := range s.Each {
		longest += s.Each[i].allowance()
	}
	return longest
}

// hints collects who must be present and what the reader should know.
func (b *builder) hints() {
	for i := range b.plan.Steps {
		if need := b.need(&b.plan.Steps[i]); need != "" {
			b.plan.People = append(b.plan.People, need)
		}
	}
	for _, s := range b.subjects {
		b.warnLimits(s)
		b.warnEnd(s)
	}
}

// need says whom a step needs and for what; "" when it needs nobody.
func (b *builder) need(step *Step) string {
	s := b.find(step.Secret)
	who := "somebody"
	switch {
	case step.Task != nil && step.Task.Who != "":
		who = step.Task.Who
	case s.Owner != "":
		who = s.Owner
	}
	switch step.Act {
	case ActStop, ActStart:
		if step.Task != nil {
			return fmt.Sprintf("%s: %s (%s)", who, step.Title, step.ID)
		}
	case ActApprove, ActTask, ActProvide:
		return fmt.Sprintf("%s: %s (%s)", who, step.Title, step.ID)
	case ActName:
		return fmt.Sprintf("%s, if nothing else tells: %s (%s)", who, step.Title, step.ID)
	case ActShadow:
		if step.Asks {
			return fmt.Sprintf("%s, if it may hold the old version: %s (%s)", who, step.Title, step.ID)
		}
	}
	return ""
}

func (b *builder) warn(format string, args ...any) {
	b.plan.Warnings = append(b.plan.Warnings, fmt.Sprintf(format, args...))
}

// warnLimits says what cannot be undone, proven or seen.
func (b *builder) warnLimits(s *subject) {
	if !s.known.Held && len(b.plan.Undo) > 0 && !slices.ContainsFunc(s.s.Locations, readable) && slices.ContainsFunc(b.plan.Steps, func(st Step) bool { return st.Act == ActPut && st.Secret == s.Secret }) {
		b.warn("pawl does not hold the current value of %s, so a write cannot be undone in this rotation; give it with: pawl provide %s --current", s.Secret, s.Secret)
	}
	if s.s.NoLocation != "" {
		b.warn("%s has no locations: %s", s.Secret, s.s.NoLocation)
	}
	if s.s.NoCheck != "" {
		b.warn("%s has no checks: %s", s.Secret, s.s.NoCheck)
	}
	for i := range s.s.Locations {
		l := &s.s.Locations[i]
		if f := l.Facts.Location; f != nil && (f.Confirm == estate.ByNothing || f.Confirm == estate.ByTimestamp) {
			b.warn("%s confirms a write by %s only: what it stored is shown by the checks", Title(l.Use), f.Confirm)
		}
	}
	if s.Shape == ShapeLocal && b.uneven(s) {
		b.warn("while the places of %s are written one after the other, they hold different versions; one that checks what another presents needs `role: accepts`", s.Secret)
	}
	if s.s.Migrate != nil {
		b.warn("data is written under version %d of %s as soon as consumers load it, so it cannot be undone from then on", s.To, s.Secret)
		if !s.holds(estate.Accepts) {
			b.warn("no place of %s has `role: accepts`: until data is rewritten, whoever reads it must know version %d beside the new one", s.Secret, s.From)
		}
	}
}

// uneven reports whether a secret's writes are spread over several stages.
func (b *builder) uneven(s *subject) bool {
	first := -1
	for i := range b.plan.Steps {
		step := &b.plan.Steps[i]
		if step.Secret != s.Secret || step.Act != ActPut {
			continue
		}
		if first >= 0 && step.Stage != first {
			return true
		}
		first = step.Stage
	}
	return false
}

// warnEnd says what the reader should know of the old version's end.
func (b *builder) warnEnd(s *subject) {
	if s.elsewhere && s.mode == estate.ByHand {
		b.warn("version %d of %s was minted at %s: this plan's issuer can neither end it nor tell whether it is dead, so a person does", s.From, s.Secret, s.MintedAt)
	}
	switch {
	case s.Shape == ShapeSet: // there is nothing that could end
	case s.mode == estate.KeepOld:
		b.warn("version %d of %s lives on: %s", s.From, s.Secret, s.s.Retire.Why)
	case s.Shape == ShapeWindow && s.mode == estate.Expire && s.Facts.Window > 0:
		b.warn("the issuer ends version %d of %s by itself, at the latest %s after the mint: what does not have version %d by then fails", s.From, s.Secret, Span(s.Facts.Window), s.To)
	case s.mode == estate.Expire && !s.Facts.Verifies:
		b.warn("the issuer ends version %d of %s by itself, and pawl cannot see when", s.From, s.Secret)
	}
	if b.compromised() && s.mode == estate.Expire {
		b.warn("nobody can end version %d of %s before the issuer does: the leak stays open until then", s.From, s.Secret)
	}
	drains := slices.ContainsFunc(s.s.Checks, func(c estate.Check) bool { return slices.Contains(moments(c), estate.Drain) })
	switch {
	case drains && b.compromised():
		b.warn("checks of %s before the end of the old version are left out: a leak does not wait", s.Secret)
	case drains && !s.ends() && !s.holds(estate.Accepts):
		b.warn("checks of %s before the end of the old version are left out: nothing ends it in this rotation", s.Secret)
	}
	if s.s.Overlap > 0 && !b.compromised() && !s.ends() && !s.holds(estate.Accepts) {
		b.warn("the overlap of %s is not waited for: nothing ends the old version in this rotation", s.Secret)
	}
	if b.compromised() && len(s.AlsoLeaked) > 0 {
		b.warn("%s protected %v: treat them as leaked too", s.Secret, s.AlsoLeaked)
	}
}
