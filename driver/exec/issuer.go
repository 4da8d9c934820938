package exec

import (
	"context"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Mint has the program make a credential. The old value is sent only where
// it is replaced: a password is often changed with the old one.
func (c *conn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	a := call{act: "mint", role: estate.RoleIssuer, target: r.Target, acts: true, gives: true,
		more: details{Name: r.Name, Version: r.Version, Old: r.Old}}
	if r.Target.Kind == kindReplaced {
		a.oldValue = r.OldValue
	}
	got, err := c.do(ctx, a)
	if err != nil {
		return driver.Minted{}, err
	}
	if got.Credential == nil || got.Credential.ID == "" {
		return driver.Minted{}, got.malformed("credential.id is missing")
	}
	if why := unusable(got.parts); why != "" {
		return driver.Minted{}, got.malformed(why)
	}
	return driver.Minted{Credential: *got.Credential, Value: got.parts}, nil
}

func unusable(parts secret.Parts) string {
	for _, v := range parts {
		if v.Empty() {
			return "a part of the value is empty"
		}
	}
	if len(parts) == 0 {
		return "the value is missing"
	}
	return ""
}

// List gives the credentials that the program knows of.
func (c *conn) List(ctx context.Context, t driver.Target) ([]driver.Credential, error) {
	if t.Kind == kindReplaced {
		return nil, unsupported("list", "there is only one credential")
	}
	got, err := c.do(ctx, call{act: "list", role: estate.RoleIssuer, target: t})
	if err != nil {
		return nil, err
	}
	for _, one := range got.Credentials {
		if one.ID == "" {
			return nil, got.malformed("a credential has no id")
		}
	}
	return got.Credentials, nil
}

// Revoke has the program end a credential.
func (c *conn) Revoke(ctx context.Context, t driver.Target, one driver.Credential, value secret.Parts) error {
	if t.Kind == kindReplaced {
		return unsupported("revoke", "the old credential ends when the new one is minted")
	}
	_, err := c.do(ctx, call{act: "revoke", role: estate.RoleIssuer, target: t, acts: true,
		more: details{Credential: &one}, value: value})
	return err
}

// Verify asks the program whether a value is accepted.
func (c *conn) Verify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Verdict, error) {
	got, err := c.do(ctx, call{act: "verify", role: estate.RoleIssuer, target: t, value: value})
	if err != nil {
		return "", err
	}
	if v := driver.Verdict(got.Verdict); known(v, driver.Accepted, driver.Refused) {
		return v, nil
	}
	return "", got.malformed("verdict must be accepted or refused")
}

func unsupported(act, why string) error {
	return &driver.Error{Op: "run program to " + act, Kind: driver.Unsupported, Effect: pawl.EffectNone, Why: why}
}
