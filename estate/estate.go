// Package estate is the declared secret map: the file pawl.yaml as Go values,
// its parser with positions, its validation against what the drivers can do,
// and its JSON Schema. An estate holds references, never values.
package estate

import (
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/secret"
)

// Pos is a place in an estate file. Line and column count from 1.
type Pos struct {
	File   string
	Line   int
	Column int
}

// Estate is a whole file, environments expanded: a secret that is declared
// for two environments appears as two secrets, NAME@staging and
// NAME@production. An Estate that Load returned is valid; it must not be
// changed and may be shared.
type Estate struct {
	Name         string
	Connections  map[string]Connection
	Secrets      []Secret // in file order, environments in theirs
	Groups       []Group
	Environments []Environment // in order; staging comes before production
	Contacts     []Contact

	at map[pawl.SecretName]int // where Secrets has each
}

// Secret finds a secret by name.
func (e *Estate) Secret(name pawl.SecretName) (*Secret, bool) {
	if i, ok := e.at[name]; ok {
		return &e.Secrets[i], true
	}
	return nil, false
}

// Connection is how pawl reaches one vendor account.
type Connection struct {
	Name       string
	Driver     string
	Credential Reference // zero when the driver needs none
	Settings   Settings
	Pos        Pos
}

// Reference says where a connection's credential is found: "env:NAME",
// "file:path", "exec:command arg", or "secret:NAME" for a secret of this same
// estate. It is never a value.
type Reference struct {
	Scheme string // "env", "file", "exec", "secret"; "" for none
	Rest   string
}

// String gives the reference as written.
func (r Reference) String() string {
	if r.Scheme == "" {
		return ""
	}
	return r.Scheme + ":" + r.Rest
}

// Settings are a driver's own settings, checked against its Spec and typed:
// string, int, bool, time.Duration, []string or map[string]string.
type Settings map[string]any

// Environment is one of the places in which the same secrets exist with
// different values.
type Environment struct {
	Name    string
	Vars    map[string]string // ${var} in settings of secrets that name this environment
	After   string            // this environment's secrets rotate only after that one's did
	Delay   time.Duration     // at least this long after that one's did
	Approve bool              // a person approves before anything is minted here
	Pos     Pos
}

// Contact is whom to ask, shown where a person must act.
type Contact struct {
	Name string   `json:"name"`
	How  string   `json:"how"`
	For  []string `json:"for,omitempty"` // connection names; empty is everything
}

// Group is a set of secrets that must match and so rotate in one rotation.
type Group struct {
	Name    string
	Secrets []pawl.SecretName
	Why     string
	Pos     Pos
}

// Secret is one named credential and everything that is known of it.
type Secret struct {
	Name        pawl.SecretName
	Environment string // "" when the estate has none for it
	Purpose     string
	Owner       string
	Links       []string
	Contacts    []Contact // whom to ask; see Estate.ContactsFor
	BlastRadius string    // what a rotation does to others even when it goes well
	Parts       []string  // never empty; [secret.Single] by default
	Never       string    // the reason why pawl must refuse to rotate it; "" otherwise
	Config      bool      // configuration: set by a person, never minted, nothing of it ends

	Issuer       Use
	Alternatives []Alternative // other plans for it, chosen by name
	Format       secret.Format // rules for generated and pasted values
	Derived      []Derived     // further parts computed from the minted ones
	Locations    []Location
	NoLocation   string // "none: reason", when there are no locations
	Checks       []Check
	NoCheck      string // "none: reason", when there are no checks

	After       []pawl.SecretName // rotate these first when they rotate in the same run
	Overlap     time.Duration     // quiesce: token life or cache time that must pass after the switch
	Retire      Retire
	Policy      Policy
	Compromised Compromised
	Escrow      Escrow
	Migrate     *Use // data that must be rewritten between switch and narrow
	Tasks       []Task
	Pauses      []Pause // what must not run meanwhile
	IfHalfDone  string
	Pos         Pos
}

// Use names a connection, a kind it serves, and the kind's settings.
type Use struct {
	Connection string // a declared connection, a driver that needs none, or Person
	Kind       string
	Settings   Settings
	Facts      Kind // resolved from the catalog; zero for Person
	ByHand     bool // issuer: a person mints and ends versions there, since the connection may not
	Pos        Pos
}

// Person is the built-in connection for what only a human can do: as issuer,
// location, check or revoker. Its settings are Task's fields.
const Person = "person"

// Derived is a part computed from others by a template.
type Derived struct {
	Part     string `json:"part"`
	Template string `json:"template"`
}

// LocationRole says what the reader of a location does with the value.
type LocationRole string

// The location roles.
const (
	Presents LocationRole = "presents" // its reader logs in with the value
	Accepts  LocationRole = "accepts"  // its reader checks values shown to it, and can hold several
)

// Location is one place that holds a copy.
type Location struct {
	Use
	Role     LocationRole
	Render   string // template over the parts; "" renders the single part as it is
	Activate string // activation kind; "" is none
	Parallel string // neighbouring locations with the same non-empty label are written side by side
	Settle   time.Duration
	Task     *Task // set when Connection is Person

	Slots          int           // with Accepts: values it can hold at once; 0 is as many as there are
	Discover       *Discovery    // targets are found at run time
	ActivateWithin time.Duration // deadline of the activation; 0 is the default
	ActivateUndo   string        // activation kind for the old value when it is put back; "" is Activate
	ActivateGap    string        // activation kind where the old version is dead before the new one is in place; "" is Activate
	Consumers      []Consumer    // what is made to load the value beside Activate, in order
	Checks         []Check       // proofs that must pass before the next location is written
	Shadows        []Shadow      // places whose value wins over this one's
}

