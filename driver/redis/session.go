package redis

import (
	"context"
	"errors"
	"io"
	"strings"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/secret"
)

const defaultPort = 6379

// defaultUser is whom a connection is that says only a password.
const defaultUser = "default"

// noDeadline has the library set no deadlines: the connection ends with the
// act's context.
const noDeadline = -2

// place is where to log in.
type place struct {
	host, mode, ca string
	port           int
}

// session is one connection, for one act.
type session struct {
	ctx    context.Context
	op, on string
	dialer *tcp.Dialer
	line   io.Closer
	client *goredis.Client
	conn   *goredis.Conn
}

// open logs in as the connection's own user.
func (c *conn) open(ctx context.Context, op, on string) (*session, error) {
	s, err := c.dial(ctx, op, on, c.at)
	if err != nil || c.env.Credential == nil {
		return s, err
	}
	own, err := c.env.Credential(ctx)
	if err != nil {
		s.close()
		return nil, &driver.Error{Op: op, On: on, Kind: driver.Unauthenticated, Effect: pawl.EffectNone, Why: "the connection's credential cannot be had", Err: err}
	}
	if err := s.auth(c.user, own); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// dial connects without logging in.
func (c *conn) dial(ctx context.Context, op, on string, at place) (*session, error) {
	s := &session{ctx: ctx, op: op, on: on, dialer: tcp.NewDialer(ctx, c.env)}
	if err := ctx.Err(); err != nil {
		return nil, tcp.Failure(ctx, op, on, false, err)
	}
	config, err := tcp.Config(at.mode, at.host, at.ca, c.env.Now)
	if err != nil {
		return nil, invalid(op, on, "tls or ca: "+err.Error(), "")
	}
	// Connected here and not by the library, which would log a failure.
	line, err := s.dialer.DialTLS(config)(ctx, "tcp", tcp.Address(at.host, at.port))
	if err != nil {
		return nil, s.dialer.Failure(op, on, false, err)
	}
	set := options()
	set.Dialer = tcp.Given(line)
	s.line, s.client = line, goredis.NewClient(set)
	s.conn = s.client.Conn()
	return s, nil
}

// options has the library do what it is told, once, over the one connection:
// no second attempt, no reconnection, nothing said of itself. It sends HELLO 2
// without a password, for AUTH, sent by auth, tells a refusal from a server
// that does not know HELLO.
func options() *goredis.Options {
	return &goredis.Options{
		Addr:     "the connection of the act",
		Protocol: 2, MaxRetries: -1, DialerRetries: 1, PoolSize: 1, PipelinePoolSize: -1, DisableIdentity: true,
		ReadTimeout: noDeadline, WriteTimeout: noDeadline,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// close ends the connection. A server forgets a client whose connection is
// gone.
func (s *session) close() {
	_ = s.conn.Close()
	_ = s.client.Close()
	_ = s.line.Close() // the library may not have taken it
}

// auth logs in. A refusal is Unauthenticated.
func (s *session) auth(user string, password secret.Value) error {
	var plain string
	if err := password.Use(func(b []byte) error { plain = string(b); return nil }); err != nil {
		return invalid(s.op, s.on, "the value was destroyed", "")
	}
	_, err := s.ask("AUTH", user, plain)
	return err
}

// do sends one command that changes something, once.
func (s *session) do(args ...any) error {
	before := s.dialer.Sent()
	_, err := s.conn.Do(s.ctx, args...).Result()
	return s.failure(s.dialer.Sent() > before, err)
}

// ask sends one command that changes nothing. The answer of a server that has
// none is nil.
func (s *session) ask(args ...any) (any, error) {
	answer, err := s.conn.Do(s.ctx, args...).Result()
	if errors.Is(err, goredis.Nil) {
		return nil, nil
	}
	return answer, s.failure(false, err)
}

// failure makes the error of a command; nil when err is. The server's own text
// is never told, but for the word it begins with: it may quote the command.
func (s *session) failure(sent bool, err error) error {
	if err == nil {
		return nil
	}
	var told goredis.Error
	if !errors.As(err, &told) {
		return s.dialer.Failure(s.op, s.on, sent, err)
	}
	e := &driver.Error{Op: s.op, On: s.on, Effect: pawl.EffectNone}
	e.Kind, e.Why, e.Next = class(told.Error())
	return e
}

// class sorts an answer by the word it begins with (documentation, "RESP
// protocol", simple errors; the words are those of the sources' shared errors).
func class(text string) (kind driver.ErrorKind, why, next string) {
	word, rest, _ := strings.Cut(text, " ")
	why = "the server answers " + word
	switch word {
	case "WRONGPASS", "NOAUTH":
		return driver.Unauthenticated, why, "check the user and its password"
	case "NOPERM":
		return driver.Denied, why, "give the connection's user the permissions that docs/drivers/zz_redis.md lists"
	case "LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "READONLY", "NOREPLICAS", "UNKILLABLE":
		return driver.Unavailable, why, ""
	case "ERR":
		switch {
		case strings.HasPrefix(rest, "max number of clients"):
			return driver.Limited, "the server has no room for another client", ""
		case strings.HasPrefix(rest, "unknown command"), strings.HasPrefix(rest, "unknown subcommand"):
			return driver.Unsupported, "the server does not know the command", ""
		case strings.HasPrefix(rest, "AUTH <password> called without any password"), strings.HasPrefix(rest, "invalid password"):
			return driver.Unauthenticated, "the server has no such password", "check the user and its password"
		}
		return driver.Invalid, why, ""
	default:
		if strings.ToUpper(word) != word || len(word) > 20 {
			return driver.Invalid, "the server refuses", "" // no word of the protocol
		}
		return driver.Invalid, why, ""
	}
}
