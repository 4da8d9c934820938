package fly

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// The profiles of tokens. User is the session of a person, which alone can
// mint; the other two are profiles that flyctl mints.
const (
	User         = "user"
	Organisation = "deploy_organization"
	Deploy       = "deploy"
)

// longLife is flyctl's default expiry: 175200 hours.
const longLife = 175200 * time.Hour

// token is one credential.
type token struct {
	id, root  string // the id to revoke by; the root is shown in lists and opens nothing
	name      string
	profile   string
	org       *org
	app       *app // for Deploy
	user      string
	bare      string // the header without "FlyV1 "
	macaroon  bool
	createdAt time.Time
	expiresAt time.Time
	revokedAt time.Time
}

// header is the whole value as minting shows it.
func (t *token) header() string {
	if t.macaroon {
		return "FlyV1 " + t.bare
	}
	return t.bare
}

// accepted reports whether the token opens anything at an instant.
func (t *token) accepted(at time.Time, lag time.Duration) bool {
	if at.Before(t.createdAt) || !t.expiresAt.IsZero() && !at.Before(t.expiresAt) {
		return false
	}
	return t.revokedAt.IsZero() || at.Before(t.revokedAt.Add(lag))
}

// reaches reports whether the token may use an app.
func (t *token) reaches(a *app) bool {
	if t.profile == Deploy {
		return t.app == a
	}
	return t.org == a.org
}

// find gives the token of a header that is accepted at an instant, or nil.
// Both "FlyV1 …" (fly-go) and "Bearer …" (the documentation) are understood,
// also one behind the other.
func (f *Fly) find(header string, at time.Time) *token {
	bare := strings.TrimPrefix(strings.TrimPrefix(header, "Bearer "), "FlyV1 ")
	if bare == "" {
		return nil
	}
	i := slices.IndexFunc(f.tokens, func(t *token) bool { return t.bare == bare })
	if i < 0 || !f.tokens[i].accepted(at, f.cfg.RevocationLag) {
		return nil
	}
	return f.tokens[i]
}

// caller gives the token that a call came with. Without one it answers as
// superfly/flyctl#5196 quotes, and gives nil.
func (f *Fly) caller(c *route.Call) *token {
	t := f.find(c.R.Header.Get("Authorization"), f.now())
	if t == nil {
		c.JSON(http.StatusUnauthorized, map[string]any{"error": "Authenticate: token validation error"})
	}
	return t
}

// allowed gives the app if the token may use it, else answers.
func (f *Fly) allowed(c *route.Call, t *token, name string) *app {
	a := f.apps[name]
	switch {
	case a == nil:
		fail(c, http.StatusNotFound, "app not found")
	case !t.reaches(a):
		fail(c, http.StatusForbidden, "Authorize: permission denied")
	default:
		return a
	}
	return nil
}

// order is what a token is minted from.
type order struct {
	name, profile, user string
	org                 *org
	app                 *app
	life                time.Duration
}

// mint makes a macaroon token. Real ones are several macaroons in one string,
// about 690 characters with a space and commas; these have two.
func (f *Fly) mint(o order) *token {
	first := f.macaroon(vendorsim.Canary)
	f.issued = append(f.issued, first)
	return f.keep(o, first+","+f.macaroon(""), true)
}

// macaroon makes one in its form: an array of nonce, location, caveats and
// tail in MessagePack, written in base64 (superfly/macaroon). The first
// letters after its head are mark, filled up with random ones.
func (f *Fly) macaroon(mark string) string {
	mark += f.id(12 - len(mark))
	text, err := base64.StdEncoding.DecodeString(mark) // letters and digits, a multiple of four
	if err != nil {
		panic("vendorsim/fly: " + err.Error())
	}
	const location = "https://api.fly.io/v1"
	b := []byte{0x94, 0x93, 0xc4, 18} // four things; of them the nonce has three: the key's id, randomness, and that it proves nothing
	b = append(b, f.id(2)...)
	b = append(b, text...)
	b = append(b, f.id(7)...)
	b = append(append(b, 0xc4, 16), f.id(16)...)
	b = append(b, 0xc2, 0xa0|byte(len(location)))
	b = append(append(b, location...), 0x92, 0x04, 0xc4, 60) // one caveat: its type, its body
	b = append(append(b, f.id(60)...), 0xc4, 32)
	return "fm2_" + base64.StdEncoding.EncodeToString(append(b, f.id(32)...))
}

func (f *Fly) keep(o order, bare string, macaroon bool) *token {
	t := &token{id: f.id(20), root: f.id(24), name: o.name, profile: o.profile, org: o.org, app: o.app, user: o.user,
		bare: bare, macaroon: macaroon, createdAt: f.now()}
	if o.life > 0 {
		t.expiresAt = t.createdAt.Add(o.life)
	}
	f.tokens = append(f.tokens, t)
	return t
}

// currentTokens answers who the caller is.
func (f *Fly) currentTokens(c *route.Call) {
	t := f.caller(c)
	if t == nil {
		return
	}
	id, apps := t.id, []string{}
	if f.cfg.OpaqueTokenIDs {
		id = "nonce-" + t.root
	}
	if t.app != nil {
		apps = append(apps, t.app.name)
	}
	info := map[string]any{"token_id": id, "org_slug": t.org.slug, "organization": t.org.slug, "apps": apps}
	if t.profile == User {
		info["user"] = t.user
	}
	c.JSON(http.StatusOK, map[string]any{"tokens": []any{info}})
}

// deployToken mints by the Machines API: the answer has no id. Who may call it
// is not documented; here it is a person's session, as for GraphQL.
func deployToken(f *Fly, c *route.Call, a *app) {
	t := f.caller(c)
	if t == nil {
		return
	}
	if t.profile != User {
		fail(c, http.StatusForbidden, "Authorize: scoped tokens cannot mint other tokens")
		return
	}
	var in struct {
		Expiry string `json:"expiry"`
	}
	life, err := longLife, c.Read(&in)
	if err == nil && in.Expiry != "" {
		life, err = time.ParseDuration(in.Expiry)
	}
	if err != nil {
		fail(c, http.StatusBadRequest, "invalid expiry")
		return
	}
	made := f.mint(order{name: "flyctl deploy token", profile: Deploy, user: t.user, org: a.org, app: a, life: life})
	c.JSON(http.StatusOK, map[string]any{"token": made.header()})
}
