// Package secret holds secret bytes in a type that cannot be printed, logged
// or marshalled by accident, and gives keyed fingerprints of them.
//
// The bytes live behind a closure: fmt, slog, the encoders and reflection see
// a function, never the bytes, also when a Value sits in an unexported field
// of some other struct, where the printers do not call methods.
package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/pawlhq/pawl"
)

// ErrMarshal is returned by every encoder that is asked to encode a Value. A
// placeholder written to a file would be a destroyed secret, so this fails.
var ErrMarshal = errors.New("secret: a secret value cannot be marshalled")

// ErrDestroyed is returned by Use after Destroy.
var ErrDestroyed = errors.New("secret: the value was destroyed")

// Value holds secret bytes. The zero Value is empty. Values are safe for
// concurrent use, except that Destroy must not run beside or inside Use.
type Value struct {
	open func() (*[]byte, bool)
}

// New copies b into a new Value and then clears b.
func New(b []byte) Value {
	own := make([]byte, len(b))
	copy(own, b)
	clear(b)
	held := &own
	return Value{open: func() (*[]byte, bool) { return held, held != nil && *held != nil }}
}

// NewString makes a Value of s. The string itself cannot be cleared; use New
// where the bytes are at hand.
func NewString(s string) Value { return New([]byte(s)) }

// Use lends the bytes to f. f must neither keep nor change them. It is the
// only way to the bytes.
func (v Value) Use(f func(b []byte) error) error {
	if v.open == nil {
		return f(nil)
	}
	b, ok := v.open()
	if !ok {
		return ErrDestroyed
	}
	return f(*b)
}

// Len gives the number of bytes, 0 after Destroy.
func (v Value) Len() int {
	n := 0
	_ = v.Use(func(b []byte) error { n = len(b); return nil }) // a destroyed value has no bytes
	return n
}

// Empty reports whether there are no bytes. Pawl never writes an empty value.
func (v Value) Empty() bool { return v.Len() == 0 }

// Equal compares in constant time for values of equal length. go-cmp finds
// and uses it.
func (v Value) Equal(w Value) bool {
	same := false
	err := v.Use(func(a []byte) error {
		return w.Use(func(b []byte) error {
			same = subtle.ConstantTimeCompare(a, b) == 1
			return nil
		})
	})
	return err == nil && same
}

// Fingerprint gives a keyed digest, the same for equal values under one key.
func (v Value) Fingerprint(key []byte) pawl.Fingerprint {
	mac := hmac.New(sha256.New, key)
	_ = v.Use(func(b []byte) error { _, err := mac.Write(b); return err }) // a destroyed value digests as empty
	return pawl.Fingerprint(hex.EncodeToString(mac.Sum(nil)[:16]))
}

// Destroy overwrites the bytes. Copies of this Value share them and become
// unusable too. Destroying twice is harmless.
func (v Value) Destroy() {
	if v.open == nil {
		return
	}
	if b, ok := v.open(); ok {
		clear(*b)
		*b = nil
	}
}

// Format prints "[secret]" for every verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// String gives "[secret]".
func (v Value) String() string { return "[secret]" }

// LogValue gives "[secret]".
func (v Value) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalJSON always fails with ErrMarshal.
func (v Value) MarshalJSON() ([]byte, error) { return nil, ErrMarshal }

// MarshalText always fails with ErrMarshal.
func (v Value) MarshalText() ([]byte, error) { return nil, ErrMarshal }

// MarshalBinary always fails with ErrMarshal.
func (v Value) MarshalBinary() ([]byte, error) { return nil, ErrMarshal }

// MarshalYAML always fails with ErrMarshal.
func (v Value) MarshalYAML() (any, error) { return nil, ErrMarshal }

// Parts is one version of a secret: one or more named values that change
// together. A secret with a single part calls it "value".
type Parts map[string]Value

// Single is the name of the only part of a secret that declares none.
const Single = "value"

// One makes the parts of a secret that has a single part.
func One(v Value) Parts { return Parts{Single: v} }
