// Package servers is the PostgreSQL and the Redis of examples/runbook: real
// servers behind the addresses and the TLS that Neon and Upstash have, for the
// stand-ins of both.
package servers

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/internal/system"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// Config says how the servers begin.
type Config struct {
	Now pawl.Clock // of Upstash
	// NoLists has tenants log in to Redis as its one user.
	NoLists bool
}

// For gives what starts the servers of a system, which has its own clock.
func (c Config) For(ctx context.Context, now pawl.Clock) (system.Servers, error) {
	c.Now = now
	s, err := Start(ctx, c)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Servers are servers that run. They are safe for concurrent use.
type Servers struct {
	databases *databases
	cache     *cache
	rows      io.Closer // nil until they are opened
}

// Start starts both.
func Start(ctx context.Context, c Config) (s *Servers, err error) {
	s = &Servers{}
	if s.databases, err = startDatabases(ctx); err != nil {
		return nil, err
	}
	if s.cache, err = startCache(ctx, c.Now, !c.NoLists); err != nil {
		return nil, errors.Join(err, s.databases.close())
	}
	return s, nil
}

// First gives the first versions that are made here, by secret.
func (s *Servers) First() map[string]string { return map[string]string{saas.RedisURL: s.cache.first} }

// Branch gives the database of a branch at Neon.
func (s *Servers) Branch(project, branch string) neon.Database {
	return s.databases.of(project, branch)
}

// Hosts gives the handlers of Upstash by host.
func (s *Servers) Hosts() map[string]http.Handler { return s.cache.Hosts() }

// Network says where the servers really are.
func (s *Servers) Network() system.Network {
	return system.Network{"*.upstash.io:6379": s.cache.relay.address(), "*.aws.neon.tech:5432": s.databases.relay.address()}
}

// Authority is what clients of the servers must trust, in PEM.
func (s *Servers) Authority() string { return s.databases.authority + s.cache.authority }

// Environment has pawl's own credentials, by the names that examples/runbook has
// for them.
func (s *Servers) Environment() map[string]string {
	_, key := s.cache.AddKey(account, "pawl")
	return map[string]string{"DATABASE_ADMIN_PASSWORD": s.databases.admin, "UPSTASH_LOGIN": account + ":" + key}
}

// Secrets gives every credential that the vendors do not know of, for a leak
// search.
func (s *Servers) Secrets() []string { return append(s.cache.Issued(), s.databases.admin) }

// Rows opens org_instances as the server's superuser, whose login never changes.
// It is called once, when the control plane has made the table.
func (s *Servers) Rows(ctx context.Context) (controlplane.Store, error) {
	store, err := controlplane.OpenStore(ctx, s.databases.server.DSN(saas.Database), nil)
	if err != nil {
		return nil, err
	}
	s.rows = store
	return store, nil
}

// Close ends both.
func (s *Servers) Close() error {
	var err error
	if s.rows != nil {
		err = s.rows.Close()
	}
	return errors.Join(err, s.cache.close(), s.databases.close())
}
