package crash

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/store/memory"
)

// Mutation breaks pawl on purpose: the engine by its switch, or what the
// engine is given.
type Mutation struct {
	Name   string
	Engine mutant.Kind
	Plan   func(p *plan.Plan)                    // breaks the plan
	Store  func(s rotation.Store) rotation.Store // breaks the store
	Where  []*Scenario                           // in which it shows; nil is the plan shapes
	Shows  string                                // a scenario and its schedule where it was seen, looked at first; "" is none known
}

// Matrix runs schedules of scenarios.
type Matrix struct {
	Scenarios []*Scenario
	Mutation  Mutation
	Workers   int // 0 is one a processor
	StopAt    int // stop after so many violations; 0 is never
	Tracing   bool
	Sample    int // run about one schedule in so many; 0 and 1 are all
}

// Result is what a matrix found.
type Result struct {
	Schedules  int
	Scenarios  []ScenarioResult
	Violations []string // each names its scenario and schedule
	Held       []string // those that stood still in the end, as Violations are named
	Took       time.Duration
}

// ScenarioResult is one scenario's share.
type ScenarioResult struct {
	Name          string
	Calls, Writes int // of a run without trouble
	Schedules     int
	Done, Undone  int
	Held          int
	Refused       int // plans that were refused, as they must be
}

// Run runs every schedule of every scenario.
func (m *Matrix) Run(ctx context.Context) (*Result, error) {
	began := time.Now()
	result := &Result{}
	for _, s := range m.Scenarios {
		if err := m.scenario(ctx, s, result); err != nil {
			return result, fmt.Errorf("%s: %w", s.Name, err)
		}
		if m.enough(result) {
			break
		}
	}
	sort.Strings(result.Violations)
	result.Took = time.Since(began)
	return result, nil
}

func (m *Matrix) scenario(ctx context.Context, s *Scenario, result *Result) error {
	if s.Refuses {
		return m.refusal(ctx, s, result)
	}
	plain, err := m.one(ctx, s, Nothing())
	if err != nil {
		return err
	}
	if len(plain.found) == 0 && plain.outcome != pawl.Done {
		plain.violate("P3: without any trouble it ends %q: %v", plain.outcome, plain.errors)
	}
	sum := ScenarioResult{Name: s.Name, Calls: plain.calls, Writes: plain.writes}
	list := plain.distinct(schedules(plain.calls, plain.writes, plain.world.Foreign != nil))
	list = m.sample(append(list, plain.distinct(people(plain.calls, kills(plain.calls, plain.writes), plain.world.Meddle != nil))...))
	runs := make(chan *run)
	feeding, stop := context.WithCancel(ctx)
	defer stop()
	m.count(plain, &sum, result)
	if !m.enough(result) {
		go m.feed(feeding, s, list, runs)
		for r := range runs {
			if m.count(r, &sum, result); m.enough(result) {
				stop()
			}
		}
	}
	result.Scenarios = append(result.Scenarios, sum)
	return ctx.Err()
}

// enough reports whether so much is broken that nothing more need be run.
func (m *Matrix) enough(result *Result) bool {
	return m.StopAt > 0 && len(result.Violations) >= m.StopAt
}

// refusal holds that no plan is made: the one schedule of a secret that never
// rotates.
func (m *Matrix) refusal(ctx context.Context, s *Scenario, result *Result) error {
	r, err := m.fresh(ctx, s, Nothing())
	if err != nil {
		return err
	}
	sum := ScenarioResult{Name: s.Name, Schedules: 1}
	switch err := r.makePlan(ctx); {
	case err == nil:
		r.violate("a plan was made, and it never may be")
		result.Violations = append(result.Violations, r.describe())
	case pawl.CodeOf(err) != pawl.CodeInvalid:
		return err
	default:
		sum.Refused = 1
	}
	result.Schedules++
	result.Scenarios = append(result.Scenarios, sum)
	return nil
}

