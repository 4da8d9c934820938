package github_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const token = "ghp_0123456789abcdefghijABCDEFGHIJ012345"

var patTarget = driver.Target{Kind: "pat"}

func tokenParts(s string) secret.Parts { return secret.One(secret.NewString(s)) }

func TestVerifyIsThreeValued(t *testing.T) {
	for _, tt := range []struct {
		name    string
		status  int
		header  string
		body    string
		verdict driver.Verdict
		kind    driver.ErrorKind
	}{
		{"accepted", 200, "", `{"login":"octocat"}`, driver.Accepted, ""},
		{"refused", 401, "", `{"message":"Bad credentials"}`, driver.Refused, ""},
		{"limited", 403, "0", `{"message":"API rate limit exceeded"}`, "", driver.Limited},
		{"forbidden", 403, "", `{"message":"Resource not accessible by integration"}`, "", driver.Denied},
		{"outage", 503, "", ``, "", driver.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			a.handle("GET /user", func(w http.ResponseWriter, _ *http.Request) {
				if tt.header != "" {
					w.Header().Set("X-Ratelimit-Remaining", tt.header)
				}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			})
			got, err := a.port().Verify(context.Background(), patTarget, tokenParts(token))
			if got != tt.verdict || kindOf(err) != tt.kind {
				t.Errorf("got %q, %v", got, err)
			}
			if a.last("GET /user").header.Get("Authorization") != "Bearer "+token {
				t.Error("the question must carry the token that it is about")
			}
		})
	}
}

