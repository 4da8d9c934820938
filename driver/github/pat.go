package github

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

const (
	opVerify   = "verify token"
	opIdentify = "identify token"
	opRevoke   = "revoke token"
)

// tokensPage is where a person makes and ends tokens.
const tokensPage = "https://github.com/settings/tokens"

// prefixed is a token that GitHub takes back by value (REST description,
// "Revoke a list of credentials"): classic and fine-grained personal access
// tokens, tokens of OAuth apps, tokens and refresh tokens of users of apps.
var prefixed = regexp.MustCompile(`^(ghp_|github_pat_|gho_|ghu_|ghr_)[A-Za-z0-9_]{30,}$`)

// unprefixed is a classic token from before April 2021, which still works and
// is not taken back by value.
var unprefixed = regexp.MustCompile(`^[0-9a-f]{40}$`)

// Mint is a person's work: GitHub has no call for it.
func (c *conn) Mint(context.Context, driver.MintRequest) (driver.Minted, error) {
	return driver.Minted{}, &driver.Error{Op: "mint token", Kind: driver.Unsupported, Effect: pawl.EffectNone,
		Why: "GitHub has no call that makes a personal access token", Next: "make one at " + tokensPage + " and hand it over"}
}

// List cannot be done: only apps may list tokens, and only fine-grained ones.
func (c *conn) List(_ context.Context, t driver.Target) ([]driver.Credential, error) {
	return nil, unsupported("list tokens", t.Kind)
}

// Verify asks who the token belongs to, with the token itself. GitHub answers
// 401 to a token that it does not know or has revoked.
func (c *conn) Verify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Verdict, error) {
	if t.Kind != kindPAT {
		return "", unsupported(opVerify, t.Kind)
	}
	_, _, err := c.whoIs(ctx, opVerify, value)
	switch {
	case err == nil:
		return driver.Accepted, nil
	case status(err) == http.StatusUnauthorized:
		return driver.Refused, nil
	default:
		return "", err
	}
}

// user is the account that a token belongs to.
type user struct {
	Login string `json:"login"`
}

func (c *conn) whoIs(ctx context.Context, op string, value secret.Parts) (user, rest.Response, error) {
	token, err := single(op, value)
	if err != nil {
		return user{}, rest.Response{}, err
	}
	var u user
	q := route{path: "/user"}.get(op, "a personal access token", nil)
	q.As = token
	a, err := c.call(ctx, q, &u)
	return u, a, err
}

func single(op string, value secret.Parts) (secret.Value, error) {
	token, ok := value[secret.Single]
	if !ok || token.Empty() {
		return secret.Value{}, invalid(op, "a personal access token", "its value is not known", "end it by hand at "+tokensPage)
	}
	return token, nil
}

// Identify names a token by its owner and its digest. GitHub tells of no
// number; the digest is what its audit log calls hashed_token. A value that
// has not the form of a token may be guessable, so it gets no digest.
func (c *conn) Identify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Credential, error) {
	if t.Kind != kindPAT {
		return driver.Credential{}, unsupported(opIdentify, t.Kind)
	}
	u, a, err := c.whoIs(ctx, opIdentify, value)
	if err != nil {
		return driver.Credential{}, err
	}
	if u.Login == "" {
		return driver.Credential{}, &driver.Error{Op: opIdentify, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the answer has no login"}
	}
	digest := ""
	err = value[secret.Single].Use(func(b []byte) error { digest = digestOf(b); return nil })
	if err != nil || digest == "" {
		return driver.Credential{}, invalid(opIdentify, u.Login, "the value has not the form of a GitHub token", "hand over a personal access token")
	}
	return driver.Credential{ID: "pat:" + u.Login + ":" + digest, ExpiresAt: expiry(a.Header)}, nil
}

// digestOf gives a token's SHA-256 in base64, "" for what is no token.
func digestOf(token []byte) string {
	if !prefixed.Match(token) && !unprefixed.Match(token) {
		return ""
	}
	sum := sha256.Sum256(token)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// expiry reads when the token that made a call ends; the zero time is never or
// not told. The zone comes as a name or as an offset.
func expiry(h http.Header) time.Time {
	text := h.Get("Github-Authentication-Token-Expiration")
	for _, layout := range []string{"2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// Revoke ends a token by its value. The call goes out without a credential:
// GitHub refuses it with one. It succeeds for a token that is already gone.
func (c *conn) Revoke(ctx context.Context, t driver.Target, cred driver.Credential, value secret.Parts) error {
	if t.Kind != kindPAT {
		return unsupported(opRevoke, t.Kind)
	}
	token, err := single(opRevoke, value)
	if err != nil {
		return err
	}
	known := false
	err = token.Use(func(b []byte) error { known = prefixed.Match(b); return nil })
	if err != nil || !known {
		return invalid(opRevoke, cred.ID, "GitHub takes back only tokens of the forms ghp_, github_pat_, gho_, ghu_ and ghr_ by their value",
			"end it by hand at "+tokensPage)
	}
	q := route{path: "/credentials/revoke"}.send(opRevoke, cred.ID, http.MethodPost, map[string]any{"credentials": []any{token}}, http.StatusAccepted)
	q.Anonymous = true
	_, err = c.call(ctx, q, nil)
	return err
}
