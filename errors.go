package pawl

import (
	"fmt"
	"strings"
)

// Code classifies an error for programs; people read the text and the hint.
type Code string

// The codes. docs/use/exit-codes.md says which process exit status each has.
const (
	CodeFailed       Code = "failed"         // it was tried and did not work
	CodeInvalid      Code = "invalid"        // the estate, a flag or an input is wrong
	CodeNotFound     Code = "not_found"      // no such secret, rotation, file
	CodeConflict     Code = "conflict"       // already open, already exists, lease held by another process
	CodeUnauthorised Code = "not_authorised" // a credential was refused or lacks a permission
	CodeHeld         Code = "held"           // a rotation waits safely for a person
	CodePending      Code = "pending"        // changes or waits are outstanding
	CodeLost         Code = "lease_lost"     // this process no longer owns the rotation and must stop
	CodeStore        Code = "store"          // the store cannot be read or written
	CodeCorrupt      Code = "corrupt"        // the store or an evidence file does not verify
	CodeUnsupported  Code = "unsupported"    // no driver does this yet
	CodeInterrupted  Code = "interrupted"    // stopped by a signal; safe to go on
)

// Error says what failed, on what, why, and what to do next. It never carries
// a secret value; whoever builds one has scrubbed Why.
type Error struct {
	Code Code
	Op   string // what was tried: "open store", "mint"
	On   string // on what: a path, a location, a rotation; may be empty
	Why  string // the reason, if Err does not say it
	Next string // the next command or act for the reader; may be empty
	Err  error  // the cause; may be nil
}

// Error gives "op on: why", without the hint.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.On != "" {
		fmt.Fprintf(&b, " %s", e.On)
	}
	if e.Why != "" {
		fmt.Fprintf(&b, ": %s", e.Why)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf gives the code of the outermost *Error in err's tree that has one,
// CodeFailed when there is none, and "" for nil alone: an error is never taken
// for a success.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e := find(err, func(e *Error) bool { return e.Code != "" }); e != nil {
		return e.Code
	}
	return CodeFailed
}

// HintOf gives the first non-empty Next in err's tree, from the outside in,
// and "" when there is none.
func HintOf(err error) string {
	if e := find(err, func(e *Error) bool { return e.Next != "" }); e != nil {
		return e.Next
	}
	return ""
}

// find gives the first *Error in err's tree that is wanted, in the order in
// which errors.As walks it: parents first, joined errors in turn.
func find(err error, wanted func(*Error) bool) *Error {
	if e, ok := err.(*Error); ok && (e == nil || wanted(e)) {
		return e
	}
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		return find(u.Unwrap(), wanted)
	case interface{ Unwrap() []error }:
		for _, inner := range u.Unwrap() {
			if e := find(inner, wanted); e != nil {
				return e
			}
		}
	}
	return nil
}
