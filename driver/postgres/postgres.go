// Package postgres mints and ends roles of a PostgreSQL server, changes a
// role's password, and proves that logins and queries work.
//
// Facts about the server are from its documentation and, where that is silent,
// from its sources: which names those are is said at each place.
package postgres

import (
	"cmp"
	"context"
	"fmt"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/estate"
)

// Driver makes connections to PostgreSQL servers.
type Driver struct{}

// New gives the driver.
func New() *Driver { return &Driver{} }

// Open makes a connection. It says at once what is wrong with its settings.
func (*Driver) Open(env driver.Env, s estate.Settings) (driver.Conn, error) {
	at := place{host: s.String("host"), port: s.Int("port"), database: s.String("database"),
		mode: cmp.Or(s.String("sslmode"), tcp.VerifyFull), ca: s.String("ca")}
	if at.port == 0 {
		at.port = defaultPort
	}
	if _, err := tcp.Config(at.mode, at.host, at.ca, env.Now); err != nil {
		return nil, &driver.Error{Op: "open", Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "sslmode or ca: " + err.Error()}
	}
	return &conn{env: env, at: at, user: s.String("user")}, nil
}

// conn is a server, a database of it, and the role that acts there. Each act
// has a session of its own, so there is nothing to keep.
type conn struct {
	env  driver.Env
	at   place
	user string
}

// Close has nothing to end.
func (*conn) Close() error { return nil }

// List gives the roles that carry the prefix and are, or were, logins.
func (c *conn) List(ctx context.Context, t driver.Target) ([]driver.Credential, error) {
	r, err := c.roles("list roles", t)
	if err != nil {
		return nil, err
	}
	s, err := c.open(ctx, "list roles", r.prefix)
	if err != nil {
		return nil, err
	}
	defer s.close()
	return s.list(r)
}

// unsupported says that a kind does not have a power.
func unsupported(op, kind string) error {
	return &driver.Error{Op: op, On: kind, Kind: driver.Unsupported, Effect: pawl.EffectNone,
		Why: "the driver postgres does not do this for this kind"}
}

func invalid(op, on, why, next string) error {
	return &driver.Error{Op: op, On: on, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: why, Next: next}
}

// noRole says that a role is not there.
func noRole(op, name string) error {
	return &driver.Error{Op: op, On: name, Kind: driver.NotFound, Effect: pawl.EffectNone, Why: fmt.Sprintf("there is no role %q", name)}
}
