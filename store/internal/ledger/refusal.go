package ledger

import (
	"fmt"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
)

// Ended reports whether an outcome is final.
func Ended(o pawl.Outcome) bool { return o == pawl.Done || o == pawl.Undone }

// CheckOpening refuses an opening that no store can keep.
func CheckOpening(o rotation.Opening) error {
	why := ""
	seen := map[pawl.SecretName]bool{}
	for _, name := range o.Secrets {
		if name == "" || seen[name] {
			why = fmt.Sprintf("secret %q is empty or named twice", name)
		}
		seen[name] = true
	}
	for name, v := range o.Versions {
		if !seen[name] || v < 1 {
			why = fmt.Sprintf("version %d of %q is below 1 or of a secret that is not rotated", v, name)
		}
	}
	switch {
	case o.ID == "":
		why = "the rotation has no id"
	case o.Holder == "":
		why = "the lease has no holder"
	case len(o.Secrets) == 0:
		why = "the rotation has no secret"
	}
	if why == "" {
		return nil
	}
	return &pawl.Error{Code: pawl.CodeInvalid, Op: "open rotation", On: string(o.ID), Why: why}
}

// CheckOutcome refuses a commit's outcome that is unknown, or that would let
// a rotation that has ended go on: its secrets may be in another one by now.
func CheckOutcome(id pawl.RotationID, stored, next pawl.Outcome) error {
	switch next {
	case "", pawl.Open, pawl.Held, pawl.Done, pawl.Undone:
	default:
		return &pawl.Error{Code: pawl.CodeInvalid, Op: "write journal", On: string(id), Why: fmt.Sprintf("there is no outcome %q", next)}
	}
	if Ended(stored) && next != "" && next != stored {
		return Over("write journal", id, stored)
	}
	return nil
}

// CheckSignal refuses an entry that is no signal.
func CheckSignal(e rotation.Entry) error {
	if e.Kind != rotation.KindSignal {
		return &pawl.Error{Code: pawl.CodeInvalid, Op: "signal", On: string(e.Rotation), Why: fmt.Sprintf("an entry of kind %q is no signal", e.Kind)}
	}
	return nil
}

// CheckEntries refuses entries that Encode refuses, for a store that encodes
// later: JSON has no times outside of the years 0 to 9999.
func CheckEntries(entries ...rotation.Entry) error {
	for _, e := range entries {
		for _, t := range times(e) {
			if y := t.UTC().Year(); y < 0 || y > 9999 {
				return unencodable(e, fmt.Errorf("the year is %d", y))
			}
		}
	}
	return nil
}

// times gives every time in an entry.
func times(e rotation.Entry) []time.Time {
	list := []time.Time{e.Time, e.Until}
	if e.Before != nil {
		list = append(list, e.Before.UpdatedAt)
	}
	if e.Receipt != nil {
		list = append(list, e.Receipt.UpdatedAt)
	}
	if e.Credential != nil {
		list = append(list, e.Credential.CreatedAt, e.Credential.ExpiresAt)
	}
	return list
}

func unencodable(e rotation.Entry, err error) error {
	return &pawl.Error{Code: pawl.CodeInvalid, Op: "write journal", On: string(e.Rotation), Why: "the entry cannot be encoded", Err: err}
}

// KeyExists means that a data key of this scope and id is there.
func KeyExists(id uint32, scope string) error {
	return &pawl.Error{Code: pawl.CodeConflict, Op: "add data key", On: fmt.Sprintf("%d of %q", id, scope), Why: "there is one already",
		Next: "run the same command again: it will use the key that is there"}
}

// NoKey means that there is no data key of this scope and id.
func NoKey(id uint32, scope string) error {
	return fmt.Errorf("data key %d of %q: %w", id, scope, rotation.ErrNotFound)
}

// CheckVersion refuses a version change that names no version.
func CheckVersion(name pawl.SecretName, v pawl.Version) error {
	if name == "" || v < 1 {
		return &pawl.Error{Code: pawl.CodeInvalid, Op: "write version", On: string(name), Why: fmt.Sprintf("there is no version %d", v)}
	}
	return nil
}

// CheckRequest refuses a lease without a holder, which would look free.
func CheckRequest(r rotation.LeaseRequest) error {
	if r.Holder == "" {
		return &pawl.Error{Code: pawl.CodeInvalid, Op: "take lease", On: string(r.Rotation), Why: "the lease has no holder"}
	}
	return nil
}

// Exists means that a rotation's id was used before.
func Exists(id pawl.RotationID) error {
	return &pawl.Error{Code: pawl.CodeConflict, Op: "open rotation", On: string(id), Why: "a rotation of this id exists already", Next: "pawl history"}
}

// Over means that a rotation has ended.
func Over(op string, id pawl.RotationID, o pawl.Outcome) error {
	return &pawl.Error{Code: pawl.CodeConflict, Op: op, On: string(id), Why: fmt.Sprintf("the rotation has ended: %s", o), Next: fmt.Sprintf("pawl status %s", id)}
}

// Lost means that a lease is not, or no longer, the caller's.
func Lost(id pawl.RotationID) error { return fmt.Errorf("rotation %s: %w", id, rotation.ErrLeaseLost) }

// Unknown means that there is no such rotation.
func Unknown(id pawl.RotationID) error {
	return fmt.Errorf("rotation %s: %w", id, rotation.ErrNotFound)
}

// Unheld means that a version is unknown or its value is not held.
func Unheld(name pawl.SecretName, v pawl.Version) error {
	return fmt.Errorf("value of %s version %d: %w", name, v, rotation.ErrNotFound)
}

// Used means that a version number was taken before.
func Used(name pawl.SecretName, v pawl.Version) error {
	return fmt.Errorf("%s version %d: %w", name, v, rotation.ErrVersion)
}
