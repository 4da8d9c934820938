package platform

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// cache is the tenants' Redis. It connects when it is first asked, and is safe
// for concurrent use.
type cache struct {
	instead func(ctx context.Context, url string) error // logs in, where there is no server
	dial    dialer
	now     func() time.Time
	own     string // the URL of the environment, which is set for all tenants at once: it goes before the row's
	key     string // what the tenant's visits are counted under

	mu     sync.Mutex // guards what follows
	url    string
	client *redis.Client
}

// urls lists where Redis may be, the likeliest first. None is off.
func (c *cache) urls(r reading) []string {
	list := slices.DeleteFunc([]string{c.own, r.RedisURL}, func(url string) bool { return url == "" })
	return slices.Compact(list)
}

// open makes a client of a URL. The error does not quote it: it has a password.
func (c *cache) open(url string) (*redis.Client, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("redis: its URL is none: look at " + EnvRedis + " and the tenant's row")
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
	o.DialTimeout, o.ContextTimeoutEnabled = loginLimit, true
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

// login connects anew with a URL, and ends the connection.
func (c *cache) login(ctx context.Context, url string) error {
	if c.instead != nil {
		return c.instead(ctx, url)
	}
	ctx, cancel := context.WithTimeout(ctx, loginLimit)
	defer cancel()
	client, err := c.open(url)
	if err != nil {
		return err
	}
	err = client.Ping(ctx).Err()
	_ = client.Close() // how it ends says nothing of the login
	return refused(err)
}

// at gives the client of a URL, which stays the one that is used.
func (c *cache) at(url string) (*redis.Client, error) {
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
		// Whoever works with it tries again with the new one.
		_ = c.client.Close()
	}
	c.url, c.client = url, client
	return client, nil
}

// first puts the URL that is used now before the others.
func (c *cache) first(urls []string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(urls, c.url); i > 0 {
		urls[0], urls[i] = urls[i], urls[0]
	}
	return urls
}

func (c *cache) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == nil {
		return nil
	}
	return c.client.Close()
}

// withRedis works with Redis. When the login fails with what there is, the row
// is read again before the work fails. A command whose connection broke is sent
// twice.
func (s *Server) withRedis(ctx context.Context, work func(context.Context, *redis.Client) error) error {
	row, err := s.row.get(ctx)
	if err != nil && s.cache.own == "" {
		return err
	}
	if err = s.tryRedis(ctx, row, work); err == nil || answered(err) || ctx.Err() != nil {
		return refused(err)
	}
	if row, err = s.again(ctx, row); err != nil && s.cache.own == "" {
		return err
	}
	return refused(s.tryRedis(ctx, row, work))
}

// tryRedis works with the first URL that opens.
func (s *Server) tryRedis(ctx context.Context, row reading, work func(context.Context, *redis.Client) error) error {
	err := errOff
	for _, url := range s.cache.first(s.cache.urls(row)) {
		var client *redis.Client
		if client, err = s.cache.at(url); err == nil {
			err = work(ctx, client)
		}
		if err == nil || answered(err) {
			return err
		}
	}
	return err
}

// answered reports whether Redis took the login and refused what came after it.
func answered(err error) bool {
	var refusal redis.Error
	return errors.As(err, &refusal) && !redis.IsAuthError(err)
}

// refused says why Redis did not answer, without what it was asked with.
func refused(err error) error {
	switch {
	case err == nil || errors.Is(err, errOff):
		return err
	case redis.IsAuthError(err):
		return errors.New("redis: the login is refused")
	case answered(err):
		return fmt.Errorf("redis: %w", err)
	default:
		return errors.New("redis: it does not answer")
	}
}
