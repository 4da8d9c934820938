package drivertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// elsewhere is where the redirect fault points. Nobody may go there.
const elsewhere = "elsewhere.invalid"

// exchange is one request that a driver made.
type exchange struct {
	writes bool
	call   string // which of Info's calls it is, "" if none
	path   string // escaped
	sent   []byte
}

// wire stands between the driver and the stand-in: it looks at each request
// and puts one fault in the way of one of them.
type wire struct {
	t     testing.TB
	inner http.RoundTripper
	calls []driver.Call
	log   *callLog
	world *World

	mu      sync.Mutex
	own     *secret.Scrubber // finds the connection's credential
	values  *secret.Scrubber // finds other values
	all     []secret.Value
	made    []exchange
	at      int // which request the fault is for, counted from 0; -1 for none
	fault   *fault
	cancel  context.CancelFunc // at the same request instead of a fault
	hit     bool
	hostile string
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body := drain(r)
	w.mu.Lock()
	n := len(w.made)
	e := w.inspect(r, body)
	w.made = append(w.made, e)
	due := n == w.at && (w.fault != nil || w.cancel != nil)
	f, cancel := w.fault, w.cancel
	if due {
		w.hit = true
	}
	w.mu.Unlock()
	switch {
	case due && cancel != nil:
		wrote(r)
		cancel()
		return nil, context.Cause(r.Context())
	case due:
		return f.answer(w, r, e)
	default:
		return w.inner.RoundTrip(r)
	}
}

// drain reads the body and puts it back.
func drain(r *http.Request) []byte {
	if r.Body == nil {
		return nil
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	_ = r.Body.Close() // it was read
	r.Body = io.NopCloser(bytes.NewReader(b))
	return b
}

func wrote(r *http.Request) {
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
}

// inspect names the request and complains of what it should not have.
func (w *wire) inspect(r *http.Request, body []byte) exchange {
	method, operation := operationOf(r, body)
	e := exchange{path: r.URL.EscapedPath(), sent: body, writes: method != "QUERY" && !slices.Contains([]string{"GET", "HEAD", "OPTIONS"}, method)}
	e.call = match(w.calls, method, operation, e.path)
	if e.call == "" {
		w.t.Errorf("a call that Info does not declare: %s %s%s", method, operation, w.clean(e.path))
	}
	w.log.saw(e.call)
	if r.URL.Host == elsewhere {
		w.t.Error("the driver followed a redirect to another host")
	}
	w.inspectPath(r)
	whole := r.URL.String()
	if plain, err := url.QueryUnescape(whole); err == nil {
		whole += "\n" + plain
	}
	if w.leaks(whole) {
		w.t.Errorf("a credential or value is in the URL of %s", e.call)
	}
	for name, list := range r.Header {
		if name != "Authorization" && !slices.Contains(w.world.ValueHeaders, name) && w.leaks(strings.Join(list, "\n")) {
			w.t.Errorf("a credential or value is in the header %s of %s", name, e.call)
		}
	}
	if w.own.Scrub(string(body)) != string(body) {
		w.t.Errorf("the connection's credential is in the body of %s", e.call)
	}
	return e
}

// inspectPath holds that names stay in their segment of the path.
func (w *wire) inspectPath(r *http.Request) {
	for segment := range strings.SplitSeq(r.URL.EscapedPath(), "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "." || plain == ".." {
			w.t.Errorf("a name left its segment of the path: %s", w.clean(r.URL.EscapedPath()))
		}
		if w.hostile != "" && strings.Contains(plain, marker) && plain != w.hostile && !slices.Contains(strings.Split(w.hostile, "/"), plain) {
			w.t.Errorf("the name %q became %q in the path", w.hostile, plain)
		}
	}
	if w.hostile != "" && r.URL.Fragment != "" {
		w.t.Errorf("the name %q became a fragment", w.hostile)
	}
}

// watch adds values that may not leave.
func (w *wire) watch(values ...secret.Value) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, values...)
	w.values = secret.NewScrubber(w.all...)
}

func (w *wire) leaks(s string) bool {
	return w.own.Scrub(s) != s || w.values.Scrub(s) != s
}

func (w *wire) clean(s string) string { return w.values.Scrub(w.own.Scrub(s)) }

// aim puts a fault in the way of a request from now on.
func (w *wire) aim(at int, f *fault, cancel context.CancelFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made, w.at, w.fault, w.cancel, w.hit = nil, at, f, cancel, false
}

// exchanges gives the requests since aim, and whether the fault was met.
func (w *wire) exchanges() ([]exchange, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.made), w.hit
}

// forbidden is the transport of drivers that have no business on the network.
type forbidden struct{ t testing.TB }

var errForbidden = errors.New("drivertest: this world has no network")

func (f forbidden) RoundTrip(*http.Request) (*http.Response, error) {
	f.t.Error("the driver made a request, but its world has no network")
	return nil, errForbidden
}
