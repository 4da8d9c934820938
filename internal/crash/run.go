package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/secret"
)

// run is one execution of a schedule.
type run struct {
	scenario  *Scenario
	schedule  Schedule
	mutant    Mutation
	world     *World
	clock     *Clock
	store     rotation.Store
	vault     rotation.Vault
	plan      *plan.Plan
	reference *plan.Plan // as made without a mutation
	id        pawl.RotationID

	calls, writes int
	routes, notes []string // what each call, and each write, was; "" is one that is never dull
	broken        map[string]bool
	lied          bool
	looked        bool
	strangers     bool
	meddled       bool
	turnedBack    bool                // undo was said before the point of no return
	open          map[string]plan.Act // steps whose intent is stored and not answered
	racing        bool
	raced         int64 // the fence of the second process
	log           bytes.Buffer
	why           string // the last that it gave for standing still
	errors        []string
	found         []string // violations
	outcome       pawl.Outcome
	heldOnce      bool
	trace         []string // calls, when asked for
	tracing       bool
	initial       []string // values that were in place before
	rotated       []string // of those, the ones that the rotation replaces
}

const ttl = 3 * time.Minute

// violate notes a broken promise.
func (r *run) violate(format string, args ...any) {
	if len(r.found) < 8 {
		r.found = append(r.found, fmt.Sprintf(format, args...))
	}
}

// fault tells which fault hits call n.
func (r *run) fault(n int, call Call) Fault {
	if r.broken[call.Route] {
		return BrokenRoute
	}
	if n < 0 || n != r.schedule.FaultCall {
		return NoFault
	}
	if r.schedule.Fault == BrokenRoute {
		r.broken[call.Route] = true
	}
	return r.schedule.Fault
}

func (r *run) lie(f Fault) {
	switch f {
	case LieNothing, LieEmpty, LieShort, LieEnd:
		r.lied = true
		r.world.Lie(string(f))
	default:
		r.world.Lie("")
	}
}

// engine makes the engine of a new process.
func (r *run) engine(holder string, p *process) *rotation.Engine {
	return &rotation.Engine{
		Store: store{Store: r.store, p: p}, Ports: r.ports(p), Vault: r.vault, Now: r.clock.Now, Holder: holder,
		Dead:     func(h string) bool { return h != holder && !r.racing },
		Rand:     rand.NewChaCha8([32]byte{1}),
		TTL:      ttl,
		Parallel: 1,
		Sleep:    func(_ context.Context, until time.Time) error { r.meddle(until); r.pass(until); return nil },
		Observe:  r.observe,
		Mutant:   r.mutant.Engine,
	}
}

// pass lets time pass, and holds P1 meanwhile.
func (r *run) pass(until time.Time) {
	if r.world.Pass == nil {
		r.clock.To(until)
		return
	}
	r.world.Pass(until, func() { r.served("a wait until " + r.clock.Now().Format(time.DateTime)) })
}

// observe sees entries once they are stored, to know what is announced.
func (r *run) observe(e rotation.Entry, st *rotation.State) {
	switch {
	case e.Kind == rotation.KindIntent, e.Kind == rotation.KindLook && e.Result == rotation.ResultPresent:
		if step, ok := st.Plan.Step(e.Step); ok {
			r.open[e.Step] = step.Act
		}
	case e.Kind == rotation.KindOutcome, e.Kind == rotation.KindLook:
		delete(r.open, e.Step)
	}
}

