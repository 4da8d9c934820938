// Package connect opens connections as plans have pinned them and shares them
// between rotations.
package connect

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/credential"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
)

// Connector opens connections. It is safe for concurrent use.
type Connector struct {
	Registry  driver.Registry
	Resolver  *credential.Resolver
	Transport http.RoundTripper // nil is a fresh http.Transport
	Dial      Dial              // how databases are reached; nil is by the network
	Log       *slog.Logger
	Dir       string
	Now       pawl.Clock                                       // nil is time.Now
	Wait      func(ctx context.Context, d time.Duration) error // how drivers let time pass; nil is by the real clock

	mu    sync.Mutex
	ports map[string]*driver.Port
	own   *http.Transport // shared by all connections when Transport is nil
}

// Port opens a connection, or gives the one that is open for the same pinned
// settings. It does no I/O.
func (c *Connector) Port(_ context.Context, name string, conn plan.Connection) (*driver.Port, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key, err := json.Marshal([]any{name, conn})
	if err != nil {
		return nil, err
	}
	if p, ok := c.ports[string(key)]; ok {
		return p, nil
	}
	p, err := c.open(name, conn)
	if err != nil {
		return nil, err
	}
	if c.ports == nil {
		c.ports = map[string]*driver.Port{}
	}
	c.ports[string(key)] = p
	return p, nil
}

func (c *Connector) open(name string, conn plan.Connection) (*driver.Port, error) {
	d, ok := c.Registry.Driver(conn.Driver)
	if !ok {
		return nil, &driver.Error{Op: "open connection", On: name, Kind: driver.Unsupported, Effect: pawl.EffectNone, Why: "there is no driver " + conn.Driver, Next: "use a pawl that has this driver"}
	}
	env := driver.Env{Transport: c.transport(), Dial: c.dial(), Now: c.Now, Wait: c.Wait, Rand: rand.Reader, Log: c.Log, Dir: c.Dir}
	if env.Now == nil {
		env.Now = time.Now
	}
	if env.Wait == nil {
		env.Wait = wait
	}
	if conn.Credential != "" {
		scheme, rest, ok := strings.Cut(conn.Credential, ":")
		if !ok { // a connection must not quietly do without
			return nil, &driver.Error{Op: "open connection", On: name, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "its credential is not a reference", Next: "pawl validate"}
		}
		ref := estate.Reference{Scheme: scheme, Rest: rest}
		env.Credential = func(ctx context.Context) (secret.Value, error) { return c.Resolver.Resolve(ctx, ref) }
	}
	opened, err := d.Open(env, conn.Settings)
	if err != nil {
		return nil, err
	}
	return driver.NewPort(name, d.Info(), opened, 0), nil
}

// Close ends all connections, also when one of them cannot be ended, and gives
// every failure. A Connector can be used again after it.
func (c *Connector) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for key, p := range c.ports {
		delete(c.ports, key)
		if err := p.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close connection %s: %w", p.Name(), err))
		}
	}
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
	return errors.Join(errs...)
}

func (c *Connector) transport() http.RoundTripper {
	if c.Transport != nil {
		return c.Transport
	}
	if c.own == nil {
		c.own = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           network().DialContext,
			ForceAttemptHTTP2:     true,
			MaxIdleConnsPerHost:   64,
			IdleConnTimeout:       90 * time.Second,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 55 * time.Second,
		}
	}
	return c.own
}

// Dial makes a connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

func (c *Connector) dial() Dial {
	if c.Dial != nil {
		return c.Dial
	}
	return network().DialContext
}

func network() *net.Dialer {
	return &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
