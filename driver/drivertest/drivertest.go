// Package drivertest is the conformance suite that every driver passes: it
// declares itself honestly, leaks nothing, knows what a failed call has done,
// can be called twice, tells a refusal from an outage, stops when it is told
// to, works from several goroutines, and keeps strange names inside.
//
// The suite does not know any vendor. A World gives it a connection to a
// stand-in, and a target for each kind; everything else follows from Info.
package drivertest

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// World is a vendor at which a driver is tried, made anew for each trial.
type World struct {
	Transport http.RoundTripper // to the stand-in; nil for a driver of the local machine
	// Dial reaches a real server, for a driver whose protocol is not HTTP. Nil
	// for all others.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Call names the declared call that a request sent over Dial makes, as
	// "SQL DROP ROLE"; "" for what is none, such as a greeting. May be nil.
	Call func(sent []byte) string

	Settings     estate.Settings // of the connection, with the defaults
	Credential   secret.Value    // one that may do everything; empty where the driver needs none
	Dir          string          // for Env.Dir
	ValueHeaders []string        // headers beside Authorization that may carry a credential or value
	Cases        []Case          // at least one for each kind
	Excuses      []Excuse
}

// Case is a target of one kind.
type Case struct {
	Name     string // tells cases of one kind apart; may be empty
	Role     estate.Role
	Kind     string
	Settings estate.Settings // complete, with the defaults
	Other    estate.Settings // another target of the kind, to be used beside the first; may be nil
	Hostile  []string        // fields that are tried with hostile names; nil is the text fields of the kind's identity

	// Spare makes a credential that is accepted, for issuers whose Mint is
	// not a call. Nil where Mint is.
	Spare func() (driver.Credential, secret.Parts)
	// Holds tells what a location really holds. May be nil.
	Holds func(estate.Settings) (value string, ok bool)
	// Loaded tells whether the consumers of a location really have a value.
	// May be nil.
	Loaded func(value string) bool
	// Outside does what an activation or a check waits for, where somebody
	// else has to do it. It is called with the kind of the activation or the
	// check, after each answer that says "not yet". May be nil.
	Outside func(kind string)
	// State tells everything about the target that an act may change. It is
	// needed where the world has a Dial and the kind's acts change something.
	State func() string
	// Break makes the consumer of a check fail. May be nil.
	Break func()
	// Found is what a discovery must give for each target: its settings, in
	// any order. At least one; set exactly where Role is RoleDiscovery.
	Found []estate.Settings
}

// Excuse allows a driver to answer a fault in its own way. It is for what a
// vendor means otherwise than most do, and says why.
type Excuse struct {
	Act      string // "put", "check"; "" is every act
	Fault    string // a name of a fault, as failures show it, or Twice
	Absorbed bool   // no error at all is right
	Kind     driver.ErrorKind
	Effect   pawl.Effect
	Why      string // required
}

// Twice stands in an Excuse for an activation that acts again on consumers
// that have the value, and for a mint under a name that is taken.
const Twice = "twice"

// Unused stands in an Excuse for a declared call, named as Act, that this
// world's vendor gives no reason to make.
const Unused = "unused"

// Canary is the value that is written to locations and given to checks.
const Canary = canary

// Accepted is the value that checks are given as the version before, where
// they take it.
const Accepted = "PAWLCANARY-accepted-0123456789-abcdef"

// Build makes a world whose stand-in lives by the clock.
type Build func(t testing.TB, clock *Clock) World

// Run holds the driver to its contract.
func Run(t *testing.T, d driver.Driver, build Build) {
	s := &suite{driver: d, info: d.Info(), build: build}
	t.Run("info", s.honest)
	sample := build(t, newClock())
	for i, c := range sample.Cases {
		kind, ok := s.info.Kind(c.Role, c.Kind)
		if !ok {
			t.Errorf("the world has a case for the %s %q, which Info does not have", c.Role, c.Kind)
			continue
		}
		name := string(c.Role) + " " + c.Kind
		if c.Name != "" {
			name += " " + c.Name
		}
		t.Run(name, func(t *testing.T) { s.kind(t, trial{index: i, kind: kind}) })
	}
	t.Run("world", func(t *testing.T) { s.covered(t, sample) })
}

// suite is one run over one driver.
type suite struct {
	driver driver.Driver
	info   driver.Info
	build  Build

	calls callLog
}

// trial is one case of the world and its kind.
type trial struct {
	index int
	kind  estate.Kind
}

func (s *suite) kind(t *testing.T, tr trial) {
	for _, a := range s.acts(tr) {
		t.Run(a.name, func(t *testing.T) {
			s.clean(t, tr, a)
			s.quiet(t, tr, a)
			s.cancelled(t, tr, a)
			s.strangers(t, tr, a)
			if !t.Failed() { // faults are aimed at the calls that a good run makes
				s.faults(t, tr, a)
				s.cuts(t, tr, a)
				s.hostile(t, tr, a)
			}
		})
	}
	t.Run("behaviour", func(t *testing.T) { s.behaviour(t, tr) })
	t.Run("beside each other", func(t *testing.T) { s.concurrent(t, tr) })
}

// covered holds that the world has a case for each kind, and that each call
// that Info declares was made.
func (s *suite) covered(t *testing.T, w World) {
	for _, k := range s.info.Kinds {
		found := false
		for _, c := range w.Cases {
			found = found || c.Role == k.Role && c.Kind == k.Name
		}
		if !found {
			t.Errorf("the world has no case for the %s %q", k.Role, k.Name)
		}
	}
	if w.Transport != nil || w.Call != nil {
		s.calls.unused(t, s.info.Calls, w.Excuses)
	}
	for _, e := range w.Excuses {
		if e.Why == "" {
			t.Errorf("the excuse for %s %s does not say why", e.Act, e.Fault)
		}
	}
}
