package github_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/github"
)

func TestWrongCredentials(t *testing.T) {
	w := newWorld(t, github.Config{})
	ends := w.AddToken(github.Token{Kind: github.FineGrained, Login: "octocat", ExpiresAt: w.now.Add(time.Hour)})
	got := w.as(ends).call("GET", "/user", nil).want(200).has(nil, simpleUser()...)
	if at := got.header.Get("Github-Authentication-Token-Expiration"); at != "2026-03-01 13:00:00 UTC" {
		t.Errorf("expiration %q", at)
	}
	w.pass(time.Hour)
	for name, token := range map[string]string{"none": "", "unknown": "ghp_nobody", "expired": ends} {
		if message := w.as(token).call("GET", secrets, nil).refused(401).text("message"); message == "" {
			t.Errorf("%s: no message", name)
		}
	}
	old := w.as("")
	old.header = http.Header{"Authorization": {"token " + w.admin}}
	old.call("GET", "/user", nil).want(200) // the older scheme
}

func TestWrongPermissions(t *testing.T) {
	w := newWorld(t, github.Config{})
	w.AddRepo("acme/other")
	reads := w.AddToken(github.Token{Kind: github.FineGrained, Login: "octocat", Repos: []string{"acme/site"}, Permissions: map[string]string{"secrets": "read"}})
	app := w.AddToken(github.Token{Kind: github.Installation, Permissions: map[string]string{"secrets": "write"}})
	scopeless := w.AddToken(github.Token{Kind: github.Classic, Login: "octocat", Scopes: []string{"gist"}})
	body := w.owner().sealed(secrets, "value")
	w.as(reads).call("GET", secrets, nil).want(200)
	denied := w.as(reads).call("PUT", secrets+"/TOKEN", body).refused(403)
	if denied.text("message") != "Resource not accessible by personal access token" || denied.header.Get("X-Accepted-Github-Permissions") != "secrets=write" {
		t.Errorf("%q, accepted %q", denied.text("message"), denied.header.Get("X-Accepted-Github-Permissions"))
	}
	w.as(reads).call("GET", "/repos/acme/other/actions/secrets", nil).refused(404) // not among its repositories
	w.as(reads).call("GET", site+"/dependabot/secrets", nil).refused(403)
	w.as(reads).call("GET", environments(w)[0], nil).refused(403)
	w.as(reads).call("GET", "/orgs/acme/actions/secrets", nil).refused(403)
	w.as(reads).call("POST", publish+"/dispatches", details(nil)).refused(403)
	w.as(app).call("PUT", secrets+"/TOKEN", body).want(201)
	if got := w.as(app).call("GET", "/user", nil).refused(403); got.text("message") != "Resource not accessible by integration" {
		t.Errorf("an app's token asks who it is: %q", got.text("message"))
	}
	hidden := w.as(scopeless).call("GET", secrets, nil).refused(404)
	if hidden.header.Get("X-Oauth-Scopes") != "gist" || hidden.header.Get("X-Accepted-Oauth-Scopes") != "repo" {
		t.Errorf("scopes %q, accepted %q", hidden.header.Get("X-Oauth-Scopes"), hidden.header.Get("X-Accepted-Oauth-Scopes"))
	}
	w.SetRepo("acme/site", false, true)
	w.owner().call("PUT", secrets+"/TOKEN", body).refused(403) // archived
	w.owner().call("GET", site+"/nothing", nil).refused(404)
}

func TestRevocationIsByValueAndLate(t *testing.T) {
	w := newWorld(t, github.Config{RevocationLag: time.Minute})
	old := w.AddToken(github.Token{Kind: github.Classic, Login: "octocat"})
	app := w.AddToken(github.Token{Kind: github.Installation})
	body := map[string]any{"credentials": []any{old, app, "ghp_nobody"}}
	w.owner().call("POST", "/credentials/revoke", body).refused(403) // it takes no credential
	nobody := w.as("")
	nobody.call("POST", "/credentials/revoke", map[string]any{"credentials": []any{}}).refused(422)
	for range 2 {
		nobody.call("POST", "/credentials/revoke", body).want(202)
	}
	w.as(old).call("GET", "/user", nil).want(200)
	w.pass(time.Minute)
	w.as(old).call("GET", "/user", nil).refused(401)
	w.as(app).call("GET", site, nil).want(200) // not of a kind that ends so
}