func (m *Matrix) count(r *run, sum *ScenarioResult, result *Result) {
	sum.Schedules++
	result.Schedules++
	switch r.outcome {
	case pawl.Done:
		sum.Done++
	case pawl.Undone:
		sum.Undone++
	default:
		sum.Held++
		result.Held = append(result.Held, fmt.Sprintf("%s: %s: %s", r.scenario.Name, r.schedule, r.why))
	}
	if len(r.found) > 0 {
		result.Violations = append(result.Violations, r.describe())
	}
}

// feed runs schedules on all workers.
func (m *Matrix) feed(ctx context.Context, s *Scenario, list []Schedule, out chan<- *run) {
	workers := m.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	jobs := make(chan Schedule)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for schedule := range jobs {
				r, err := m.one(context.WithoutCancel(ctx), s, schedule)
				if err != nil {
					r = &run{scenario: s, schedule: schedule}
					r.violate("the run could not be made: %v", err)
				}
				out <- r
			}
		})
	}
	for _, schedule := range list {
		if ctx.Err() != nil {
			break
		}
		jobs <- schedule
	}
	close(jobs)
	group.Wait()
	close(out)
}

// one runs one schedule in a fresh world.
func (m *Matrix) one(ctx context.Context, s *Scenario, schedule Schedule) (*run, error) {
	r, err := m.fresh(ctx, s, schedule)
	if err != nil {
		return nil, err
	}
	if err := r.makePlan(ctx); err != nil {
		return nil, err
	}
	r.do(ctx)
	r.judge()
	return r, nil
}

// fresh makes a world for a schedule, in which pawl knows the current values.
func (m *Matrix) fresh(ctx context.Context, s *Scenario, schedule Schedule) (*run, error) {
	clock := NewClock()
	world, err := s.Build(clock)
	if err != nil {
		return nil, err
	}
	vault, err := sharedVault()
	if err != nil {
		return nil, err
	}
	r := &run{scenario: s, schedule: schedule, mutant: m.Mutation, world: world, clock: clock, store: memory.New(), vault: vault,
		tracing: m.Tracing, broken: map[string]bool{}, open: map[string]plan.Act{}}
	if m.Mutation.Store != nil {
		r.store = m.Mutation.Store(r.store)
	}
	return r, r.adopt(ctx)
}

// adopt gives pawl the current values, as a person does before a first rotation.
func (r *run) adopt(ctx context.Context) error {
	e := r.engine("operator", &process{run: r})
	for name, value := range r.world.Current {
		if err := e.Adopt(ctx, name, value, nil, "operator"); err != nil {
			return err
		}
	}
	for _, place := range r.world.Truth().Places {
		r.initial = append(r.initial, place.Holds)
	}
	r.rotated = append(r.rotated, r.world.Rotated...)
	return nil
}

func (r *run) makePlan(ctx context.Context) error {
	observed, err := rotation.Observe(ctx, r.store, r.world.Request.Secrets)
	if err != nil {
		return err
	}
	if r.plan, err = plan.Make(r.world.Estate, r.world.Request, observed, r.clock.Now()); err != nil {
		return err
	}
	r.reference = r.plan
	if r.mutant.Plan != nil {
		broken := *r.plan
		broken.Steps = append([]plan.Step(nil), r.plan.Steps...)
		broken.Undo = append([]plan.Step(nil), r.plan.Undo...)
		r.mutant.Plan(&broken)
		r.plan = &broken
	}
	return nil
}

// sharedVault seals with one fixed key: making one costs more than a run.
var sharedVault = sync.OnceValues(func() (rotation.Vault, error) { return newVault() })

