package plan

import (
	"cmp"
	"time"

	"github.com/pawlhq/pawl/estate"
)

// follow adds what comes after some locations of one stage were written and
// activated: their consumers load, and then their own checks must pass before
// anything else is written. of are the steps that wrote them: a put, the
// discovery of many, or a person's task.
func (b *builder) follow(s *subject, locations []estate.Location, of []string) {
	b.load(s, locations, of)
	b.next()
	for i := range locations {
		for _, c := range locations[i].Checks {
			if step, ok := b.check(s, c); ok {
				step.Gates = of[i]
				b.add(step)
			}
		}
	}
}

// load makes consumers load, those of one location in their order, neighbours
// with one label side by side. Locations that were written side by side have
// theirs load side by side.
func (b *builder) load(s *subject, locations []estate.Location, of []string) {
	rounds := make([][][]estate.Consumer, len(locations))
	most := 0
	for i := range locations {
		rounds[i] = abreast(locations[i].Consumers)
		most = max(most, len(rounds[i]))
	}
	for r := range most {
		b.next()
		for i := range locations {
			if r >= len(rounds[i]) {
				continue
			}
			for _, c := range rounds[i][r] {
				b.written(s, b.add(b.consumer(s, c, of[i])))
			}
		}
	}
}

// abreast splits consumers into those that load side by side.
func abreast(list []estate.Consumer) [][]estate.Consumer {
	var rounds [][]estate.Consumer
	for i, c := range list {
		if i > 0 && c.Parallel != "" && c.Parallel == list[i-1].Parallel {
			last := &rounds[len(rounds)-1]
			*last = append(*last, c)
			continue
		}
		rounds = append(rounds, []estate.Consumer{c})
	}
	return rounds
}

// consumer makes one consumer load what was written.
func (b *builder) consumer(s *subject, c estate.Consumer, of string) Step {
	if c.Connection == estate.Person {
		task := b.fill(s, *c.Task)
		return Step{Act: ActTask, Secret: s.Secret, Place: s.Issuer, Task: task, Title: task.Title, Of: of, Consumer: true, Acts: true}
	}
	return Step{Act: ActActivate, Secret: s.Secret, Place: b.place(c.Use), Activate: c.Kind, Of: of, Consumer: true, Within: cmp.Or(c.Within, activateWithin(c.Facts.Waits)),
		Attempts: s.s.Policy.Attempts, Acts: !c.Facts.Waits, Title: "load it: " + Title(c.Use)}
}

// activateWithin is the deadline of an activation for which the estate has
// none: somebody else's may take days.
func activateWithin(waits bool) (within time.Duration) {
	if waits {
		return DeployWithin
	}
	return ActivateWithin
}
