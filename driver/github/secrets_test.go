package github_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const fresh = "s3cr3t-value-4711"

func repoTarget() driver.Target {
	return driver.Target{Kind: "actions_secret", Settings: estate.Settings{"repo": "acme/site", "name": "TOKEN"}}
}

func orgTarget(kind string) driver.Target {
	return driver.Target{Kind: kind, Settings: estate.Settings{"org": "acme", "name": "TOKEN", "visibility": "all"}}
}

func put(t driver.Target) driver.Write {
	return driver.Write{Target: t, Value: secret.NewString(fresh), Version: 2}
}

func TestPutSealsForTheRightPlace(t *testing.T) {
	for _, tt := range []struct {
		target driver.Target
		path   string
	}{
		{repoTarget(), "/repos/acme/site/actions/secrets"},
		{driver.Target{Kind: "actions_environment_secret", Settings: estate.Settings{"repo": "acme/site", "environment": "prod/eu #1?", "name": "TOKEN"}},
			"/repos/acme/site/environments/prod%2Feu%20%231%3F/secrets"},
		{driver.Target{Kind: "dependabot_secret", Settings: estate.Settings{"repo": "acme/site", "name": "TOKEN"}}, "/repos/acme/site/dependabot/secrets"},
	} {
		t.Run(tt.target.Kind, func(t *testing.T) {
			a, key := newAPI(t), newSealKey(t, "k1")
			a.handle("/", func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut {
					w.WriteHeader(http.StatusCreated)
				}
				_, _ = w.Write([]byte(key.json()))
			})
			receipt, err := a.port().Put(context.Background(), put(tt.target))
			if err != nil || !receipt.Exists {
				t.Fatalf("put: %+v, %v", receipt, err)
			}
			if diff := cmp.Diff([]string{"GET " + tt.path + "/public-key", "PUT " + tt.path + "/TOKEN"}, a.lines()); diff != "" {
				t.Error(diff)
			}
			c := a.last("PUT " + tt.path + "/TOKEN")
			w := parseWrite(t, c.body)
			if got := key.open(t, w); got != fresh || w.KeyID != "k1" {
				t.Errorf("opened %d bytes under %s, want the value under k1", len(got), w.KeyID)
			}
			if bytes.Contains(c.body, []byte(fresh)) || bytes.Contains(c.body, []byte("visibility")) {
				t.Error("the body holds more than the sealed value and the key's id")
			}
			if got := c.header.Get("Authorization"); got != "Bearer "+admin {
				t.Error("the call did not carry the connection's credential")
			}
			if got := c.header.Get("X-Github-Api-Version"); got != "2022-11-28" {
				t.Errorf("API version %q", got)
			}
		})
	}
}

