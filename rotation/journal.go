package rotation

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

// Journal is the durable account of rotations: for each its pinned plan and
// the entries that say what happened since. Every method is atomic and, when
// it returns nil, durable: on disk, not only in a cache. Implementations are
// safe for concurrent use by many goroutines and processes.
//
// Entries of all rotations form one hash chain (package evidence), extended
// in the same transaction that stores them: what is in the journal and what
// the evidence shows cannot differ.
type Journal interface {
	// Create opens a rotation and gives its first lease. It fails with
	// *OpenError when a rotation of one of the opening's secrets is open, and
	// with ErrVersion when one of its new versions was ever used before.
	Create(ctx context.Context, o Opening) (Lease, error)
	// Append stores a commit, provided that the lease's fence is the newest,
	// and extends the lease to c.Expires. Otherwise it stores nothing and
	// fails with ErrLeaseLost.
	Append(ctx context.Context, l Lease, c Commit) error
	// Signal stores a person's word. It needs no lease.
	Signal(ctx context.Context, s Signal) error
	// Load gives a rotation's plan and entries in the order in which they
	// were stored. It fails with ErrNotFound.
	Load(ctx context.Context, id pawl.RotationID) (Account, error)
	// Rotations lists rotations, newest first; open ones only, or all.
	Rotations(ctx context.Context, f Filter) ([]Summary, error)
}

// Leases decide which process acts on a rotation. A fence rises with each
// owner; a process whose fence is not the newest can store nothing more.
type Leases interface {
	// Acquire takes the lease of a rotation that has none, whose lease has
	// run out by r.Now, or whose holder is r.Dead. Otherwise it fails with
	// *HeldError.
	Acquire(ctx context.Context, r LeaseRequest) (Lease, error)
	// Release gives a lease back. Releasing a lost lease does nothing.
	Release(ctx context.Context, l Lease) error
}

// Custody keeps sealed values. It sees sealed bytes only.
type Custody interface {
	// Versions lists what is known of the versions of some secrets, each
	// one's oldest first, without values.
	Versions(ctx context.Context, names ...pawl.SecretName) ([]VersionRow, error)
	// Version gives what is known of one version, without its value; known
	// is false when it was never reserved.
	Version(ctx context.Context, name pawl.SecretName, v pawl.Version) (row VersionRow, known bool, err error)
	// Sealed gives the sealed parts of a version. It fails with ErrNotFound
	// when the version is unknown or its value is not held.
	Sealed(ctx context.Context, name pawl.SecretName, v pawl.Version) (map[string][]byte, error)
	// Adopt stores a version that pawl did not mint: the current one, given
	// by a person before the first rotation. It fails with ErrVersion when
	// the secret has versions, and stores a.Entry in the chain.
	Adopt(ctx context.Context, a Adoption) error
}

// Opening is a new rotation.
type Opening struct {
	ID       pawl.RotationID
	Secrets  []pawl.SecretName
	Versions map[pawl.SecretName]pawl.Version // the new version numbers, reserved for good
	Plan     json.RawMessage                  // pinned as it is
	Holder   string
	Now      time.Time
	Expires  time.Time // of the lease
	Entries  []Entry
}

// Commit is what one act adds. It is stored whole or not at all.
type Commit struct {
	Entries  []Entry
	Versions []VersionChange
	Outcome  pawl.Outcome // the rotation's outcome after this commit
	Expires  time.Time    // of the lease
	Release  bool         // give the lease back with this commit
}

// Lease is the right to act on a rotation.
type Lease struct {
	Rotation pawl.RotationID
	Holder   string
	Fence    int64
	Expires  time.Time
}

// LeaseRequest asks for a lease.
type LeaseRequest struct {
	Rotation pawl.RotationID
	Holder   string
	Now      time.Time
	Expires  time.Time
	Dead     string // a holder that is known to be dead; its lease is free
}

// VersionState is where a version stands.
type VersionState string

