package plan

import (
	"slices"

	"github.com/pawlhq/pawl/estate"
)

// checks adds a secret's declared checks of one moment to the current stage.
// In an undo they say what they reverse, and only what can be asked of a
// system is asked again: a person who confirmed the new version is spared.
func (b *builder) checks(s *subject, when estate.When, reverses string) {
	for _, c := range s.s.Checks {
		if !slices.Contains(moments(c), when) {
			continue
		}
		step, ok := b.check(s, c)
		if ok && (reverses == "" || step.Act == ActCheck) {
			step.Reverses = reverses
			b.add(step)
		}
	}
}

func (b *builder) check(s *subject, c estate.Check) (Step, bool) {
	step := Step{Act: ActCheck, Secret: s.Secret, Place: b.place(c.Use), Within: c.Within, Builtin: c.Builtin}
	if step.Within == 0 {
		step.Within = CheckWithin
		if f := c.Facts.Check; f != nil && f.Within > 0 {
			step.Within = f.Within
		}
	}
	if f := c.Facts.Check; f != nil {
		step.Acts, step.Cleans = f.Acts, f.Cleans
	}
	switch {
	case c.Connection == estate.Person:
		step.Act, step.Task = ActTask, b.fill(s, *c.Task)
		step.Title, step.Within = step.Task.Title, 0 // people have the task's deadline
	case c.Builtin == estate.BuiltinAccepted:
		step.Act, step.Place, step.Title = ActAccepted, s.Issuer, "the issuer accepts the value"
	case c.Builtin == estate.BuiltinWrongRefused:
		step.Act, step.Place, step.Title = ActWrong, s.Issuer, "the issuer refuses a made-up value"
	case c.Builtin == estate.BuiltinOldUnused && s.elsewhere:
		return Step{}, false // this issuer never saw it
	case c.Builtin == estate.BuiltinOldUnused:
		step.Act, step.Place, step.Wait, step.Title = ActUnused, s.Issuer, c.For, "the old version was not used for "+Span(c.For)
		step.Within = max(step.Within, UnusedWithin)
	case c.Builtin == estate.BuiltinOldRefused:
		return Step{}, false // every plan that can ask ends with this
	default:
		step.Title = "check " + Title(c.Use)
	}
	return step, true
}

// moments says when a check runs where the estate is silent. A check that
// acts on the system does not run before the rotation.
func moments(c estate.Check) []estate.When {
	switch {
	case len(c.When) > 0:
		return c.When
	case c.Builtin == estate.BuiltinOldUnused:
		return []estate.When{estate.Drain}
	case c.Builtin == estate.BuiltinWrongRefused, c.Connection == estate.Person:
		return []estate.When{estate.After}
	case c.Builtin != "", c.Facts.Check != nil && c.Facts.Check.Acts:
		return []estate.When{estate.After, estate.Final}
	default:
		return []estate.When{estate.Before, estate.After, estate.Final}
	}
}
