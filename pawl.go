// Package pawl holds the nouns that every other package speaks: the names of
// secrets and rotations, version numbers, phases, effects, and the error type
// with its codes. It uses the standard library only and does no I/O.
//
// A pawl is the part of a ratchet that lets a wheel turn forward and never
// slip back. The packages below this one do that for credentials.
package pawl

import "time"

// SecretName names a secret of an estate, for example "FLY_API_TOKEN".
// Names are unique within an estate.
type SecretName string

// Version numbers the values of one secret. Numbers rise by one and are never
// reused, not even for a version that was minted and thrown away. Zero means
// that pawl has never held a value of this secret.
type Version int64

// RotationID names one rotation. It sorts by the time of opening.
type RotationID string

// Fingerprint is a keyed digest of a secret value (HMAC-SHA-256, hex, 32
// characters). Two equal values have equal fingerprints within one store; a
// weak value cannot be guessed from its fingerprint without the store's key.
type Fingerprint string

// Clock tells the time. Every package that needs the time takes one, so that
// a whole rotation can run under virtual time.
type Clock func() time.Time

// Phase is a stage of the one skeleton that every rotation follows. Phases
// that do not apply to a secret fall away; their order never changes.
type Phase string

// The phases, in the order in which a rotation passes through them.
const (
	Preflight Phase = "preflight" // prove that everything is reachable; change nothing
	Contain   Phase = "contain"   // compromised only: disable the leaked version first
	Mint      Phase = "mint"      // make the new version
	Widen     Phase = "widen"     // verifiers accept old and new
	Switch    Phase = "switch"    // consumers get the new version, in order
	Prove     Phase = "prove"     // checks pass with the new version; soak
	Migrate   Phase = "migrate"   // data is rewritten until none of the old is left
	Narrow    Phase = "narrow"    // verifiers accept the new one only
	Quiesce   Phase = "quiesce"   // overlap and last-use: nothing uses the old version
	Retire    Phase = "retire"    // deactivate, wait, revoke
	Confirm   Phase = "confirm"   // the old one is refused, consumers still work
)

// Phases lists all phases in order.
func Phases() []Phase {
	return []Phase{Preflight, Contain, Mint, Widen, Switch, Prove, Migrate, Narrow, Quiesce, Retire, Confirm}
}

// Effect says what a call that returned, or did not, has done to the system
// it was sent to.
type Effect string

// The effects.
const (
	EffectNone    Effect = "none"    // the system was not changed
	EffectApplied Effect = "applied" // the change is there
	EffectUnknown Effect = "unknown" // the request may have arrived: look before acting again
)

// Outcome is how a rotation ended, or where it stands.
type Outcome string

// The outcomes. Every rotation ends Done or Undone, or stands Held until a
// person lets it go on; Open means that it is moving or waiting for time.
const (
	Open   Outcome = "open"
	Done   Outcome = "done"
	Undone Outcome = "undone"
	Held   Outcome = "held"
)
