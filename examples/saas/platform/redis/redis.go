// Package redis is a tenant's platform's way to Redis. It is a package of its
// own, so that a program whose platforms have no Redis has no client of it.
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/pawlhq/pawl/examples/saas/platform"
)

const (
	loginLimit  = 5 * time.Second
	connections = 4 // at most
)

// client is a platform.Redis.
type client struct{ redis *redis.Client }

// Open makes a client of a URL, for platform.Deps. It connects when it is used.
// The error does not quote the URL: it has a password.
func Open(url string, d platform.Deps) (platform.Redis, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("redis: its URL is none: look at " + platform.EnvRedis + " and the tenant's row")
	}
	secure := o.TLSConfig
	o.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d.Dial(ctx, network, address)
		if err != nil || secure == nil {
			return conn, err
		}
		return handshake(ctx, conn, secure, d.Now)
	}
	o.Protocol, o.DisableIdentity, o.ClientName = 2, true, "" // no command before the first but the login: a user may be allowed no other
	o.PoolSize, o.MaxRetries, o.DialerRetries = connections, 1, 1
	o.DialTimeout, o.ContextTimeoutEnabled = loginLimit, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled} // which looks up names that Dial is to be left
	return &client{redis.NewClient(o)}, nil
}

// handshake speaks TLS over a connection: go-redis does so over its own alone.
func handshake(ctx context.Context, conn net.Conn, c *tls.Config, now func() time.Time) (net.Conn, error) {
	c = c.Clone()
	c.Time = now
	secure := tls.Client(conn, c)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// Ping logs in where no connection is open, and asks for an answer.
func (c *client) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loginLimit)
	defer cancel()
	return refused(c.redis.Ping(ctx).Err())
}

// Count adds 1 to a number, and gives it. Where the connection broke it is sent
// twice.
func (c *client) Count(ctx context.Context, key string) (int64, error) {
	n, err := c.redis.Incr(ctx, key).Result()
	return n, refused(err)
}

// Close ends the client. Who works with it gets an error.
func (c *client) Close() error { return c.redis.Close() }

// refused says why Redis did not answer, without what it was asked with.
func refused(err error) error {
	var refusal redis.Error
	switch {
	case err == nil:
		return nil
	case redis.IsAuthError(err):
		return errors.New("redis: the login is refused")
	case errors.As(err, &refusal):
		return platform.RedisRefusal(refusal.Error())
	default:
		return errors.New("redis: it does not answer")
	}
}
