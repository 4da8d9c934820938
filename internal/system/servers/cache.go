package servers

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/saas"
	"github.com/pawlhq/pawl/vendorsim/upstash"
)

// What examples/runbook names at Upstash.
const (
	account  = "ops@example.com"
	redisID  = "96ad0856-03b1-4ee7-9666-e81abd0349e1"
	redisACL = "tenants"
)

// cache is Upstash with a real Redis behind it.
type cache struct {
	*upstash.Upstash
	server    *redis.Server
	relay     *relay
	asker     asker
	user      string // tenants log in as
	first     string // TENANT_REDIS_URL
	authority string // PEM
}

// startCache starts it. Without lists of access control tenants log in as the
// user default.
func startCache(ctx context.Context, now pawl.Clock, lists bool) (c *cache, err error) {
	c = &cache{Upstash: upstash.New(upstash.Config{Now: now})}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if c.server, err = redis.Start(ctx, redis.Options{}); err != nil {
		return c, err
	}
	c.AddAccount(account)
	slug, _, _ := strings.Cut(saas.RedisHost, ".")
	if _, err = c.AddDatabase(ctx, upstash.Database{ID: redisID, Owner: account, Name: "tenants", Slug: slug, Server: c.server}); err != nil {
		return c, err
	}
	c.user = "default"
	password := c.Credentials(redisID).Password
	if lists {
		c.user = redisACL
		if password, err = c.AddUser(ctx, redisID, redisACL); err != nil {
			return c, err
		}
	}
	c.first = (&url.URL{Scheme: "rediss", User: url.UserPassword(c.user, password), Host: saas.RedisHost + ":6379"}).String()
	if c.authority, err = c.Authority(); err != nil {
		return c, err
	}
	c.relay, err = newRelay(func(ctx context.Context, client net.Conn) error {
		line, err := c.DialTLS(ctx, "tcp", saas.RedisHost+":6379")
		if err != nil {
			return err
		}
		return join(client, line)
	})
	return c, err
}

func (c *cache) close() error {
	var err error
	if c.relay != nil {
		err = errors.Join(err, c.relay.close())
	}
	if c.asker.client != nil {
		err = errors.Join(err, c.asker.client.Close())
	}
	if c.server != nil {
		err = errors.Join(err, c.server.Close())
	}
	return err
}
