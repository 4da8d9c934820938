package upstash

import (
	"context"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// issuer is what the kinds of issuers do each in their own way.
type issuer interface {
	mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error)
	list(ctx context.Context) ([]driver.Credential, error)
	revoke(ctx context.Context, gone driver.Credential, value secret.Parts) error
	verify(ctx context.Context, value secret.Parts) (driver.Verdict, error)
	identify(ctx context.Context, value secret.Parts) (driver.Credential, error)
	probe(ctx context.Context) ([]driver.Grant, error)
}

// issuer makes the issuer of a target. It fails for settings that cannot be,
// and for keys, which Upstash has no calls for.
func (c *conn) issuer(op string, t driver.Target) (issuer, error) {
	switch t.Kind {
	case kindPassword:
		at, err := id(op, t, "database")
		return &resetter{what: &database{c: c, id: at, byREST: t.Settings.String("verify_by") == byREST}}, err
	case kindACLUser:
		at, err := id(op, t, "database")
		return &aclUser{d: &database{c: c, id: at}, user: t.Settings.String("user")}, err
	case kindQStash:
		at, err := id(op, t, "user")
		return &resetter{what: &qstash{c: c, id: at}}, err
	default:
		return nil, unsupported(op, t.Kind)
	}
}

// Mint resets what a database or a QStash user has, or adds a token to a user.
func (c *conn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	i, err := c.issuer("mint "+r.Target.Kind, r.Target)
	if err != nil {
		return driver.Minted{}, err
	}
	return i.mint(ctx, r)
}

// List gives the credentials that live.
func (c *conn) List(ctx context.Context, t driver.Target) ([]driver.Credential, error) {
	i, err := c.issuer("list "+t.Kind, t)
	if err != nil {
		return nil, err
	}
	return i.list(ctx)
}

// Revoke ends a credential. One that is gone is ended.
func (c *conn) Revoke(ctx context.Context, t driver.Target, gone driver.Credential, value secret.Parts) error {
	i, err := c.issuer("revoke "+t.Kind, t)
	if err != nil {
		return err
	}
	return i.revoke(ctx, gone, value)
}

// Verify asks whether a value is accepted.
func (c *conn) Verify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Verdict, error) {
	if t.Kind == kindKey {
		return c.verifyKey(ctx, value)
	}
	i, err := c.issuer("verify "+t.Kind, t)
	if err != nil {
		return "", err
	}
	return i.verify(ctx, value)
}

// Identify finds the record of a value.
func (c *conn) Identify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Credential, error) {
	i, err := c.issuer("identify "+t.Kind, t)
	if err != nil {
		return driver.Credential{}, err
	}
	return i.identify(ctx, value)
}

// Probe asks with reading calls only.
func (c *conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	if t.Kind == "" || t.Kind == kindKey {
		return nil, c.teams(ctx, "probe", secret.Value{})
	}
	i, err := c.issuer("probe", t)
	if err != nil {
		return nil, err
	}
	return i.probe(ctx)
}
