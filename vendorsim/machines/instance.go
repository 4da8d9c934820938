package machines

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/http/httputil"
	"net/url"
	"strconv"
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
	i.transport = &http.Transport{MaxIdleConnsPerHost: 100, IdleConnTimeout: 2 * time.Second, DisableCompression: true}
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

func (i *instance) Stop(ctx context.Context) error {
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

// attempt is what is known of a request on its way. What sends it may outlive
// the call.
type attempt struct {
	sent   atomic.Bool // something of it has left
	missed bool        // it failed, and nothing has left
	body   io.ReadCloser
}

type attemptKey struct{}

// Forward gives the program a request and reports false where nothing of it
// has left.
func (i *instance) Forward(w http.ResponseWriter, r *http.Request) (sent bool) {
	a := &attempt{body: r.Body}
	ctx := context.WithValue(r.Context(), attemptKey{}, a)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { a.sent.Store(true) }})
	in := r.WithContext(ctx)
	if r.Body != nil {
		in.Body = a
	}
	i.way.ServeHTTP(w, in)
	return !a.missed
}

func (a *attempt) Read(b []byte) (int, error) {
	a.sent.Store(true)
	return a.body.Read(b)
}

// Close leaves a body alone that another machine may get.
func (a *attempt) Close() error {
	if !a.sent.Load() {
		return nil
	}
	return a.body.Close()
}

// broken answers a request that failed on its way, unless it may be given to
// another machine.
func broken(w http.ResponseWriter, r *http.Request, _ error) {
	if a, ok := r.Context().Value(attemptKey{}).(*attempt); ok && !a.sent.Load() && r.Context().Err() == nil {
		a.missed = true
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, `{"error":"the machine's program has broken off the request"}`) // the caller may have gone
}