func TestPutKeepsTheKeyUntilItIsRefused(t *testing.T) {
	a, first, second := newAPI(t), newSealKey(t, "k1"), newSealKey(t, "k2")
	now := first
	a.handle("GET /repos/acme/site/actions/secrets/public-key", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(now.json())) })
	a.handle("PUT /repos/acme/site/actions/secrets/TOKEN", func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		if parseWrite(t, body.Bytes()).KeyID != now.id {
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = w.Write([]byte(`{"message":"The key_id is not the current one"}`))
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	port := a.port()
	keyLine := "GET /repos/acme/site/actions/secrets/public-key"
	for i, step := range []struct {
		rotate bool
		pass   time.Duration
		keys   int
	}{{keys: 1}, {keys: 1}, {rotate: true, keys: 2}, {pass: 11 * time.Minute, keys: 3}} {
		if step.rotate {
			now = second
		}
		a.now = a.now.Add(step.pass)
		if _, err := port.Put(context.Background(), put(repoTarget())); err != nil {
			t.Fatalf("put %d: %v", i, err)
		}
		if got := a.count(keyLine); got != step.keys {
			t.Errorf("put %d: the key was fetched %d times, want %d", i, got, step.keys)
		}
	}
	if got := second.open(t, parseWrite(t, a.last("PUT /repos/acme/site/actions/secrets/TOKEN").body)); got != fresh {
		t.Error("the value was not sealed under the new key")
	}
}

func TestPutGivesUpOnARefusedFreshKey(t *testing.T) {
	a := newAPI(t)
	a.on("GET /repos/acme/site/actions/secrets/public-key", 200, newSealKey(t, "k1").json())
	a.on("PUT /repos/acme/site/actions/secrets/TOKEN", 422, `{"message":"Validation failed"}`)
	_, err := a.port().Put(context.Background(), put(repoTarget()))
	e := driver.AsError("", err)
	if e == nil || e.Kind != driver.Invalid || e.Effect != pawl.EffectNone {
		t.Fatalf("got %v", err)
	}
	if n := a.count("PUT /repos/acme/site/actions/secrets/TOKEN"); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
}

func TestOrgPutNeverChangesWhoSeesIt(t *testing.T) {
	for _, tt := range []struct {
		name, kind string
		stat       string // "" is 404
		repos      string
		visibility string
		selected   []string
		declared   estate.Settings
	}{
		{name: "private stays", kind: "actions_org_secret", stat: "private", visibility: "private"},
		{name: "all stays", kind: "dependabot_org_secret", stat: "all", visibility: "all"},
		{name: "selected stays", kind: "actions_org_secret", stat: "selected", repos: `{"id":7},{"id":9}`, visibility: "selected", selected: []string{"7", "9"}},
		{name: "selected of none stays", kind: "actions_org_secret", stat: "selected", visibility: "selected", selected: []string{}},
		{name: "dependabot ids are text", kind: "dependabot_org_secret", stat: "selected", repos: `{"id":7}`, visibility: "selected", selected: []string{`"7"`}},
		{name: "new takes what is declared", kind: "actions_org_secret", visibility: "selected", selected: []string{"3"},
			declared: estate.Settings{"visibility": "selected", "selected_repository_ids": []any{"3"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, key := newAPI(t), newSealKey(t, "k1")
			base := "/orgs/acme/" + strings.TrimSuffix(tt.kind, "_org_secret") + "/secrets"
			a.on("GET "+base+"/public-key", 200, key.json())
			if tt.stat == "" {
				a.on("GET "+base+"/TOKEN", 404, `{"message":"Not Found"}`)
			} else {
				a.on("GET "+base+"/TOKEN", 200, fmt.Sprintf(`{"name":"TOKEN","updated_at":"2026-01-01T00:00:00Z","visibility":%q}`, tt.stat))
			}
			a.on("GET "+base+"/TOKEN/repositories", 200, `{"total_count":0,"repositories":[`+tt.repos+`]}`)
			a.on("PUT "+base+"/TOKEN", 204, "")
			target := orgTarget(tt.kind)
			for k, v := range tt.declared {
				target.Settings[k] = v
			}
			if _, err := a.port().Put(context.Background(), put(target)); err != nil {
				t.Fatal(err)
			}
			w := parseWrite(t, a.last("PUT "+base+"/TOKEN").body)
			var ids []string
			if w.Selected != nil {
				ids = []string{}
			}
			for _, id := range w.Selected {
				ids = append(ids, string(id))
			}
			if diff := cmp.Diff(tt.selected, ids); diff != "" || w.Visibility != tt.visibility {
				t.Errorf("visibility %q, want %q; repositories %s", w.Visibility, tt.visibility, diff)
			}
		})
	}
}

func TestOrgPutReadsEveryPageOfRepositories(t *testing.T) {
	a := newAPI(t)
	a.on("GET /orgs/acme/actions/secrets/public-key", 200, newSealKey(t, "k1").json())
	a.on("GET /orgs/acme/actions/secrets/TOKEN", 200, `{"updated_at":"2026-01-01T00:00:00Z","visibility":"selected"}`)
	a.on("PUT /orgs/acme/actions/secrets/TOKEN", 204, "")
	a.handle("GET /orgs/acme/actions/secrets/TOKEN/repositories", func(w http.ResponseWriter, r *http.Request) {
		page, size := map[string]int{"1": 0, "2": 60}[r.URL.Query().Get("page")], 60
		if page == 60 {
			size = 5
		}
		var ids []string
		for i := range size {
			ids = append(ids, fmt.Sprintf(`{"id":%d}`, page+i+1))
		}
		_, _ = fmt.Fprintf(w, `{"repositories":[%s]}`, strings.Join(ids, ","))
	})
	if _, err := a.port().Put(context.Background(), put(orgTarget("actions_org_secret"))); err != nil {
		t.Fatal(err)
	}
	if got := len(parseWrite(t, a.last("PUT /orgs/acme/actions/secrets/TOKEN").body).Selected); got != 65 {
		t.Errorf("sent %d repositories back, want 65", got)
	}
}

func TestOrgPutStopsWhenItCannotTellWhoSeesIt(t *testing.T) {
	a := newAPI(t)
	a.on("GET /orgs/acme/actions/secrets/public-key", 200, newSealKey(t, "k1").json())
	a.on("GET /orgs/acme/actions/secrets/TOKEN", 200, `{"updated_at":"2026-01-01T00:00:00Z"}`)
	_, err := a.port().Put(context.Background(), put(orgTarget("actions_org_secret")))
	if e := driver.AsError("", err); e == nil || e.Kind != driver.Malformed || e.Effect != pawl.EffectNone {
		t.Fatalf("got %v", err)
	}
	if n := a.count("PUT /orgs/acme/actions/secrets/TOKEN"); n != 0 {
		t.Errorf("%d writes, want none", n)
	}
}

func TestStatTellsMissingFromHidden(t *testing.T) {
	key := newSealKey(t, "k1").json()
	for _, tt := range []struct {
		name        string
		secret, key int
		want        driver.Receipt
		kind        driver.ErrorKind
	}{
		{"there", 200, 200, driver.Receipt{Exists: true, UpdatedAt: start.Truncate(time.Second)}, ""},
		{"missing", 404, 200, driver.Receipt{}, ""},
		{"hidden", 404, 404, driver.Receipt{}, driver.NotFound},
		{"outage", 503, 200, driver.Receipt{}, driver.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			body := `{"message":"Not Found"}`
			if tt.secret == 200 {
				body = `{"name":"TOKEN","updated_at":"2026-03-01T12:00:00Z"}`
			}
			a.on("GET /repos/acme/site/actions/secrets/TOKEN", tt.secret, body)
			a.on("GET /repos/acme/site/actions/secrets/public-key", tt.key, key)
			got, err := a.port().Stat(context.Background(), repoTarget())
			if kindOf(err) != tt.kind {
				t.Fatalf("error %v, want kind %q", err, tt.kind)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if tt.kind == driver.NotFound && driver.AsError("", err).Next == "" {
				t.Error("a hidden place needs a hint")
			}
		})
	}
}

func TestRemove(t *testing.T) {
	for _, tt := range []struct {
		name        string
		status, key int
		kind        driver.ErrorKind
	}{{"there", 204, 200, ""}, {"gone", 404, 200, ""}, {"hidden", 404, 404, driver.NotFound}, {"refused", 403, 200, driver.Denied}} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			a.on("DELETE /repos/acme/site/actions/secrets/TOKEN", tt.status, `{"message":"x"}`)
			a.on("GET /repos/acme/site/actions/secrets/public-key", tt.key, newSealKey(t, "k1").json())
			if err := a.port().Remove(context.Background(), repoTarget()); kindOf(err) != tt.kind {
				t.Errorf("got %v, want kind %q", err, tt.kind)
			}
		})
	}
}

