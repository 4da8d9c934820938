// Package mutant names the ways in which the engine can be broken on purpose,
// so that the crash matrix can prove that it would notice. It is internal:
// nothing outside this module can set one, and the zero Kind breaks nothing.
package mutant

// Kind is one way to break the engine.
type Kind string

// The mutants. Each breaks a promise in a way seen in real rotators.
const (
	None            Kind = ""
	MintBlindly     Kind = "retry a mint without looking"
	SkipIntent      Kind = "act before the intent is stored"
	TrustWrites     Kind = "take a write's answer for the write"
	RetireUnproven  Kind = "go on when a check failed"
	UndoOnStore     Kind = "undo when the store fails"
	EndForeign      Kind = "end a credential that cannot be attributed"
	ForgetOrphan    Kind = "mint again and leave the orphan"
	SkipActivation  Kind = "take a write for a loaded value"
	SilentFailure   Kind = "close as done when a step failed"
	LoseValue       Kind = "store the mint's outcome without its value"
	SkipSoak        Kind = "end the old version without waiting"
	TrustOutage     Kind = "take an outage for a refusal"
	TrustEnd        Kind = "take a revocation's answer for the end"
	TrustCoarse     Kind = "take a coarse clock's silence for a write"
	LeakValue       Kind = "write a value into an error"
	TakeSameValue   Kind = "take the value in place for a new one"
	OverwriteOthers Kind = "put back over what somebody else wrote"
	EndUnread       Kind = "end the old version without reading the places again"
	FindOnce        Kind = "forget what has come since places were found"
	ResetAnything   Kind = "mint again although the issuer keeps what was lost"
	EndElsewhere    Kind = "end a version by its id at an issuer that did not mint it"
	IgnoreShadows   Kind = "end the old version although an override may hold it"
	AnnounceOnce    Kind = "announce a check that acts once for all"
	UndoUnstarted   Kind = "turn back because what was stopped cannot be started"
	HearLate        Kind = "pass the point of no return without listening"
	OverwriteRows   Kind = "write a row over what came since it was read"
)
