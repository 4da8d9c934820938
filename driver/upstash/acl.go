package upstash

import (
	"context"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// aclUser is the issuer of tokens of an ACL user of a database. The driver
// redis adds, removes and tries them; where the database is, and the password
// of the user default who may do so, is asked anew for each act.
type aclUser struct {
	d    *database
	user string
}

// target is the user as the driver redis knows it. Upstash takes only tokens of
// its own making (page "ACL SETUSER"), and keeps users itself.
func (a *aclUser) target() driver.Target {
	return driver.Target{Kind: "acl_user", Settings: estate.Settings{"user": a.user, "gentoken": true, "persist": "none"}}
}

func (a *aclUser) open(ctx context.Context, op string) (server, error) {
	if a.user == defaultUser {
		return nil, invalid(op, a.user, "Upstash does not let the user default be changed", "use the kind "+kindPassword)
	}
	at, err := a.d.show(ctx, op, true)
	if err != nil {
		return nil, err
	}
	return a.d.server(op, at)
}

func (a *aclUser) mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	s, err := a.open(ctx, "add a token")
	if err != nil {
		return driver.Minted{}, err
	}
	r.Target = a.target()
	m, err := s.Mint(ctx, r)
	if err != nil {
		return driver.Minted{}, err
	}
	m.Credential.Name = a.user
	m.Value = secret.Parts{partUser: secret.NewString(a.user), partPassword: m.Value[secret.Single]}
	return m, nil
}

// alone gives the token in the form that the driver redis takes.
func alone(value secret.Parts) secret.Parts {
	if v, ok := value[partPassword]; ok {
		return secret.One(v)
	}
	return nil
}

func (a *aclUser) list(ctx context.Context) ([]driver.Credential, error) {
	s, err := a.open(ctx, "list tokens")
	if err != nil {
		return nil, err
	}
	list, err := s.List(ctx, a.target())
	for i := range list {
		list[i].Name = a.user
	}
	return list, err
}

func (a *aclUser) revoke(ctx context.Context, gone driver.Credential, value secret.Parts) error {
	s, err := a.open(ctx, "remove a token")
	if err != nil {
		return err
	}
	return s.Revoke(ctx, a.target(), gone, alone(value))
}

func (a *aclUser) verify(ctx context.Context, value secret.Parts) (driver.Verdict, error) {
	const op = "verify token"
	token, err := of(op, a.user, value)
	if err != nil {
		return "", err
	}
	return a.d.login(ctx, op, a.target(), token)
}

func (a *aclUser) identify(ctx context.Context, value secret.Parts) (driver.Credential, error) {
	s, err := a.open(ctx, "identify a token")
	if err != nil {
		return driver.Credential{}, err
	}
	c, err := s.Identify(ctx, a.target(), alone(value))
	if err != nil {
		return driver.Credential{}, err
	}
	c.Name = a.user
	return c, nil
}

func (a *aclUser) probe(ctx context.Context) ([]driver.Grant, error) {
	s, err := a.open(ctx, "probe")
	if err != nil {
		return refused(driver.Grant{Need: "read the credentials of " + a.d.id}, err)
	}
	return s.Probe(ctx, a.target())
}