func TestNamesThatGitHubCannotHaveAreRefusedUnsent(t *testing.T) {
	for _, s := range []estate.Settings{
		{"repo": "acme/site", "name": "../public-key"},
		{"repo": "acme/site", "name": "GITHUB_TOKEN"},
		{"repo": "acme/site", "name": "github_token"},
		{"repo": "acme/site", "name": "1ST"},
		{"repo": "acme/site", "name": ""},
		{"repo": "site", "name": "TOKEN"},
		{"repo": "acme/..", "name": "TOKEN"},
		{"repo": "acme/site/actions", "name": "TOKEN"},
		{"repo": "", "name": "TOKEN"},
	} {
		a := newAPI(t)
		_, err := a.port().Put(context.Background(), put(driver.Target{Kind: "actions_secret", Settings: s}))
		if e := driver.AsError("", err); e == nil || e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || e.Next == "" {
			t.Errorf("%v: got %v", s, err)
		}
		if n := len(a.lines()); n != 0 {
			t.Errorf("%v: %d calls", s, n)
		}
	}
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		header map[string]string
		body   string
		kind   driver.ErrorKind
		after  time.Duration
	}{
		{"hourly limit", 403, map[string]string{"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": fmt.Sprint(start.Unix() + 90)}, `{"message":"API rate limit exceeded"}`, driver.Limited, 90 * time.Second},
		{"hourly limit as 429", 429, map[string]string{"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": fmt.Sprint(start.Unix() + 90)}, `{}`, driver.Limited, 90 * time.Second},
		{"secondary with a wish", 403, map[string]string{"Retry-After": "37", "X-Ratelimit-Remaining": "4000"}, `{"message":"You have exceeded a secondary rate limit"}`, driver.Limited, 37 * time.Second},
		{"secondary without", 403, map[string]string{"X-Ratelimit-Remaining": "4000"}, `{"message":"You have exceeded a secondary rate limit. Please wait"}`, driver.Limited, time.Minute},
		{"no permission", 403, map[string]string{"X-Ratelimit-Remaining": "4000"}, `{"message":"Resource not accessible by personal access token"}`, driver.Denied, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			a.handle("GET /repos/acme/site/actions/secrets/TOKEN", func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range tt.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			})
			_, err := a.port().Stat(context.Background(), repoTarget())
			e := driver.AsError("", err)
			if e == nil || e.Kind != tt.kind {
				t.Fatalf("got %v, want %s", err, tt.kind)
			}
			if off := e.RetryAfter - tt.after; off.Abs() > time.Second {
				t.Errorf("retry after %s, want %s", e.RetryAfter, tt.after)
			}
		})
	}
}

