// Package driver is the contract between pawl and a vendor: the interfaces a
// vendor's driver meets, the facts it declares about itself, the one error
// type it may return, and Port, the concrete type through which the rest of
// pawl calls it.
//
// A driver is a folder below this one. It declares an Info literal, opens a
// connection, and meets the few interfaces its kinds need. Everything that all
// drivers would repeat (deadlines, scrubbing, checks of the contract) is in
// Port; everything that all HTTP drivers would repeat is in driver/rest.
package driver

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Driver makes connections to one vendor. It is safe for concurrent use and
// keeps no state of its own.
type Driver interface {
	Info() Info
	// Open makes a connection. It does no I/O; settings have been checked
	// against Info and carry its defaults.
	Open(env Env, settings estate.Settings) (Conn, error)
}

// Conn is an open connection. Besides Probe it meets one or more of Issuer,
// Location and Checker, exactly as its Info's kinds say, and any of the
// optional powers. All methods are safe for concurrent use, return promptly
// when their context ends, and return only *Error.
type Conn interface {
	// Probe finds out, without changing anything, whether the connection's
	// credential is accepted and has what the target's kind needs. The zero
	// Target asks about the connection alone. A refused credential is an
	// error; a missing permission is a Grant that says No.
	Probe(ctx context.Context, t Target) ([]Grant, error)
	Close() error
}

// Issuer mints and ends versions.
type Issuer interface {
	// Mint makes a new credential. It sends at most one minting request and
	// never repeats it: when the answer is lost it returns an *Error with
	// EffectUnknown, and the engine looks before anything else happens.
	Mint(ctx context.Context, r MintRequest) (Minted, error)
	// List gives the credentials that are live or deactivated now.
	List(ctx context.Context, t Target) ([]Credential, error)
	// Revoke ends a credential for good. Ending one that is already gone
	// succeeds. value is the credential's own value where it is known, for
	// issuers that revoke by value; it may be empty.
	Revoke(ctx context.Context, t Target, c Credential, value secret.Parts) error
}

// Location is a place that holds a copy.
type Location interface {
	// Put writes a value. Writing the same value again is one change. The
	// receipt says what the place reported of the write.
	Put(ctx context.Context, w Write) (Receipt, error)
	// Stat says what is at the place now, never the value. A place that
	// holds nothing is Receipt{Exists: false}, not an error.
	Stat(ctx context.Context, t Target) (Receipt, error)
}

// Checker proves things about consumers.
type Checker interface {
	// Check looks once and says whether the expected result is there. An
	// outage is an error, never a verdict. A check that needs time returns
	// Pending with After and, if it has to remember something (the id of a
	// run it started), Resume; the engine journals Resume and calls again.
	Check(ctx context.Context, r CheckRequest) (Finding, error)
}

// Verifier asks the issuer whether a value is accepted.
type Verifier interface {
	Verify(ctx context.Context, t Target, value secret.Parts) (Verdict, error)
}

// Identifier finds the issuer's record of a credential from its value.
type Identifier interface {
	Identify(ctx context.Context, t Target, value secret.Parts) (Credential, error)
}

// Deactivator disables a credential so that it can be enabled again.
type Deactivator interface {
	Deactivate(ctx context.Context, t Target, c Credential) error // twice is not an error
	Reactivate(ctx context.Context, t Target, c Credential) error // twice is not an error
}

// UsageTeller tells when a credential was last used; the zero time is never.
type UsageTeller interface {
	LastUsed(ctx context.Context, t Target, c Credential) (time.Time, error)
}

// Reader gives back what a location holds. ok is false when it holds nothing.
type Reader interface {
	Read(ctx context.Context, t Target) (v secret.Value, ok bool, err error)
}

// Remover removes a copy that a Put added. Removing nothing succeeds.
type Remover interface {
	Remove(ctx context.Context, t Target) error
}

// Activator makes the consumers of a location load its value. Kinds of
// estate.RoleActivation need it too.
type Activator interface {
	// Activate goes on with an activation until it is done or must wait. It
	// is idempotent: consumers that have the value are left alone.
	Activate(ctx context.Context, a Activation) (Progress, error)
}

// Discoverer finds the targets of a location at run time.
type Discoverer interface {
	Discover(ctx context.Context, t Target) ([]Target, error)
}

