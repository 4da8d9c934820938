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
	"github.com/pawlhq/pawl/plan"
)

// Drift is how one place stands against what the last rotation left there.
type Drift struct {
	Secret   pawl.SecretName `json:"secret"`
	Place    string          `json:"place"`
	State    Standing        `json:"state"`
	Strength estate.Strength `json:"strength,omitempty"` // by what it was told
	Detail   string          `json:"detail,omitempty"`   // never a value
	Rotation pawl.RotationID `json:"rotation"`           // the one that left it so
	Err      error           `json:"-"`                  // why the place could not be asked
}

// Standing is how a place stands.
type Standing string

// The standings.
const (
	StandsSame     Standing = "same"
	StandsChanged  Standing = "changed"  // somebody else wrote there since
	StandsGone     Standing = "gone"     // nothing is there any more
	StandsShadowed Standing = "shadowed" // another place, which wins over it, holds something else
	StandsUntold   Standing = "untold"   // nothing tells
)

// Drifted reports whether the place holds, or its reader has, something else
// than the last rotation left.
func (s Standing) Drifted() bool {
	return s == StandsChanged || s == StandsGone || s == StandsShadowed
}

// Drift compares each place of a secret with what the last rotation that wrote
// any left there, by value, digest or time, and looks at what wins over them.
// The places are those of that rotation's plan; those that are found at run time
// are found anew. Nothing is changed, outside or in the store.
//
// It fails with *OpenError while a rotation of the secret is open, and with
// ErrNotFound when pawl has rotated none. A place that cannot be asked is no
// error: its Drift says why.
func (e *Engine) Drift(ctx context.Context, name pawl.SecretName) ([]Drift, error) {
	ended, err := e.Store.Rotations(ctx, Filter{Secret: name})
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(ended, func(r Summary) bool { return r.Outcome == pawl.Open || r.Outcome == pawl.Held }); i >= 0 {
		return nil, &OpenError{Secret: name, Rotation: ended[i].ID}
	}
	for i := range ended {
		st, err := e.State(ctx, ended[i].ID)
		if err != nil {
			return nil, err
		}
		if st.Outcome == pawl.Done || st.anyPut() {
			v := &survey{e: e, name: name, state: st, earlier: ended[i+1:]}
			return v.places(ctx)
		}
	}
	return nil, ErrNotFound
}

// survey looks at the places of one secret after its last rotation.
type survey struct {
	e       *Engine
	name    pawl.SecretName
	state   *State
	earlier []Summary // rotations before that one, newest first
	list    []Drift
}

func (v *survey) job(step *plan.Step) *job {
	return &job{s: &session{e: v.e, state: v.state}, step: step, st: v.state.Step(step.ID)}
}

func (v *survey) places(ctx context.Context) ([]Drift, error) {
	present, err := v.rediscover(ctx)
	if err != nil {
		return nil, err
	}
	for _, put := range v.state.lastWrites(v.name) {
		if there, found := present[put.Found]; put.Found == "" || !found || there(put) {
			if err := v.place(ctx, put); err != nil {
				return nil, err
			}
		}
	}
	for i := range v.state.Plan.Steps {
		step := &v.state.Plan.Steps[i]
		if step.Act == plan.ActTask && step.Secret == v.name && step.Content == plan.ContentNew {
			v.add(step.Title, StandsUntold, "", "a person wrote it", nil)
		}
	}
	return v.list, v.shadows(ctx)
}

// rediscover finds targets anew, by the discovery that found them before. What
// is no target any more is no place of the secret; what has come since is told.
func (v *survey) rediscover(ctx context.Context) (map[string]func(*plan.Step) bool, error) {
	present := map[string]func(*plan.Step) bool{}
	for i := range v.state.Plan.Steps {
		find := &v.state.Plan.Steps[i]
		if find.Act != plan.ActDiscover || find.Secret != v.name || find.Each[0].Content != plan.ContentNew {
			continue
		}
		wide := *find
		wide.AtLeast, wide.AtMost = 0, 0
		j := v.job(find)
		found, err := j.find(ctx, &wide)
		if j.err != nil || ctx.Err() != nil {
			return nil, errors.Join(j.err, ctx.Err())
		}
		if err != nil {
			v.add(find.Title, StandsUntold, "", "", err)
			continue // its places are asked as they were
		}
		present[find.ID] = func(put *plan.Step) bool {
			return slices.ContainsFunc(found, func(s estate.Settings) bool { return identity(find, s) == identity(find, put.Place.Settings) })
		}
		if find.Of == "" {
			v.since(find, found)
		}
	}
	return present, nil
}