func TestFailedWrites(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		header map[string]string
		body   string
		kind   driver.ErrorKind
		effect pawl.Effect
		next   string
	}{
		{"renamed", 301, map[string]string{"Location": "https://api.github.com/repositories/1"}, `{"message":"Moved Permanently"}`, driver.NotFound, pawl.EffectNone, "present name"},
		{"something else answers", 200, nil, "<html>", driver.Malformed, pawl.EffectUnknown, ""},
		{"fails", 500, nil, `{"message":"Server Error"}`, driver.Unavailable, pawl.EffectUnknown, ""},
		{"may not", 403, map[string]string{"X-Accepted-GitHub-Permissions": "secrets=write"}, `{"message":"Resource not accessible by personal access token"}`, driver.Denied, pawl.EffectNone, "secrets=write"},
		{"refused", 401, nil, `{"message":"Bad credentials"}`, driver.Unauthenticated, pawl.EffectNone, "credential"},
		{"hidden", 404, nil, `{"message":"Not Found"}`, driver.NotFound, pawl.EffectNone, "may not see it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			a.on("GET /repos/acme/site/actions/secrets/public-key", 200, newSealKey(t, "k1").json())
			a.handle("PUT /repos/acme/site/actions/secrets/TOKEN", func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range tt.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			})
			_, err := a.port().Put(context.Background(), put(repoTarget()))
			e := driver.AsError("", err)
			if e == nil || e.Kind != tt.kind || e.Effect != tt.effect || !strings.Contains(e.Next, tt.next) {
				t.Errorf("got %+v", e)
			}
			if n := len(a.lines()); n != 2 {
				t.Errorf("%d calls, want 2: a write is never repeated", n)
			}
		})
	}
}

func BenchmarkPut(b *testing.B) {
	a := newAPI(b)
	a.on("GET /repos/acme/site/actions/secrets/public-key", 200, newSealKey(b, "k1").json())
	a.on("PUT /repos/acme/site/actions/secrets/TOKEN", 204, "")
	a.quiet = true
	port, w := a.port(), put(repoTarget())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := port.Put(context.Background(), w); err != nil {
			b.Fatal(err)
		}
	}
}
