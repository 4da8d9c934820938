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

// discover finds the places of a location. What it finds is on record with
// its outcome, and becomes steps of the plan there: see State.expand.
func (j *job) discover(ctx context.Context) {
	found, err := j.find(ctx, j.step)
	if j.failed(ctx, err) {
		return
	}
	total := len(found)
	earlier := j.s.state.Step(j.step.Of).Found
	found = slices.DeleteFunc(found, func(s estate.Settings) bool {
		return slices.ContainsFunc(earlier, func(e estate.Settings) bool { return identity(j.step, e) == identity(j.step, s) })
	})
	if j.step.Of != "" && j.mutant(mutant.FindOnce) {
		found = nil
	}
	detail := fmt.Sprintf("%d found", total)
	if j.step.Of != "" {
		detail = fmt.Sprintf("%d found, %d of them since", total, len(found))
	}
	j.ok(Entry{Found: found, Detail: detail})
}

// find asks for the places, in the order of their names, and holds their
// number to the bounds of the estate: none is a mistake until somebody says
// otherwise.
func (j *job) find(ctx context.Context, step *plan.Step) ([]estate.Settings, error) {
	port, err := j.portOf(ctx, step.Place.Connection)
	if err != nil {
		return nil, err
	}
	targets, err := port.Discover(ctx, driver.Target{Kind: step.Place.Kind, Settings: step.Place.Settings})
	if err != nil {
		return nil, err
	}
	refuse := func(kind driver.ErrorKind, format string, args ...any) ([]estate.Settings, error) {
		return nil, &driver.Error{Op: step.Title, Kind: kind, Effect: pawl.EffectNone, Why: fmt.Sprintf(format, args...)}
	}
	byName := map[string]estate.Settings{}
	for _, t := range targets {
		name := identity(step, t.Settings)
		if name == "" {
			return refuse(driver.Malformed, "a place was found without any of %v, which tell places apart", step.Identity)
		}
		byName[name] = t.Settings
	}
	switch n := len(byName); {
	case n < step.AtLeast:
		return refuse(driver.Invalid, "%d places were found, and there must be at least %d", n, step.AtLeast)
	case step.AtMost > 0 && n > step.AtMost:
		return refuse(driver.Invalid, "%d places were found, and there may be at most %d: is the query too wide?", n, step.AtMost)
	}
	names := make([]string, 0, len(byName))
	for name := range byName {
		names = append(names, name)
	}
	slices.Sort(names)
	found := make([]estate.Settings, len(names))
	for i, name := range names {
		found[i] = byName[name]
	}
	return found, nil
}

// identity joins what tells a found place from others; "" when it has none of it.
func identity(step *plan.Step, s estate.Settings) string {
	words := make([]string, len(step.Identity))
	for i, field := range step.Identity {
		words[i] = s.String(field)
	}
	return strings.Trim(strings.Join(words, "\x00"), "\x00")
}

// expand puts what a discovery found into the plan.
func (s *State) expand(e Entry) {
	if e.Result == ResultOK && len(e.Found) > 0 {
		s.Step(e.Step).Found = e.Found
		s.Plan = s.Plan.Expand(e.Step, e.Found)
	}
}

// vanished reports whether a place that was found is not there any more, and
// records that nothing is to be done there. Tenants come and go; one that went
// must not turn the others back.
func (j *job) vanished(ctx context.Context, err error) bool {
	var e *driver.Error
	if j.step.Found == "" || !errors.As(err, &e) || e.Kind != driver.NotFound {
		return false
	}
	find, ok := j.s.state.Plan.Step(j.step.Found)
	if !ok {
		return false
	}
	again := *find
	again.AtLeast, again.AtMost = 0, 0
	found, err := j.find(ctx, &again)
	if j.failed(ctx, err) {
		j.over = true
		return true
	}
	here := identity(find, j.step.Place.Settings)
	if slices.ContainsFunc(found, func(s estate.Settings) bool { return identity(find, s) == here }) {
		return false
	}
	j.over = true
	j.ok(Entry{Effect: pawl.EffectNone, Detail: "it is not there any more"})
	return true
}

// clean takes away what a check made and did not come to take away.
func (j *job) clean(ctx context.Context) {
	port, err := j.port(ctx)
	if j.failed(ctx, err) {
		return
	}
	check := j.s.state.Step(j.step.Reverses)
	r := driver.CheckRequest{Target: j.target(), Since: check.AnnouncedAt, Resume: j.st.Resume, Stop: true}
	if r.Resume == "" {
		r.Resume = check.Resume
	}
	f, err := port.Check(ctx, r)
	switch {
	case j.failed(ctx, err):
	case f.State == driver.Pending:
		j.pending(f.After, f.Resume, f.Detail)
	default:
		j.ok(Entry{Detail: f.Detail})
	}
}
