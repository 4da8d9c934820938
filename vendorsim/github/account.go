package github

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// TokenKind is a form of credential.
type TokenKind string

// The kinds of credentials.
const (
	Classic      TokenKind = "classic"      // ghp_: has scopes
	FineGrained  TokenKind = "fine_grained" // github_pat_: has permissions on chosen repositories
	Installation TokenKind = "installation" // ghs_: of an app, belongs to nobody
)

// Token is a credential to be added. Classic tokens have scopes, the others
// permissions by name ("secrets": "write").
type Token struct {
	Kind        TokenKind
	Login       string
	Scopes      []string
	Permissions map[string]string
	Repos       []string // "owner/name"; none is all. Not for Classic
	ExpiresAt   time.Time
}

type account struct {
	Token
	id        int64
	value     string
	revokedAt time.Time
	calls     window
	writes    window
}

func (a *account) accepted(at time.Time, lag time.Duration) bool {
	if !a.ExpiresAt.IsZero() && !at.Before(a.ExpiresAt) {
		return false
	}
	return a.revokedAt.IsZero() || at.Before(a.revokedAt.Add(lag))
}

func (g *GitHub) find(value string, at time.Time) *account {
	i := slices.IndexFunc(g.accounts, func(a *account) bool { return a.value == value })
	if i < 0 || !g.accounts[i].accepted(at, g.cfg.RevocationLag) {
		return nil
	}
	return g.accounts[i]
}

// caller gives the account of a call, inside its rate limits, or answers.
func (g *GitHub) caller(c *route.Call) *account {
	header := c.R.Header.Get("Authorization")
	if header == "" {
		fail(c, http.StatusUnauthorized, "Requires authentication")
		return nil
	}
	scheme, value, _ := strings.Cut(header, " ")
	var a *account
	if sameName(scheme, "Bearer") || sameName(scheme, "token") {
		a = g.find(value, g.now())
	}
	if a == nil {
		fail(c, http.StatusUnauthorized, "Bad credentials")
		return nil
	}
	a.introduce(c.W.Header())
	if g.limited(c, a) {
		return nil
	}
	return a
}

// introduce sets the headers that tell of the token.
func (a *account) introduce(h http.Header) {
	if a.Kind == Classic {
		h.Set("X-OAuth-Scopes", strings.Join(a.Scopes, ", "))
	}
	if !a.ExpiresAt.IsZero() {
		h.Set("Github-Authentication-Token-Expiration", a.ExpiresAt.UTC().Format("2006-01-02 15:04:05 MST"))
	}
}

// need is what a call asks of a token.
type need struct {
	permission, level string // for fine-grained tokens and apps
	scope             string // for classic ones
}

// permits answers when the token lacks what is needed: with 404 where it
// cannot even see the thing, with 403 where it can.
func (a *account) permits(c *route.Call, r *repo, n need) bool {
	if a.Kind == Classic {
		c.W.Header().Set("X-Accepted-OAuth-Scopes", n.scope)
		if !slices.Contains(a.Scopes, n.scope) {
			notFound(c)
			return false
		}
		return true
	}
	if r != nil && len(a.Repos) > 0 && !slices.ContainsFunc(a.Repos, func(full string) bool { return sameName(full, r.full()) }) {
		notFound(c)
		return false
	}
	c.W.Header().Set("X-Accepted-GitHub-Permissions", n.permission+"="+n.level)
	got := a.Permissions[n.permission]
	if n.permission == "metadata" || got == n.level || got == "write" || got == "admin" {
		return true
	}
	fail(c, http.StatusForbidden, "Resource not accessible by "+a.noun())
	return false
}

func (a *account) noun() string {
	if a.Kind == Installation {
		return "integration"
	}
	return "personal access token"
}

func (g *GitHub) showUser(c *route.Call) {
	a := g.caller(c)
	switch {
	case a == nil:
	case a.Kind == Installation:
		fail(c, http.StatusForbidden, "Resource not accessible by integration")
	default:
		c.JSON(http.StatusOK, userView(a.Login, "User"))
	}
}

// revokeCredentials ends tokens by value. It is answered alike whether a token
// is known or not, and refused to callers that log in.
func (g *GitHub) revokeCredentials(c *route.Call) {
	if c.R.Header.Get("Authorization") != "" {
		fail(c, http.StatusForbidden, "This endpoint must be called without authentication")
		return
	}
	now := g.now()
	if g.cfg.LimitRevocations && !g.revocations.take(now, time.Hour, 60) {
		c.W.Header().Set("Retry-After", strconv.Itoa(int(g.revocations.until.Sub(now)/time.Second)+1))
		fail(c, g.limitCode(), "API rate limit exceeded")
		return
	}
	var in struct {
		Credentials []string `json:"credentials"`
	}
	if c.Read(&in) != nil || len(in.Credentials) == 0 || len(in.Credentials) > 1000 {
		fail(c, http.StatusUnprocessableEntity, "Validation Failed")
		return
	}
	for _, value := range in.Credentials {
		if a := g.find(value, now); a != nil && a.Kind != Installation && a.revokedAt.IsZero() {
			a.revokedAt = now
		}
	}
	c.JSON(http.StatusAccepted, map[string]any{})
}