// ports opens drivers over the process's way out, each connection once.
func (r *run) ports(p *process) rotation.Ports {
	opened := map[string]*driver.Port{}
	return portsFunc(func(_ context.Context, name string, c plan.Connection) (*driver.Port, error) {
		if port, ok := opened[name]; ok {
			return port, nil
		}
		d, ok := r.world.Drivers.Driver(c.Driver)
		if !ok {
			return nil, fmt.Errorf("no driver %s", c.Driver)
		}
		env := driver.Env{Transport: p, Now: r.clock.Now, Rand: rand.NewChaCha8([32]byte{2, byte(r.calls), byte(r.calls >> 8)}),
			Log:  slog.New(slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Wait: func(_ context.Context, d time.Duration) error { r.clock.Add(d); return nil },
		}
		if of, ok := strings.CutPrefix(c.Credential, "secret:"); ok { // pawl works with the secret that it rotates
			env.Credential = func(ctx context.Context) (secret.Value, error) {
				return (&rotation.Engine{Store: r.store, Vault: r.vault}).Newest(ctx, pawl.SecretName(of))
			}
		}
		if own, ok := r.world.Own[name]; ok {
			env.Credential = func(context.Context) (secret.Value, error) { return own, nil }
		}
		conn, err := d.Open(env, c.Settings)
		if err != nil {
			return nil, err
		}
		opened[name] = driver.NewPort(name, d.Info(), conn, 0)
		return opened[name], nil
	})
}

type portsFunc func(ctx context.Context, name string, c plan.Connection) (*driver.Port, error)

// Port opens a connection.
func (f portsFunc) Port(ctx context.Context, name string, c plan.Connection) (*driver.Port, error) {
	return f(ctx, name, c)
}

// do executes the schedule: one process after the other until the rotation
// ended or nobody can help it any more.
func (r *run) do(ctx context.Context) {
	asked := 0
	for round := 0; round < 40 && asked < 12; round++ {
		p := &process{run: r, counted: true}
		st, err := r.process(ctx, fmt.Sprintf("p%d", round), p)
		if err != nil && !p.dead {
			r.errors = append(r.errors, err.Error())
		}
		if p.dead || err != nil {
			r.stranger()
			continue
		}
		r.outcome, r.why = st.Outcome, st.Why
		if st.Outcome == pawl.Done || st.Outcome == pawl.Undone {
			return
		}
		r.held(st)
		asked++
		if !r.person(ctx, st, asked) {
			return
		}
	}
	if r.outcome == "" {
		r.violate("P3: the rotation never came to an end")
	}
}

// process runs one process from its start to its end.
func (r *run) process(ctx context.Context, holder string, p *process) (*rotation.State, error) {
	e := r.engine(holder, p)
	if r.id == "" {
		id, err := e.Open(ctx, r.plan, "operator")
		if list, lerr := r.store.Rotations(ctx, rotation.Filter{}); lerr == nil && len(list) > 0 {
			r.id = list[0].ID
		}
		if err != nil {
			return nil, err
		}
		r.id = id
	}
	st, err := e.Run(ctx, r.id)
	if r.mutant.Engine == mutant.UndoOnStore && pawl.CodeOf(err) == pawl.CodeStore && !p.dead {
		_ = e.Say(ctx, r.id, rotation.Entry{Word: rotation.WordUndo, Actor: "error path", Why: err.Error()}, "", nil) // the mutant's whole point
	}
	return st, err
}

// stranger mints at the issuer while no process of ours runs.
func (r *run) stranger() {
	if r.schedule.Foreign && !r.strangers && r.world.Foreign != nil {
		r.strangers = true
		if err := r.world.Foreign(); err != nil {
			r.strangers = false // no room at the issuer: there is no stranger in this run
		}
	}
}

// meddle lets somebody put the old value back while the rotation waits.
func (r *run) meddle(until time.Time) {
	if r.schedule.Meddle && !r.meddled && until.Sub(r.clock.Now()) > time.Minute {
		r.meddled = true
		r.clock.Add(time.Minute)
		r.world.Meddle()
	}
}

// undo lets a person say undo during call n.
func (r *run) undo(ctx context.Context, n int) {
	if n < 0 || n != r.schedule.UndoCall {
		return
	}
	e := r.engine("operator", &process{run: r})
	st, err := e.State(ctx, r.id)
	if err == nil {
		r.turnedBack = !st.PastReturn()
		err = e.Say(ctx, r.id, rotation.Entry{Word: rotation.WordUndo, Actor: "operator", Why: "wrong day"}, "", nil)
	}
	if err != nil {
		r.violate("P3: undo cannot be said: %v", err)
	}
}

// person does what people do: answers questions, repairs what is broken, lets
// a held rotation go on, turns it back, and in the end leaves it held.
func (r *run) person(ctx context.Context, st *rotation.State, asked int) bool {
	e := r.engine("operator", &process{run: r})
	if st.Outcome == pawl.Held {
		clear(r.broken)
		r.clock.Add(time.Minute)
		word := rotation.Entry{Word: rotation.WordResume, Actor: "operator", Why: "repaired"}
		if asked > 3 {
			word = rotation.Entry{Word: rotation.WordUndo, Actor: "operator", Why: "give up"}
		}
		if asked > 6 {
			return false
		}
		return e.Say(ctx, r.id, word, "", nil) == nil
	}
	for i := range st.Plan.Steps {
		if r.answer(ctx, e, st, &st.Plan.Steps[i]) {
			return true
		}
	}
	for i := range st.Plan.Undo {
		if r.answer(ctx, e, st, &st.Plan.Undo[i]) {
			return true
		}
	}
	r.violate("P3: it waits for a person and asks nothing")
	return false
}

func (r *run) answer(ctx context.Context, e *rotation.Engine, st *rotation.State, step *plan.Step) bool {
	if s, ok := st.Steps[step.ID]; !ok || s.Status != rotation.StatusWaiting {
		return false
	}
	word, value, ok := r.world.Answer(st, step)
	if !ok {
		return false
	}
	word.Step, word.Actor = step.ID, "operator"
	return e.Say(ctx, r.id, word, step.Secret, value) == nil
}

// race lets a second process take over while the first is inside a call: its
// lease has run out, so has its call's time.
func (r *run) race(req *http.Request, p *process, n int, at Moment) error {
	if n < 0 || n != r.schedule.RaceCall || at != r.schedule.RaceAt || r.racing || r.raced != 0 {
		return nil
	}
	r.racing = true
	p.expired, _ = req.Context().Deadline()
	r.clock.Add(ttl + time.Second)
	before := r.calls
	second := &process{run: r}
	for i := range 12 {
		st, err := r.process(context.Background(), fmt.Sprintf("second%d", i), second)
		if err != nil {
			r.errors = append(r.errors, err.Error())
			break
		}
		r.outcome, r.why = st.Outcome, st.Why
		if st.Outcome == pawl.Done || st.Outcome == pawl.Undone || !r.person(context.Background(), st, i+1) {
			break
		}
	}
	r.calls = before
	r.racing = false
	r.raced = r.fence()
	if at == BeforeIt {
		return errors.Join(context.DeadlineExceeded, errors.New("the call's own time ran out before it was sent"))
	}
	return nil
}

func (r *run) fence() int64 {
	a, err := r.store.Load(context.Background(), r.id)
	if err != nil {
		return 0
	}
	var newest int64
	for _, e := range a.Entries {
		newest = max(newest, e.Fence)
	}
	return newest
}