func newVault() (*envelope.Ring, error) {
	keeper, err := envelope.NewKeyKeeper(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	key, err := envelope.NewDataKey(ctx, keeper, 1, "crash", NewClock().Now(), rand.NewChaCha8([32]byte{9}))
	if err != nil {
		return nil, err
	}
	return envelope.OpenRing(ctx, []envelope.Keeper{keeper}, []envelope.DataKey{key})
}

// schedules enumerates the matrix: each kill alone; each fault at each call
// alone; each kill with each fault near it, before it, at the call that
// recovery makes first, and after; each write that fails; a second process at
// each call; a stranger at the issuer after each kill.
func schedules(calls, writes int, strangers bool) []Schedule {
	var list []Schedule
	kills := kills(calls, writes)
	list = append(list, kills...)
	for c := range calls + 4 {
		for _, f := range Faults() {
			s := Nothing()
			s.FaultCall, s.Fault = c, f
			list = append(list, s)
		}
		for _, at := range []Moment{BeforeIt, AfterIt} {
			s := Nothing()
			s.RaceCall, s.RaceAt = c, at
			list = append(list, s)
		}
	}
	for w := range writes + 2 {
		s := Nothing()
		s.FailWrite = w
		list = append(list, s)
	}
	for _, k := range kills {
		list = append(list, around(k, calls)...)
		if strangers {
			k.Foreign = true
			list = append(list, k)
		}
	}
	return list
}

// people enumerates what people do while a rotation runs: undo said during
// each call, alone and with a kill near it; somebody who puts the old value
// back at a place while it soaks, alone and with each kill.
func people(calls int, kills []Schedule, meddled bool) []Schedule {
	var list []Schedule
	for c := range calls {
		s := Nothing()
		s.UndoCall = c
		list = append(list, s)
		for _, m := range []Moment{DuringIt, AfterIt} {
			for _, next := range []int{0, 1, 2} {
				s.KillCall, s.Moment = c+next, m
				list = append(list, s)
			}
		}
	}
	if meddled {
		for _, s := range append(kills, Nothing()) {
			s.Meddle = true
			list = append(list, s)
		}
	}
	return list
}

func kills(calls, writes int) []Schedule {
	var list []Schedule
	for _, m := range []Moment{BeforeIt, DuringIt, AfterIt} {
		for c := range calls {
			s := Nothing()
			s.KillCall, s.Moment = c, m
			list = append(list, s)
		}
		for w := range writes {
			s := Nothing()
			s.KillWrite, s.Moment = w, m
			list = append(list, s)
		}
	}
	return list
}

// around adds every fault to a kill, at calls before and after it.
func around(kill Schedule, calls int) []Schedule {
	var list []Schedule
	at := kill.KillCall
	if at < 0 {
		at = kill.KillWrite * calls / max(kill.KillWrite+1, calls/2) // roughly where the write falls
	}
	for _, f := range Faults() {
		for _, offset := range []int{-1, 1, 2} {
			if c := at + offset; c >= 0 {
				s := kill
				s.FaultCall, s.Fault = c, f
				list = append(list, s)
			}
		}
	}
	return list
}

// distinct leaves out schedules whose trouble is at a call, or a write, in the
// midst of a wait: of looks that are the same, one after the other, the first
// two and the last two are enough.
func (r *run) distinct(list []Schedule) []Schedule {
	return slices.DeleteFunc(list, func(s Schedule) bool {
		return dull(r.routes, s.KillCall) || dull(r.routes, s.FaultCall) || dull(r.routes, s.RaceCall) || dull(r.routes, s.UndoCall) ||
			dull(r.notes, s.KillWrite) || dull(r.notes, s.FailWrite)
	})
}

// dull reports whether a place is in the midst of something that repeats, with
// two rounds before and two after it. A round has four places at the most.
func dull(list []string, at int) bool {
	for period := 1; period <= 4; period++ {
		from, to := at-2*period, at+2*period
		if from < 0 || to >= len(list) {
			return false
		}
		repeats := true
		for i := from; i <= to && repeats; i++ {
			repeats = list[i] != "" && (i+period > to || list[i] == list[i+period])
		}
		if repeats {
			return true
		}
	}
	return false
}

// sample keeps about one schedule in m.Sample, the same ones each time.
func (m *Matrix) sample(list []Schedule) []Schedule {
	if m.Sample <= 1 {
		return list
	}
	pick := rand.New(rand.NewPCG(1, 2))
	var kept []Schedule
	for _, s := range list {
		if pick.IntN(m.Sample) == 0 {
			kept = append(kept, s)
		}
	}
	return kept
}
