// Package rotation is the engine: it takes a pinned plan from its first step
// to its end, and can be killed at any instant.
//
// # A rotation is data
//
// A rotation is its pinned plan and a journal of entries. Fold computes from
// them where it stands; Engine.Advance does the next due stage. Nothing is
// replayed, so a rotation that waits for weeks survives upgrades of pawl.
//
//	         Open
//	          │
//	          ▼         a step failed for good, and there is a way back
//	┌──────▶ open ───────────────────────────────┐
//	│         │ │                                ▼
//	│ resume  │ │ a step failed for good      undoing ───▶ undone
//	│         │ ▼ and there is none              │  ▲
//	└─────── held ◀──────────────────────────────┘  │ undo
//	          │ a step of the undo failed for good  │
//	          └─────────────────────────────────────┘
//	open ───▶ done
//
// A step is pending, then announced (its intent is stored), then done, failed
// or waiting: for time, for a consumer, or for a person.
//
// # Who is authoritative
//
// The journal, and nothing in memory. A process acts on a rotation only under
// a lease. Each lease has a fence, higher than every one before; the store
// refuses what a process with an older fence wants to write. Local clocks
// only ever make a process stop sooner: a call is shorter than the lease that
// it is made under.
//
// # What may go wrong, and what happens
//
//   - The process dies. The next one finds steps that are announced and have no
//     outcome. Writes, activations and ends of credentials are done again: by
//     contract that is one change. A mint is looked at instead.
//   - The answer to a mint is lost. Its value is gone for good. Looking finds
//     the credential by its name, or by what was there before; it is ended and
//     another is minted. One that cannot be attributed is left to a person.
//   - A call fails. Its driver says what the failed call may have done. What may
//     pass is tried again, on a ladder of waits; what will not pass turns the
//     rotation back, or holds it.
//   - The store fails, or the lease is lost. This process does nothing more on
//     the rotation, and undoes nothing: these are not failures of a step.
//   - A person is needed. The question is an entry in the journal; so is the
//     answer. Neither needs a running process.
//   - People speak twice, late, or against each other. An answer is to the
//     question before it and is used once; a no beats a yes, and a word to undo
//     one to resume. The last moment to listen is before the point of no return.
//   - Somebody else writes to a place meanwhile. An undo asks before it writes
//     over that, and the end of the old version asks when a place no longer
//     holds what was written there.
//   - A value is no new one: the mint or the person gave what is in place. It is
//     never written, and never ended.
//
// After the point of no return a rotation only goes forward or holds.
package rotation
