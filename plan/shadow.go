package plan

import (
	"fmt"

	"github.com/pawlhq/pawl/estate"
)

// shadows looks at the places that win over a secret's locations: before the
// rotation, so that people know early, and before the old version ends; when it
// has leaked, at the very end. With asks, a place that may still hold the old
// version asks a person.
func (b *builder) shadows(s *subject, asks bool) {
	for i := range s.s.Locations {
		l := &s.s.Locations[i]
		for j := range l.Shadows {
			b.add(b.shadow(s, l, &l.Shadows[j], asks))
		}
	}
}

// shadow is one look at one shadow of a location. Its place holds, if
// anything, what the location would hold.
func (b *builder) shadow(s *subject, l *estate.Location, w *estate.Shadow, asks bool) Step {
	step := Step{Act: ActShadow, Secret: s.Secret, Place: b.place(w.Use), Content: ContentNew, Accepts: l.Role == estate.Accepts, Render: l.Render,
		Confirm: w.Facts.Location.Confirm, Identity: w.Facts.Identity, Asks: asks, Title: fmt.Sprintf("what wins over %s: %s", Title(l.Use), Title(w.Use))}
	if w.Facts.Location.Readable {
		step.Confirm = estate.ByValue
	}
	if d := w.Discover; d != nil {
		step.Finds, step.AtLeast, step.AtMost = b.place(d.Use), d.AtLeast, d.AtMost
		step.Title = fmt.Sprintf("what wins over %s: each %s by %s", Title(l.Use), Title(w.Use), Title(d.Use))
	}
	if w.Why != "" {
		step.Title += ": " + w.Why
	}
	return step
}

// held reports whether an end of the old version can still be held up by a
// person, once the new one is in place.
func (s *subject) held() bool { return s.ends() && !(s.irreversible() && s.mode == estate.Expire) }
