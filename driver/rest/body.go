package rest

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/pawlhq/pawl/secret"
)

// Why a body cannot be made. These texts reach people; they hold no value.
var (
	errEncode  = errors.New("the request cannot be encoded")
	errNotText = errors.New("the value is not UTF-8 text, which JSON cannot carry unharmed")
)

// body encodes what is sent, and lists the values in it. There is none when
// nothing is sent.
func (r *Request) body() (p *payload, kind string, sent []secret.Value, err error) {
	var enc encoder
	switch {
	case r.JSON != nil:
		kind, err = "application/json", enc.json(r.JSON)
	case r.Form != nil:
		kind, err = "application/x-www-form-urlencoded", enc.form(r.Form)
	case !r.Raw.Empty():
		kind, err = "application/octet-stream", enc.value(r.Raw, enc.append)
	default:
		return nil, "", nil, nil
	}
	if err != nil {
		clear(enc.b)
		return nil, "", nil, err
	}
	return &payload{b: enc.b}, kind, enc.sent, nil
}

// payload is a body that is cleared once the transport is done with it. The
// transport may close it while it reads.
type payload struct {
	mu     sync.Mutex
	b      []byte
	at     int
	closed bool
}

// Read gives bytes until the body was closed.
func (p *payload) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, io.ErrClosedPipe
	}
	if p.at == len(p.b) {
		return 0, io.EOF
	}
	n := copy(b, p.b[p.at:])
	p.at += n
	return n, nil
}

// Close overwrites the bytes.
func (p *payload) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.b)
	p.closed = true
	return nil
}

// encoder writes a body. Where it outgrows its buffer it clears the old one,
// so that a value is left in one place only.
type encoder struct {
	b    []byte
	sent []secret.Value
}

func (e *encoder) append(b []byte) error {
	e.room(len(b))
	e.b = append(e.b, b...)
	return nil
}

func (e *encoder) text(s string) {
	e.room(len(s))
	e.b = append(e.b, s...)
}

func (e *encoder) room(n int) {
	if cap(e.b)-len(e.b) >= n {
		return
	}
	grown := make([]byte, len(e.b), max(256, 2*cap(e.b), len(e.b)+n))
	copy(grown, e.b)
	clear(e.b)
	e.b = grown
}

func (e *encoder) value(v secret.Value, write func([]byte) error) error {
	e.sent = append(e.sent, v)
	return v.Use(write)
}

// json encodes maps and slices of any, in which values may stand. Everything
// else is encoded by encoding/json, which fails on a value.
func (e *encoder) json(v any) error {
	switch v := v.(type) {
	case secret.Value:
		return e.value(v, e.quoted)
	case map[string]any:
		return e.object(v)
	case []any:
		e.text("[")
		for i, item := range v {
			if i > 0 {
				e.text(",")
			}
			if err := e.json(item); err != nil {
				return err
			}
		}
		e.text("]")
		return nil
	default:
		b, err := json.Marshal(v)
		if err != nil {
			return errEncode // the encoder's own words can quote what it was given
		}
		return e.append(b)
	}
}

func (e *encoder) object(m map[string]any) error {
	e.text("{")
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			e.text(",")
		}
		if err := e.quoted([]byte(key)); err != nil {
			return err
		}
		e.text(":")
		if err := e.json(m[key]); err != nil {
			return err
		}
	}
	e.text("}")
	return nil
}

const hexDigits = "0123456789abcdef"

// quoted writes a JSON string. encoding/json would do, but for copies of the
// value that it leaves behind, and for bytes that are no UTF-8, which it
// replaces in silence.
func (e *encoder) quoted(b []byte) error {
	if !utf8.Valid(b) {
		return errNotText
	}
	e.room(len(b) + 2)
	e.text(`"`)
	from := 0
	for i, c := range b {
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		_ = e.append(b[from:i]) // never fails
		switch c {
		case '"', '\\':
			e.b = append(e.make(2), '\\', c)
		case '\n':
			e.text(`\n`)
		default:
			e.b = append(e.make(6), '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		from = i + 1
	}
	_ = e.append(b[from:]) // never fails
	e.text(`"`)
	return nil
}

// make gives the buffer with room for n more bytes.
func (e *encoder) make(n int) []byte {
	e.room(n)
	return e.b
}

// form encodes texts and values as a form, fields sorted by name.
func (e *encoder) form(form map[string]any) error {
	for i, key := range slices.Sorted(maps.Keys(form)) {
		if i > 0 {
			e.text("&")
		}
		e.escaped([]byte(key))
		e.text("=")
		var err error
		switch v := form[key].(type) {
		case string:
			e.escaped([]byte(v))
		case secret.Value:
			err = e.value(v, func(b []byte) error { e.escaped(b); return nil })
		default:
			err = errEncode
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// escaped writes bytes as forms have them (WHATWG URL, 5.2).
func (e *encoder) escaped(b []byte) {
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.', c == '*':
			e.b = append(e.make(1), c)
		case c == ' ':
			e.b = append(e.make(1), '+')
		default:
			e.b = append(e.make(3), '%', "0123456789ABCDEF"[c>>4], "0123456789ABCDEF"[c&15])
		}
	}
}
