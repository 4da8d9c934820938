package plan

import (
	"strconv"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// Defaults of a plan where the estate is silent.
const (
	DefaultAttempts = 5                   // tries of one step
	CheckWithin     = 10 * time.Minute    // a check may stay pending or failing this long
	ActivateWithin  = 15 * time.Minute    // an activation may take this long
	DeployWithin    = 14 * 24 * time.Hour // somebody else's next deployment may take this long to come
	DrainWithin     = 7 * 24 * time.Hour  // what started before a write may take this long to end
	UnusedWithin    = 30 * 24 * time.Hour // least time that an old version may still be in use
	MigrateWithin   = 30 * 24 * time.Hour // data may take this long to be rewritten
	AcceptWithin    = 2 * time.Minute     // an issuer may need this long until it accepts what it minted
	RefuseWithin    = 10 * time.Minute    // least time that a revoked version may still be accepted
	callAllowance   = time.Minute         // one call, for the estimate of a gap
)

// Request says what to plan.
type Request struct {
	Secrets []pawl.SecretName // one secret, or all members of one group
	Mode    Mode
	Plan    string // an alternative by name; "" is the usual one, or the one that the estate names for a leak
}

// Make computes the plan of one rotation. It fails, with a *pawl.Error that
// says why and what to do, for a secret that is never rotated, that is
// unknown, or whose current value must be known first.
func Make(e *estate.Estate, r Request, o Observed, now time.Time) (*Plan, error) {
	b := &builder{estate: e, now: now, counts: map[Act]int{}}
	b.plan = &Plan{Format: Format, Estate: e.Name, Mode: r.Mode, MadeAt: now, Connections: map[string]Connection{}, OnFailure: estate.UndoOnFailure, Steps: make([]Step, 0, 32)}
	if b.plan.Mode == "" {
		b.plan.Mode = Normal
	}
	if err := b.choose(r); err != nil {
		return nil, err
	}
	for _, name := range r.Secrets {
		if err := b.subject(name, o.Secrets[name]); err != nil {
			return nil, err
		}
	}
	if err := b.leakable(); err != nil {
		return nil, err
	}
	b.collectPauses()
	b.during(pawl.Preflight, b.preflight)
	b.during(pawl.Contain, b.contain)
	b.during(pawl.Mint, b.mint)
	b.during(pawl.Widen, b.widen)
	b.during(pawl.Switch, b.change)
	b.during(pawl.Prove, b.prove)
	b.during(pawl.Migrate, b.migrate)
	b.during(pawl.Narrow, b.narrow)
	b.during(pawl.Quiesce, b.quiesce)
	b.during(pawl.Retire, b.retire)
	b.during(pawl.Confirm, b.confirm)
	b.inverses()
	b.gap()
	b.hints()
	if b.err != nil {
		return nil, b.err
	}
	var err error
	b.plan.Digest, err = b.plan.digest()
	return b.plan, err
}

type builder struct {
	estate   *estate.Estate
	plan     *Plan
	subjects []*subject
	pauses   []pause
	now      time.Time
	chosen   string // the alternative that was asked for
	stage    int
	phase    pawl.Phase
	counts   map[Act]int
	err      error
}

// add appends a step to the current stage and gives its id.
func (b *builder) add(s Step) string {
	b.counts[s.Act]++
	s.ID = string(s.Act) + "-" + strconv.Itoa(b.counts[s.Act])
	s.Stage, s.Phase = b.stage, b.phase
	if s.Attempts == 0 {
		s.Attempts = DefaultAttempts
	}
	b.plan.Steps = append(b.plan.Steps, s)
	return s.ID
}

// final marks a step as one after which there is no way back, and gives its
// id. The first one in the plan is the point of no return.
func (b *builder) final(id string) string {
	if b.plan.NoReturn == "" {
		b.plan.NoReturn = id
	}
	return id
}

// next begins a new stage, unless the current one is still empty.
func (b *builder) next() {
	if n := len(b.plan.Steps); n == 0 || b.plan.Steps[n-1].Stage < b.stage {
		return
	}
	b.stage++
}

// enter begins a phase with a stage of its own.
func (b *builder) enter(p pawl.Phase) {
	b.next()
	b.phase = p
}

// leave ends a phase with the tasks that people have at its end.
func (b *builder) leave() {
	for _, s := range b.subjects {
		for _, t := range s.s.Tasks {
			if t.At == b.phase {
				b.next()
				id := b.task(s, ActTask, t)
				if b.phase == pawl.Retire { // it stands beside the end of the old version, and may be a part of it
					b.final(id)
				}
			}
		}
	}
}

func (b *builder) compromised() bool { return b.plan.Mode == Compromised }

// place pins a use and the connection it names.
func (b *builder) place(u estate.Use) Place {
	if u.Connection == "" || u.Connection == estate.Person {
		return Place{Connection: u.Connection}
	}
	if _, ok := b.plan.Connections[u.Connection]; !ok {
		c, ok := b.estate.Connections[u.Connection]
		if !ok { // a driver that needs no connection is used by its own name
			c = estate.Connection{Driver: u.Connection}
		}
		b.plan.Connections[u.Connection] = Connection{Driver: c.Driver, Credential: c.Credential.String(), Settings: c.Settings}
	}
	return Place{Connection: u.Connection, Kind: u.Kind, Settings: u.Settings}
}
