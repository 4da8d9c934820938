// Package redis adds and removes passwords of Redis users, changes the default
// user's, and proves that logins work.
//
// Facts about the server are from its documentation at redis.io and, where that
// is silent, from the sources of Redis 7.
package redis

import (
	"cmp"
	"context"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Driver makes connections to Redis servers.
type Driver struct{}

// New gives the driver.
func New() *Driver { return &Driver{} }

// Open makes a connection. It says at once what is wrong with its settings.
func (*Driver) Open(env driver.Env, s estate.Settings) (driver.Conn, error) {
	at := place{host: s.String("host"), port: s.Int("port"), mode: cmp.Or(s.String("tls"), tcp.VerifyFull), ca: s.String("ca")}
	if at.port == 0 {
		at.port = defaultPort
	}
	if _, err := tcp.Config(at.mode, at.host, at.ca, env.Now); err != nil {
		return nil, invalid("open", at.host, "tls or ca: "+err.Error(), "")
	}
	return &conn{env: env, at: at, user: cmp.Or(s.String("user"), defaultUser)}, nil
}

// conn is a server and the user that acts there. Each act has a session of its
// own, so there is nothing to keep.
type conn struct {
	env  driver.Env
	at   place
	user string
}

// Close has nothing to end.
func (*conn) Close() error { return nil }

// Mint gives a user one more password, or the default user another one.
func (c *conn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	switch r.Target.Kind {
	case kindUser:
		return c.add(ctx, r)
	case kindRequirepass:
		return c.replace(ctx, r)
	default:
		return driver.Minted{}, unsupported("mint", r.Target.Kind)
	}
}

// Verify logs in with a value.
func (c *conn) Verify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Verdict, error) {
	const op = "log in"
	user := defaultUser
	switch t.Kind {
	case kindUser:
		if user = t.Settings.String("user"); user == "" {
			return "", invalid(op, "", "user is empty", "")
		}
	case kindRequirepass:
	default:
		return "", unsupported(op, t.Kind)
	}
	if value[secret.Single].Empty() {
		return "", invalid(op, user, "the value is empty", "")
	}
	return c.try(ctx, c.at, user, value[secret.Single])
}

// try logs in and out again.
func (c *conn) try(ctx context.Context, at place, user string, password secret.Value) (driver.Verdict, error) {
	s, err := c.dial(ctx, "log in", user, at)
	if err != nil {
		return "", err
	}
	defer s.close()
	err = s.auth(user, password)
	if e := driver.AsError("log in", err); e != nil && e.Kind == driver.Unauthenticated {
		return driver.Refused, nil
	}
	if err != nil {
		return "", err
	}
	return driver.Accepted, nil
}

func unsupported(op, kind string) error {
	return &driver.Error{Op: op, On: kind, Kind: driver.Unsupported, Effect: pawl.EffectNone,
		Why: "the driver redis does not do this for this kind"}
}

func invalid(op, on, why, next string) error {
	return &driver.Error{Op: op, On: on, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: why, Next: next}
}
