package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// discover adds a step that finds a location's targets, and with it what is
// done at each: templates, whose stages are kept free. of names the discovery
// of the same targets before, "" for the first; only what has come since is
// then written. It gives the id of the step.
func (b *builder) discover(s *subject, l estate.Location, content Content, of string) string {
	find := Step{Act: ActDiscover, Secret: s.Secret, Place: b.place(l.Discover.Use), Of: of, Identity: l.Facts.Identity,
		AtLeast: l.Discover.AtLeast, AtMost: l.Discover.AtMost, Title: fmt.Sprintf("find each %s by %s", Title(l.Use), Title(l.Discover.Use))}
	if of != "" {
		find.Title, find.AtLeast = find.Title+", again: what has come since", 0
	}
	put := b.template(b.put(s, l, content), 1)
	find.Each = append(find.Each, put)
	if l.Activate != "" {
		find.Each = append(find.Each, b.template(b.activation(s, l, put.ID), 2))
	}
	id := b.add(find)
	b.stage += 3 // behind those of the templates
	return id
}

// template numbers a step that stands for many, so many stages further on.
func (b *builder) template(s Step, ahead int) Step {
	stage := b.stage
	b.stage += ahead
	b.add(s)
	last := len(b.plan.Steps) - 1
	s, b.plan.Steps, b.stage = b.plan.Steps[last], b.plan.Steps[:last], stage
	return s
}

// rediscover looks once more for the targets that were found in a phase: one
// that was made meanwhile may have begun with what was there before. It must not
// keep that when verifiers are shown the new version, or the old one ends.
func (b *builder) rediscover(phase pawl.Phase) {
	first := slices.Clone(b.plan.Steps)
	for i := range first {
		step := &first[i]
		if step.Act != ActDiscover || step.Phase != phase || step.Of != "" {
			continue
		}
		s := b.find(step.Secret)
		for _, l := range s.s.Locations {
			if l.Discover != nil && has(&l, estate.Accepts) == step.Each[0].Accepts && b.place(l.Discover.Use).same(step.Place) && b.place(l.Use).same(step.Each[0].Place) {
				b.next()
				id := b.discover(s, l, step.Each[0].Content, step.ID)
				b.written(s, id)
				b.follow(s, []estate.Location{l}, []string{id})
			}
		}
	}
}

func (p Place) same(q Place) bool {
	return p.Connection == q.Connection && p.Kind == q.Kind && fmt.Sprint(p.Settings) == fmt.Sprint(q.Settings)
}

func (b *builder) undiscoverable(s *subject, l *estate.Location) {
	if b.err == nil {
		b.err = &pawl.Error{Code: pawl.CodeUnsupported, Op: "plan", On: string(s.Secret),
			Why:  fmt.Sprintf("what runs at %s must have ended before the old version ends, and that cannot be asked of targets found at run time", Title(l.Use)),
			Next: "declare each target as a location of its own"}
	}
}

// undiscover gives a discovery the templates by which what was done at each
// target is undone. Their stages are kept free in the undo.
func (b *builder) undiscover(p *Plan, id string) {
	find, _ := p.Step(id)
	b.next()
	kept := b.plan.Steps
	b.plan.Steps = nil
	for _, put := range slices.Backward(find.Each) {
		if put.Act == ActPut {
			b.unwrite(put, find.Each)
		}
	}
	find.Back, b.plan.Steps = b.plan.Steps, kept
	b.stage++
}

// Expand gives the plan with the templates of a discovery made into steps,
// one set for each target that was found. It is pure: the same targets give
// the same steps. p is not changed.
func (p *Plan) Expand(discovery string, found []estate.Settings) *Plan {
	find, ok := p.Step(discovery)
	if !ok || len(found) == 0 {
		return p
	}
	whole := *p
	whole.Steps, whole.Undo = slices.Clone(p.Steps), slices.Clone(p.Undo)
	keys := Keys(find, found)
	for i, settings := range found {
		for _, template := range find.Each {
			whole.Steps = insert(whole.Steps, template.at(find, keys[i], settings))
		}
		for _, template := range find.Back {
			whole.Undo = insert(whole.Undo, template.at(find, keys[i], settings))
		}
	}
	return &whole
}

// Keys names targets by the settings that tell them apart, for steps' ids.
func Keys(find *Step, found []estate.Settings) []string {
	keys := make([]string, len(found))
	for i, settings := range found {
		var words []string
		for _, field := range find.Identity {
			if v := settings.String(field); v != "" {
				words = append(words, v)
			}
		}
		keys[i] = plain(strings.Join(words, "-"))
		if keys[i] == "" || slices.Contains(keys[:i], keys[i]) {
			keys[i] = fmt.Sprintf("%s-%d", keys[i], i+1)
		}
	}
	return keys
}

// plain keeps of a text what a step's id may have in it.
func plain(s string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		default:
			return '-'
		}
	}, s), "-")
}

// at makes a template into the step at one target. Names of other templates
// of the discovery become the names of their steps at the same target.
func (s Step) at(find *Step, key string, settings estate.Settings) Step {
	for _, ref := range []*string{&s.Of, &s.Reverses} {
		if isTemplate(find, *ref) {
			*ref += "." + key
		}
	}
	s.ID, s.Place.Settings, s.Found = s.ID+"."+key, s.Place.Settings.With(settings), find.ID
	s.Title += ": " + key
	return s
}

func isTemplate(find *Step, id string) bool {
	has := func(list []Step) bool { return slices.ContainsFunc(list, func(s Step) bool { return s.ID == id }) }
	return id != "" && (has(find.Each) || has(find.Back))
}

// insert puts a step behind the last one of its stage or of an earlier one.
func insert(steps []Step, s Step) []Step {
	i := len(steps)
	for i > 0 && steps[i-1].Stage > s.Stage {
		i--
	}
	return slices.Insert(steps, i, s)
}
