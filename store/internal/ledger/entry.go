// Package ledger holds what every store must do in the same way: the form of
// an entry in the evidence chain, and the refusals.
package ledger

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/rotation"
)

// Copy gives an entry that shares nothing with e, with its times in UTC and
// without a monotonic reading, as they are when read back from a file.
func Copy(e rotation.Entry) rotation.Entry {
	e.Time, e.Until = plain(e.Time), plain(e.Until)
	e.Before, e.Receipt = copyReceipt(e.Before), copyReceipt(e.Receipt)
	e.Credential = CopyCredential(e.Credential)
	e.Known, e.Found = slices.Clone(e.Known), slices.Clone(e.Found)
	e.Shadows = slices.Clone(e.Shadows)
	for i, settings := range e.Found {
		e.Found[i] = maps.Clone(settings)
	}
	return e
}

// CopyCredential gives a copy that shares nothing with c; nil stays nil.
func CopyCredential(c *driver.Credential) *driver.Credential {
	if c == nil {
		return nil
	}
	d := *c
	d.CreatedAt, d.ExpiresAt = plain(c.CreatedAt), plain(c.ExpiresAt)
	return &d
}

func copyReceipt(r *driver.Receipt) *driver.Receipt {
	if r == nil {
		return nil
	}
	d := *r
	d.UpdatedAt = plain(r.UpdatedAt)
	return &d
}

func plain(t time.Time) time.Time { return t.UTC().Round(0) }

// Encode gives the body of the entry's record. The number is left out: the
// record carries it, and a second one could contradict it.
func Encode(e rotation.Entry) ([]byte, error) {
	e = Copy(e)
	e.Seq = 0
	body, err := json.Marshal(e)
	if err != nil {
		return nil, unencodable(e, err)
	}
	return body, nil
}

// Decode is the inverse of Encode.
func Decode(seq int64, body []byte) (rotation.Entry, error) {
	var e rotation.Entry
	if err := json.Unmarshal(body, &e); err != nil {
		return e, &pawl.Error{Code: pawl.CodeCorrupt, Op: "read journal", On: fmt.Sprintf("record %d", seq), Err: err, Next: "pawl doctor"}
	}
	e.Seq = seq
	return e, nil
}
