package document

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The kinds of Error, for errors.Is.
var (
	ErrInvalid   = errors.New("document is not valid")             // does not parse, is not UTF-8, is binary
	ErrPath      = errors.New("path does not lead to a field")     // malformed, through a scalar, to an object or list, to nothing
	ErrAmbiguous = errors.New("path leads to more than one field") // a key or a document occurs twice
	ErrShared    = errors.New("field is not on its own")           // alias, used anchor, merge, tag
	ErrValue     = errors.New("value cannot be written there")     // not text, or not expressible in the format
	ErrUnsafe    = errors.New("change would touch other fields")   // the check of the result failed
)

// Error says why a document was not read or changed. It holds nothing from
// the document but a position.
type Error struct {
	Format Format
	Path   string // as the caller gave it; may be empty
	Line   int    // from 1; 0 when there is no position
	Column int    // in characters, from 1; 0 when not known
	Kind   error  // one of the Err variables
	Why    string // the reason, in plain words
}

// Error says what failed, where and why.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s document", e.Format)
	if e.Path != "" {
		fmt.Fprintf(&b, ", field %q", e.Path)
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, ", line %d", e.Line)
	}
	if e.Column > 0 {
		fmt.Fprintf(&b, ", column %d", e.Column)
	}
	fmt.Fprintf(&b, ": %s: %s", e.Kind, e.Why)
	return b.String()
}

// Unwrap gives the kind.
func (e *Error) Unwrap() error { return e.Kind }

// fault is an error inside a parser or a lookup, before format, path and
// line are known.
type fault struct {
	at           int // offset in the body; -1 when line is set or there is none
	line, column int
	kind         error
	why          string
}

func (f *fault) Error() string { return f.why }

func invalid(at int, why string) *fault { return &fault{at: at, kind: ErrInvalid, why: why} }

// located turns a fault into an Error.
func (op *operation) located(err error) error {
	var f *fault
	if !errors.As(err, &f) {
		return err
	}
	e := &Error{Format: op.format, Path: op.path, Line: f.line, Column: f.column, Kind: f.kind, Why: f.why}
	if f.at >= 0 {
		e.Line, e.Column = position(op.body, f.at)
	}
	return e
}

func (op *operation) fail(kind error, why string) error {
	return &Error{Format: op.format, Path: op.path, Kind: kind, Why: why}
}

func (op *operation) failAt(at int, kind error, why string) error {
	return op.located(&fault{at: at, kind: kind, why: why})
}

// position gives line and column, both from 1, of an offset.
func position(body []byte, at int) (line, column int) {
	at = min(at, len(body))
	start := bytes.LastIndexByte(body[:at], '\n') + 1
	return bytes.Count(body[:at], []byte("\n")) + 1, utf8.RuneCount(body[start:at]) + 1
}

func isText(b []byte) bool { return utf8.Valid(b) }

// checkText refuses what no text format can hold.
func checkText(body []byte) error {
	if at := bytes.IndexByte(body, 0); at >= 0 {
		return invalid(at, "it holds a NUL byte, so it is binary or UTF-16, not UTF-8 text")
	}
	for at := 0; at < len(body); {
		r, size := utf8.DecodeRune(body[at:])
		if r == utf8.RuneError && size <= 1 {
			return invalid(at, "it is not UTF-8 text")
		}
		at += size
	}
	return nil
}
