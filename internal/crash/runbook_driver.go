package crash

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// Where the issuers of database logins are in memory.
const (
	databaseHost = "database.test"
	redisHost    = "redis.test"

	rowsPath = "/rows" // of the database: org_instances
)

// aclUser is the user whose tokens the tenants have.
const aclUser = "tenants"

// principal stands in for a driver that speaks to a database by TCP. It is
// declared as that driver is, so that plans are the same, and mints users with
// passwords at a made-up vendor, so that every call can be killed and fail.
type principal struct {
	driver.Driver
	v    *vendor
	host string
	url  func(*vendorCred) string
}

// Open opens a connection.
func (p principal) Open(env driver.Env, _ estate.Settings) (driver.Conn, error) {
	c := &labConn{facts: p.v.facts, c: rest.New(rest.Config{Name: p.host, Base: "http://" + p.host, Env: env})}
	return &principalConn{labConn: c, v: p.v}, nil
}

// principalConn gives and takes values of two parts.
type principalConn struct {
	*labConn
	v *vendor
}

// Mint makes a user's password.
func (p *principalConn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	m, err := p.labConn.Mint(ctx, r)
	if err != nil {
		return m, err
	}
	m.Value = secret.Parts{"user": secret.NewString(cmp.Or(r.Name, aclUser)), "password": m.Value[secret.Single]}
	return m, nil
}

// Identify finds a credential by its password.
func (p *principalConn) Identify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Credential, error) {
	return p.labConn.Identify(ctx, t, password(value))
}

// Verify asks whether a password is accepted.
func (p *principalConn) Verify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Verdict, error) {
	return p.labConn.Verify(ctx, t, password(value))
}

// Check logs in with the value, or has rows written anew under it.
func (p *principalConn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	if r.Target.Kind == "reencrypt" {
		return p.rewrite(ctx, r)
	}
	if len(r.Value) == 0 {
		return driver.Finding{}, &driver.Error{Op: "log in", Kind: driver.NoValue, Effect: pawl.EffectNone, Why: "there is no value to log in with"}
	}
	r.Value = password(r.Value)
	return p.trial(ctx, r)
}

// rewrite is one call here: the rows' own kills are those of package
// envelope/reencrypt.
func (p *principalConn) rewrite(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	const op = "re-encrypt"
	if len(r.Value) == 0 || len(r.Accepted) == 0 {
		return driver.Finding{}, &driver.Error{Op: op, Kind: driver.NoValue, Effect: pawl.EffectNone, Why: "there are not both values"}
	}
	var keys []string
	for _, parts := range append([]secret.Parts{r.Value}, r.Accepted...) {
		err := parts[secret.Single].Use(func(b []byte) error { keys = append(keys, string(b)); return nil })
		if err != nil {
			return driver.Finding{}, err
		}
	}
	var answer struct{ Left int }
	if err := p.call(ctx, op, "POST", rowsPath, nil, map[string]any{"keys": keys}, &answer); err != nil {
		return driver.Finding{}, err
	}
	if answer.Left > 0 {
		return driver.Finding{State: driver.Failed, Final: true, Detail: "rows open with no key"}, nil
	}
	return driver.Finding{State: driver.Passed, Detail: "0 rows are left under another key"}, nil
}

// LastUsed tells when a consumer last had it.
func (p *principalConn) LastUsed(ctx context.Context, _ driver.Target, c driver.Credential) (time.Time, error) {
	var list []struct {
		ID   string
		Used time.Time `json:"used_at"`
	}
	if err := p.call(ctx, "last use", "GET", "/credentials", nil, nil, &list); err != nil {
		return time.Time{}, err
	}
	for _, have := range list {
		if have.ID == c.ID {
			return have.Used, nil
		}
	}
	return time.Time{}, &driver.Error{Op: "last use", On: c.ID, Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "it is not there"}
}

func password(value secret.Parts) secret.Parts { return secret.One(value["password"]) }

// partsOf is a credential as pawl holds it.
func partsOf(c *vendorCred) secret.Parts {
	return secret.Parts{"user": secret.NewString(cmp.Or(c.name, aclUser)), "password": secret.NewString(c.value)}
}

// databaseURL is a credential as the estate renders it for the control plane.
func databaseURL(c *vendorCred) string {
	return (&url.URL{Scheme: "postgresql", User: url.UserPassword(c.name, c.value), Host: saas.DatabaseHost, Path: saas.Database, RawQuery: "sslmode=require"}).String()
}

// redisURL is a token as the estate renders it for tenants.
func redisURL(c *vendorCred) string {
	return (&url.URL{Scheme: "rediss", User: url.UserPassword(aclUser, c.value), Host: saas.RedisHost + ":6379"}).String()
}

// logins is a vendor as consumers reach it, with a URL. A login counts as a use.
type logins struct {
	v    *vendor
	form func(*vendorCred) string

	one sync.Mutex // several consumers may log in at once
}

// Login logs in.
func (l *logins) Login(raw string) error {
	l.one.Lock()
	defer l.one.Unlock()
	for _, c := range l.v.creds {
		if l.form(c) == raw && !c.inactive {
			c.used = l.v.clock.Now()
			return nil
		}
	}
	return errors.New("the login is refused")
}

// Alive lists the users and tokens that are there.
func (l *logins) Alive() []saas.Credential {
	var list []saas.Credential
	for _, c := range l.v.creds {
		list = append(list, saas.Credential{ID: c.id, Value: l.form(c)})
	}
	return list
}

// factsOf gives what a driver declares about an issuer.
func factsOf(name, kind string) estate.IssuerFacts {
	spec, _ := all.Drivers().Spec(name)
	for _, k := range spec.Kinds {
		if k.Role == estate.RoleIssuer && k.Name == kind {
			return *k.Issuer
		}
	}
	return estate.IssuerFacts{}
}

var _ interface {
	driver.Issuer
	driver.Checker
	driver.Verifier
	driver.Identifier
	driver.Deactivator
	driver.UsageTeller
} = (*principalConn)(nil)