// since tells of targets that no discovery of the rotation found.
func (v *survey) since(find *plan.Step, found []estate.Settings) {
	keys := plan.Keys(find, found)
	for i, settings := range found {
		known := slices.ContainsFunc(v.state.lastWrites(v.name), func(put *plan.Step) bool {
			return put.Found != "" && put.Place.Connection == find.Each[0].Place.Connection && identity(find, put.Place.Settings) == identity(find, settings)
		})
		if !known {
			v.add(strings.TrimPrefix(find.Each[0].Title, "write new to ")+": "+keys[i], StandsUntold, "", "it has come since the last rotation", nil)
		}
	}
}

func (v *survey) add(place string, s Standing, by estate.Strength, detail string, err error) {
	if err != nil {
		detail = err.Error()
	}
	v.list = append(v.list, Drift{Secret: v.name, Place: place, State: s, Strength: by, Detail: detail, Rotation: v.state.ID, Err: err})
}

// place compares one place.
func (v *survey) place(ctx context.Context, put *plan.Step) error {
	title, j := strings.TrimPrefix(put.Title, "write new to "), v.job(put)
	content := plan.ContentNew
	if v.state.Undoing {
		content = plan.ContentOld
	}
	if put.Confirm == estate.ByValue {
		if _, err := j.rendering(ctx, put, content); errors.Is(err, ErrNotFound) {
			v.add(title, StandsUntold, "", "pawl does not hold the value that is to be there", nil)
			return nil
		}
	}
	last, err := v.told(ctx, put)
	if err != nil {
		return err
	}
	s, err := j.stands(ctx, put, last, nil, content)
	if last != nil && !last.Exists && err == nil { // an undo took its copy away
		s = map[Standing]Standing{StandsGone: StandsSame, StandsSame: StandsChanged}[s]
		if s == "" {
			s = StandsChanged
		}
	}
	detail := ""
	switch {
	case s != StandsUntold || err != nil:
	case put.Confirm == estate.ByNothing:
		detail = "the place tells nothing of what it holds"
	default:
		detail = "what the place told of the last write is not known"
	}
	if j.err != nil || ctx.Err() != nil {
		return errors.Join(j.err, ctx.Err())
	}
	v.add(title, s, put.Confirm, detail, err)
	return nil
}

// told gives what a place told of the last write to it: in the last rotation
// or, when that turned back before it came there, in an earlier one.
func (v *survey) told(ctx context.Context, put *plan.Step) (*driver.Receipt, error) {
	wrote := func(s *State) bool {
		return slices.ContainsFunc(s.Plan.Steps, func(p plan.Step) bool {
			return p.Act == plan.ActPut && samePlace(p.Place, put.Place) && s.touched(p.ID)
		})
	}
	if wrote(v.state) {
		last, _ := v.state.told(put)
		return last, nil
	}
	for _, r := range v.earlier {
		st, err := v.e.State(ctx, r.ID)
		if err != nil {
			return nil, err
		}
		if wrote(st) {
			last, _ := st.told(put)
			return last, nil
		}
	}
	return nil, nil
}

// shadows looks once at each place that wins over another.
func (v *survey) shadows(ctx context.Context) error {
	var seen []*plan.Step
	for i := range v.state.Plan.Steps {
		step := &v.state.Plan.Steps[i]
		again := func(s *plan.Step) bool {
			return samePlace(s.Place, step.Place) && samePlace(s.Finds, step.Finds) && s.Render == step.Render
		}
		if step.Act != plan.ActShadow || step.Secret != v.name || slices.ContainsFunc(seen, again) {
			continue
		}
		seen = append(seen, step)
		j := v.job(step)
		list, total, err := j.shadows(ctx, step)
		if j.err != nil || ctx.Err() != nil {
			return errors.Join(j.err, ctx.Err())
		}
		if err != nil {
			v.add(step.Title, StandsUntold, "", "", err)
			continue
		}
		wins := 0
		for _, s := range list {
			if s.Holds == v.inPlace() {
				continue
			}
			wins++
			v.add(s.Place, StandsShadowed, "", strings.TrimPrefix(s.words(), s.Place+" ")+": "+step.Title, nil)
		}
		if wins == 0 {
			v.add(step.Title, StandsSame, "", fmt.Sprintf("%d looked at, nothing else wins", total), nil)
		}
	}
	return nil
}

// inPlace is what a shadow holds that makes no difference.
func (v *survey) inPlace() Holding {
	if v.state.Undoing {
		return HoldsOld
	}
	return HoldsNew
}
