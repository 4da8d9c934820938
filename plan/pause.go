package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// pause is other automation that is kept from running meanwhile, for one
// secret or for several of a group.
type pause struct {
	s    *subject // the first secret that needs it
	p    estate.Pause
	stop string // the id of the step that stops it
}

// collectPauses finds what must not run meanwhile. What several secrets of a
// rotation stop by the same calls is stopped once, for as long as any of them
// needs: started for one, it would run against the others.
func (b *builder) collectPauses() {
	for _, s := range b.subjects {
		for _, p := range s.s.Pauses {
			i := slices.IndexFunc(b.pauses, func(q pause) bool { return same(q.p.Stop, p.Stop) && same(q.p.Start, p.Start) })
			if i < 0 {
				b.pauses = append(b.pauses, pause{s: s, p: p})
				continue
			}
			q := &b.pauses[i].p
			if before(p.From, q.From) {
				q.From = p.From
			}
			if before(q.To, p.To) {
				q.To = p.To
			}
			if !strings.Contains(q.Why, p.Why) {
				q.Why += "; " + p.Why
			}
		}
	}
}

// same reports whether two uses are one act.
func same(u, v estate.Use) bool {
	return u.Connection == v.Connection && u.Kind == v.Kind && fmt.Sprint(u.Settings) == fmt.Sprint(v.Settings)
}

func before(p, q pawl.Phase) bool {
	return slices.Index(pawl.Phases(), p) < slices.Index(pawl.Phases(), q)
}

// during plans one phase: first what must not run from here on is stopped, and
// when the phase has ended what may run from here on is started again.
func (b *builder) during(p pawl.Phase, phase func()) {
	b.enter(p)
	b.reachable(p)
	for i := range b.pauses {
		if q := &b.pauses[i]; q.p.From == p {
			q.stop = b.add(b.halt(q.s, ActStop, q.p.Stop, "stop: "+Title(q.p.Stop)+", because: "+q.p.Why))
		}
	}
	phase()
	b.enter(p)
	for i := range b.pauses {
		if q := &b.pauses[i]; q.p.To == p {
			step := b.started(q)
			step.Of = q.stop
			b.add(step)
		}
	}
}

// reachable has the places of what is stopped before everything else reached
// before that, so that nothing is stopped that cannot be started again.
func (b *builder) reachable(p pawl.Phase) {
	if p != pawl.Preflight {
		return
	}
	for i := range b.pauses {
		if q := &b.pauses[i]; q.p.From == p {
			b.reach(q.s, []*estate.Use{&q.p.Stop, &q.p.Start})
		}
	}
	b.next()
}

// halt is a call that stops or starts other automation, or the same asked of a
// person. Either may be made twice.
func (b *builder) halt(s *subject, act Act, u estate.Use, title string) Step {
	if u.Connection == estate.Person {
		task := b.fill(s, b.taskOf(u, title))
		return Step{Act: act, Secret: s.Secret, Place: s.Issuer, Task: task, Title: task.Title, Acts: true}
	}
	step := Step{Act: act, Secret: s.Secret, Place: b.place(u), Within: CheckWithin, Acts: true, Title: title}
	if f := u.Facts.Check; f != nil && f.Within > 0 {
		step.Within = f.Within
	}
	return step
}

// started is the step that starts again what a pause has stopped.
func (b *builder) started(q *pause) Step {
	return b.halt(q.s, ActStart, q.p.Start, "start again: "+Title(q.p.Start))
}

// restop stops again, on the way back, what was started before the rotation
// turned back.
func (b *builder) restop(start Step) {
	for i := range b.pauses {
		q := &b.pauses[i]
		if q.stop != start.Of {
			continue
		}
		b.phase = start.Phase
		b.next()
		step := b.halt(q.s, ActStop, q.p.Stop, "stop again: "+Title(q.p.Stop)+", because: "+q.p.Why)
		if step.Task != nil {
			step.Task.Title = "again, since it was started: " + step.Task.Title
			step.Title = step.Task.Title
		}
		step.Reverses = start.ID
		b.add(step)
	}
}

// restart starts again, last of all on the way back, what was stopped.
func (b *builder) restart(stop Step) {
	for i := range b.pauses {
		if q := &b.pauses[i]; q.stop == stop.ID {
			step := b.started(q)
			step.Reverses, b.phase = stop.ID, stop.Phase
			b.add(step)
		}
	}
}
