package crash

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// Scenarios gives all scenarios of the matrix.
func Scenarios() []*Scenario { return append([]*Scenario{Seed()}, Shapes()...) }

// Mutations lists the ways in which pawl is broken on purpose.
func Mutations() []Mutation {
	engine := []mutant.Kind{mutant.MintBlindly, mutant.SkipIntent, mutant.TrustWrites, mutant.RetireUnproven, mutant.UndoOnStore,
		mutant.EndForeign, mutant.ForgetOrphan, mutant.SkipActivation, mutant.SilentFailure, mutant.LoseValue,
		mutant.SkipSoak, mutant.TrustOutage, mutant.TrustEnd, mutant.LeakValue, mutant.EndUnread, mutant.HearLate, mutant.UndoUnstarted, mutant.FindOnce, mutant.IgnoreShadows, mutant.ResetAnything}
	var list []Mutation
	for _, k := range engine {
		list = append(list, Mutation{Name: string(k), Engine: k})
	}
	list = append(list,
		Mutation{Name: string(mutant.TrustCoarse), Engine: mutant.TrustCoarse, Where: []*Scenario{Seed()}},
		Mutation{Name: "revoke before the checks", Plan: revokeEarly},
		Mutation{Name: "leave out a location", Plan: leaveOutAPlace},
		Mutation{Name: "end the new credential before the old one is back", Plan: discardEarly},
		Mutation{Name: "leave out the checks before the end", Plan: leaveOutProof},
		Mutation{Name: "write the next place before the checks of the one before", Plan: leaveOutGates},
		Mutation{Name: "leave out a consumer in the undo", Plan: forgetConsumers},
		Mutation{Name: "runbook: leave out the search for what has come since", Plan: leaveOutRediscovery, Where: ofRunbook(saas.RedisURL)},
		Mutation{Name: "runbook: leave out the search for verifiers that have come since", Plan: leaveOutRediscovery, Where: ofRunbook(saas.EncryptionKey)},
		Mutation{Name: "runbook: revoke before the fixture has passed", Plan: proveLate, Where: ofRunbook(saas.NeonKey)},
		Mutation{Name: "runbook: leave what a fixture has made", Plan: leaveOutCleaning, Where: ofRunbook(saas.NeonKey)},
		Mutation{Name: "runbook: " + string(mutant.AnnounceOnce), Engine: mutant.AnnounceOnce, Where: ofRunbook(saas.NeonKey)},
		Mutation{Name: "runbook: take a write for what a next deployment has loaded", Engine: mutant.SkipActivation, Where: ofRunbook(saas.ResendKey)},
		Mutation{Name: "leave what was stopped as it is on the way back", Plan: leaveStopped},
		Mutation{Name: "put back while what was started runs", Plan: leaveStarted},
		Mutation{Name: "ignore the fence", Store: func(s rotation.Store) rotation.Store { return fenceless{s} }},
	)
	for i := range list {
		list[i].Shows = shows()[list[i].Name]
	}
	return list
}

// shows gives where a mutation was seen that shows in few schedules.
func shows() map[string]string {
	return map[string]string{
		string(mutant.EndForeign):                                     "quota of two, no names: kill before call 7, a stranger mints",
		string(mutant.TrustOutage):                                    "side by side: 403 at call 25",
		string(mutant.UndoOnStore):                                    "quota of two, no names: disk full at write 11",
		string(mutant.EndUnread):                                      "quota of two, no names: kill after write 20, somebody puts the old value back",
		string(mutant.HearLate):                                       "group of two: undo said during call 3",
		string(mutant.UndoUnstarted):                                  "other automation stands still: kill after call 24, 403 at call 25",
		string(mutant.FindOnce):                                       "places found at run time: no trouble",
		string(mutant.IgnoreShadows):                                  "a place of its own wins: no trouble",
		"write the next place before the checks of the one before":    "places found at run time: no trouble",
		"leave out a consumer in the undo":                            "places found at run time: 403 at call 26",
		"leave what was stopped as it is on the way back":             "other automation stands still: 403 at call 17",
		"put back while what was started runs":                        "other automation stands still: kill before call 25, 403 at call 27",
		"runbook: leave what a fixture has made":                      "runbook: NEON_API_KEY: 403 at call 31",
		"runbook: " + string(mutant.AnnounceOnce):                     "runbook: NEON_API_KEY: 500 at call 38",
		"runbook: take a write for what a next deployment has loaded": "runbook: RESEND_API_KEY: 403 at call 59",
	}
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

// hunt looks for a broken promise where the mutation was seen before; then in
// a sample, since most mutants show at once; and then in every schedule of the
// plan shapes, or of where it shows.
func hunt(ctx context.Context, mutation Mutation) (*Result, error) {
	all, shapes := mutation.Where, mutation.Where
	if all == nil {
		all, shapes = Scenarios(), Shapes()
	}
	m := &Matrix{Scenarios: all, Mutation: mutation, StopAt: 1, Sample: 40}
	if mutation.Shows != "" {
		if r, err := m.named(ctx, mutation.Shows); err != nil || len(r.Violations) > 0 {
			return r, err
		}
	}
	r, err := m.Run(ctx)
	if err != nil || len(r.Violations) > 0 {
		return r, err
	}
	m.Scenarios, m.Sample = shapes, 1
	return m.Run(ctx)
}

// named runs the one schedule "SCENARIO: SCHEDULE".
func (m *Matrix) named(ctx context.Context, name string) (*Result, error) {
	for _, s := range m.Scenarios {
		rest, ok := strings.CutPrefix(name, s.Name+": ")
		if !ok {
			continue
		}
		schedule, err := ParseSchedule(rest)
		if err != nil {
			return nil, err
		}
		r, err := m.one(ctx, s, schedule)
		if err != nil {
			return nil, err
		}
		result := &Result{}
		m.count(r, &ScenarioResult{}, result)
		return result, nil
	}
	return nil, fmt.Errorf("there is no scenario of %q", name)
}

// ofRunbook gives the scenario of one secret of the runbook.
func ofRunbook(name string) []*Scenario {
	return slices.DeleteFunc(Runbook(), func(s *Scenario) bool { return s.Name != "runbook: "+name })
}

// leaveOutRediscovery forgets what has come since places were found.
func leaveOutRediscovery(p *plan.Plan) {
	p.Steps = slices.DeleteFunc(p.Steps, func(s plan.Step) bool { return s.Act == plan.ActDiscover && s.Of != "" })
}

// proveLate moves the checks with the new version behind everything else.
func proveLate(p *plan.Plan) {
	last := p.Steps[len(p.Steps)-1].Stage
	for i := range p.Steps {
		if p.Steps[i].Phase == pawl.Prove && p.Steps[i].Act == plan.ActCheck {
			p.Steps[i].Stage = last
		}
	}
	slices.SortStableFunc(p.Steps, func(a, b plan.Step) int { return a.Stage - b.Stage })
}

// leaveOutCleaning forgets, in the undo, what checks have made.
func leaveOutCleaning(p *plan.Plan) {
	p.Undo = slices.DeleteFunc(p.Undo, func(s plan.Step) bool { return s.Act == plan.ActClean })
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
