package fly

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

// The operations are those of flyctl, but for the id of a new token, which
// flyctl does not ask for and without which it cannot be revoked.
const (
	findApp   = `query App($name: String!) { app(name: $name) { id organization { id } } }`
	findOrg   = `query Organization($slug: String!) { organization(slug: $slug) { id } }`
	tokenPart = `limitedAccessTokens(first: 100, after: $after) { nodes { id name profile createdAt expiresAt revokedAt } pageInfo { hasNextPage endCursor } }`
	listApp   = `query AppTokens($name: String!, $after: String) { app(name: $name) { ` + tokenPart + ` } }`
	listOrg   = `query OrganizationTokens($slug: String!, $after: String) { organization(slug: $slug) { ` + tokenPart + ` } }`
	create    = `mutation CreateLimitedAccessToken($input: CreateLimitedAccessTokenInput!) { createLimitedAccessToken(input: $input) { limitedAccessToken { id name createdAt expiresAt tokenHeader } } }`
	remove    = `mutation DeleteLimitedAccessToken($input: DeleteLimitedAccessTokenInput!) { deleteLimitedAccessToken(input: $input) { token } }`
)

// token is Fly's record of a token.
type token struct {
	ID, Name, Profile    string
	CreatedAt, ExpiresAt time.Time
	RevokedAt            *time.Time
	TokenHeader          string // at minting only
}

func (t token) credential() driver.Credential {
	return driver.Credential{ID: t.ID, Name: t.Name, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt}
}

// owner is what tokens of a kind belong to.
type owner struct {
	kind, app, on string
	profile       string // Fly's word for the kind
	list          string
	vars          map[string]any
}

func (c *conn) owner(op string, t driver.Target) (owner, error) {
	o := owner{kind: t.Kind, app: t.Settings.String("app")}
	switch t.Kind {
	case kindDeploy:
		o.on, o.profile, o.list, o.vars = o.app, "deploy", listApp, map[string]any{"name": o.app}
	case kindOrg:
		o.on, o.profile, o.list, o.vars = c.org, "deploy_organization", listOrg, map[string]any{"slug": c.org}
	default:
		return o, unsupported(op, t.Kind)
	}
	if o.on == "" {
		return o, &driver.Error{Op: op, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "the name of the app or organisation is empty"}
	}
	return o, nil
}

func unsupported(op, kind string) error {
	return &driver.Error{Op: op, Kind: driver.Unsupported, Effect: pawl.EffectNone, Why: fmt.Sprintf("the kind %q cannot do this", kind)}
}

// Mint makes a token.
func (c *conn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	o, err := c.owner("mint token", r.Target)
	if err != nil {
		return driver.Minted{}, err
	}
	if r.Name == "" {
		return driver.Minted{}, &driver.Error{Op: "mint token", On: o.on, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "the token's name is empty"}
	}
	input, err := c.order(ctx, o, r)
	if err != nil {
		return driver.Minted{}, err
	}
	a := act{op: "mint token", on: o.on, document: create, vars: map[string]any{"input": input}}
	var got struct {
		CreateLimitedAccessToken struct{ LimitedAccessToken token }
	}
	if err := c.graphql(ctx, a, &got); err != nil {
		return driver.Minted{}, hint(err, o, r)
	}
	made := got.CreateLimitedAccessToken.LimitedAccessToken
	if made.ID == "" || made.TokenHeader == "" {
		return driver.Minted{}, a.malformed("the answer has no token in it")
	}
	return driver.Minted{Credential: made.credential(), Value: secret.One(secret.NewString(made.TokenHeader))}, nil
}

// order is the input of the minting call. It needs Fly's own ids.
func (c *conn) order(ctx context.Context, o owner, r driver.MintRequest) (map[string]any, error) {
	a := act{op: "mint token", on: o.on, document: findOrg, vars: o.vars}
	if o.kind == kindDeploy {
		a.document = findApp
	}
	var got struct {
		App struct {
			ID           string
			Organization struct{ ID string }
		}
		Organization struct{ ID string }
	}
	if err := c.graphql(ctx, a, &got); err != nil {
		return nil, err
	}
	org, params := got.Organization.ID, map[string]any{}
	if o.kind == kindDeploy {
		org, params = got.App.Organization.ID, map[string]any{"app_id": got.App.ID}
	}
	if org == "" || o.kind == kindDeploy && got.App.ID == "" {
		return nil, a.malformed("the answer has no ids in it")
	}
	return map[string]any{"name": r.Name, "organizationId": org, "profile": o.profile, "profileParams": params, "expiry": hours(r.Target.Settings.Duration("expiry"))}, nil
}

// hours writes a lifetime as flyctl does.
func hours(d time.Duration) string {
	if d <= 0 {
		d = longLife
	}
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return d.String()
}

// hint tells a person whose token may not mint what to do.
func hint(err error, o owner, r driver.MintRequest) error {
	e := driver.AsError("mint token", err)
	if e.Kind != driver.Denied {
		return e
	}
	e.Next = "scoped tokens cannot mint: run fly auth login and give the connection the output of fly auth token; or mint by hand: " + command(o, r)
	return e
}

// command is what a person types to mint the same token.
func command(o owner, r driver.MintRequest) string {
	what := "deploy --app "
	if o.kind == kindOrg {
		what = "org --org "
	}
	return fmt.Sprintf("flyctl tokens create %s%s --name %q --expiry %s", what, o.on, r.Name, hours(r.Target.Settings.Duration("expiry")))
}

// List gives the tokens that are neither revoked nor expired.
func (c *conn) List(ctx context.Context, t driver.Target) ([]driver.Credential, error) {
	o, err := c.owner("list tokens", t)
	if err != nil {
		return nil, err
	}
	return c.list(ctx, "list tokens", o)
}