// The version states.
const (
	VersionReserved  VersionState = "reserved"  // a number without a value yet
	VersionMinted    VersionState = "minted"    // exists, not yet proven
	VersionCurrent   VersionState = "current"   // proven everywhere
	VersionPrevious  VersionState = "previous"  // replaced, not yet ended
	VersionRetired   VersionState = "retired"   // ended and, where possible, proven dead
	VersionDiscarded VersionState = "discarded" // minted by a rotation that was undone, and ended
)

// VersionChange adds or changes a version. Empty fields leave what is stored.
type VersionChange struct {
	Secret      pawl.SecretName
	Version     pawl.Version
	State       VersionState
	Credential  *driver.Credential
	Fingerprint pawl.Fingerprint
	Sealed      map[string][]byte // by part; nil leaves it
	Forget      bool              // drop the sealed parts
	At          time.Time
}

// VersionRow is what is known of a version, without its value.
type VersionRow struct {
	Secret      pawl.SecretName
	Version     pawl.Version
	State       VersionState
	Credential  *driver.Credential
	Fingerprint pawl.Fingerprint
	Held        bool // the sealed value is there
	Rotation    pawl.RotationID
	At          time.Time // of the last change
}

// Adoption is a current version that a person gave.
type Adoption struct {
	Row    VersionRow
	Sealed map[string][]byte
	Entry  Entry
}

// Signal is a person's word on a rotation, with sealed values if it has any.
type Signal struct {
	Entry  Entry             // of kind KindSignal
	Sealed map[string][]byte // parts provided
	Secret pawl.SecretName   // whose parts
}

// Filter chooses rotations.
type Filter struct {
	OpenOnly bool // open and held ones
	Secret   pawl.SecretName
	Limit    int // 0 is all
}

// Summary is one line about a rotation.
type Summary struct {
	ID       pawl.RotationID
	Secrets  []pawl.SecretName
	Outcome  pawl.Outcome
	OpenedAt time.Time
	LastAt   time.Time
	Lease    Lease // the zero Lease when nobody holds it
}

// Account is a rotation's plan and journal.
type Account struct {
	Summary
	Plan    json.RawMessage
	Entries []Entry
	Signals map[int64]map[string][]byte // sealed parts by the signal entry's Seq
}

// EntryKind says what an entry records.
type EntryKind string

// The kinds.
const (
	KindOpened  EntryKind = "opened"  // the rotation began, with its plan's digest
	KindIntent  EntryKind = "intent"  // a step is about to act
	KindOutcome EntryKind = "outcome" // a step ended, or one attempt of it did
	KindLook    EntryKind = "look"    // what looking showed after an unknown effect
	KindWaiting EntryKind = "waiting" // a step waits for time, a consumer, or a person
	KindLate    EntryKind = "late"    // a deadline has passed; Until is when
	KindSignal  EntryKind = "signal"  // a person's word
	KindUndoing EntryKind = "undoing" // the rotation turns back
	KindHeld    EntryKind = "held"    // it stopped safely for a person
	KindResumed EntryKind = "resumed" // a person let it go on
	KindClosed  EntryKind = "closed"  // it ended
	KindAdopted EntryKind = "adopted" // a current version was given by a person
)

// Result of a step or an attempt.
type Result string

// The results.
const (
	ResultOK      Result = "ok"
	ResultRetry   Result = "retry"   // this attempt failed and another will follow
	ResultFailed  Result = "failed"  // no attempt is left, or none would help
	ResultWaived  Result = "waived"  // a person said by name that it does not matter
	ResultAbsent  Result = "absent"  // look: it did not happen
	ResultPresent Result = "present" // look: it did

	// ResultSuperseded is of a look: whether it happened makes no difference,
	// because the issuer keeps one value and the next attempt replaces it.
	ResultSuperseded Result = "superseded"
)

