// Package controlplane is the control plane of a small SaaS: it provisions
// tenants at Neon, Stripe and Fly, bills, mails and erases. It is an example to
// start from, and what examples/runbook/pawl.yaml is written for.
//
// All its secrets come from its environment at boot, as on Fly: one that is
// stored there and not loaded changes nothing. So a rotation is a rolling
// restart, and several servers with different environments may work on one
// database at a time.
//
// Nothing runs in the background. What has to be known of a tenant is found
// out when somebody asks, and every change is written down before it is made at
// a vendor, so a restart at any instant loses nothing: what is left half done is
// seen as an org that is not ready, and DELETE takes all of it away.
//
// Left out: a volume and a public address for each tenant's app, which Fly has
// calls for, and people's accounts: /cp has one admin.
package controlplane

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/pawlhq/pawl/examples/saas/tenant"
)

// Deps are the ways out of a Server. The zero Deps are those of a program.
type Deps struct {
	Now  func() time.Time // nil is time.Now
	HTTP *http.Client     // to vendors and tenants; nil is a client with timeouts
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Log  *slog.Logger // nil discards
	Rand io.Reader    // for ids and tokens; nil is crypto/rand

	// Sleep waits while Neon works, for a few seconds at most; its error ends
	// the wait. Nil is a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Server is a control plane. It is safe for concurrent use.
type Server struct {
	cfg   Config
	deps  Deps
	log   *slog.Logger
	box   *tenant.Box
	store Store
	neon  neon
	fly   fly
	bills stripe
	mail  mailer
	mux   *http.ServeMux
	close func() error // of what New has opened

	mu      sync.RWMutex // orders enter and Close
	closed  bool
	running sync.WaitGroup
}

// New makes a Server. It fails where the control plane must not start: a
// setting is missing, the database cannot be used, or mail may not come from
// the From address. A mail key that is dead does not stop it.
func New(ctx context.Context, c Config, d Deps) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	box, err := c.box()
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	s := &Server{cfg: c, deps: d.whole(), box: box, store: c.Store, close: func() error { return nil }}
	s.log = s.deps.Log
	s.neon = newNeon(c, s.deps.HTTP)
	s.fly = newFly(c, s.deps.HTTP)
	s.bills = newStripe(c, s.deps.HTTP)
	s.mail = newMailer(c, s.deps.HTTP)
	s.mux = s.routes()
	if err := s.mail.start(ctx, s.deps.Now(), s.log); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	if s.store == nil {
		db, err := openSQL(ctx, c.DatabaseURL, d.Dial)
		if err != nil {
			return nil, fmt.Errorf("database: %w", err)
		}
		s.store, s.close = db, db.Close
	}
	return s, nil
}

// whole fills in what is not given.
func (d Deps) whole() Deps {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.HTTP == nil {
		d.HTTP = newClient()
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Rand == nil {
		d.Rand = rand.Reader
	}
	if d.Sleep == nil {
		d.Sleep = sleep
	}
	return d
}

// newClient makes a client that gives up where nobody answers. Each call has a
// shorter limit of its own.
func newClient() *http.Client {
	return &http.Client{Timeout: longest, Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second, MaxIdleConnsPerHost: 8, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true,
	}}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.enter() {
		s.answer(w, http.StatusServiceUnavailable, failure{"the control plane is stopping"})
		return
	}
	defer s.running.Done()
	ctx, cancel := context.WithTimeout(r.Context(), longest)
	defer cancel()
	s.mux.ServeHTTP(w, r.WithContext(ctx))
}

// enter counts a request in, unless the server is closed.
func (s *Server) enter() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return false
	}
	s.running.Add(1)
	return true
}

// Close waits for what is under way, refuses what comes meanwhile, and closes
// the connections to the database. Closing twice is harmless.
func (s *Server) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	s.running.Wait()
	if again {
		return nil
	}
	if err := s.close(); err != nil {
		return errors.Join(errors.New("close the database"), err)
	}
	return nil
}
