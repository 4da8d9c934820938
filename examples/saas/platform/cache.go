package platform

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// Redis is a client of one Redis, with the login of its URL. It connects when it
// is used, is safe for concurrent use, and its errors have no password. Package
// platform/redis has one.
type Redis interface {
	Ping(ctx context.Context) error
	Count(ctx context.Context, key string) (int64, error) // adds 1 to a number, and gives it
	Close() error
}

// OpenRedis makes a client of a URL, with the time and the network of the Deps
// that it is given.
type OpenRedis func(url string, d Deps) (Redis, error)

// RedisRefusal is the error of a command that Redis refuses after the login:
// another login would change nothing. It is what Redis says.
type RedisRefusal string

// Error names Redis as who said it.
func (r RedisRefusal) Error() string { return "redis: " + string(r) }

// cache is the tenants' Redis. It is safe for concurrent use.
type cache struct {
	instead func(ctx context.Context, url string) error // logs in, where there is no server
	open    func(url string) (Redis, error)
	own     string // the URL of the environment, which is set for all tenants at once: it goes before the row's
	key     string // what the tenant's visits are counted under

	mu     sync.Mutex // guards what follows
	url    string
	client Redis // nil until it is first asked
}

// newCache makes a cache of what there is. Deps without Redis are a program that
// was built without: it cannot be well where there is a URL of one.
func newCache(c Config, d Deps) cache {
	open := func(url string) (Redis, error) { return d.Redis(url, d) }
	if d.Redis == nil {
		open = func(string) (Redis, error) {
			return nil, errors.New("redis: this program has no client of it: unset " + EnvRedis + ", or run one that has")
		}
	}
	return cache{instead: d.Login, open: open, own: c.RedisURL, key: "visits:" + c.Org}
}

// urls lists where Redis may be, the likeliest first. None is off.
func (c *cache) urls(r reading) []string {
	list := slices.DeleteFunc([]string{c.own, r.RedisURL}, func(url string) bool { return url == "" })
	return slices.Compact(list)
}

// login connects anew with a URL, and ends the connection.
func (c *cache) login(ctx context.Context, url string) error {
	if c.instead != nil {
		return c.instead(ctx, url)
	}
	client, err := c.open(url)
	if err != nil {
		return err
	}
	err = client.Ping(ctx)
	_ = client.Close() // how it ends says nothing of the login
	return err
}

// at gives the client of a URL, which stays the one that is used.
func (c *cache) at(url string) (Redis, error) {
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

// countInRedis counts a visit in Redis, and gives the count. When the login
// fails with what there is, the row is read again before that fails.
func (s *Server) countInRedis(ctx context.Context) (int64, error) {
	row, err := s.row.get(ctx)
	if err != nil && s.cache.own == "" {
		return 0, err
	}
	n, err := s.cache.count(ctx, row)
	if err == nil || answered(err) || ctx.Err() != nil {
		return n, err
	}
	if row, err = s.again(ctx, row); err != nil && s.cache.own == "" {
		return 0, err
	}
	return s.cache.count(ctx, row)
}

// count counts with the first URL that opens.
func (c *cache) count(ctx context.Context, row reading) (n int64, err error) {
	err = errOff
	for _, url := range c.first(c.urls(row)) {
		var client Redis
		if client, err = c.at(url); err == nil {
			n, err = client.Count(ctx, c.key)
		}
		if err == nil || answered(err) {
			return n, err
		}
	}
	return n, err
}

// answered reports whether Redis took the login and refused what came after it.
func answered(err error) bool {
	var refusal RedisRefusal
	return errors.As(err, &refusal)
}