func TestIdentify(t *testing.T) {
	digest := sha256.Sum256([]byte(token))
	for _, tt := range []struct {
		name, value, expires string
		id                   string
		ends                 time.Time
		kind                 driver.ErrorKind
	}{
		{"zone by name", token, "2026-05-01 10:00:00 UTC", "pat:octocat:" + base64.StdEncoding.EncodeToString(digest[:]), time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC), ""},
		{"zone by offset", token, "2026-05-01 10:00:00 -0700", "pat:octocat:" + base64.StdEncoding.EncodeToString(digest[:]), time.Date(2026, 5, 1, 17, 0, 0, 0, time.UTC), ""},
		{"no end", token, "", "pat:octocat:" + base64.StdEncoding.EncodeToString(digest[:]), time.Time{}, ""},
		{"what may be guessed gets no digest", "hunter2", "", "", time.Time{}, driver.Invalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			a.handle("GET /user", func(w http.ResponseWriter, _ *http.Request) {
				if tt.expires != "" {
					w.Header().Set("github-authentication-token-expiration", tt.expires)
				}
				_, _ = w.Write([]byte(`{"login":"octocat"}`))
			})
			got, err := a.port().Identify(context.Background(), patTarget, tokenParts(tt.value))
			if kindOf(err) != tt.kind || got.ID != tt.id || !got.ExpiresAt.Equal(tt.ends) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestRevokeIsByValueAndAnonymous(t *testing.T) {
	a := newAPI(t)
	a.on("POST /credentials/revoke", 202, "{}")
	port, c := a.port(), driver.Credential{ID: "pat:octocat:x"}
	for range 2 { // twice is not an error
		if err := port.Revoke(context.Background(), patTarget, c, tokenParts(token)); err != nil {
			t.Fatal(err)
		}
	}
	sent := a.last("POST /credentials/revoke")
	if got := sent.header.Get("Authorization"); got != "" {
		t.Error("the call carried a credential; GitHub refuses it then")
	}
	if string(sent.body) != `{"credentials":["`+token+`"]}` {
		t.Error("the body is not the token alone")
	}
}

func TestRevokeRefusesWhatGitHubDoesNotTakeBack(t *testing.T) {
	for name, value := range map[string]string{
		"empty":          "",
		"before 2021":    strings.Repeat("0123456789abcdef", 3)[:40],
		"installation":   "ghs_0123456789abcdefghijABCDEFGHIJ012345",
		"breaks out":     token + `","x`,
		"ends in a line": token + "\n",
	} {
		a := newAPI(t)
		err := a.port().Revoke(context.Background(), patTarget, driver.Credential{ID: "pat:octocat:x"}, tokenParts(value))
		e := driver.AsError("", err)
		if e == nil || e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || !strings.Contains(e.Next, "by hand") {
			t.Errorf("%s: got %v", name, err)
		}
		if n := len(a.lines()); n != 0 {
			t.Errorf("%s: %d calls", name, n)
		}
	}
}

func TestMintIsAPersonsWork(t *testing.T) {
	_, err := newAPI(t).port().Mint(context.Background(), driver.MintRequest{Target: patTarget})
	if e := driver.AsError("", err); e == nil || e.Kind != driver.Unsupported || e.Next == "" {
		t.Errorf("got %v", err)
	}
}

func TestProbe(t *testing.T) {
	const (
		secrets  = "write secrets of acme/site"
		startRun = "start the workflow acme/site publish.yml"
	)
	run := driver.Target{Kind: "workflow_run", Settings: estate.Settings{"repo": "acme/site", "workflow": "publish.yml"}}
	for _, tt := range []struct {
		name         string
		user         int
		scopes       string // "-" is no header
		repo, key    int
		workflow     string
		target       driver.Target
		need         string
		has          driver.Has
		unauthorised bool
	}{
		{name: "classic with repo", user: 200, scopes: "repo, read:org", repo: 200, key: 200, target: repoTarget(), need: secrets, has: driver.Yes},
		{name: "classic without repo", user: 200, scopes: "gist", repo: 200, key: 200, target: repoTarget(), need: secrets, has: driver.No},
		{name: "classic without any", user: 200, scopes: "", repo: 200, key: 200, target: repoTarget(), need: secrets, has: driver.No},
		{name: "fine-grained", user: 200, scopes: "-", repo: 200, key: 200, target: repoTarget(), need: secrets, has: driver.Maybe},
		{name: "fine-grained without secrets", user: 200, scopes: "-", repo: 200, key: 403, target: repoTarget(), need: secrets, has: driver.No},
		{name: "app", user: 403, scopes: "-", repo: 200, key: 200, target: repoTarget(), need: secrets, has: driver.Maybe},
		{name: "hidden repository", user: 200, scopes: "repo", repo: 404, key: 404, target: repoTarget(), need: "see the repository acme/site", has: driver.No},
		{name: "refused", user: 401, scopes: "-", target: repoTarget(), unauthorised: true},
		{name: "connection alone", user: 200, scopes: "-", need: "GitHub accepts the credential", has: driver.Yes},
		{name: "workflow", user: 200, scopes: "repo", repo: 200, workflow: "active", target: run, need: startRun, has: driver.Yes},
		{name: "workflow disabled", user: 200, scopes: "repo", repo: 200, workflow: "disabled_manually", target: run, need: "see the workflow acme/site publish.yml", has: driver.No},
		{name: "runs", user: 200, scopes: "-", target: driver.Target{Kind: "queued_runs", Settings: estate.Settings{"repo": "acme/site"}}, need: "read the workflow runs of acme/site", has: driver.Yes},
		{name: "token", user: 200, scopes: "-", target: patTarget, need: "verify and revoke personal access tokens", has: driver.Yes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAPI(t)
			a.handle("GET /user", func(w http.ResponseWriter, _ *http.Request) {
				if tt.scopes != "-" {
					w.Header().Set("X-OAuth-Scopes", tt.scopes)
				}
				w.WriteHeader(tt.user)
				_, _ = w.Write([]byte(`{"login":"octocat","message":"Resource not accessible by integration"}`))
			})
			a.on("GET /repos/acme/site", tt.repo, `{"archived":false}`)
			a.on("GET /repos/acme/site/actions/secrets/public-key", tt.key, newSealKey(t, "k").json())
			a.on("GET /repos/acme/site/actions/workflows/publish.yml", 200, `{"state":"`+tt.workflow+`"}`)
			a.on("GET /repos/acme/site/actions/runs", 200, `{"workflow_runs":[]}`)
			grants, err := a.port().Probe(context.Background(), tt.target)
			if tt.unauthorised {
				if kindOf(err) != driver.Unauthenticated {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range grants {
				if g.Need == tt.need {
					if g.Has != tt.has {
						t.Errorf("%s: %s (%s), want %s", g.Need, g.Has, g.Detail, tt.has)
					}
					return
				}
			}
			t.Errorf("no grant says %q: %+v", tt.need, grants)
		})
	}
}
