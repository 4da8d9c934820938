package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
)

// Shadow is a place that holds a value which wins over that of a location.
type Shadow struct {
	Place string  `json:"place"`
	Holds Holding `json:"holds"`
}

// Holding is what a shadow holds. A shadow that holds nothing is not on record.
type Holding string

// The holdings.
const (
	HoldsNew    Holding = "new"    // the version that the rotation brings
	HoldsOld    Holding = "old"    // the version that it ends
	HoldsOther  Holding = "other"  // neither
	HoldsHidden Holding = "hidden" // something that cannot be read
)

// mayBeOld reports whether who reads a shadow may run with the old version.
func (s Shadow) mayBeOld() bool { return s.Holds == HoldsOld || s.Holds == HoldsHidden }

// words tells a person what a shadow holds.
func (s Shadow) words() string {
	return s.Place + map[Holding]string{HoldsNew: " has the new version", HoldsOld: " has the old version",
		HoldsOther: " has a value of its own", HoldsHidden: " has a value that cannot be read"}[s.Holds]
}

// shadow looks at the places that win over a location. While one may hold the
// old version and the step gates, it asks a person, who is asked again only
// about places that they have not seen.
func (j *job) shadow(ctx context.Context) {
	sig, spoken := j.answer()
	if spoken && sig.Word == WordDecline {
		j.fail(&driver.Error{Op: j.step.Title, Kind: driver.Conflict, Effect: pawl.EffectNone, Why: fmt.Sprintf("%s declined: %s", sig.Actor, sig.Why)})
		return
	}
	seen, total, err := j.shadows(ctx, j.step)
	if j.failed(ctx, err) || j.err != nil {
		return
	}
	var known []Shadow // what the person who spoke was asked about
	if spoken {
		known = j.st.Shadows
	}
	if asks := unseen(seen, known); j.step.Asks && len(asks) > 0 && !j.mutant(mutant.IgnoreShadows) {
		j.question("approve", fmt.Sprintf("%s: who reads it may still use the old version: approve to go on and end it, decline to hold", told(asks)))
		j.entries[len(j.entries)-1].Shadows = seen
		return
	}
	e := Entry{Shadows: seen, Detail: fmt.Sprintf("%d looked at, nothing wins", total)}
	if len(seen) > 0 {
		e.Detail = told(seen)
	}
	if spoken {
		e.Detail += fmt.Sprintf("; %s: %s", sig.Actor, sig.Why)
	}
	j.ok(e)
}

// unseen gives the shadows that may hold the old version and of which that was
// not known.
func unseen(now, known []Shadow) []Shadow {
	return slices.DeleteFunc(slices.Clone(now), func(s Shadow) bool { return !s.mayBeOld() || slices.Contains(known, s) })
}

// told lists shadows for a person.
func told(list []Shadow) string {
	const most = 20 // a sentence, not a table: status has them all
	words := make([]string, 0, len(list))
	for i, s := range list {
		if i == most {
			words = append(words, fmt.Sprintf("and %d more", len(list)-most))
			break
		}
		words = append(words, s.words())
	}
	return strings.Join(words, ", ")
}

// newShadows looks once more at the shadows of the secret whose old version is
// about to end, and gives those that may hold it and that nobody has seen.
func (j *job) newShadows(ctx context.Context) ([]Shadow, error) {
	var fresh []Shadow
	for i := range j.s.state.Plan.Steps {
		step := &j.s.state.Plan.Steps[i]
		if step.Act != plan.ActShadow || !step.Asks || step.Secret != j.step.Secret || step.Phase == pawl.Preflight {
			continue
		}
		now, _, err := j.shadows(ctx, step)
		if err != nil || j.err != nil {
			return nil, err
		}
		if st := j.s.state.Step(step.ID); !st.Waived {
			fresh = append(fresh, unseen(now, st.Shadows)...)
		}
	}
	return fresh, nil
}

// shadows looks at the places of a step and gives those that hold something,
// and how many there are.
func (j *job) shadows(ctx context.Context, step *plan.Step) ([]Shadow, int, error) {
	places := []plan.Place{step.Place}
	names := []string{place(step.Place, step.Identity)}
	if step.Finds.Connection != "" {
		find := *step
		find.Place = step.Finds
		found, err := j.find(ctx, &find)
		if err != nil {
			return nil, 0, err
		}
		names, places = plan.Keys(step, found), nil
		for _, settings := range found {
			at := step.Place
			at.Settings = at.Settings.With(settings)
			places = append(places, at)
		}
	}
	port, err := j.portOf(ctx, step.Place.Connection)
	if err != nil {
		return nil, 0, err
	}
	var list []Shadow
	for i, at := range places {
		holds, err := j.holding(ctx, port, step, driver.Target{Kind: at.Kind, Settings: at.Settings})
		if err != nil || j.err != nil {
			return nil, 0, err
		}
		if holds != "" {
			list = append(list, Shadow{Place: names[i], Holds: holds})
		}
	}
	return list, len(places), nil
}

// place names a place by its connection and what tells it apart there.
func place(p plan.Place, identity []string) string {
	name := p.Connection
	for _, field := range identity {
		if v := p.Settings.String(field); v != "" {
			name += " " + v
		}
	}
	return name
}

// holding asks one place; "" is nothing. A found place that is not there any
// more holds nothing.
func (j *job) holding(ctx context.Context, port *driver.Port, step *plan.Step, t driver.Target) (Holding, error) {
	if step.Confirm != estate.ByValue {
		r, err := port.Stat(ctx, t)
		if err == nil && r.Exists {
			return HoldsHidden, nil
		}
		return "", j.absent(step, err)
	}
	v, ok, err := port.Read(ctx, t)
	if err != nil || !ok {
		return "", j.absent(step, err)
	}
	known := false // whether the old value is
	for _, c := range []struct {
		content plan.Content
		holds   Holding
	}{{plan.ContentNew, HoldsNew}, {plan.ContentOld, HoldsOld}, {plan.ContentBoth, HoldsOld}} {
		if c.content == plan.ContentBoth && !step.Accepts {
			continue
		}
		want, err := j.rendering(ctx, step, c.content)
		switch {
		case errors.Is(err, ErrNotFound): // not minted yet, or not held
		case err != nil:
			j.err = err
			return "", nil
		case v.Equal(want):
			return c.holds, nil
		default:
			known = known || c.content == plan.ContentOld
		}
	}
	if !known { // it may be the old one: nothing tells
		return HoldsHidden, nil
	}
	return HoldsOther, nil
}

func (j *job) absent(step *plan.Step, err error) error {
	var e *driver.Error
	if step.Finds.Connection != "" && errors.As(err, &e) && e.Kind == driver.NotFound {
		return nil
	}
	return err
}
