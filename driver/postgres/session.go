package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/secret"
)

const (
	defaultPort = 5432

	// maxMessage bounds one message of the server, in bytes.
	maxMessage = 16 << 20

	// farewell bounds how long the end of a session is waited for.
	farewell = 5 * time.Second
)

// place is where to log in.
type place struct {
	host, database, mode, ca string
	port                     int
}

// session is one login, for one act.
type session struct {
	ctx    context.Context
	op, on string
	pg     *pgconn.PgConn
	dialer *tcp.Dialer
}

// open logs in as the connection's own role.
func (c *conn) open(ctx context.Context, op, on string) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, tcp.Failure(ctx, op, on, false, err)
	}
	if c.env.Credential == nil {
		return nil, &driver.Error{Op: op, On: on, Kind: driver.Unauthenticated, Effect: pawl.EffectNone, Why: "the connection has no credential"}
	}
	own, err := c.env.Credential(ctx)
	if err != nil {
		return nil, &driver.Error{Op: op, On: on, Kind: driver.Unauthenticated, Effect: pawl.EffectNone, Why: "the connection's credential cannot be had", Err: err}
	}
	s, err := c.login(ctx, op, on, c.at, c.user, own, "")
	if err != nil {
		return nil, s.loginFailure(err)
	}
	return s, nil
}

// login logs in. auth lists the ways in which the server may ask for the
// password, "" is every way and not at all. The error is the library's: it may
// hold values, and the session's loginFailure is to class it before anybody
// sees it.
func (c *conn) login(ctx context.Context, op, on string, at place, user string, password secret.Value, auth string) (*session, error) {
	s := &session{ctx: ctx, op: op, on: on, dialer: tcp.NewDialer(ctx, c.env)}
	config, err := c.config(at, user, s.dialer)
	if err != nil {
		return s, err
	}
	config.RequireAuth = auth
	err = password.Use(func(b []byte) error { config.Password = string(b); return nil })
	if err != nil {
		return s, err
	}
	s.pg, err = pgconn.ConnectConfig(ctx, config)
	return s, err
}

// config makes a configuration that owes nothing to this process's environment
// and files. The library makes one only by parsing, which reads them; what
// matters is set again afterwards.
func (c *conn) config(at place, user string, dialer *tcp.Dialer) (*pgconn.Config, error) {
	config, err := pgconn.ParseConfig("host=127.0.0.1 port=5432 user=pawl password=none sslmode=disable target_session_attrs=any " +
		"min_protocol_version=3.0 max_protocol_version=3.0 channel_binding=prefer require_auth=''")
	if err != nil {
		return nil, &driver.Error{Kind: driver.Internal, Effect: pawl.EffectNone, Why: "PostgreSQL's own environment variables cannot be understood", Next: "unset PGSERVICE and the other variables that begin with PG"}
	}
	config.Host, config.Port, config.Database, config.User = at.host, uint16(at.port), at.database, user
	config.TLSConfig, err = tcp.Config(at.mode, at.host, at.ca, c.env.Now)
	if err != nil {
		return nil, &driver.Error{Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "sslmode or ca: " + err.Error()}
	}
	config.Fallbacks, config.ValidateConnect, config.ConnectTimeout = nil, nil, 0
	config.RuntimeParams = map[string]string{"application_name": "pawl", "client_encoding": "UTF8"}
	config.DialFunc = dialer.Dial
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.MaxProtocolMessageBodyLen = maxMessage
	return config, nil
}

// close ends the session. What it could not say does not matter: the server
// ends a session whose connection is gone.
func (s *session) close() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), farewell)
	defer cancel()
	_ = s.pg.Close(ctx)
	<-s.pg.CleanupDone()
}

// do runs statements in one transaction and one request: all of them happen,
// or none.
func (s *session) do(statements string) error {
	before := s.dialer.Sent()
	_, err := s.pg.Exec(s.ctx, statements).ReadAll()
	return s.failure(s.dialer.Sent() > before, err)
}

// ask runs one statement that changes nothing and gives its rows as text; NULL
// is "".
func (s *session) ask(query string, params ...string) ([][]string, error) {
	values := make([][]byte, len(params))
	for i, p := range params {
		values[i] = []byte(p)
	}
	result := s.pg.ExecParams(s.ctx, query, values, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, s.failure(false, result.Err)
	}
	rows := make([][]string, len(result.Rows))
	for i, row := range result.Rows {
		for _, cell := range row {
			rows[i] = append(rows[i], string(cell))
		}
	}
	return rows, nil
}
