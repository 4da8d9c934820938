package fly_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
)

// world is a Fly on loopback with an app of two machines, seen by a client
// that knows nothing but HTTP.
type world struct {
	*fly.Fly
	t       *testing.T
	url     string
	session string // of a person
	scoped  string // a deploy token of the app
	id      string // of that token

	mu  sync.Mutex
	now time.Time
}

func newWorld(t *testing.T, cfg fly.Config) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 500_000_000, time.UTC)}
	cfg.Now = w.clock
	w.Fly = fly.New(cfg)
	w.AddOrg("acme")
	w.AddApp("acme", "web", "")
	w.SetSecret("web", "KEY", "old")
	w.AddMachines("web", 2)
	w.session = w.AddUserToken("acme", "owner@example.com")
	w.id, w.scoped = w.AddDeployToken("web", "ci", time.Hour)
	server, err := vendorsim.Listen(w.Fly)
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

// answer is what came back.
type answer struct {
	t      *testing.T
	line   string
	code   int
	header http.Header
	raw    []byte
	body   any // decoded, nil where there is none
}

// as makes calls with a credential; "" sends none.
type as struct {
	w             *world
	authorization string
	nonce         string
}

func (w *world) as(authorization string) as { return as{w: w, authorization: authorization} }

// person is a client with the session of a person.
func (w *world) person() as { return w.as("Bearer " + w.session) }

// call makes a call. A body that is no text is sent as JSON.
func (a as) call(method, path string, body any) answer {
	a.w.t.Helper()
	var sent []byte
	switch b := body.(type) {
	case nil:
	case string:
		sent = []byte(b)
	default:
		var err error
		if sent, err = json.Marshal(b); err != nil {
			a.w.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(context.Background(), method, a.w.url+path, bytes.NewReader(sent))
	if err != nil {
		a.w.t.Fatal(err)
	}
	if a.authorization != "" {
		req.Header.Set("Authorization", a.authorization)
	}
	if len(sent) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.nonce != "" {
		req.Header.Set("fly-machine-lease-nonce", a.nonce)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.w.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		a.w.t.Fatal(err)
	}
	got := answer{t: a.w.t, line: method + " " + path, code: resp.StatusCode, header: resp.Header, raw: raw}
	if len(raw) > 0 {
		if kind := resp.Header.Get("Content-Type"); kind != "application/json; charset=utf-8" {
			a.w.t.Errorf("%s: content type %q", got.line, kind)
		}
		if err := json.Unmarshal(raw, &got.body); err != nil {
			a.w.t.Fatalf("%s: the body is not JSON: %v", got.line, err)
		}
	}
	if resp.Header.Get("Fly-Request-Id") == "" {
		a.w.t.Errorf("%s: no fly-request-id", got.line)
	}
	return got
}

// graphql makes an operation and expects the status 200 that all have.
func (a as) graphql(query string, variables map[string]any) answer {
	a.w.t.Helper()
	return a.call("POST", "/graphql", map[string]any{"query": query, "variables": variables}).want(200)
}

func (g answer) want(code int) answer {
	g.t.Helper()
	if g.code != code {
		g.t.Fatalf("%s: status %d, want %d", g.line, g.code, code)
	}
	return g
}

// refused expects a failure in the form of the description's ErrorResponse.
func (g answer) refused(code int) answer {
	g.t.Helper()
	g.want(code)
	if why, ok := g.at("error").(string); !ok || why == "" {
		g.t.Errorf("%s: an error without a text", g.line)
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

func (g answer) number(path ...any) int {
	n, _ := g.at(path...).(float64)
	return int(n)
}

func (g answer) list(path ...any) []any {
	l, _ := g.at(path...).([]any)
	return l
}

// has expects fields that are there and not null below a path.
func (g answer) has(path []any, names ...string) answer {
	g.t.Helper()
	for _, name := range names {
		if g.at(append(append([]any{}, path...), name)...) == nil {
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
