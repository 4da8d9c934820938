package resend

import (
	"context"
	"errors"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
)

const opProbe = "probe"

// Probe asks with reading calls only. Only a key of full access is answered,
// and such a key may do everything (the page "API Keys").
func (c *conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	switch t.Kind {
	case "":
		return c.reads(ctx, pathDomains, "a key of full access that Resend takes")
	case kindKey:
		return c.reads(ctx, pathKeys, "mint, list and delete the team's keys")
	case kindDomain:
		return c.reads(ctx, pathDomains, "read the team's domains")
	case kindSeen, kindSend:
		return c.reads(ctx, pathEmails, "read the team's emails")
	default:
		return nil, unsupported(opProbe, t.Kind)
	}
}

// reads turns the outcome of a reading call into a grant. What is neither a
// yes nor a no stays an error.
func (c *conn) reads(ctx context.Context, path, need string) ([]driver.Grant, error) {
	g := driver.Grant{Need: need, Has: driver.Yes}
	_, _, err := first[struct{}](ctx, c, rest.Request{Op: opProbe, Path: path}, 1, "")
	switch {
	case errors.Is(err, errRestricted):
		g.Has, g.Detail = driver.No, "the connection's key may only send; it needs full access"
	case err != nil:
		return nil, err
	}
	return []driver.Grant{g}, nil
}
