package redis

import (
	"cmp"
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Check logs in with the value and asks for a sign of life.
func (c *conn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	const op = "ping"
	if r.Target.Kind != kindPing {
		return driver.Finding{}, unsupported("check", r.Target.Kind)
	}
	if len(r.Value) == 0 {
		return driver.Finding{}, &driver.Error{Op: op, Kind: driver.NoValue, Effect: pawl.EffectNone, Why: "this check logs in with the value, and pawl does not hold it"}
	}
	at, user, password, why := c.account(r.Target.Settings, r.Value)
	if why != "" {
		return driver.Finding{}, invalid(op, "", why, "")
	}
	s, err := c.dial(ctx, op, user, at)
	if err != nil {
		return driver.Finding{}, err
	}
	defer s.close()
	if err = s.auth(user, password); err == nil {
		_, err = s.ask("PING")
	}
	return found(err)
}

// found tells an answer about the login, which is a finding, from an outage.
// A user that may not PING has logged in.
func found(err error) (driver.Finding, error) {
	e := driver.AsError("ping", err)
	switch {
	case e == nil:
		return driver.Finding{State: driver.Passed, Detail: "it logs in and the server answers"}, nil
	case e.Kind == driver.Denied:
		return driver.Finding{State: driver.Passed, Detail: "it logs in; the user may not PING"}, nil
	case e.Kind == driver.Unauthenticated:
		return driver.Finding{State: driver.Failed, Detail: "the server refuses the login"}, nil
	default:
		return driver.Finding{}, e
	}
}

// account gives where and as whom a value logs in.
func (c *conn) account(s estate.Settings, value secret.Parts) (at place, user string, password secret.Value, why string) {
	at = c.at
	if tmpl := s.String("url"); tmpl != "" {
		rendered, err := estate.Render(tmpl, value, nil)
		if err != nil {
			return at, "", secret.Value{}, "url: " + err.Error()
		}
		if !at.read(rendered, &user, &password) {
			return at, "", secret.Value{}, "url: it is not a URL redis:// or rediss:// with a password"
		}
		return at, user, password, ""
	}
	password, err := estate.Render(s.String("password"), value, nil)
	if err != nil {
		return at, "", secret.Value{}, "password: " + err.Error()
	}
	return at, cmp.Or(s.String("user"), defaultUser), password, ""
}

// read takes what a URL says, redis://user:password@host:port/0. With rediss
// there is TLS, as strict as the connection's own.
func (p *place) read(rendered secret.Value, user *string, password *secret.Value) bool {
	ok := false
	_ = rendered.Use(func(b []byte) error { // it was made just now
		u, err := url.Parse(string(b))
		if err != nil || u.User == nil {
			return nil
		}
		switch {
		case u.Scheme == "redis":
			p.mode = tcp.Disable
		case u.Scheme == "rediss" && p.mode == tcp.Disable:
			p.mode = tcp.VerifyFull
		case u.Scheme != "rediss":
			return nil
		}
		plain, has := u.User.Password()
		*user, *password = cmp.Or(strings.TrimSpace(u.User.Username()), defaultUser), secret.NewString(plain)
		p.host, p.port = cmp.Or(u.Hostname(), p.host), defaultPort
		if n, err := strconv.Atoi(u.Port()); err == nil {
			p.port = n
		}
		ok = has && p.port > 0 && p.port < 1<<16
		return nil
	})
	return ok
}
