package fly_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/fly"
)

const (
	mint    = `mutation M($input: CreateLimitedAccessTokenInput!) { createLimitedAccessToken(input: $input) { limitedAccessToken { id name profile expiresAt tokenHeader } } }`
	revoke  = `mutation R($input: DeleteLimitedAccessTokenInput!) { deleteLimitedAccessToken(input: $input) { token } }`
	ids     = `query A($name: String!) { app(name: $name) { id organization { id slug } } }`
	tokens  = `query T($name: String!, $after: String) { app(name: $name) { limitedAccessTokens(first: 2, after: $after) { nodes { id name token revokedAt user { email } } pageInfo { hasNextPage endCursor } totalCount } } }`
	payload = "createLimitedAccessToken"
)

// order is the input of a mint as flyctl makes it.
func (w *world) order(name, expiry string) map[string]any {
	w.t.Helper()
	got := w.person().graphql(ids, map[string]any{"name": "web"})
	return map[string]any{"input": map[string]any{"name": name, "organizationId": got.text("data", "app", "organization", "id"),
		"profile": "deploy", "profileParams": map[string]any{"app_id": got.text("data", "app", "id")}, "expiry": expiry}}
}

func TestMintedTokenWorksUntilItIsRevoked(t *testing.T) {
	w := newWorld(t, fly.Config{RevocationLag: 30 * time.Second})
	made := w.person().graphql(mint, w.order("ci-2", "36h"))
	if made.at("errors") != nil {
		t.Fatal("minting has failed")
	}
	made.has([]any{"data", payload, "limitedAccessToken"}, "id", "name", "profile", "expiresAt", "tokenHeader")
	if got := made.instant("data", payload, "limitedAccessToken", "expiresAt"); !got.Equal(w.now.Add(36 * time.Hour).Truncate(time.Second)) {
		t.Errorf("it expires at %s", got)
	}
	header, id := made.text("data", payload, "limitedAccessToken", "tokenHeader"), made.text("data", payload, "limitedAccessToken", "id")
	if !strings.HasPrefix(header, "FlyV1 fm2_") || !strings.Contains(header, ",fm2_") {
		t.Error("the value is not a whole header of several macaroons")
	}
	bare := strings.TrimPrefix(header, "FlyV1 ")
	for scheme, authorization := range map[string]string{"flyctl's": header, "the documentation's": "Bearer " + bare, "both": "Bearer " + header} {
		if got := w.as(authorization).call("GET", "/v1/tokens/current", nil); got.code != 200 || got.text("tokens", 0, "token_id") != id {
			t.Errorf("%s scheme: status %d", scheme, got.code)
		}
	}
	w.as(header).call("GET", "/v1/tokens/current", nil).want(200).has([]any{"tokens", 0}, "token_id", "org_slug", "organization", "apps")

	for range 2 { // twice is answered alike
		if got := w.person().graphql(revoke, map[string]any{"input": map[string]any{"id": id}}); got.at("errors") != nil || got.text("data", "deleteLimitedAccessToken", "token") == "" {
			t.Fatal("revoking has failed")
		}
	}
	w.as(header).call("GET", "/v1/tokens/current", nil).want(200) // the feed of revocations lags
	w.pass(30 * time.Second)
	gone := w.as(header).call("GET", "/v1/tokens/current", nil).refused(401)
	cut := w.as(w.scoped[:len(w.scoped)/2]).call("GET", "/v1/tokens/current", nil).refused(401)
	if string(gone.raw) != string(cut.raw) {
		t.Error("a token that was cut short is answered unlike a revoked one")
	}
}

func TestTokensEnd(t *testing.T) {
	w := newWorld(t, fly.Config{})
	w.as(w.scoped).call("GET", "/v1/tokens/current", nil).want(200)
	w.pass(time.Hour)
	w.as(w.scoped).call("GET", "/v1/tokens/current", nil).refused(401)
	for name, authorization := range map[string]string{"none": "", "unknown": "Bearer nobody", "no scheme": w.session + "x"} {
		if got := w.as(authorization).call("GET", "/v1/apps/web/secrets", nil); got.code != 401 {
			t.Errorf("%s: status %d", name, got.code)
		}
	}
}

