package system

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/pawlhq/pawl/vendorsim/saas"
)

// loginWithin bounds one login.
const loginWithin = 5 * time.Second

// DatabaseLogin logs in with a DATABASE_URL.
func (s *System) DatabaseLogin(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return errors.New("DATABASE_URL is no URL")
	}
	u.RawQuery, u.Host = "sslmode=disable", s.databases.server.Addr()
	ctx, cancel := context.WithTimeout(context.Background(), loginWithin)
	defer cancel()
	c, err := pgconn.Connect(ctx, u.String())
	if err != nil {
		return errors.New("the login fails")
	}
	return c.Close(ctx)
}

// RedisLogin logs in with a TENANT_REDIS_URL.
func (s *System) RedisLogin(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return errors.New("it is no URL of a Redis")
	}
	password, _ := u.User.Password()
	c := goredis.NewClient(&goredis.Options{Addr: u.Host, Username: u.User.Username(), Password: password, Dialer: s.cache.Dial,
		Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}}) // which looks names up at the network
	return errors.Join(c.Ping(context.Background()).Err(), c.Close())
}

// Roles counts the logins of the control plane's database, but for pawl's own
// and the server's superuser.
func (s *System) Roles() (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), loginWithin)
	defer cancel()
	c, err := pgconn.Connect(ctx, s.databases.server.DSN(saas.Database))
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close(ctx) }()
	r := c.ExecParams(ctx, fmt.Sprintf("SELECT count(*) FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND rolname <> '%s' AND rolname NOT LIKE '%%@%%'", dbAdmin), nil, nil, nil, nil).Read()
	if r.Err != nil {
		return 0, r.Err
	}
	n := 0
	_, err = fmt.Sscan(string(r.Rows[0][0]), &n)
	return n, err
}

// Secrets gives every credential that Vendors does not know of, for a leak
// search.
func (s *System) Secrets() []string {
	if s.databases == nil {
		return nil
	}
	return append(s.cache.Issued(), s.databases.admin)
}
