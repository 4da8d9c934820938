package crash

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// Scenarios gives all scenarios of the matrix.
func Scenarios() []*Scenario { return append([]*Scenario{Seed()}, Shapes()...) }

// Select gives all scenarios, or the one with a name.
func Select(name string) []*Scenario {
	if name == "" {
		return Scenarios()
	}
	return slices.DeleteFunc(Scenarios(), func(s *Scenario) bool { return s.Name != name })
}

// Mutations lists the ways in which pawl is broken on purpose.
func Mutations() []Mutation {
	engine := []mutant.Kind{mutant.MintBlindly, mutant.SkipIntent, mutant.TrustWrites, mutant.RetireUnproven, mutant.UndoOnStore,
		mutant.EndForeign, mutant.ForgetOrphan, mutant.SkipActivation, mutant.SilentFailure, mutant.LoseValue,
		mutant.SkipSoak, mutant.TrustOutage, mutant.TrustEnd, mutant.LeakValue, mutant.EndUnread, mutant.HearLate, mutant.UndoUnstarted, mutant.FindOnce, mutant.IgnoreShadows, mutant.ResetAnything}
	var list []Mutation
	for _, k := range engine {
		list = append(list, Mutation{Name: string(k), Engine: k})
	}
	return append(list,
		Mutation{Name: string(mutant.TrustCoarse), Engine: mutant.TrustCoarse, Where: []*Scenario{Seed()}},
		Mutation{Name: "revoke before the checks", Plan: revokeEarly},
		Mutation{Name: "leave out a location", Plan: leaveOutAPlace},
		Mutation{Name: "end the new credential before the old one is back", Plan: discardEarly},
		Mutation{Name: "leave out the checks before the end", Plan: leaveOutProof},
		Mutation{Name: "write the next place before the checks of the one before", Plan: leaveOutGates},
		Mutation{Name: "leave out a consumer in the undo", Plan: forgetConsumers},
		Mutation{Name: "leave what was stopped as it is on the way back", Plan: leaveStopped},
		Mutation{Name: "put back while what was started runs", Plan: leaveStarted},
		Mutation{Name: "ignore the fence", Store: func(s rotation.Store) rotation.Store { return fenceless{s} }},
	)
}

// Mutants runs the matrix against each mutation until a promise breaks.
func Mutants(ctx context.Context, w io.Writer) (broken, caught int, err error) {
	for _, mutation := range Mutations() {
		r, err := hunt(ctx, mutation)
		if err != nil {
			return broken, caught, err
		}
		broken++
		verdict := "NOT CAUGHT"
		if len(r.Violations) > 0 {
			caught++
			verdict = "caught: " + r.Violations[0]
		}
		fmt.Fprintf(w, "%-50s %s\n", mutation.Name, verdict)
	}
	return broken, caught, nil
}

// hunt looks for a broken promise in a sample first, since most mutants show
// at once, and then in every schedule of the plan shapes.
func hunt(ctx context.Context, mutation Mutation) (*Result, error) {
	m := &Matrix{Scenarios: Scenarios(), Mutation: mutation, StopAt: 1, Sample: 40}
	r, err := m.Run(ctx)
	if err != nil || len(r.Violations) > 0 {
		return r, err
	}
	m.Scenarios, m.Sample = mutation.Where, 1
	if m.Scenarios == nil {
		m.Scenarios = Shapes()
	}
	return m.Run(ctx)
}

// revokeEarly moves the end of the old version before the proof.
func revokeEarly(p *plan.Plan) {
	for i := range p.Steps {
		if p.Steps[i].Act != plan.ActRevoke {
			continue
		}
		step := p.Steps[i]
		at := slices.IndexFunc(p.Steps, func(s plan.Step) bool { return s.Phase == pawl.Prove })
		if at < 0 || at > i {
			return
		}
		step.Stage = p.Steps[at].Stage
		p.Steps = slices.Insert(slices.Delete(p.Steps, i, i+1), at, step)
		return
	}
}

// leaveOutAPlace forgets the last location.
func leaveOutAPlace(p *plan.Plan) {
	for i := len(p.Steps) - 1; i >= 0; i-- {
		if p.Steps[i].Act == plan.ActPut {
			id := p.Steps[i].ID
			p.Steps = slices.DeleteFunc(p.Steps, func(s plan.Step) bool { return s.ID == id || s.Of == id })
			return
		}
	}
}

// leaveOutProof forgets the checks with the new version.
func leaveOutProof(p *plan.Plan) {
	p.Steps = slices.DeleteFunc(p.Steps, func(s plan.Step) bool { return s.Phase == pawl.Prove && s.Act == plan.ActCheck })
}

// leaveOutGates forgets the checks of places.
func leaveOutGates(p *plan.Plan) {
	p.Steps = slices.DeleteFunc(p.Steps, func(s plan.Step) bool { return s.Gates != "" })
}

// forgetConsumers puts old values back without having consumers load them.
func forgetConsumers(p *plan.Plan) {
	p.Undo = slices.DeleteFunc(p.Undo, func(s plan.Step) bool { return s.Act == plan.ActActivate && s.Place.Kind == "restart" })
}

// leaveStopped turns back without starting again what was stopped.
func leaveStopped(p *plan.Plan) {
	p.Undo = slices.DeleteFunc(p.Undo, func(s plan.Step) bool { return s.Act == plan.ActStart })
}

// leaveStarted turns back without stopping what was started again.
func leaveStarted(p *plan.Plan) {
	p.Undo = slices.DeleteFunc(p.Undo, func(s plan.Step) bool { return s.Act == plan.ActStop })
}

// discardEarly turns the order of the undo around.
func discardEarly(p *plan.Plan) {
	for i, j := 0, len(p.Undo)-1; i < j; i, j = i+1, j-1 {
		p.Undo[i].Stage, p.Undo[j].Stage = p.Undo[j].Stage, p.Undo[i].Stage
	}
	slices.SortStableFunc(p.Undo, func(a, b plan.Step) int { return a.Stage - b.Stage })
}

// fenceless lets every process write.
type fenceless struct{ rotation.Store }

// Append stores a commit under whatever fence is newest.
func (f fenceless) Append(ctx context.Context, l rotation.Lease, c rotation.Commit) error {
	err := f.Store.Append(ctx, l, c)
	if pawl.CodeOf(err) != pawl.CodeLost {
		return err
	}
	list, lerr := f.Store.Rotations(ctx, rotation.Filter{})
	if lerr != nil {
		return lerr
	}
	for _, s := range list {
		if s.ID == l.Rotation {
			if s.Lease.Fence == 0 { // nobody holds it now: take it behind everybody's back
				taken, aerr := f.Store.Acquire(ctx, rotation.LeaseRequest{Rotation: l.Rotation, Holder: l.Holder, Now: c.Expires, Expires: c.Expires})
				if aerr != nil {
					return err
				}
				s.Lease = taken
			}
			return f.Store.Append(ctx, s.Lease, c)
		}
	}
	return err
}
