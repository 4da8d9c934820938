package envelope

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
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
	// MinFormat is the oldest format that opens. Set it to Format when no
	// older value is left: until then whoever can write to the table can put
	// one row's legacy value in another's place.
	MinFormat int
	Legacy    *Legacy // reads values of older formats; may be nil
}

// TextPrefix is what a sealed value in a text column begins with; the rest is
// the sealed value in base64url without padding.
const TextPrefix = "pwl3:"

// Seal seals a value for a row of the column. scope is the scope of the data
// keys; row is the row's key, see RowKey, or "" for values that may be moved
// between rows.
func (c *Column) Seal(ctx context.Context, scope, row string, plain []byte) ([]byte, error) {
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

// Open opens what the column has for a row. Values of this format are opened
// as such alone: a changed one is an error, never tried as something older.
// Everything else is tried in the legacy formats, unless MinFormat forbids.
// Whatever does not open is an error with CodeCorrupt; any other means that
// the keys could not be had.
func (c *Column) Open(ctx context.Context, scope, row string, stored []byte) ([]byte, error) {
	at := c.at(scope, row)
	s, ours := c.sealed(stored)
	if !ours {
		return c.openLegacy(ctx, stored, at)
	}
	ring, err := c.Rings.Ring(ctx, scope)
	if err != nil {
		return nil, err
	}
	if id, _ := KeyOf(s); !ring.Has(id) {
		if ring, err = reload(ctx, c.Rings, scope); err != nil {
			return nil, err
		}
		// Bytes of a legacy value are random, and may look like a header.
		if !ring.Has(id) && c.Legacy != nil && c.MinFormat < Format && !c.Text {
			if plain, err := c.Legacy.Open(ctx, nil, stored); err == nil {
				return plain, nil
			}
		}
	}
	return ring.OpenBytes(s, at)
}

func (c *Column) openLegacy(ctx context.Context, stored []byte, at Binding) ([]byte, error) {
	switch {
	case len(stored) == 0:
		return nil, bad(at, "it is empty")
	case c.MinFormat >= Format:
		return nil, bad(at, "it is not sealed in the format that this column must have")
	case c.Legacy == nil:
		return nil, bad(at, "it is not a sealed value")
	}
	plain, err := c.Legacy.Open(ctx, nil, stored)
	if errors.Is(err, ErrLegacy) {
		return nil, bad(at, err.Error())
	}
	return plain, err
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

// ParseText appends the sealed value that a text is to dst; ok is false when
// the text is not one.
func ParseText(dst []byte, text []byte) (s Sealed, ok bool) {
	if len(text) < len(TextPrefix) || string(text[:len(TextPrefix)]) != TextPrefix {
		return nil, false
	}
	s, err := base64.RawURLEncoding.Strict().AppendDecode(dst, text[len(TextPrefix):])
	_, ok = KeyOf(s[len(dst):])
	return s, err == nil && ok
}

// RowKey is the canonical form of a row's key: of one column its text as
// PostgreSQL writes it (42, or a UUID in lower case), of several columns each
// with its length before it.
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
