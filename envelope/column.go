package envelope

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/pawlhq/pawl"
)

// Column seals and opens the values of one column. Its fields are set before
// its first use; then it is safe for concurrent use.
//
// NULL and the empty value are for the application to interpret: they are not
// sealed values, and Open refuses an empty one.
type Column struct {
	Rings Rings
	Table string // as it is bound into each value: keep it when the table is renamed
	Name  string // the same for the column
	Text  bool   // the column has text, not bytes: values are TextPrefix and base64url
	// MinFormat is the oldest format that opens, 0 for any. Set it to Format
	// when no older value is left: until then whoever can write to the table
	// can put one row's legacy value in another's place.
	MinFormat int
	// Legacy reads values of older formats; may be nil. A key of its own is
	// in no ring.
	Legacy *Legacy
}

// TextPrefix is what a sealed value in a text column begins with; the rest is
// the sealed value in base64url without padding.
const TextPrefix = "pwl3:"

// Seal seals a value for a row of the column. scope is the scope of the data
// keys; row is the row's key, see RowKey, or "" for values that may be moved
// between rows. It must be known before the row is written: take a number from
// its sequence first, or use UUIDs. A column without table and name would bind
// nothing and is an error with CodeInvalid.
func (c *Column) Seal(ctx context.Context, scope, row string, plain []byte) ([]byte, error) {
	if c.Table == "" || c.Name == "" {
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "seal a value", Why: "the column has no table or no name to bind it to", Next: "set Table and Name of the envelope.Column"}
	}
	ring, err := c.Rings.Ring(ctx, scope)
	if err != nil {
		return nil, err
	}
	s, err := ring.SealBytes(plain, c.at(scope, row))
	if err != nil || !c.Text {
		return s, err
	}
	return AppendText(nil, s), nil
}

// Open opens what the column has for a row; what it gives is never nil without
// an error. Values of this format are opened as such alone: a changed one is
// an error, never tried as something older. Everything else is tried in the
// legacy formats that MinFormat allows.
//
// What does not open is an error with CodeCorrupt; so is a key that is not
// what was wrapped. Any other code means that the keys could not be had.
func (c *Column) Open(ctx context.Context, scope, row string, stored []byte) ([]byte, error) {
	at := c.at(scope, row)
	s, ours := c.sealed(stored)
	if !ours || c.MinFormat > Format {
		return c.openLegacy(ctx, stored, at)
	}
	ring, err := c.Rings.Ring(ctx, scope)
	if err != nil {
		return nil, err
	}
	if id, _ := KeyOf(s); !ring.Has(id) {
		newer, err := reload(ctx, c.Rings, scope)
		if plain, ok := c.lookalike(ctx, stored, newer, id); ok {
			return plain, nil
		}
		if err != nil { // an outage is no corruption: the key may well exist
			return nil, err
		}
		ring = newer
	}
	plain, err := ring.open(s, at)
	if err != nil {
		return nil, refuse(at, err)
	}
	return plain, nil
}

// lookalike opens a value of format 1 whose random bytes look like a header
// with a key that nobody has. One in 2^32 does.
func (c *Column) lookalike(ctx context.Context, stored []byte, ring *Ring, id uint32) ([]byte, bool) {
	if c.Text || c.Legacy == nil || c.MinFormat > 1 || ring != nil && ring.Has(id) {
		return nil, false
	}
	plain, err := c.Legacy.Open(ctx, []byte{}, stored)
	return plain, err == nil
}

func (c *Column) openLegacy(ctx context.Context, stored []byte, at Binding) ([]byte, error) {
	switch {
	case len(stored) == 0:
		return nil, refuse(at, errors.New("it is empty"))
	case c.MinFormat >= Format:
		return nil, refuse(at, errors.New("it is not sealed in the format that this column must have"))
	case c.Legacy == nil:
		return nil, refuse(at, errors.New("it is not a sealed value"))
	}
	plain, err := c.Legacy.open(ctx, []byte{}, stored, c.MinFormat)
	if errors.Is(err, ErrLegacy) {
		return nil, refuse(at, err)
	}
	return plain, err
}

// refuse says of which row a value does not open, for people who have the
// table and not pawl.
func refuse(at Binding, why error) error {
	return &pawl.Error{
		Code: pawl.CodeCorrupt, Op: "open a sealed value", On: fmt.Sprintf("%s.%s, row %q, scope %q", at.Table, at.Column, at.Row, at.Scope), Why: why.Error(),
		Next: "compare the row with a backup; a value that was copied from another row, or whose row has another key now, must be sealed anew",
	}
}

func (c *Column) at(scope, row string) Binding {
	return Binding{Scope: scope, Table: c.Table, Column: c.Name, Row: row}
}

// sealed gives the sealed value that is stored, and whether it may be one.
func (c *Column) sealed(stored []byte) (Sealed, bool) {
	if !c.Text {
		_, ok := KeyOf(stored)
		return stored, ok
	}
	return ParseText(nil, stored)
}

// AppendText appends a sealed value as text columns have it.
func AppendText(dst []byte, s Sealed) []byte {
	return base64.RawURLEncoding.AppendEncode(append(dst, TextPrefix...), s)
}

// ParseText appends the sealed value that a text is to dst; ok is false, and s
// nil, when the text is not one. A sealed value has one text: padding, line
// breaks and stray bits at the end are refused.
func ParseText(dst []byte, text []byte) (s Sealed, ok bool) {
	body, ok := bytes.CutPrefix(text, []byte(TextPrefix))
	if !ok || bytes.ContainsAny(body, "\r\n") { // which even Strict passes over
		return nil, false
	}
	s, err := base64.RawURLEncoding.Strict().AppendDecode(dst, body)
	if err != nil {
		return nil, false
	}
	if _, ok = KeyOf(s[len(dst):]); !ok {
		return nil, false
	}
	return s, true
}

// RowKey is the canonical form of a row's key: of one column its text as
// PostgreSQL writes it (42, or a UUID in lower case), of several columns each
// with its length in bytes before it, as four bytes, most significant first.
func RowKey(parts ...string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	var b strings.Builder
	for _, p := range parts {
		b.Write(appendField(nil, p))
	}
	return b.String()
}
