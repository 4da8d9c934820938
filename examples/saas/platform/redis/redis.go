// Package redis is the platform's client of Redis, on go-redis. It is a package
// of its own for programs that have no Redis and need not carry its client.
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/pawlhq/pawl/examples/saas/platform"
)

const (
	connections = 4 // that are open at once, at most
	dialLimit   = 5 * time.Second
)

// Client is a platform.Redis. It has open connections to one server at a time.
type Client struct {
	dial platform.Dialer
	now  func() time.Time // of certificates

	mu     sync.Mutex // guards what follows
	url    string
	client *redis.Client
}

// New makes a client, which connects when it is first asked. It is a
// platform.NewRedis.
func New(dial platform.Dialer, now func() time.Time) platform.Redis {
	return &Client{dial: dial, now: now}
}

// Login connects anew with a URL, and ends the connection.
func (c *Client) Login(ctx context.Context, url string) error {
	client, err := c.open(url)
	if err != nil {
		return err
	}
	err = client.Ping(ctx).Err()
	_ = client.Close() // how it ends says nothing of the login
	return refused(err)
}

// Count adds one to a counter and gives it. A command whose connection broke is
// sent twice.
func (c *Client) Count(ctx context.Context, url, key string) (int64, error) {
	client, err := c.at(url)
	if err != nil {
		return 0, err
	}
	n, err := client.Incr(ctx, key).Result()
	return n, refused(err)
}

// Close ends all connections.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == nil {
		return nil
	}
	return c.client.Close()
}

// at gives the client of a URL, which stays the one that is open.
func (c *Client) at(url string) (*redis.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil && c.url == url {
		return c.client, nil
	}
	client, err := c.open(url)
	if err != nil {
		return nil, err
	}
	if c.client != nil {
		_ = c.client.Close() // whoever works with it tries again with the new one
	}
	c.url, c.client = url, client
	return client, nil
}

// open makes a client of a URL. The error does not quote it: it has a password.
func (c *Client) open(url string) (*redis.Client, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("redis: its URL is none: look at " + platform.EnvRedis + " and the tenant's row")
	}
	secure := o.TLSConfig
	o.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := c.dial(ctx, network, address)
		if err != nil || secure == nil {
			return conn, err
		}
		return handshake(ctx, conn, secure, c.now)
	}
	o.Protocol, o.DisableIdentity, o.ClientName = 2, true, "" // no command before the first but the login: a user may be allowed no other
	o.PoolSize, o.MaxRetries, o.DialerRetries = connections, 1, 1
	o.DialTimeout, o.ContextTimeoutEnabled = dialLimit, true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled} // which looks up names that dial is to be left
	return redis.NewClient(o), nil
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

// refused says why Redis did not answer, without what it was asked with.
func refused(err error) error {
	var refusal redis.Error
	switch {
	case err == nil:
		return nil
	case redis.IsAuthError(err):
		return errors.New("redis: the login is refused")
	case errors.As(err, &refusal):
		return &platform.CommandError{Why: err.Error()}
	default:
		return errors.New("redis: it does not answer")
	}
}
