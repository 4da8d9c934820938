package driver

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pawlhq/pawl"
)

// ErrorKind classes a failed call by what the engine should do about it.
type ErrorKind string

// The kinds.
const (
	Unauthenticated ErrorKind = "unauthenticated" // the connection's credential is refused
	Denied          ErrorKind = "denied"          // it is accepted but may not do this
	NotFound        ErrorKind = "not_found"       // the target is not there
	Conflict        ErrorKind = "conflict"        // somebody else is at it; passes by itself
	Quota           ErrorKind = "quota"           // no room for another credential
	Limited         ErrorKind = "limited"         // too many requests; passes by itself
	Unavailable     ErrorKind = "unavailable"     // outage, time-out, connection lost; may pass
	Malformed       ErrorKind = "malformed"       // an answer that makes no sense; may pass
	Invalid         ErrorKind = "invalid"         // the vendor refuses this request as it is
	NoValue         ErrorKind = "no_value"        // a check must try a value that pawl does not hold
	Unsupported     ErrorKind = "unsupported"     // this driver does not do this
	Internal        ErrorKind = "internal"        // a fault of the driver or of the local machine
)

// Error is the only error that a driver returns. It never carries a URL, a
// body or a value; Port scrubs Err's text besides.
type Error struct {
	Op         string    // "put app secret"
	On         string    // "molecule-cp FLY_API_TOKEN"
	Kind       ErrorKind // what the engine should do
	Effect     pawl.Effect
	RetryAfter time.Duration // the vendor's wish; 0 is none
	Status     int           // HTTP status, if there was one
	Why        string        // the vendor's own short reason, scrubbed
	Next       string        // what the reader can do
	Err        error
}

// Error says what failed, on what, and why.
func (e *Error) Error() string {
	s := e.Op
	if e.On != "" {
		s += " " + e.On
	}
	s += ": " + e.reason()
	if e.Effect == pawl.EffectUnknown {
		s += " (it may have taken effect)"
	}
	return s
}

func (e *Error) reason() string {
	switch {
	case e.Status != 0 && e.Why != "":
		return fmt.Sprintf("%s: HTTP %d: %s", e.Kind, e.Status, e.Why)
	case e.Status != 0:
		return fmt.Sprintf("%s: HTTP %d", e.Kind, e.Status)
	case e.Why != "":
		return fmt.Sprintf("%s: %s", e.Kind, e.Why)
	case e.Err != nil:
		return fmt.Sprintf("%s: %v", e.Kind, e.Err)
	default:
		return string(e.Kind)
	}
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Passing reports whether the same call may succeed later without anybody
// doing anything.
func (e *Error) Passing() bool {
	switch e.Kind {
	case Conflict, Limited, Unavailable, Malformed:
		return true
	default:
		return false
	}
}

// AsError gives err as *Error. An error that is none, or is a nil *Error,
// becomes Internal with EffectUnknown: nothing is known of a call that ended
// outside the contract.
func AsError(op string, err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	switch {
	case !errors.As(err, &e):
	case e == nil:
		return &Error{Op: op, Kind: Internal, Effect: pawl.EffectUnknown, Why: "the driver gave an error without content"}
	default:
		return e
	}
	kind := Internal
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		kind = Unavailable
	}
	return &Error{Op: op, Kind: kind, Effect: pawl.EffectUnknown, Err: err}
}
