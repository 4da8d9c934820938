// Package platform is a tenant's platform: it keeps the tenant's secrets and
// runs the workspaces that work with them. Each workspace calls the language
// model with the key that it booted with; a new global secret restarts every
// workspace that is not paused.
//
// The platform's own store has sealed values only. What it needs of its row of
// org_instances it reads from the control plane, sealed too, and opens with
// SECRETS_DECRYPTION_KEYS.
package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl/examples/saas/tenant"
)

// The names of the environment's variables, beside tenant.EnvAccepts.
const (
	EnvRedis        = "REDIS_URL"
	EnvAdmin        = "ADMIN_TOKEN"
	EnvOrg          = "ORG_ID"
	EnvControlPlane = "CONTROL_PLANE_URL"
	EnvModel        = "ANTHROPIC_API_BASE"
	EnvData         = "DATA_DIR"
	EnvPort         = "PORT"
)

// Config is what a platform is set up with. It has secrets: log it nowhere.
type Config struct {
	RedisURL     string // "" is the one of the row
	Accepts      string // the keys that open the row: 64 hex digits each, joined by commas
	AdminToken   string // opens the platform's API, and its row at the control plane
	Org          string // the row's id
	ControlPlane string // "https://molecule-cp.fly.dev"
	Model        string // where the language model is called; "" is Anthropic's own API
	DataDir      string // the volume, for a store and the file of its key
	Port         string // for the program that listens

	// Store has the state of a platform that runs in this process; it stays
	// open when the Server closes. Nil is a SQLite file in DataDir.
	Store Store
}

// ConfigFromEnv reads a Config. getenv is os.Getenv. The error names all
// variables that are missing.
func ConfigFromEnv(getenv func(string) string) (Config, error) {
	c := Config{
		RedisURL: getenv(EnvRedis), Accepts: getenv(tenant.EnvAccepts), AdminToken: getenv(EnvAdmin), Org: getenv(EnvOrg),
		ControlPlane: getenv(EnvControlPlane), Model: getenv(EnvModel), DataDir: getenv(EnvData), Port: cmp.Or(getenv(EnvPort), "8080"),
	}
	return c, c.check()
}

func (c Config) check() error {
	var missing []string
	for _, v := range []struct{ name, value string }{
		{tenant.EnvAccepts, c.Accepts}, {EnvAdmin, c.AdminToken}, {EnvOrg, c.Org}, {EnvControlPlane, c.ControlPlane},
	} {
		if v.value == "" {
			missing = append(missing, v.name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("the environment has no %s: set it and start again", strings.Join(missing, ", "))
	}
	for _, v := range []struct{ name, value string }{{EnvControlPlane, c.ControlPlane}, {EnvModel, cmp.Or(c.Model, anthropicAPI)}} {
		if u, err := url.Parse(v.value); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return fmt.Errorf("%s is no URL: give one like https://example.com", v.name) // which may have a password in it
		}
	}
	return nil
}

// Deps are the ways out of a platform. The zero Deps are those of a program.
type Deps struct {
	Now  func() time.Time                                                     // nil is time.Now
	HTTP *http.Client                                                         // to the control plane and the model; nil is one with a time limit
	Dial func(ctx context.Context, network, address string) (net.Conn, error) // to PostgreSQL and Redis; nil is net.Dialer's. TLS is spoken over what it gives
	Log  *slog.Logger                                                         // nil discards

	// Redis is that of package platform/redis. Nil is a program without Redis.
	Redis OpenRedis

	// Login logs in to the tenant's servers where a platform runs in a process
	// that has none. Its visits are then not counted. Nil speaks to the servers.
	Login func(ctx context.Context, url string) error
}

func (d Deps) orDefaults() Deps {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.HTTP == nil {
		d.HTTP = &http.Client{Timeout: callLimit}
	}
	if d.Dial == nil {
		d.Dial = (&net.Dialer{Timeout: loginLimit}).DialContext
	}
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	return d
}

// Server is a platform. It is an http.Handler, safe for concurrent use.
type Server struct {
	now      func() time.Time
	log      *slog.Logger
	admin    [32]byte // a digest of the admin token
	routes   *http.ServeMux
	store    Store
	closes   func() error // the store, where it is the server's own
	vault    vault
	model    model
	row      row
	database database
	cache    cache

	writing sync.Mutex // held while a secret is written

	mu         sync.Mutex   // guards what follows
	workspaces []*workspace // in the order in which they were made
	closed     bool
	under      sync.WaitGroup // requests, and restarts that an earlier end of the program had cut off
}

// New makes a platform of what its store has. It reaches nothing over the
// network: the row is read when it is first needed, which at Fly is the health
// check that follows each start. New fails where the configuration is not
// whole, a key is none, or the store cannot be read with the key that it is
// sealed under.
func New(ctx context.Context, c Config, d Deps) (*Server, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	box, err := tenant.NewBox(strings.Split(c.Accepts, ",")...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", tenant.EnvAccepts, err)
	}
	d = d.orDefaults()
	s := &Server{
		now: d.Now, log: d.Log, admin: digest(c.AdminToken), store: c.Store, closes: func() error { return nil },
		model:    model{http: d.HTTP, base: strings.TrimRight(cmp.Or(c.Model, anthropicAPI), "/")},
		row:      row{http: d.HTTP, base: strings.TrimRight(c.ControlPlane, "/"), token: c.AdminToken, org: c.Org, box: box, turn: make(chan struct{}, 1)},
		database: database{dial: d.Dial, now: d.Now, instead: d.Login},
		cache:    newCache(c, d),
	}
	if s.store == nil {
		own, err := openSQLite(ctx, c.DataDir, d.Now)
		if err != nil {
			return nil, err
		}
		s.store, s.closes = own, own.Close
	}
	s.vault = newVault(s.store.Rings())
	s.routes = s.mux()
	if err := s.wake(ctx); err != nil {
		return nil, errors.Join(err, s.closes())
	}
	return s, nil
}

// Close ends the platform when the requests under way have been answered. Those
// that come later are answered with 503. Closing twice is harmless.
func (s *Server) Close() error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	s.under.Wait()
	if !first {
		return nil
	}
	s.database.close()
	return errors.Join(s.cache.close(), s.closes())
}

// begin counts something that Close waits for; it reports whether the platform
// is still open.
func (s *Server) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.under.Add(1)
	}
	return !s.closed
}
