package upstash

import (
	"context"
	"net/http"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

// teams lists the teams of the account, which every key may: with the
// connection's key, or with the one that is given.
func (c *conn) teams(ctx context.Context, op string, as secret.Value) error {
	var got []struct{}
	err := c.call(ctx, rest.Request{Op: op, Method: http.MethodGet, Path: pathTeams, As: as}, &got)
	if err == nil && got == nil {
		return malformed(op, "", pawl.EffectNone, "the answer has no list in it")
	}
	return err
}

// verifyKey asks with the key itself.
func (c *conn) verifyKey(ctx context.Context, value secret.Parts) (driver.Verdict, error) {
	const op = "verify key"
	key, err := part(op, value, secret.Single)
	if err != nil {
		return "", err
	}
	err = c.teams(ctx, op, key)
	switch e := failure(err); {
	case e == nil:
		return driver.Accepted, nil
	case e.Kind == driver.Unauthenticated:
		return driver.Refused, nil
	default:
		return "", err
	}
}
