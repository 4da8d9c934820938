package servers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/examples/saas/tenant"
	"github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// askWithin bounds one login and one question.
const askWithin = 5 * time.Second

// Database is what DATABASE_URL logs in to.
func (s *Servers) Database() saas.Logins { return s.databases }

// Redis is what TENANT_REDIS_URL logs in to.
func (s *Servers) Redis() saas.Logins { return s.cache }

// DatabaseState changes whenever a login or a row of the database does.
func (s *Servers) DatabaseState() string { return s.databases.state() }

// RedisState changes whenever a login of Redis does.
func (s *Servers) RedisState() string { return s.cache.state() }

// Login logs in with a DATABASE_URL.
func (d *databases) Login(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return errors.New("DATABASE_URL is no URL")
	}
	u.RawQuery, u.Host = "sslmode=disable", d.server.Addr()
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	c, err := pgconn.Connect(ctx, u.String())
	if err != nil {
		return errors.New("the login fails")
	}
	return c.Close(ctx)
}

// Alive lists the roles of the control plane's database, but for pawl's own, the
// owner of the tables, and the server's.
func (d *databases) Alive() []saas.Credential {
	rows, err := d.console.Ask(context.Background(), `SELECT rolname FROM pg_roles
		WHERE NOT rolsuper AND rolname NOT IN ($1, $2) AND rolname NOT LIKE 'pg\_%' AND rolname NOT LIKE '%@%'`, dbAdmin, dbOwner)
	if err != nil {
		panic("servers: list the roles: " + err.Error())
	}
	var list []saas.Credential
	for _, row := range rows {
		list = append(list, saas.Credential{ID: row[0]})
	}
	return list
}

// state is what the server's transactions see: which of them have ended.
func (d *databases) state() string {
	rows, err := d.console.Ask(context.Background(), "SELECT pg_current_snapshot()::text")
	if err != nil {
		panic("servers: ask for the snapshot: " + err.Error())
	}
	return rows[0][0]
}

// Wrong lists what is not as it must be in the database once a rotation is done:
// a new encryption key has all rows of org_instances.
func (s *Servers) Wrong(name, stored string) []string {
	if name != saas.EncryptionKey {
		return nil
	}
	n, err := s.notUnder(context.Background(), stored)
	switch {
	case err != nil:
		return []string{"the rows cannot be counted: " + err.Error()}
	case n > 0:
		return []string{fmt.Sprintf("P2: %d rows are not under the new key, by the database's own count", n)}
	}
	return nil
}

// notUnder counts the rows with a column that is not sealed under a key, by the
// database's own look at their headers: it needs no key for that.
func (s *Servers) notUnder(ctx context.Context, key string) (int, error) {
	raw, err := hex.DecodeString(key)
	if err != nil {
		return 0, errors.New("the key is not in hexadecimal")
	}
	c, err := s.databases.server.Open(ctx, saas.Database)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close() }() // it has answered, or failed
	var other []string
	for _, column := range []string{tenant.ColumnDatabase, tenant.ColumnRedis, tenant.ColumnAdmin} {
		other = append(other, fmt.Sprintf("substring(%s, 1, %d) <> $1::bytea", column, len(envelope.Header(0))))
	}
	rows, err := c.Ask(ctx, "SELECT count(*) FROM "+tenant.Table+" WHERE "+strings.Join(other, " OR "), `\x`+hex.EncodeToString(envelope.Header(envelope.KeyIDOf(raw))))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(rows[0][0])
}

// Login logs in with a TENANT_REDIS_URL.
func (c *cache) Login(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return errors.New("it is no URL of a Redis")
	}
	password, _ := u.User.Password()
	o := quiet(u.Host, u.User.Username(), password)
	o.Dialer = c.Dial
	client := goredis.NewClient(o)
	ctx, cancel := context.WithTimeout(context.Background(), askWithin)
	defer cancel()
	return errors.Join(client.Ping(ctx).Err(), client.Close())
}

// Alive lists the passwords of the user that tenants log in as, each by its
// digest.
func (c *cache) Alive() []saas.Credential {
	var list []saas.Credential
	for _, line := range c.users() {
		fields := strings.Fields(line) // user NAME on … #DIGEST … ~* …
		if len(fields) < 2 || fields[1] != c.user {
			continue
		}
		for _, field := range fields[2:] {
			if digest, ok := strings.CutPrefix(field, "#"); ok {
				list = append(list, saas.Credential{ID: digest})
			}
		}
	}
	return list
}

func (c *cache) state() string {
	lines := c.users()
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:])
}

// users are the server's own lines about its users.
func (c *cache) users() []string {
	lines, err := c.asks().Do(context.Background(), "ACL", "LIST").StringSlice()
	if err != nil {
		panic("servers: list the users of Redis: " + err.Error())
	}
	return lines
}

// asker is a session of the server's administrator, which stays open.
type asker struct {
	once   sync.Once
	client *goredis.Client
}

func (c *cache) asks() *goredis.Client {
	c.asker.once.Do(func() { c.asker.client = goredis.NewClient(quiet(c.server.Addr(), redis.Admin, c.server.Password)) })
	return c.asker.client
}

// quiet are options of a client that sends no more than it is told to.
func quiet(address, user, password string) *goredis.Options {
	return &goredis.Options{Addr: address, Username: user, Password: password, Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}} // which looks names up at the network
}
