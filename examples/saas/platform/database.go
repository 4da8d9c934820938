package platform

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	loginLimit  = 5 * time.Second
	connections = 4 // to the tenant's database, at most
	tries       = 3 // of a statement: as it is, after the row was read again, after connections were made anew
)

// dialer opens a connection to an address that may be a name.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// database is the tenant's own PostgreSQL. It connects when it is first asked,
// and is safe for concurrent use.
type database struct {
	instead func(ctx context.Context, url string) error // logs in, where there is no server
	dial    dialer
	now     func() time.Time

	mu     sync.Mutex // guards what follows
	url    string
	pool   *pgxpool.Pool
	former sync.WaitGroup // pools of former URLs that still answer somebody
}

// config reads a URL. The error does not quote it: it has a password.
func (d *database) config(url string) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("database_url is no PostgreSQL URL: look at the tenant's row")
	}
	c.MaxConns, c.MinConns = connections, 0
	d.ways(c.ConnConfig)
	return c, nil
}

// ways has a connection made by dial, to whom names are left, and certificates
// held against the platform's own clock.
func (d *database) ways(c *pgx.ConnConfig) {
	c.ConnectTimeout, c.DialFunc = loginLimit, pgconn.DialFunc(d.dial)
	c.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	clock := func(t *tls.Config) {
		if t != nil {
			t.Time = d.now
		}
	}
	clock(c.TLSConfig)
	for _, other := range c.Fallbacks {
		clock(other.TLSConfig)
	}
}

// login connects anew with a URL, and ends the connection.
func (d *database) login(ctx context.Context, url string) error {
	if d.instead != nil {
		return d.instead(ctx, url)
	}
	c, err := d.config(url)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, loginLimit)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, c.ConnConfig)
	if err != nil {
		return unreachable(err)
	}
	return conn.Close(ctx)
}

// at gives the pool of a URL.
func (d *database) at(url string) (*pgxpool.Pool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pool != nil && d.url == url {
		return d.pool, nil
	}
	c, err := d.config(url)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), c) // it connects when it is used
	if err != nil {
		return nil, unreachable(err)
	}
	if former := d.pool; former != nil {
		d.former.Go(former.Close) // which waits for those who work with it
	}
	d.url, d.pool = url, pool
	return pool, nil
}

func (d *database) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pool != nil {
		d.pool.Close()
	}
	d.former.Wait()
}

// withDatabase works with the tenant's database. When the login fails, the row
// is read again before the work does; when a connection has broken, all are made
// anew. So work may be begun three times, and what a broken connection took along
// may have been done.
func (s *Server) withDatabase(ctx context.Context, work func(context.Context, *pgxpool.Pool) error) error {
	row, err := s.row.get(ctx)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		pool, err := s.database.at(row.DatabaseURL)
		if err == nil {
			err = work(ctx, pool)
		}
		if err == nil || try == tries || ctx.Err() != nil {
			return unreachable(err)
		}
		switch {
		case loginFailed(err) || pool == nil:
			if row, err = s.again(ctx, row); err != nil {
				return err
			}
		case broken(err):
			pool.Reset()
		default:
			return err
		}
	}
}

// again reads the row again, and gives what was known of it where the control
// plane cannot be asked: a login may work at the next try even so.
func (s *Server) again(ctx context.Context, seen reading) (reading, error) {
	row, err := s.row.again(ctx, seen)
	if err != nil && (!row.ok || errors.Is(err, errSealed)) {
		return row, err
	}
	if err != nil {
		s.log.WarnContext(ctx, err.Error())
	}
	return row, nil
}

func loginFailed(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect)
}

// broken reports whether a connection ended under a statement: the server said
// that it ends it (class 57P), or said nothing any more.
func broken(err error) bool {
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		return len(refusal.Code) == 5 && refusal.Code[:3] == "57P"
	}
	return !errors.Is(err, pgx.ErrNoRows) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// unreachable says why a login failed, without what it was tried with.
func unreachable(err error) error {
	if !loginFailed(err) {
		return err
	}
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) {
		return fmt.Errorf("database: the login is refused (SQLSTATE %s)", refusal.Code)
	}
	return errors.New("database: it cannot be reached")
}
