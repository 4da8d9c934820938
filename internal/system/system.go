// Package system is the whole system of examples/runbook, running: stand-ins of
// the vendors behind one address with TLS, a real PostgreSQL and a real Redis
// behind two of them (package servers) or neither, and the programs of
// examples/saas as processes in the machines of Fly's stand-in.
//
// All processes share a Clock. Time passes as it does while a program boots or
// stops, and is skipped while everybody only waits (Wait), so that a soak of a
// day takes no longer than what happens in it.
package system

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/examples/saas/program"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/machines"
	"github.com/pawlhq/pawl/vendorsim/molecule"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// Config says how a system begins.
type Config struct {
	Self string    // the binary whose RunProgram runs the programs of machines
	At   time.Time // where its clock begins
	// Saw is told of every call over HTTP when it has been answered; nil is not.
	Saw func(Call)
	// Servers starts a PostgreSQL and a Redis, whose Upstash has the system's time.
	// Nil does without: the control plane keeps its rows in a SQLite file that its
	// machines share, and the platforms of tenants have neither a database nor
	// Redis.
	Servers func(ctx context.Context, now pawl.Clock) (Servers, error)
	// Before stands before every host that programs and pawl reach; nil is nothing.
	Before func(http.Handler) http.Handler
}

// Servers are the PostgreSQL and the Redis that a system lives on.
type Servers interface {
	Branch(project, branch string) neon.Database // at Neon
	Database() saas.Logins
	Redis() saas.Logins
	First() map[string]string       // the first versions that are made there, by secret
	Hosts() map[string]http.Handler // of the vendors that sell them
	Network() Network               // where they really are
	Authority() string              // what their clients must trust, in PEM
	Environment() map[string]string // pawl's own credentials, by the names of examples/runbook
	Secrets() []string              // every credential that Vendors does not know of
	// Wrong lists what is not as it must be in the database once a secret has
	// rotated to what is stored.
	Wrong(name, stored string) []string
	Close() error
}

// Call is a call that was answered at an address of the system.
type Call struct {
	Method, Host, Path string
	Began, Ended       time.Time // by its clock
}

// System is a system that runs. It is safe for concurrent use.
type System struct {
	*saas.Vendors
	Clock   *Clock
	Dir     string
	Network Network
	Bundle  string // the file with the authorities that clients must trust

	servers  Servers // nil is none
	launcher *machines.Launcher
	front    *front
	client   *http.Client
	hosts    map[string]http.Handler
	saw      func(Call)

	// Traffic is held for reading by each request that time must not be skipped
	// under: what is signed is verified at the same time.
	Traffic sync.RWMutex

	waits sync.Mutex // one wait at a time moves the clock
	next  time.Time  // the next deployment of the control plane
}

// The times that things take here. A tenth of a second is long for a stand-in.
const (
	hold       = 20 * time.Second // for which Fly's proxy waits for a machine
	operation  = 200 * time.Millisecond
	runTakes   = 2 * time.Second // a workflow's
	bootWithin = 30 * time.Second
	daily      = 24 * time.Hour // the control plane is deployed
)

// Start starts a system in a folder of its own: the vendors, the control plane
// with two machines, and no tenant.
func Start(ctx context.Context, c Config) (s *System, err error) {
	s = &System{Network: Network{}, saw: c.Saw}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.Dir, err = os.MkdirTemp("", "pawl-system-"); err != nil {
		return s, err
	}
	if s.Clock, err = NewClock(s.Dir, c.At); err != nil {
		return s, err
	}
	s.next = c.At.Add(daily)
	if c.Servers != nil {
		if s.servers, err = c.Servers(ctx, s.Clock.Now); err != nil {
			return s, err
		}
	}
	if err := s.vendors(c); err != nil {
		return s, err
	}
	if s.servers == nil {
		s.Fly.SetSecret(saas.App, "TENANT_DATABASE", "off")
	}
	s.Fly.AddMachines(saas.App, molecule.Machines)
	return s, s.boots(ctx)
}

