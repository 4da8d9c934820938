package redis

import (
	"context"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// change is a new password for a user.
type change struct {
	user     string
	password secret.Value
	keep     string // how it outlives a restart
	command  []string
}

// mintOnce sends the one command, and has the server keep what it changed.
// When the command's answer is lost it looks: a login with the new password
// that is accepted shows that it was done. A refused one shows nothing, for
// the server may still be at it.
func (c *conn) mintOnce(ctx context.Context, s *session, ch change) error {
	err := s.do(ch.command...)
	if err == nil {
		return applied(s.keep(ch.keep))
	}
	if driver.AsError(s.op, err).Effect != pawl.EffectUnknown || ctx.Err() != nil {
		return err
	}
	if verdict, _ := c.try(ctx, c.at, ch.user, ch.password); verdict != driver.Accepted {
		return err
	}
	again, bad := c.openAfter(ctx, s, ch)
	if bad != nil {
		return applied(bad)
	}
	defer again.close()
	return applied(again.keep(ch.keep))
}

// openAfter logs in again after a change, which may have been of pawl's own
// password.
func (c *conn) openAfter(ctx context.Context, s *session, ch change) (*session, error) {
	if ch.user != c.user {
		return c.open(ctx, s.op, s.on)
	}
	again, err := c.dial(ctx, s.op, s.on, c.at)
	if err != nil {
		return nil, err
	}
	if err := again.auth(ch.user, ch.password); err != nil {
		again.close()
		return nil, err
	}
	return again, nil
}

// applied is an error after a change that was made; nil when there is none.
func applied(err error) error {
	if err == nil {
		return nil
	}
	e := *driver.AsError("", err)
	e.Effect = pawl.EffectApplied
	return &e
}