// When says in which phases a check runs.
type When string

// The choices; a check runs at all of Before, After and Final by default,
// except that one which acts on the system does not run Before.
const (
	Before When = "before" // preflight, with the current version
	Minted When = "minted" // end of mint, with the new version, before it is written anywhere
	After  When = "after"  // prove, with the new version
	Drain  When = "drain"  // quiesce, before the old version is retired
	Final  When = "final"  // confirm, after the old version is gone
)

// Check is one declared proof.
type Check struct {
	Use             // Use.Connection is "" for the built-in kinds
	Builtin Builtin // set for the built-in kinds
	When    []When
	Within  time.Duration // deadline for a pass
	For     time.Duration // BuiltinOldUnused: how long the old one must have been unused
	Task    *Task         // set when Connection is Person
	Fixture *Fixture      // what is made for it and taken away again
}

// Builtin is a check that needs no connection of its own: it asks the issuer.
type Builtin string

// The built-in checks.
const (
	BuiltinAccepted     Builtin = "accepted"      // the issuer accepts the new value
	BuiltinOldRefused   Builtin = "old_refused"   // the issuer refuses the old value after revocation
	BuiltinWrongRefused Builtin = "wrong_refused" // the issuer refuses a made-up value: the negative control
	BuiltinOldUnused    Builtin = "old_unused"    // the issuer saw no use of the old version for a time
)

// RetireMode says how an old version ends.
type RetireMode string

// The retire modes.
const (
	Revoke   RetireMode = "revoke" // pawl ends it at the issuer
	Expire   RetireMode = "expire" // the issuer ends it by itself; pawl watches
	ByHand   RetireMode = "person" // a person ends it; pawl asks and then watches
	KeepOld  RetireMode = "keep"   // it lives on, with the reason in Why
	NothingR RetireMode = ""       // follows from the issuer's facts
)

// Retire is the policy for ending the old version.
type Retire struct {
	Mode       RetireMode
	After      time.Duration // soak after all checks passed
	Deactivate time.Duration // how long it stays deactivated before it is revoked, where the issuer can
	Window     time.Duration // with Expire: how long the issuer was told to keep it; 0 is the issuer's own
	Why        string        // required with KeepOld
	Task       *Task         // with ByHand
	Approve    bool          // a person approves before the point of no return
}

// OnFailure says what a rotation does when a step has failed for good before
// the point of no return.
type OnFailure string

// The choices. An outage always ends in a hold, since it may pass.
const (
	UndoOnFailure OnFailure = "undo"
	HoldOnFailure OnFailure = "hold"
)

// Policy says when and how a secret rotates.
type Policy struct {
	Every     time.Duration // 0 is on demand only
	Windows   []Window      // allowed times; empty is always
	Forbid    []Forbidden
	AcceptGap bool // the estate's word for a plan with a gap
	OnFailure OnFailure
	Approve   bool // a person approves the plan before the mint
	Attempts  int  // tries of one step before it counts as failed; 0 is the default of 5
}

// Window is a weekly span, "Sun 02:00-06:00 UTC".
type Window struct {
	Days     []time.Weekday // empty is every day
	From, To time.Duration  // since midnight; To may be smaller than From: over midnight
	Zone     *time.Location
	Text     string
}

// Forbidden is a weekday or an inclusive span of dates on which nothing starts.
type Forbidden struct {
	Weekday  *time.Weekday
	From, To time.Time // dates at midnight UTC; zero when Weekday is set
	Text     string
}

// Contain says when a leaked version is disabled.
type Contain string

// The choices.
const (
	ContainFirst Contain = "first" // at once: consumers fail until they have the new one
	ContainLast  Contain = "last"  // after the switch: no outage, but the leak stays open meanwhile
)

// Compromised is what changes when a secret has leaked.
type Compromised struct {
	Contain    Contain
	Plan       string            // the alternative that is used then; "" is the usual plan
	AlsoLeaked []pawl.SecretName // what this secret protected
	Tasks      []Task            // what people must do besides
}

// Escrow says whether the sealed previous value is kept so that a write can
// be undone at a place that cannot be read.
type Escrow string

// The choices.
const (
	EscrowKeep Escrow = "keep" // until the rotation after the next; the default
	EscrowNone Escrow = "none" // forgotten as soon as the rotation has ended
)

// Task is something only a person can do.
type Task struct {
	At          pawl.Phase    `json:"at,omitempty"` // phase at whose end the task stands; for Secret.Tasks
	Title       string        `json:"title"`
	Do          string        `json:"do,omitempty"` // what to do, with the exact command where there is one
	URL         string        `json:"url,omitempty"`
	Who         string        `json:"who,omitempty"`
	Within      time.Duration `json:"within,omitempty"` // deadline, shown and alarmed; 0 is none
	Contacts    []Contact     `json:"contacts,omitempty"`
	Links       []string      `json:"links,omitempty"`
	BlastRadius string        `json:"blast_radius,omitempty"` // what doing it does to others
	Pos         Pos           `json:"-"`
}
