package postgres

import (
	"context"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/secret"
)

// askedFor are the ways of asking for a password. A login that succeeds
// without one proves nothing.
const askedFor = "password,md5,scram-sha-256"

// Verify logs in with a value.
func (c *conn) Verify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Verdict, error) {
	const op = "log in"
	switch t.Kind {
	case kindRole:
		if _, err := c.roles(op, t); err != nil {
			return "", err
		}
		user, err := userOf(op, value)
		if err != nil {
			return "", err
		}
		return c.try(ctx, user, value[partPassword])
	case kindPassword:
		user := t.Settings.String("role")
		if why := nameFault(user); why != "" {
			return "", invalid(op, user, why, "check role")
		}
		return c.try(ctx, user, value[secret.Single])
	default:
		return "", unsupported(op, t.Kind)
	}
}

// try logs in and out again.
func (c *conn) try(ctx context.Context, user string, password secret.Value) (driver.Verdict, error) {
	const op = "log in"
	if err := ctx.Err(); err != nil {
		return "", tcp.Failure(ctx, op, user, false, err)
	}
	if password.Empty() {
		return "", invalid(op, user, "the value has no password", "")
	}
	s, err := c.login(ctx, op, user, c.at, user, password, askedFor)
	switch {
	case err == nil:
		s.close()
		return driver.Accepted, nil
	case refused(err):
		return driver.Refused, nil
	default:
		return "", s.loginFailure(err)
	}
}
