package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// inverses computes how the rotation turns back: every change before the
// point of no return undone in reverse, the old version proven again, only
// then the new credential ended, and last what was stopped started. A leaked value is never brought back,
// and where minting settles the fate of the old one there is nothing to go
// back to: in both, the mint itself is past that point.
func (b *builder) inverses() {
	forward := b.plan.Steps
	if i := slices.IndexFunc(forward, func(s Step) bool { return s.ID == b.plan.NoReturn }); i >= 0 {
		forward = forward[:i]
	}
	undo := &builder{estate: b.estate, plan: &Plan{Mode: b.plan.Mode, Connections: b.plan.Connections}, subjects: b.subjects, pauses: b.pauses, counts: b.counts, stage: b.stage + 1}
	for _, step := range slices.Backward(forward) {
		switch {
		case step.Act == ActPut:
			undo.unwrite(step, forward)
		case step.Act == ActDiscover:
			undo.undiscover(b.plan, step.ID)
			undo.reload(step.ID, step.ID, forward)
		case step.Act == ActCheck && step.Cleans:
			undo.clean(step)
		case step.Act == ActTask && step.Acts && !step.Consumer:
			undo.unwriteByHand(step)
		case step.Act == ActStart:
			undo.restop(step)
		}
	}
	if slices.ContainsFunc(undo.plan.Steps, func(s Step) bool { return s.Act != ActStop }) {
		undo.reprove(forward)
	}
	for _, step := range slices.Backward(forward) {
		if step.Act == ActMint || step.Act == ActProvide {
			undo.unmint(step)
		}
	}
	undo.next()
	for _, step := range slices.Backward(forward) {
		if step.Act == ActStop {
			undo.restart(step)
		}
	}
	b.plan.Undo = undo.plan.Steps
}

// unwrite puts back what a put replaced and makes consumers load it.
func (b *builder) unwrite(put Step, forward []Step) {
	inverse := put
	inverse.Reverses, inverse.Content = put.ID, ContentOld
	if put.Phase == pawl.Narrow {
		inverse.Content = ContentBoth
	}
	inverse.Title = fmt.Sprintf("put back %s %s", inverse.Content, strings.TrimPrefix(put.Title, "write "+string(put.Content)+" "))
	b.phase = put.Phase
	b.next()
	b.reload(put.ID, b.add(inverse), forward)
}

// reload makes what has loaded the value of a write load again what was put
// back: of is the step that did so. Those that loaded side by side do so again.
func (b *builder) reload(written, of string, forward []Step) {
	stage := -1
	for _, step := range forward {
		if step.Of != written || step.Act != ActActivate && step.Act != ActTask {
			continue
		}
		if step.Stage != stage {
			b.next()
			stage = step.Stage
		}
		if step.Undo != "" { // it is pawl that does it, and so it takes no days
			step.Title = strings.Replace(step.Title, spoken(step.Activate), spoken(step.Undo), 1)
			step.Activate, step.Undo, step.Within, step.Acts = step.Undo, "", ActivateWithin, true
		}
		step.Of, step.Reverses = of, written
		if step.Task != nil {
			task := *step.Task
			task.Title = "again, since the old value was put back: " + task.Title
			step.Task, step.Title = &task, task.Title
		}
		b.add(step)
	}
}

// clean takes away what a check has made and has not taken away itself.
func (b *builder) clean(check Step) {
	b.phase = check.Phase
	b.next()
	b.add(Step{Act: ActClean, Secret: check.Secret, Place: check.Place, Within: check.Within, Reverses: check.ID, Acts: true,
		Title: "take away what is left of " + check.Title})
}

// unwriteByHand asks a person to put back what a person wrote.
func (b *builder) unwriteByHand(done Step) {
	b.phase = done.Phase
	b.next()
	task := estate.Task{Title: "put back what was there before: " + done.Title, URL: done.Task.URL, Who: done.Task.Who, Within: done.Task.Within,
		Contacts: done.Task.Contacts, Links: done.Task.Links, BlastRadius: done.Task.BlastRadius}
	b.add(Step{Act: ActTask, Secret: done.Secret, Place: done.Place, Reverses: done.ID, Acts: true, Title: task.Title, Task: &task})
}

// reprove runs the checks with the old version: those of the secrets, and those
// of the places that were written, once each.
func (b *builder) reprove(forward []Step) {
	b.phase = pawl.Prove
	b.next()
	for _, s := range b.subjects {
		b.checks(s, estate.After, reprovesAny)
	}
	for _, step := range forward {
		if step.Gates != "" && step.Act == ActCheck && (step.Phase == pawl.Widen || step.Phase == pawl.Switch) {
			step.Gates, step.Reverses = "", step.Gates
			b.add(step)
		}
	}
}

// reprovesAny marks undo steps that run when any put was undone.
const reprovesAny = "any put"

// ReprovesAny reports whether an undo step runs whenever a write was undone,
// instead of reversing one step.
func (s *Step) ReprovesAny() bool { return s.Reverses == reprovesAny }

// unmint ends the new credential: by a call, by a person where no call can,
// and not at all where the value was made here and nobody else knows it, or is
// no credential.
func (b *builder) unmint(mint Step) {
	s := b.find(mint.Secret)
	b.phase = pawl.Mint
	b.next()
	switch {
	case s.Facts.Revokes:
		b.add(Step{Act: ActDiscard, Secret: s.Secret, Place: s.Issuer, Reverses: mint.ID, Acts: true, Title: fmt.Sprintf("revoke version %d at %s", s.To, Title(s.s.Issuer))})
	case s.Facts.Mint != estate.Locally && s.Shape != ShapeSet:
		title := fmt.Sprintf("end version %d of %s at its issuer", s.To, s.Secret)
		b.add(Step{Act: ActTask, Secret: s.Secret, Place: s.Issuer, Reverses: mint.ID, Title: title, Task: &estate.Task{Title: title + "; it was not put to use", Do: b.manual(s, s.s.Issuer, "revoke")}})
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
