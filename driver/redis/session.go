package redis

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/secret"
)

const defaultPort = 6379

// defaultUser is whom a connection is that says only a password.
const defaultUser = "default"

// place is where to log in.
type place struct {
	host, mode, ca string
	port           int
}

// session is one connection, for one act. It ends with the act's context, and
// nothing is sent over it twice.
type session struct {
	op, on string
	dialer *tcp.Dialer
	line   io.Closer
	wire   *wire
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
	s := &session{op: op, on: on, dialer: tcp.NewDialer(ctx, c.env)}
	if err := ctx.Err(); err != nil {
		return nil, tcp.Failure(ctx, op, on, false, err)
	}
	config, err := tcp.Config(at.mode, at.host, at.ca, c.env.Now)
	if err != nil {
		return nil, invalid(op, on, "tls or ca: "+err.Error(), "")
	}
	line, err := s.dialer.DialTLS(config)(ctx, "tcp", tcp.Address(at.host, at.port))
	if err != nil {
		return nil, s.dialer.Failure(op, on, false, err)
	}
	s.line, s.wire = line, newWire(line)
	return s, nil
}

// close ends the connection. A server forgets a client whose connection is
// gone.
func (s *session) close() {
	_ = s.line.Close()
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
func (s *session) do(args ...string) error {
	before := s.dialer.Sent()
	_, err := s.wire.do(args...)
	return s.failure(s.dialer.Sent() > before, err)
}

// ask sends one command that changes nothing. The answer of a server that has
// none is nil.
func (s *session) ask(args ...string) (any, error) {
	answer, err := s.wire.do(args...)
	return answer, s.failure(false, err)
}

// failure makes the error of a command; nil when err is. The server's own text
// is never told, but for the word it begins with: it may quote the command.
func (s *session) failure(sent bool, err error) error {
	if err == nil {
		return nil
	}
	var told refusal
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
