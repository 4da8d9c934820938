package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// inverses computes how the rotation turns back: every change before the
// point of no return undone in reverse, the old version proven again, and
// only then the new credential ended. A leaked value is never brought back,
// and where the issuer killed the old one at mint there is nothing to go
// back to.
func (b *builder) inverses() {
	if b.compromised() || slices.ContainsFunc(b.subjects, func(s *subject) bool { return s.Shape == ShapeReplaced }) {
		return
	}
	forward := b.plan.Steps
	undo := &builder{estate: b.estate, plan: &Plan{Connections: b.plan.Connections}, subjects: b.subjects, counts: b.counts, stage: b.stage + 1}
	for _, step := range slices.Backward(forward) {
		if step.Act == ActPut {
			undo.unwrite(step, forward)
		}
	}
	undo.reprove()
	for _, step := range slices.Backward(forward) {
		if step.Act == ActMint || step.Act == ActProvide {
			undo.unmint(step)
		}
	}
	b.plan.Undo = undo.plan.Steps
}

// unwrite puts back what a put replaced and makes consumers load it.
func (b *builder) unwrite(put Step, forward []Step) {
	inverse := put
	inverse.Reverses, inverse.Title = put.ID, "put back "+strings.TrimPrefix(put.Title, "write ")
	switch {
	case put.Phase == pawl.Narrow:
		inverse.Content = ContentBoth
	default:
		inverse.Content = ContentOld
	}
	inverse.Title = fmt.Sprintf("put back %s %s", inverse.Content, strings.TrimPrefix(put.Title, "write "+string(put.Content)+" "))
	b.phase = put.Phase
	b.next()
	of := b.add(inverse)
	for _, step := range forward {
		if step.Act == ActActivate && step.Of == put.ID {
			again := step
			again.Of, again.Reverses = of, put.ID
			b.next()
			b.add(again)
		}
	}
}

// reprove runs the checks with the old version.
func (b *builder) reprove() {
	b.phase = pawl.Prove
	b.next()
	for _, s := range b.subjects {
		b.checks(s, estate.After, reprovesAny)
	}
	// A person who confirmed the new version is not asked again about the old.
	b.plan.Steps = slices.DeleteFunc(b.plan.Steps, func(s Step) bool { return s.Reverses == reprovesAny && s.Act != ActCheck })
}

// reprovesAny marks undo steps that run when any put was undone.
const reprovesAny = "any put"

// ReprovesAny reports whether an undo step runs whenever a write was undone,
// instead of reversing one step.
func (s *Step) ReprovesAny() bool { return s.Reverses == reprovesAny }

// unmint ends the new credential.
func (b *builder) unmint(mint Step) {
	s := b.find(mint.Secret)
	b.phase = pawl.Mint
	b.next()
	switch {
	case s.Facts.Revokes:
		b.add(Step{Act: ActDiscard, Secret: s.Secret, Place: s.Issuer, Reverses: mint.ID, Acts: true, Title: fmt.Sprintf("revoke version %d", s.To)})
	case mint.Act == ActProvide:
		b.add(Step{Act: ActTask, Secret: s.Secret, Reverses: mint.ID, Title: fmt.Sprintf("end version %d of %s at its issuer", s.To, s.Secret),
			Task: &estate.Task{Title: fmt.Sprintf("end version %d of %s at its issuer; it was not put to use", s.To, s.Secret)}})
	}
}

func (b *builder) find(name pawl.SecretName) *subject {
	for _, s := range b.subjects {
		if s.Secret == name {
			return s
		}
	}
	return nil
}

// pointOfNoReturn finds the first step after which there is no way back.
func (b *builder) pointOfNoReturn() {
	for _, step := range b.plan.Steps {
		s := b.find(step.Secret)
		final := step.Act == ActRevoke || step.Act == ActDeactivate || step.Phase == pawl.Retire && step.Act == ActTask ||
			s.Shape == ShapeReplaced && (step.Act == ActMint || step.Act == ActProvide) ||
			b.compromised() && (step.Act == ActMint || step.Act == ActProvide)
		if final {
			b.plan.NoReturn = step.ID
			return
		}
	}
}

// gap estimates the longest time in which consumers may have no working
// value: every call at its limit, every activation at its deadline.
func (b *builder) gap() {
	for _, s := range b.subjects {
		contained := b.compromised() && s.s.Compromised.Contain == estate.ContainFirst && (s.ends() || s.Facts.Deactivates)
		if s.Shape != ShapeReplaced && !contained {
			continue
		}
		why := fmt.Sprintf("the issuer ends version %d when it mints version %d", s.From, s.To)
		if contained {
			why = fmt.Sprintf("version %d is disabled before version %d is in place, by `compromised: {contain: first}`", s.From, s.To)
		}
		if g := b.untilLoaded(s); g > b.plan.Gap.Longest {
			b.plan.Gap = Gap{Longest: g, Why: why}
		}
	}
}

// untilLoaded adds up the stages from mint to the last activation.
func (b *builder) untilLoaded(s *subject) time.Duration {
	stages := map[int]time.Duration{}
	for _, step := range b.plan.Steps {
		if step.Secret != s.Secret {
			continue
		}
		switch step.Act {
		case ActMint, ActPut:
			stages[step.Stage] = max(stages[step.Stage], callAllowance)
		case ActActivate:
			stages[step.Stage] = max(stages[step.Stage], step.Within)
		}
	}
	var sum time.Duration
	for _, d := range stages {
		sum += d
	}
	return sum
}

// hints collects who must be present and what the reader should know.
func (b *builder) hints() {
	for _, step := range b.plan.Steps {
		if step.Act == ActApprove || step.Act == ActTask || step.Act == ActProvide {
			b.plan.People = append(b.plan.People, who(step)+": "+step.Title)
		}
	}
	for _, s := range b.subjects {
		b.warn(s)
	}
}

func who(s Step) string {
	if s.Task != nil && s.Task.Who != "" {
		return s.Task.Who
	}
	return "somebody"
}

func (b *builder) warn(s *subject) {
	say := func(format string, args ...any) {
		b.plan.Warnings = append(b.plan.Warnings, fmt.Sprintf(format, args...))
	}
	if !s.known.Held && len(b.plan.Undo) > 0 && !slices.ContainsFunc(s.s.Locations, readable) {
		say("pawl does not hold the current value of %s, so a write cannot be undone in this rotation; give it with: pawl provide %s --current", s.Secret, s.Secret)
	}
	if s.s.NoLocation != "" {
		say("%s has no locations: %s", s.Secret, s.s.NoLocation)
	}
	if s.s.NoCheck != "" {
		say("%s has no checks: %s", s.Secret, s.s.NoCheck)
	}
	for _, l := range s.s.Locations {
		if f := l.Facts.Location; f != nil && (f.Confirm == estate.ByNothing || f.Confirm == estate.ByTimestamp) {
			say("%s confirms a write by %s only: what it stored is shown by the checks", b.title(l.Use), f.Confirm)
		}
	}
	if s.mode == estate.KeepOld {
		say("version %d of %s lives on: %s", s.From, s.Secret, s.s.Retire.Why)
	}
	if b.compromised() && len(s.AlsoLeaked) > 0 {
		say("%s protected %v: treat them as leaked too", s.Secret, s.AlsoLeaked)
	}
}