// Entry is one line of the journal. It never holds a value.
type Entry struct {
	Seq        int64              `json:"seq,omitempty"` // position in the chain, set by the store
	Rotation   pawl.RotationID    `json:"rotation,omitempty"`
	Time       time.Time          `json:"time"`
	Kind       EntryKind          `json:"kind"`
	Fence      int64              `json:"fence,omitempty"`
	Actor      string             `json:"actor,omitempty"` // process or person
	Secret     pawl.SecretName    `json:"secret,omitempty"`
	Version    pawl.Version       `json:"version,omitempty"`
	Step       string             `json:"step,omitempty"`
	Attempt    int                `json:"attempt,omitempty"`
	Result     Result             `json:"result,omitempty"`
	Effect     pawl.Effect        `json:"effect,omitempty"`
	ErrorKind  driver.ErrorKind   `json:"error_kind,omitempty"`
	Why        string             `json:"why,omitempty"`
	Next       string             `json:"next,omitempty"`
	Detail     string             `json:"detail,omitempty"`
	Before     *driver.Receipt    `json:"before,omitempty"`
	Receipt    *driver.Receipt    `json:"receipt,omitempty"`
	Strength   string             `json:"strength,omitempty"` // how well a write was confirmed
	Credential *driver.Credential `json:"credential,omitempty"`
	Known      []string           `json:"known,omitempty"`   // ids at the issuer before a mint
	Found      []estate.Settings  `json:"found,omitempty"`   // places that a discovery found
	Shadows    []Shadow           `json:"shadows,omitempty"` // places that hold something which wins over a location
	Print      pawl.Fingerprint   `json:"fingerprint,omitempty"`
	Until      time.Time          `json:"until,omitzero"`
	Resume     string             `json:"resume,omitempty"`
	Word       Word               `json:"word,omitempty"`    // of a signal
	Answers    int64              `json:"answers,omitempty"` // undoing, held, resumed: words to resume or undo up to this Seq are obeyed; 0 with undoing and resumed is all
	Digest     string             `json:"digest,omitempty"`
	Outcome    pawl.Outcome       `json:"outcome,omitempty"`
}

// Word is what a person says in a signal.
type Word string

// The words.
const (
	WordApprove Word = "approve" // do it, or: I did it
	WordDecline Word = "decline" // do not
	WordProvide Word = "provide" // here is the value
	WordChoose  Word = "choose"  // this credential is the one
	WordWaive   Word = "waive"   // this step does not matter, by name, with the reason
	WordResume  Word = "resume"  // go on
	WordUndo    Word = "undo"    // turn back
)

// Sentinel errors of the store.
var (
	// ErrLeaseLost means that another process owns the rotation now.
	ErrLeaseLost error = &pawl.Error{Code: pawl.CodeLost, Op: "write journal", Why: "another process owns this rotation now",
		Next: "pawl status shows who; this process has stopped without undoing anything"}
	// ErrNotFound means that the store has no such thing.
	ErrNotFound error = &pawl.Error{Code: pawl.CodeNotFound, Op: "look up", Why: "not in the store", Next: "pawl history"}
	// ErrVersion means that a version number was used before.
	ErrVersion error = &pawl.Error{Code: pawl.CodeConflict, Op: "reserve version", Why: "the version exists already", Next: "pawl history"}
)

// OpenError means that a secret is being rotated already.
type OpenError struct {
	Secret   pawl.SecretName
	Rotation pawl.RotationID
}

// Error names the secret and the rotation.
func (e *OpenError) Error() string {
	return fmt.Sprintf("%s is being rotated already by %s", e.Secret, e.Rotation)
}

// HeldError means that a live lease is in another process's hands.
type HeldError struct {
	Lease Lease
}

// Error names the holder and when its lease runs out.
func (e *HeldError) Error() string {
	return fmt.Sprintf("rotation %s is in the hands of %s until %s", e.Lease.Rotation, e.Lease.Holder, e.Lease.Expires.UTC().Format(time.RFC3339))
}