// vendors makes the stand-ins, with one address for all of them.
func (s *System) vendors(c Config) (err error) {
	s.Bundle = filepath.Join(s.Dir, "authorities.pem")
	env := map[string]string{envClock: s.Clock.Path(), "SSL_CERT_FILE": s.Bundle, "PATH": os.Getenv("PATH")}
	s.launcher = machines.New(machines.Config{Dir: filepath.Join(s.Dir, "volumes"), Env: env, Command: func(l fly.Launch) (string, []string, error) {
		if strings.HasPrefix(l.App, saas.TenantPrefix) {
			return c.Self, []string{program.Platform}, nil
		}
		return c.Self, []string{program.ControlPlane}, nil
	}})
	config := saas.Config{Now: s.Clock.Now, Run: runTakes, Operation: operation, Launcher: s.launcher, Hold: hold,
		First: map[string]string{saas.DatabaseURL: "sqlite:" + filepath.Join(s.Dir, "control-plane.db"), saas.RedisURL: ""}}
	if s.servers != nil {
		config.Server, config.Database, config.Redis, config.First = s.servers.Branch, s.servers.Database(), s.servers.Redis(), s.servers.First()
	}
	s.Vendors = saas.NewVendors(config, roundTrip(s.roundTrip))
	s.hosts = s.Hosts()
	delete(s.hosts, saas.Host)
	if s.servers != nil {
		maps.Copy(s.hosts, s.servers.Hosts())
	}
	if c.Before != nil {
		for host, h := range s.hosts {
			s.hosts[host] = c.Before(h)
		}
	}
	s.hosts[clockHost] = http.HandlerFunc(s.serveClock)
	if s.front, err = newFront(s.Clock.Now, s.handler, known(s.hosts, "*.fly.dev", "*.upstash.io")); err != nil {
		return err
	}
	bundle := s.front.authority
	s.Network["*:443"] = s.front.address
	if s.servers != nil {
		maps.Copy(s.Network, s.servers.Network())
		bundle += s.servers.Authority()
	}
	env[envNetwork] = s.Network.String()
	if err := os.WriteFile(s.Bundle, []byte(bundle), 0o600); err != nil {
		return err
	}
	s.client, err = s.Network.client(bundle, bootWithin)
	return err
}

// handler gives what answers for a host.
func (s *System) handler(host string) http.Handler {
	h, ok := s.hosts[host]
	switch {
	case ok:
	case strings.HasSuffix(host, ".fly.dev"):
		h = s.Fly.AppsHandler()
	default:
		return nil
	}
	if s.saw == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.Clock.Now()
		h.ServeHTTP(w, r)
		s.saw(Call{Method: r.Method, Host: host, Path: r.URL.Path, Began: began, Ended: s.Clock.Now()})
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// roundTrip takes a request over the network.
func (s *System) roundTrip(r *http.Request) (*http.Response, error) {
	return s.client.Transport.RoundTrip(r)
}

// boots waits until every program is well.
func (s *System) boots(ctx context.Context) error {
	end := time.Now().Add(bootWithin)
	for s.Fly.Busy() {
		if time.Now().After(end) {
			return errors.New("a program does not get well: " + s.lastLines(saas.App))
		}
		if err := Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// lastLines are the last that an app has logged.
func (s *System) lastLines(app string) string {
	lines := s.Fly.LogLines(app)
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// Call makes a call with a token, and fails where the status is not 2xx. It
// gives the answer's body.
func (s *System) Call(ctx context.Context, method, url, token string, body any) ([]byte, error) {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, sent)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	return s.Do(req)
}

// maxAnswer is how much of an answer is read.
const maxAnswer = 1 << 20

// Do makes a request, and fails where the status is not 2xx.
func (s *System) Do(req *http.Request) ([]byte, error) {
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return b, fmt.Errorf("%s %s: %s: %s", req.Method, req.URL.Path, resp.Status, bytes.TrimSpace(b))
	}
	return b, nil
}

// Environment is that of pawl in this system: its credentials by the names that
// examples/runbook has for them, and where it finds the clock and the network.
func (s *System) Environment() []string {
	env := s.Vendors.Environment()
	maps.Copy(env, map[string]string{"SSL_CERT_FILE": s.Bundle, "PATH": os.Getenv("PATH"), envClock: s.Clock.Path(), envNetwork: s.Network.String()})
	if s.servers != nil {
		maps.Copy(env, s.servers.Environment())
	}
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

// Secrets gives every credential that Vendors does not know of, for a leak
// search.
func (s *System) Secrets() []string {
	if s.servers == nil {
		return nil
	}
	return s.servers.Secrets()
}

// Wrong lists what is not as it must be once a rotation is done, as the vendors
// and the database tell it.
func (s *System) Wrong(name string) []string {
	list := s.Vendors.Wrong(name)
	if s.servers != nil {
		list = append(list, s.servers.Wrong(name, s.Stored(name))...)
	}
	return list
}

// Pids are those of the programs that run now.
func (s *System) Pids() []int { return s.launcher.Running() }

// Close ends everything and takes the folder away.
func (s *System) Close() error {
	var errs []error
	if s.Vendors != nil {
		errs = append(errs, s.Fly.Close())
	}
	if s.front != nil {
		errs = append(errs, s.front.close())
	}
	if s.servers != nil {
		errs = append(errs, s.servers.Close())
	}
	if s.Clock != nil {
		errs = append(errs, s.Clock.Close())
	}
	if s.Dir != "" {
		errs = append(errs, os.RemoveAll(s.Dir))
	}
	return errors.Join(errs...)
}