// Refusals of GraphQL come with status 200 and in the body.
func TestGraphQLRefusesInTheBody(t *testing.T) {
	w := newWorld(t, fly.Config{})
	_, ofOrg := w.AddOrgToken("acme", "ops", time.Hour)
	order := w.order("ci-2", "1h")
	noExpiry := w.order("ci-2", "soon")
	for name, c := range map[string]struct {
		as    string
		query string
		vars  map[string]any
		code  string
	}{
		"nobody":                  {"", ids, map[string]any{"name": "web"}, "UNAUTHORIZED"},
		"deploy token mints":      {w.scoped, mint, order, "FORBIDDEN"},
		"organisation token does": {ofOrg, mint, order, "FORBIDDEN"},
		"scoped token lists":      {w.scoped, tokens, map[string]any{"name": "web"}, "FORBIDDEN"},
		"scoped token revokes":    {w.scoped, revoke, map[string]any{"input": map[string]any{"id": w.id}}, "FORBIDDEN"},
		"no such app":             {w.session, ids, map[string]any{"name": "none"}, "NOT_FOUND"},
		"no such token":           {w.session, revoke, map[string]any{"input": map[string]any{"id": "none"}}, "NOT_FOUND"},
		"expiry is no duration":   {w.session, mint, noExpiry, "UNPROCESSABLE"},
		"no such field":           {w.session, `query { app(name: "web") { nothing } }`, nil, ""},
		"not GraphQL":             {w.session, `query {`, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := w.as(c.as).graphql(c.query, c.vars)
			if got.text("errors", 0, "message") == "" || got.text("errors", 0, "extensions", "code") != c.code {
				t.Errorf("errors: %v, want code %q", got.at("errors"), c.code)
			}
		})
	}
	if n := len(w.Tokens()); n != 3 {
		t.Errorf("%d tokens, want the three that were there", n)
	}
	w.person().call("POST", "/graphql", "{").want(400)
}

func TestTokenListComesInPages(t *testing.T) {
	w := newWorld(t, fly.Config{})
	for range 4 {
		w.AddDeployToken("web", "many", time.Hour)
	}
	seen, after := map[string]bool{}, any(nil)
	for pages := 1; ; pages++ {
		got := w.person().graphql(tokens, map[string]any{"name": "web", "after": after})
		at := []any{"data", "app", "limitedAccessTokens"}
		if got.number(append(at, "totalCount")...) != 5 {
			t.Fatalf("total %d, want 5", got.number(append(at, "totalCount")...))
		}
		for i := range got.list(append(at, "nodes")...) {
			got.has(append(at, "nodes", i), "id", "name", "token")
			seen[got.text(append(at, "nodes", i, "id")...)] = true
			if w.as("Bearer "+got.text(append(at, "nodes", i, "token")...)).call("GET", "/v1/tokens/current", nil).code != 401 {
				t.Error("what a list shows of a token opens something")
			}
		}
		after = got.at(append(at, "pageInfo", "endCursor")...)
		if got.at(append(at, "pageInfo", "hasNextPage")...) != true {
			if pages != 3 || len(seen) != 5 {
				t.Errorf("%d tokens on %d pages, want 5 on 3", len(seen), pages)
			}
			return
		}
	}
}

func TestDeployTokenOfTheMachinesAPI(t *testing.T) {
	w := newWorld(t, fly.Config{})
	made := w.person().call("POST", "/v1/apps/web/deploy_token", map[string]any{"expiry": "2h"}).want(200).has(nil, "token")
	w.as(made.text("token")).call("GET", "/v1/apps/web/secrets", nil).want(200)
	if len(made.body.(map[string]any)) != 1 {
		t.Error("the description has the token alone in the answer")
	}
	w.as(w.scoped).call("POST", "/v1/apps/web/deploy_token", map[string]any{}).refused(403)
	w.person().call("POST", "/v1/apps/web/deploy_token", map[string]any{"expiry": "soon"}).refused(400)
}

func TestScopedTokenKeepsToItsApp(t *testing.T) {
	w := newWorld(t, fly.Config{})
	w.AddApp("acme", "other", "")
	w.AddOrg("rival")
	w.AddApp("rival", "theirs", "")
	c := w.as(w.scoped)
	c.call("GET", "/v1/apps/web", nil).want(200).has(nil, "id", "internal_numeric_id", "name", "status", "machine_count", "organization")
	c.call("GET", "/v1/apps/other", nil).refused(403)
	c.call("GET", "/v1/apps/theirs/secrets", nil).refused(403)
	c.call("GET", "/v1/apps/none", nil).refused(404)
	c.call("POST", "/v1/apps/other/secrets/KEY", map[string]any{"value": "x"}).refused(403)
	if got := w.person().call("GET", "/v1/apps?org_slug=acme", nil).want(200); got.number("total_apps") != 2 || len(got.list("apps")) != 2 {
		t.Errorf("apps: %v", got.at("apps"))
	}
	if w.as("").call("GET", "/v1/nothing", nil).code != 404 {
		t.Error("an unknown path is not 404")
	}
}
