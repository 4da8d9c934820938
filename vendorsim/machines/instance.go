package machines

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/child"
)

// instance is one process and the way to it.
type instance struct {
	*child.Process
	exited    chan struct{} // after Done: then its last lines are in the log too
	transport *http.Transport
	way       *httputil.ReverseProxy
}

func newInstance(p *child.Process, port int) *instance {
	i := &instance{Process: p, exited: make(chan struct{})}
	// Idle connections end before a program ends them: a request that meets
	// such an end on its way is lost.
	i.transport = &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 100, IdleConnTimeout: 2 * time.Second, DisableCompression: true}
	target := &url.URL{Scheme: "http", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	i.way = &httputil.ReverseProxy{Transport: i.transport, ErrorHandler: broken, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.SetXForwarded()
			r.Out.Host = r.In.Host
			if host, _, err := net.SplitHostPort(r.In.RemoteAddr); err == nil {
				r.Out.Header.Set("Fly-Client-IP", host)
			}
		}}
	return i
}

func (i *instance) Exited() <-chan struct{} { return i.exited }

// Stop gives up the connections that no request is on before it asks the program
// to end: a server that waits for its connections may wait for one that was made
// and never used (net/http's does, up to 5 s).
func (i *instance) Stop(ctx context.Context) error {
	i.transport.CloseIdleConnections()
	err := i.Process.Stop(ctx)
	<-i.exited
	return err
}

// ServeHTTP gives the program a request. Where it is not reached the answer is
// 502.
func (i *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !i.Forward(w, r) {
		w.WriteHeader(http.StatusBadGateway)
	}
}

// counted is a connection that counts what has left by it.
type counted struct {
	net.Conn
	written atomic.Int64
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &counted{Conn: c}, nil
}

func (c *counted) Write(b []byte) (int, error) {
	c.written.Add(1) // before: it may fail in its midst
	return c.Conn.Write(b)
}

// attempt is what is known of a request on its way. What sends it may outlive
// the call.
type attempt struct {
	missed bool // it failed, and nothing has left
	body   io.ReadCloser
	read   atomic.Bool // of the body

	mu     sync.Mutex
	conn   *counted // the last that it was to leave by; nil while there was none
	before int64    // what had left by that
}

type attemptKey struct{}

func (a *attempt) got(info httptrace.GotConnInfo) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn, _ = info.Conn.(*counted); a.conn != nil {
		a.before = a.conn.written.Load()
	}
}

// unsent reports whether a request that failed can be made at another machine.
// The transport dials again only where it may be made again.
func (a *attempt) unsent(err error) bool {
	if a.read.Load() {
		return false
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.conn == nil || a.conn.written.Load() == a.before
}

// Forward gives the program a request and reports false where nothing of it
// has left.
func (i *instance) Forward(w http.ResponseWriter, r *http.Request) (sent bool) {
	a := &attempt{body: r.Body}
	ctx := context.WithValue(r.Context(), attemptKey{}, a)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: a.got})
	in := r.WithContext(ctx)
	if r.Body != nil {
		in.Body = a
	}
	i.way.ServeHTTP(w, in)
	return !a.missed
}

func (a *attempt) Read(b []byte) (int, error) {
	a.read.Store(true)
	return a.body.Read(b)
}

// Close leaves a body alone that another machine may get.
func (a *attempt) Close() error {
	if !a.read.Load() {
		return nil
	}
	return a.body.Close()
}

// broken answers a request that failed on its way, unless it may be given to
// another machine.
func broken(w http.ResponseWriter, r *http.Request, err error) {
	if a, ok := r.Context().Value(attemptKey{}).(*attempt); ok && r.Context().Err() == nil && a.unsent(err) {
		a.missed = true
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, `{"error":"the machine's program has broken off the request"}`) // the caller may have gone
}