func TestRevocationsAreLimited(t *testing.T) {
	w := newWorld(t, github.Config{LimitRevocations: true})
	nobody, body := w.as(""), map[string]any{"credentials": []any{"ghp_nobody"}}
	for range 60 {
		nobody.call("POST", "/credentials/revoke", body).want(202)
	}
	if got := nobody.call("POST", "/credentials/revoke", body).refused(403); got.header.Get("Retry-After") != "3601" {
		t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
	}
}

func TestLimits(t *testing.T) {
	for as429, code := range map[bool]int{false: 403, true: 429} {
		w := newWorld(t, github.Config{HourlyLimit: 3, LimitsAs429: as429})
		c := w.owner()
		for i := range 3 {
			got := c.call("GET", "/user", nil).want(200)
			if got.header.Get("X-Ratelimit-Limit") != "3" || got.header.Get("X-Ratelimit-Remaining") != strconv.Itoa(2-i) || got.header.Get("X-Ratelimit-Used") != strconv.Itoa(i+1) {
				t.Errorf("call %d: %v", i, got.header)
			}
		}
		over := c.call("GET", "/user", nil).refused(code)
		reset, err := strconv.ParseInt(over.header.Get("X-Ratelimit-Reset"), 10, 64)
		if err != nil || reset != w.now.Add(time.Hour).Unix() || over.header.Get("X-Ratelimit-Remaining") != "0" || over.header.Get("Retry-After") != "" {
			t.Errorf("over the limit: %v", over.header)
		}
		shown := c.call("GET", "/rate_limit", nil).want(200).has(nil, "resources", "rate").has([]any{"resources"}, "core", "search").
			has([]any{"rate"}, "limit", "remaining", "reset", "used")
		if shown.number("rate", "used") != 3 || shown.number("rate", "remaining") != 0 {
			t.Errorf("the limits are %v", shown.at("rate"))
		}
		w.pass(time.Hour)
		c.call("GET", "/user", nil).want(200)
	}
}

func TestSecondaryLimit(t *testing.T) {
	for as429, code := range map[bool]int{false: 403, true: 429} {
		w := newWorld(t, github.Config{WritesPerMinute: 1, LimitsAs429: as429})
		c := w.owner()
		body := c.sealed(secrets, "value")
		c.call("PUT", secrets+"/TOKEN", body).want(201)
		got := c.call("PUT", secrets+"/TOKEN", body).refused(code)
		if got.header.Get("Retry-After") != "61" || got.header.Get("X-Ratelimit-Remaining") == "0" {
			t.Errorf("Retry-After %q, remaining %q", got.header.Get("Retry-After"), got.header.Get("X-Ratelimit-Remaining"))
		}
		c.call("GET", secrets, nil).want(200) // reading goes on
		w.pass(time.Minute)
		c.call("PUT", secrets+"/TOKEN", body).empty(204)
	}
}

func TestCallsSayWhoTheyAreAndWhichVersion(t *testing.T) {
	w := newWorld(t, github.Config{})
	c := w.owner()
	for version, code := range map[string]int{"2022-11-28": 200, "2026-03-10": 200, "2020-01-01": 400} {
		c.header = http.Header{"X-Github-Api-Version": {version}}
		got := c.call("GET", site, nil).want(code)
		if code == 200 && got.header.Get("X-Github-Api-Version-Selected") != version {
			t.Errorf("%s: selected %q", version, got.header.Get("X-Github-Api-Version-Selected"))
		}
	}
	c.header = http.Header{"User-Agent": {""}}
	c.call("GET", site, nil).refused(403)
}

func TestRepositoriesAndEnvironments(t *testing.T) {
	w := newWorld(t, github.Config{})
	w.AddRepo("acme/other")
	w.AddRepo("rival/theirs")
	c := w.owner()
	c.call("GET", site, nil).want(200).has(nil, minimalRepository()...).has(nil, "default_branch", "archived", "permissions")
	list := c.call("GET", "/orgs/acme/repos", nil).want(200).has([]any{1}, minimalRepository()...)
	if len(list.list()) != 2 {
		t.Errorf("the organisation has %d repositories, want 2", len(list.list()))
	}
	c.call("GET", site+"/environments", nil).want(200).has([]any{"environments", 0}, "id", "node_id", "name", "url", "html_url", "created_at", "updated_at")
	c.call("GET", site+"/environments/none/secrets/public-key", nil).refused(404)
}