// Env is every way out of a driver. A driver uses no other: no
// http.DefaultClient, no time.Now, no os, except those whose purpose is the
// local machine (file, exec).
type Env struct {
	Transport  http.RoundTripper
	Dial       func(ctx context.Context, network, address string) (net.Conn, error) // for protocols that are not HTTP
	Now        pawl.Clock
	Wait       func(ctx context.Context, d time.Duration) error // sleeps, or moves virtual time
	Rand       io.Reader
	Log        *slog.Logger
	Credential func(ctx context.Context) (secret.Value, error) // the connection's own; nil if it has none
	Dir        string                                          // what relative paths are relative to: the estate's folder
}

// Target is one thing at the vendor: an issuer, a location or a check, with
// its kind's settings.
type Target struct {
	Kind     string          `json:"kind"`
	Settings estate.Settings `json:"settings,omitempty"`
}

// MintRequest asks for a new credential.
type MintRequest struct {
	Target   Target
	Name     string        // the name it must carry, where the issuer has names
	Format   secret.Format // rules for locally generated values
	Version  pawl.Version
	Old      *Credential  // the one that it will replace, if known
	OldValue secret.Parts // its value, where the issuer needs it to mint; may be nil
}

// Minted is a new credential.
type Minted struct {
	Credential Credential
	Value      secret.Parts
}

// Credential is an issuer's record of a version, never its value.
type Credential struct {
	ID        string    `json:"id"`
	Name      string    `json:"name,omitempty"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Inactive  bool      `json:"inactive,omitempty"`
	Issuer    string    `json:"issuer,omitempty"` // where it was minted, for the record: the engine's to fill in, "" for drivers
}

// Write asks a location to hold a value.
type Write struct {
	Target  Target
	Value   secret.Value // rendered; never empty
	Version pawl.Version
}

// Receipt is what a location tells of its copy. Which fields are set depends
// on the vendor; LocationFacts.Confirm says what they are worth.
type Receipt struct {
	Exists    bool      `json:"exists"`
	Revision  string    `json:"revision,omitempty"`  // the vendor's counter; needed again by Activate
	Digest    string    `json:"digest,omitempty"`    // as the vendor reports it
	UpdatedAt time.Time `json:"updated_at,omitzero"` // by the vendor's clock, often second-grained
}

// Activation asks the consumers of a location to load its value: all that the
// location itself has, or one that has a target of its own.
type Activation struct {
	Target   Target    // the location, or a consumer: a kind of estate.RoleActivation
	Kind     string    // one of the location kind's activations, or the consumer's kind
	Consumer bool      // Target is a consumer
	Receipt  Receipt   // of the write that must be loaded, as its place told it; the place of a consumer's write may be another vendor's
	Since    time.Time // when the write was announced
	Resume   string    // from the last Progress
}

// Progress says how far an activation is.
type Progress struct {
	Done   bool
	After  time.Duration // the longest useful pause before it is asked again, when not done; the first looks come sooner
	Resume string        // to be handed back, when not done
	Detail string        // for people: "2 of 3 machines started"
}

// CheckRequest asks for one look at a consumer.
type CheckRequest struct {
	Target Target
	Value  secret.Parts // the version that must work; nil when pawl does not hold it
	// Accepted is what else consumers accept while the rotation runs: the
	// version before, when pawl holds it. It is set where
	// estate.CheckFacts.TakesAccepted is.
	Accepted []secret.Parts
	Since    time.Time // when the step was announced: results older than this prove nothing
	Resume   string    // from the last Finding
	Stop     bool      // the result is not wanted any more: take away what the check has made
}

// Finding is what a check saw.
type Finding struct {
	State  State
	Final  bool          // with Failed: looking again cannot change it
	Detail string        // for people; never a value or a body
	After  time.Duration // as of Progress
	Resume string
	Link   string // where a person can look, without credentials in it
}

// State of a check.
type State string

// The states.
const (
	Passed  State = "passed"
	Failed  State = "failed"  // looked, and the expected result is not there
	Pending State = "pending" // too early to tell
)

// Verdict is a verifier's answer about a value.
type Verdict string

// The verdicts. An outage is an error, never a verdict.
const (
	Accepted Verdict = "accepted"
	Refused  Verdict = "refused"
)

// Grant says whether the connection's credential has something it needs.
type Grant struct {
	Need   string // "read and write app secrets of molecule-cp"
	Has    Has
	Detail string
}

// Has is a three-valued answer about a permission.
type Has string

// The answers.
const (
	Yes   Has = "yes"
	No    Has = "no"
	Maybe Has = "unknown" // cannot be told without changing something
)
