package vendorsim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
)

// Transport gives a round tripper that hands each request to the handler of
// its host, in the caller's goroutine and without sockets. It tells
// httptrace that the request was written, except where the connection was cut
// by a Before fault. An unknown host is a failed look-up of its name.
func Transport(hosts map[string]http.Handler) http.RoundTripper {
	return transport(hosts)
}

type transport map[string]http.Handler

// flight is what a fault tells the transport about a request under way.
type flight struct{ unsent bool }

type flightKey struct{}

func markUnsent(r *http.Request) {
	if f, ok := r.Context().Value(flightKey{}).(*flight); ok {
		f.unsent = true
	}
}

// RoundTrip serves the request. It does not change the request.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := drain(r)
	if err != nil {
		return nil, fmt.Errorf("vendorsim: read the request's body: %w", err)
	}
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h, ok := t[r.URL.Host]
	if !ok {
		return nil, noSuchHost(r.URL.Hostname())
	}
	fl, got := &flight{}, &answer{header: http.Header{}}
	whole := serve(h, got, arrived(r, body, fl))
	if !fl.unsent {
		written(ctx)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !whole {
		return nil, fmt.Errorf("vendorsim: the connection to %s was cut: %w", r.URL.Host, io.ErrUnexpectedEOF)
	}
	return got.response(r), nil
}

func noSuchHost(name string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}}
}

// drain reads the body as a server would get it, and closes it.
func drain(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	b, err := io.ReadAll(r.Body)
	if closed := r.Body.Close(); err == nil {
		err = closed
	}
	return b, err
}

// arrived is the request in the form that a server sees.
func arrived(r *http.Request, body []byte, fl *flight) *http.Request {
	in := r.WithContext(context.WithValue(r.Context(), flightKey{}, fl))
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	in.GetBody = nil
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:1"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	return in
}

// serve reports false when the handler cut the connection.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (whole bool) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
	return true
}

// written tells the caller's trace that the request has left.
func written(ctx context.Context) {
	trace := httptrace.ContextClientTrace(ctx)
	if trace == nil {
		return
	}
	if trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	if trace.WroteRequest != nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
}

// answer collects what a handler answers.
type answer struct {
	header http.Header
	sent   http.Header // as it was at WriteHeader; later changes do not count
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(code int) {
	if a.code == 0 {
		a.code, a.sent = code, a.header.Clone()
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

func (a *answer) response(r *http.Request) *http.Response {
	a.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", a.code, http.StatusText(a.code)), StatusCode: a.code,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.sent, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: r,
	}
}
