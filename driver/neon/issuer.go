package neon

import (
	"context"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// issuer is what the kinds of issuers do each in their own way.
type issuer interface {
	mint(ctx context.Context, name string) (driver.Minted, error)
	list(ctx context.Context, op string) ([]driver.Credential, error)
	revoke(ctx context.Context, c driver.Credential, value secret.Parts) error
	verify(ctx context.Context, value secret.Parts) (driver.Verdict, error)
	probe(ctx context.Context) ([]driver.Grant, error)
}

// issuer makes the issuer of a target. It fails for settings that cannot be.
func (c *conn) issuer(op string, t driver.Target) (issuer, error) {
	switch t.Kind {
	case kindKey:
		return &keys{c: c}, nil
	case kindOrgKey:
		return c.orgKeys(op, t)
	case kindRole:
		at, err := placeOf(op, t)
		return &roles{c: c, at: at}, err
	case kindPassword:
		at, err := placeOf(op, t)
		if err == nil {
			at.role, err = roleName(op, t.Settings.String("role"))
		}
		return &password{c: c, at: at}, err
	default:
		return nil, unsupported(op, t.Kind)
	}
}

// Mint makes a key, a role or a password.
func (c *conn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	i, err := c.issuer("mint "+r.Target.Kind, r.Target)
	if err != nil {
		return driver.Minted{}, err
	}
	return i.mint(ctx, r.Name)
}

// List gives the credentials that live.
func (c *conn) List(ctx context.Context, t driver.Target) ([]driver.Credential, error) {
	op := "list " + t.Kind
	i, err := c.issuer(op, t)
	if err != nil {
		return nil, err
	}
	return i.list(ctx, op)
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
	i, err := c.issuer("verify "+t.Kind, t)
	if err != nil {
		return "", err
	}
	return i.verify(ctx, value)
}

// Identify finds the record of a role or a password from its value. Of a key
// Neon tells nothing by which its value could be found.
func (c *conn) Identify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Credential, error) {
	op := "identify " + t.Kind
	i, err := c.issuer(op, t)
	if err != nil {
		return driver.Credential{}, err
	}
	finder, ok := i.(interface {
		identify(ctx context.Context, value secret.Parts) (driver.Credential, error)
	})
	if !ok {
		return driver.Credential{}, unsupported(op, t.Kind)
	}
	return finder.identify(ctx, value)
}

// LastUsed tells when a key was last used. Of roles Neon does not tell.
func (c *conn) LastUsed(ctx context.Context, t driver.Target, of driver.Credential) (time.Time, error) {
	op := "tell last use of " + t.Kind
	i, err := c.issuer(op, t)
	if err != nil {
		return time.Time{}, err
	}
	k, ok := i.(*keys)
	if !ok {
		return time.Time{}, unsupported(op, t.Kind)
	}
	return k.lastUsed(ctx, op, of)
}
