package crash

import (
	"net/http"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/secret"
)

// Scenario is one plan shape with a world to run it in.
type Scenario struct {
	Name  string
	Build func(clock *Clock) (*World, error)
}

// World is a set of simulated vendors with an estate that rotates in it, and
// the truth about them that no driver can see.
type World struct {
	Serve    http.RoundTripper // the vendors
	Drivers  driver.Registry
	Estate   *estate.Estate
	Request  plan.Request
	Own      map[string]secret.Value                                                        // pawl's own credentials, by connection
	Current  map[pawl.SecretName]secret.Value                                               // adopted before the rotation
	Classify func(*http.Request) Call                                                       // what a request is
	Truth    func() Truth                                                                   // what is so now
	Lie      func(kind string)                                                              // makes places lie about their next writes; "" stops
	Answer   func(st *rotation.State, step *plan.Step) (rotation.Entry, secret.Parts, bool) // a person's answer; false is none
	Foreign  func() error                                                                   // somebody else mints at the issuer; nil where it makes no sense
	Meddle   func()                                                                         // somebody puts the old value back at a place; nil where it is no scenario
	Rotated  []string                                                                       // the values at the issuer that the rotation replaces
	Others   func() []string                                                                // ids of the credentials that belong to others

	Gap        bool // the plan announced that the old version dies early
	Compromise bool // the old version may die before the switch
	Halts      bool // other automation must stand still while places are written
	Resets     bool // the issuer keeps one value and cannot list: a lost mint is replaced by the next
}

// Truth is what is so at the vendors.
type Truth struct {
	Live   []Credential // at all issuers
	Places []Place
	Asked  bool     // the issuer can be asked about values, and a rotation that is done has asked
	Dead   []string // values that it was asked about and refused
	Halted bool     // other automation stands still
	Canary []string // every value that must never be seen outside
}

// Credential is a live credential at an issuer.
type Credential struct {
	ID      string
	Value   string // to be compared, never printed
	Initial bool   // was there before the rotation
	Foreign bool   // made by somebody else
}

// Place is a copy of a secret.
type Place struct {
	Name    string
	Secret  pawl.SecretName
	Holds   string // the value, to be compared, never printed
	Loaded  string // what its consumer runs with
	Works   bool   // the consumer is served with what it runs with
	Accepts bool   // a verifier with a list
}

// Call is what a request means to the promises.
type Call struct {
	Kind  CallKind
	Route string // method and path pattern, for faults that break one route for good
}

// CallKind classes requests.
type CallKind string

// The kinds of calls.
const (
	Reads       CallKind = "read"
	Lists       CallKind = "list"
	Mints       CallKind = "mint"
	Writes      CallKind = "write"
	Activates   CallKind = "activate"
	Deactivates CallKind = "deactivate"
	Revokes     CallKind = "revoke"
	Starts      CallKind = "start" // dispatches something as a check
	Halts       CallKind = "halt"  // stops other automation
	Restarts    CallKind = "restart"
)

// changes reports whether a call of this kind must have been announced.
func (k CallKind) changes() bool { return k != Reads && k != Lists }

// Clock is virtual time, shared by vendors, engines and drivers of a world.
type Clock struct{ now time.Time }

// NewClock starts at a fixed instant, so that runs repeat exactly.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)}
}

// Now tells the time.
func (c *Clock) Now() time.Time { return c.now }

// Add moves time on.
func (c *Clock) Add(d time.Duration) {
	if d > 0 {
		c.now = c.now.Add(d)
	}
}

// To moves time on to an instant.
func (c *Clock) To(t time.Time) { c.Add(t.Sub(c.now)) }
