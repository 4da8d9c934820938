package github_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/github"
)

// world is a GitHub on loopback, seen by a client that knows nothing but HTTP.
type world struct {
	*github.GitHub
	t     *testing.T
	url   string
	admin string // a classic token that may do everything
	repo  int64

	mu  sync.Mutex
	now time.Time
}

const (
	site    = "/repos/acme/site"
	secrets = site + "/actions/secrets"
)

func newWorld(t *testing.T, cfg github.Config) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 250_000_000, time.UTC)}
	cfg.Now = w.clock
	w.GitHub = github.New(cfg)
	w.AddOrg("acme")
	w.repo = w.AddRepo("acme/site")
	w.AddEnvironment("acme/site", "prod/eu #1", true)
	w.AddWorkflow("acme/site", github.Workflow{File: "publish.yml", Name: "Publish", Inputs: []string{"dry"}})
	w.AddWorkflow("acme/site", github.Workflow{File: "deploy.yml", Name: "Deploy", Environment: "prod/eu #1"})
	w.admin = w.AddToken(github.Token{Kind: github.Classic, Login: "octocat", Scopes: []string{"repo", "admin:org"}})
	server, err := vendorsim.Listen(w.GitHub)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w.url = server.URL
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// caller makes calls with a token; "" sends none.
type caller struct {
	w      *world
	token  string
	header http.Header
}

func (w *world) as(token string) caller { return caller{w: w, token: token} }

func (w *world) owner() caller { return w.as(w.admin) }

// answer is what came back.
type answer struct {
	t      *testing.T
	line   string
	code   int
	header http.Header
	raw    []byte
	body   any
}

// call makes a call with a JSON body; nil sends none.
func (c caller) call(method, path string, body any) answer {
	c.w.t.Helper()
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			c.w.t.Fatal(err)
		}
		sent = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, c.w.url+path, sent)
	if err != nil {
		c.w.t.Fatal(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if sent != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		c.w.t.Fatal(err)
	}
	got := answer{t: c.w.t, line: method + " " + path, code: resp.StatusCode, header: resp.Header, raw: raw}
	if len(raw) > 0 {
		if kind := resp.Header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
			c.w.t.Errorf("%s: content type %q", got.line, kind)
		}
		if err := json.Unmarshal(raw, &got.body); err != nil {
			c.w.t.Fatalf("%s: the body is not JSON: %v", got.line, err)
		}
	}
	return got
}

func (g answer) want(code int) answer {
	g.t.Helper()
	if g.code != code {
		g.t.Fatalf("%s: status %d, want %d", g.line, g.code, code)
	}
	return g
}

// refused expects GitHub's form of an error.
func (g answer) refused(code int) answer {
	g.t.Helper()
	return g.want(code).has(nil, "message", "documentation_url", "status")
}

// empty expects a status without a body.
func (g answer) empty(code int) answer {
	g.t.Helper()
	if len(g.want(code).raw) != 0 {
		g.t.Errorf("%s: a body of %d bytes, want none", g.line, len(g.raw))
	}
	return g
}

// at goes into the body by names and positions; nil is not there.
func (g answer) at(path ...any) any {
	v := g.body
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[s]
		case int:
			l, _ := v.([]any)
			if s >= len(l) {
				return nil
			}
			v = l[s]
		}
	}
	return v
}

func (g answer) text(path ...any) string {
	s, _ := g.at(path...).(string)
	return s
}

func (g answer) number(path ...any) int64 {
	n, _ := g.at(path...).(float64)
	return int64(n)
}

func (g answer) list(path ...any) []any {
	l, _ := g.at(path...).([]any)
	return l
}

// has expects fields that are there below a path, null or not.
func (g answer) has(path []any, names ...string) answer {
	g.t.Helper()
	m, _ := g.at(path...).(map[string]any)
	for _, name := range names {
		if _, ok := m[name]; !ok {
			g.t.Errorf("%s: no %s at %v", g.line, name, path)
		}
	}
	return g
}

// instant expects a time in whole seconds, in UTC.
func (g answer) instant(path ...any) time.Time {
	g.t.Helper()
	const layout = "2006-01-02T15:04:05Z" // Parse takes fractions of seconds with it too
	at, err := time.Parse(layout, g.text(path...))
	if err != nil || at.Format(layout) != g.text(path...) {
		g.t.Errorf("%s: %v is no time in whole seconds", g.line, path)
	}
	return at
}

// sealed is the body of a write below a place, under its present key.
func (c caller) sealed(under, value string) map[string]any {
	c.w.t.Helper()
	key := c.call("GET", under+"/public-key", nil).want(200).has(nil, "key_id", "key")
	return map[string]any{"key_id": key.text("key_id"), "encrypted_value": seal(c.w.t, key.text("key"), value)}
}

func seal(t *testing.T, key, value string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil || len(raw) != 32 {
		t.Fatalf("the public key is not 32 bytes in base64: %v", err)
	}
	sealed, err := box.SealAnonymous(nil, []byte(value), (*[32]byte)(raw), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(sealed)
}

// put writes a secret of a repository or an environment.
func (c caller) put(under, name, value string) answer {
	c.w.t.Helper()
	return c.call("PUT", under+"/"+name, c.sealed(under, value))
}
