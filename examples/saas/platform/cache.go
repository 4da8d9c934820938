package platform

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Redis is a client of Redis: package redis has it. It is safe for concurrent
// use. Its errors quote no URL, which has a password.
type Redis interface {
	// Login connects anew with a URL, and ends the connection.
	Login(ctx context.Context, url string) error
	// Count adds one to a counter at the server of a URL, and gives it, over a
	// connection that stays open. It fails with a CommandError where the server has
	// taken the login.
	Count(ctx context.Context, url, key string) (int64, error)
	Close() error
}

// NewRedis makes a client of Redis that reaches servers by dial, in the time of
// now.
type NewRedis func(dial Dialer, now func() time.Time) Redis

// CommandError is a command that Redis has refused.
type CommandError struct{ Why string }

// Error says why, as Redis has it.
func (e *CommandError) Error() string { return "redis: " + e.Why }

// errNoClient means that a tenant has a Redis and the program was built without
// a client of it.
var errNoClient = errors.New("redis: this program has no client of it: set Deps.Redis")

// cache is the tenants' Redis.
type cache struct {
	instead func(ctx context.Context, url string) error // logs in, where there is no server
	client  Redis                                       // nil is none
	own     string                                      // the URL of the environment, which is set for all tenants at once: it goes before the row's
	key     string                                      // what the tenant's visits are counted under

	mu   sync.Mutex
	used string // the URL that worked last
}

// newCache makes the client, where there is one to make.
func newCache(c Config, d Deps) *cache {
	made := &cache{instead: d.Login, own: c.RedisURL, key: "visits:" + c.Org}
	if d.Redis != nil {
		made.client = d.Redis(d.Dial, d.Now)
	}
	return made
}

// urls lists where Redis may be, the likeliest first. None is off.
func (c *cache) urls(r reading) []string {
	list := slices.DeleteFunc([]string{c.own, r.RedisURL}, func(url string) bool { return url == "" })
	return slices.Compact(list)
}

// login connects anew with a URL, and ends the connection.
func (c *cache) login(ctx context.Context, url string) error {
	switch {
	case c.instead != nil:
		return c.instead(ctx, url)
	case c.client == nil:
		return errNoClient
	}
	ctx, cancel := context.WithTimeout(ctx, loginLimit)
	defer cancel()
	return c.client.Login(ctx, url)
}

// count adds one to the tenant's visits, at the first URL that opens: at the one
// that worked last before others.
func (c *cache) count(ctx context.Context, urls []string) (n int64, err error) {
	if c.client == nil {
		return 0, errNoClient
	}
	err = errOff
	for _, url := range c.first(urls) {
		if n, err = c.client.Count(ctx, url, c.key); err == nil {
			c.use(url)
		}
		if err == nil || answered(err) {
			return n, err
		}
	}
	return 0, err
}

// first puts the URL that worked last before the others.
func (c *cache) first(urls []string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.Index(urls, c.used); i > 0 {
		urls[0], urls[i] = urls[i], urls[0]
	}
	return urls
}

func (c *cache) use(url string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = url
}

func (c *cache) close() error {
	if c.client == nil {
		return nil
	}
	return c.client.Close()
}

// countInRedis counts a visit. When the login fails with what there is, the row
// is read again before the count fails.
func (s *Server) countInRedis(ctx context.Context) (int64, error) {
	row, err := s.row.get(ctx)
	if err != nil && s.cache.own == "" {
		return 0, err
	}
	n, err := s.cache.count(ctx, s.cache.urls(row))
	if err == nil || answered(err) || ctx.Err() != nil {
		return n, err
	}
	if row, err = s.again(ctx, row); err != nil && s.cache.own == "" {
		return 0, err
	}
	return s.cache.count(ctx, s.cache.urls(row))
}

// answered reports whether Redis took the login and refused what came after it.
func answered(err error) bool {
	var refusal *CommandError
	return errors.As(err, &refusal)
}
