// Package route finds the handler of a call in a table that is built once and
// shared by all stand-ins of a vendor, so that a new stand-in costs nothing.
package route

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// MaxBody is how many bytes of a request's body are read.
const MaxBody = 4 << 20

// Route is one call of a vendor: its method, its path with {names} for the
// parts that differ, and what the vendor of type V does.
type Route[V any] struct {
	Method, Path string
	Do           func(V, *Call)
}

// Table lists routes. The first that matches is taken.
type Table[V any] []Route[V]

// Find gives the route of a request, or nil.
func (t Table[V]) Find(r *http.Request) *Route[V] {
	path := r.URL.EscapedPath()
	for i := range t {
		if t[i].Method == r.Method && Match(t[i].Path, path) {
			return &t[i]
		}
	}
	return nil
}

// Label names a request by its route, or "unknown".
func (t Table[V]) Label(r *http.Request) string {
	if found := t.Find(r); found != nil {
		return found.Method + " " + found.Path
	}
	return "unknown"
}

// Match reports whether an escaped path fits a pattern: {name} and * stand
// for one segment, a last ** for any rest.
func Match(pattern, path string) bool {
	for {
		want, moreWant := cut(&pattern)
		if want == "**" && !moreWant {
			return true
		}
		got, moreGot := cut(&path)
		if !fits(want, got) || moreWant != moreGot {
			return false
		}
		if !moreWant {
			return true
		}
	}
}

func fits(want, got string) bool {
	if want == "*" || isName(want) {
		return got != ""
	}
	return want == got
}

func isName(segment string) bool {
	return len(segment) > 2 && segment[0] == '{' && segment[len(segment)-1] == '}'
}

// cut takes the first segment off a path and tells whether more follow.
func cut(path *string) (segment string, more bool) {
	segment, rest, more := strings.Cut(*path, "/")
	*path = rest
	return segment, more
}

// Call is one request under way.
type Call struct {
	W    http.ResponseWriter
	R    *http.Request
	Path string // the pattern that matched
}

// Arg gives the unescaped part of the path that stands where {name} does.
func (c *Call) Arg(name string) string {
	pattern, path := c.Path, c.R.URL.EscapedPath()
	for more := true; more; {
		var want, got string
		want, more = cut(&pattern)
		got, _ = cut(&path)
		if isName(want) && want[1:len(want)-1] == name {
			if plain, err := url.PathUnescape(got); err == nil {
				return plain
			}
			return got
		}
	}
	return ""
}

// Query gives one parameter of the query, "" when it is absent.
func (c *Call) Query(name string) string {
	if c.R.URL.RawQuery == "" {
		return ""
	}
	return c.R.URL.Query().Get(name)
}

// ErrBody is returned by Read for a body that is no JSON of the wanted form.
// It says nothing of what was in the body.
var ErrBody = errors.New("the body is not JSON of the expected form")

// Read decodes the body into v. An empty body leaves v as it is.
func (c *Call) Read(v any) error {
	b, err := c.Raw()
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return nil
	}
	if json.Unmarshal(b, v) != nil {
		return ErrBody // the decoder's own words can quote the body
	}
	return nil
}

// Raw reads the body.
func (c *Call) Raw() ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(c.R.Body, MaxBody))
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	return b, nil
}

// JSON answers with a status and a body.
func (c *Call) JSON(code int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("route: an answer cannot be encoded: " + err.Error()) // a mistake of the stand-in
	}
	c.W.Header().Set("Content-Type", "application/json; charset=utf-8")
	c.W.WriteHeader(code)
	_, _ = c.W.Write(b) // the caller may have gone
}

// Empty answers with a status alone.
func (c *Call) Empty(code int) { c.W.WriteHeader(code) }
