package plan

import (
	"fmt"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// Defaults of a plan where the estate is silent.
const (
	DefaultAttempts = 5                // tries of one step
	CheckWithin     = 10 * time.Minute // a check may stay pending or failing this long
	ActivateWithin  = 15 * time.Minute // an activation may take this long
	AcceptWithin    = 2 * time.Minute  // an issuer may need this long until it accepts what it minted
	RefuseWithin    = 10 * time.Minute // least time that a revoked version may still be accepted
	callAllowance   = time.Minute      // one call, for the estimate of a gap
)

// Request says what to plan.
type Request struct {
	Secrets []pawl.SecretName // one secret, or all members of one group
	Mode    Mode
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
	for _, name := range r.Secrets {
		if err := b.subject(name, o.Secrets[name]); err != nil {
			return nil, err
		}
	}
	b.preflight()
	b.contain()
	b.mint()
	b.widen()
	b.change()
	b.prove()
	b.migrate()
	b.narrow()
	b.quiesce()
	b.retire()
	b.confirm()
	b.inverses()
	b.pointOfNoReturn()
	b.gap()
	b.hints()
	if b.err != nil {
		return nil, b.err
	}
	var err error
	b.plan.Digest, err = b.plan.digest()
	return b.plan, err
}

// subject is a secret while its plan is made.
type subject struct {
	*Subject
	s     *estate.Secret
	known Known
	mode  estate.RetireMode
	puts  []string // ids of the puts at presenting locations
}

type builder struct {
	estate   *estate.Estate
	plan     *Plan
	subjects []*subject
	now      time.Time
	stage    int
	phase    pawl.Phase
	counts   map[Act]int
	err      error
}

// add appends a step to the current stage and gives its id.
func (b *builder) add(s Step) string {
	b.counts[s.Act]++
	s.ID = fmt.Sprintf("%s-%d", s.Act, b.counts[s.Act])
	s.Stage, s.Phase = b.stage, b.phase
	if s.Attempts == 0 {
		s.Attempts = DefaultAttempts
	}
	b.plan.Steps = append(b.plan.Steps, s)
	return s.ID
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
				b.task(s, ActTask, t)
			}
		}
	}
}

func (b *builder) compromised() bool { return b.plan.Mode == Compromised }

func (b *builder) subject(name pawl.SecretName, known Known) error {
	s, ok := b.estate.Secret(name)
	if !ok {
		return &pawl.Error{Code: pawl.CodeNotFound, Op: "plan", On: string(name), Why: "the estate has no such secret", Next: "pawl validate lists what it has"}
	}
	if s.Never != "" {
		return &pawl.Error{Code: pawl.CodeInvalid, Op: "plan", On: string(name), Why: "never rotated: " + s.Never, Next: "remove `never` from the estate if this is no longer so"}
	}
	sub := &Subject{Secret: name, Purpose: s.Purpose, Owner: s.Owner, Parts: s.Parts, Format: s.Format, Derived: s.Derived,
		Issuer: b.place(s.Issuer), Escrow: s.Escrow, IfHalfDone: s.IfHalfDone}
	sub.From, sub.To = known.Current, known.Last+1
	if known.Current == 0 { // what is in place now gets a number of its own
		sub.From, sub.To = known.Last+1, known.Last+2
	}
	if s.Issuer.Facts.Issuer != nil {
		sub.Facts = *s.Issuer.Facts.Issuer
	} else {
		sub.Facts = estate.IssuerFacts{Mint: estate.ByPerson, Overlap: estate.SideBySide}
	}
	if b.compromised() {
		sub.AlsoLeaked = s.Compromised.AlsoLeaked
	}
	w := &subject{Subject: sub, s: s, known: known}
	w.Shape, w.mode = shape(w), retireMode(w)
	b.subjects = append(b.subjects, w)
	b.plan.Subjects = append(b.plan.Subjects, *sub)
	if s.Policy.OnFailure == estate.HoldOnFailure {
		b.plan.OnFailure = estate.HoldOnFailure
	}
	return b.names(w)
}

func shape(s *subject) Shape {
	switch {
	case len(s.accepting()) > 0:
		return ShapeAcceptList
	case s.Facts.Overlap == estate.Replaced:
		return ShapeReplaced
	case s.Facts.Overlap == estate.IssuerWindow:
		return ShapeWindow
	case s.Facts.Mint == estate.Locally && !s.Facts.Revokes:
		return ShapeLocal
	default:
		return ShapeSideBySide
	}
}

// retireMode is how the old version ends when the estate does not say.
func retireMode(s *subject) estate.RetireMode {
	switch {
	case s.s.Retire.Mode != estate.NothingR:
		return s.s.Retire.Mode
	case s.Facts.Overlap == estate.Replaced:
		return estate.NothingR
	case s.Facts.Overlap == estate.IssuerWindow:
		return estate.Expire
	case s.Facts.Revokes:
		return estate.Revoke
	case s.Facts.Mint == estate.Locally:
		return estate.NothingR
	default:
		return estate.ByHand
	}
}

func (s *subject) accepting() []estate.Location  { return s.locations(estate.Accepts) }
func (s *subject) presenting() []estate.Location { return s.locations(estate.Presents) }

func (s *subject) locations(role estate.LocationRole) []estate.Location {
	var list []estate.Location
	for _, l := range s.s.Locations {
		if l.Role == role || l.Role == "" && role == estate.Presents {
			list = append(list, l)
		}
	}
	return list
}

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