type page struct {
	LimitedAccessTokens struct {
		Nodes    []token
		PageInfo struct {
			HasNextPage bool
			EndCursor   string
		}
	}
}

func (c *conn) list(ctx context.Context, op string, o owner) ([]driver.Credential, error) {
	list, after := []driver.Credential{}, any(nil)
	for {
		a := act{op: op, on: o.on, document: o.list, vars: map[string]any{"after": after}}
		for k, v := range o.vars {
			a.vars[k] = v
		}
		var got struct{ App, Organization *page }
		if err := c.graphql(ctx, a, &got); err != nil {
			return nil, err
		}
		p := got.App
		if o.kind == kindOrg {
			p = got.Organization
		}
		if p == nil {
			return nil, a.malformed("the answer has no list in it")
		}
		for _, t := range p.LimitedAccessTokens.Nodes {
			if t.Profile == o.profile && t.RevokedAt == nil && (t.ExpiresAt.IsZero() || t.ExpiresAt.After(c.env.Now())) {
				list = append(list, t.credential())
			}
		}
		next := p.LimitedAccessTokens.PageInfo
		if !next.HasNextPage || next.EndCursor == "" || next.EndCursor == after {
			return list, nil
		}
		after = next.EndCursor
	}
}

// Revoke ends a token by its id. One that Fly does not know is gone, if it is
// not in the owner's list either: another organisation's session does not find
// a token that lives.
func (c *conn) Revoke(ctx context.Context, t driver.Target, gone driver.Credential, _ secret.Parts) error {
	o, err := c.owner("revoke token", t)
	if err != nil {
		return err
	}
	if gone.ID == "" {
		return &driver.Error{Op: "revoke token", On: o.on, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "the token's id is empty"}
	}
	a := act{op: "revoke token", on: o.on, document: remove, vars: map[string]any{"input": map[string]any{"id": gone.ID}}}
	var got struct {
		DeleteLimitedAccessToken *struct{ Token *string }
	}
	err = c.graphql(ctx, a, &got)
	switch {
	case kindOf(err) == driver.NotFound:
		return c.unlisted(ctx, o, gone.ID)
	case err != nil:
		return err
	case got.DeleteLimitedAccessToken == nil:
		return a.malformed("the answer does not say that the token was revoked")
	default:
		return nil
	}
}

// unlisted fails unless the owner's tokens can be listed and the id is not
// among them.
func (c *conn) unlisted(ctx context.Context, o owner, id string) error {
	list, err := c.list(ctx, "revoke token", o)
	if err != nil {
		return err
	}
	for _, t := range list {
		if t.ID == id {
			return &driver.Error{Op: "revoke token", On: o.on, Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "Fly lists the token and does not find it when it is to be revoked",
				Next: "use the session of a person who may revoke it"}
		}
	}
	return nil
}

// current asks Fly, with a token, what it is.
func (c *conn) current(ctx context.Context, op string, value secret.Parts) ([]string, error) {
	r := rest.Request{Op: op, Method: http.MethodGet, Path: pathCurrent, Safe: true, As: value[secret.Single]}
	if value != nil && value[secret.Single].Empty() {
		return nil, &driver.Error{Op: op, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "there is no value to ask about"}
	}
	var got struct {
		Tokens []struct {
			ID string `json:"token_id"`
		}
	}
	if _, err := c.api.Do(ctx, r, &got); err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(got.Tokens))
	for _, t := range got.Tokens {
		ids = append(ids, t.ID)
	}
	if len(ids) == 0 {
		return nil, &driver.Error{Op: op, Kind: driver.Malformed, Effect: pawl.EffectNone, Status: http.StatusOK, Why: "the answer names no token"}
	}
	return ids, nil
}

// Verify asks whether Fly takes a token.
func (c *conn) Verify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Verdict, error) {
	if _, err := c.owner("verify token", t); err != nil {
		return "", err
	}
	_, err := c.current(ctx, "verify token", orNothing(value))
	switch {
	case kindOf(err) == driver.Unauthenticated:
		return driver.Refused, nil
	case err != nil:
		return "", err
	default:
		return driver.Accepted, nil
	}
}

// orNothing keeps a missing value from meaning the connection's own.
func orNothing(value secret.Parts) secret.Parts {
	if value == nil {
		return secret.Parts{}
	}
	return value
}

// Identify finds a token's record from its value. Fly does not document that
// the id it gives for a value is the one to revoke by. It is believed only
// when the owner's list has the same id; if not, the token is not found.
func (c *conn) Identify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Credential, error) {
	const op = "identify token"
	o, err := c.owner(op, t)
	if err != nil {
		return driver.Credential{}, err
	}
	ids, err := c.current(ctx, op, orNothing(value))
	if err != nil {
		return driver.Credential{}, notTaken(err)
	}
	list, err := c.list(ctx, op, o)
	if err != nil {
		return driver.Credential{}, err
	}
	for _, id := range ids {
		for _, known := range list {
			if id != "" && known.ID == id {
				return known, nil
			}
		}
	}
	return driver.Credential{}, &driver.Error{Op: op, On: o.on, Kind: driver.NotFound, Effect: pawl.EffectNone,
		Why: "Fly takes the token, but the list of tokens does not have the id that it gives for it"}
}

// notTaken turns the refusal of a value into what it says about the value.
func notTaken(err error) error {
	e := driver.AsError("identify token", err)
	if e.Kind == driver.Unauthenticated && e.Status == http.StatusUnauthorized {
		e.Kind, e.Why, e.Next = driver.NotFound, "Fly does not take the token", ""
	}
	return e
}
