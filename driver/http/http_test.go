package http

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const (
	canary = "canary-4f9d2c71"
	admin  = "admin-credential-1"
)

// service is a small settings service: PUT /settings/secrets sets a key, GET
// lists them with a counter, GET /settings/secrets/KEY gives the value back.
type service struct {
	mu       sync.Mutex
	held     map[string]string
	writes   int
	restarts int
	seen     []string // method and URL of each request
	bodies   []string
	headers  []http.Header
	answer   func(w http.ResponseWriter, r *http.Request) bool // true when it has answered
}

// ServeHTTP answers.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	s.seen = append(s.seen, r.Method+" "+r.URL.String())
	s.bodies, s.headers = append(s.bodies, string(body)), append(s.headers, r.Header.Clone())
	if s.answer != nil && s.answer(w, r) {
		return
	}
	key := strings.TrimPrefix(r.URL.Path, "/settings/secrets/")
	switch {
	case r.Method == "GET" && r.URL.Path == "/health":
		_, _ = io.WriteString(w, `{"status":"ok","build":7,"checks":[{"name":"db","up":true}]}`)
	case r.Method == "PUT" && r.URL.Path == "/settings/secrets":
		var in struct{ Key, Value string }
		if json.Unmarshal(body, &in) != nil {
			w.WriteHeader(400)
			return
		}
		s.writes++
		s.held[in.Key] = in.Value
		w.WriteHeader(204)
	case r.Method == "GET" && r.URL.Path == "/settings/secrets":
		list := []any{map[string]any{"key": "OTHER", "revision": 99}}
		if _, ok := s.held["API_KEY"]; ok {
			list = append(list, map[string]any{"key": "API_KEY", "revision": s.writes})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"secrets": list})
	case r.Method == "GET" && s.held[key] != "":
		_ = json.NewEncoder(w).Encode(map[string]any{"data": map[string]string{"value": s.held[key]}})
	case r.Method == "DELETE" && s.held[key] != "":
		delete(s.held, key)
		w.WriteHeader(204)
	case r.Method == "POST" && r.URL.Path == "/restart":
		s.restarts++
		w.WriteHeader(202)
	default:
		w.WriteHeader(404)
	}
}

func serve(t *testing.T) (*service, string) {
	t.Helper()
	s := &service{held: map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

func open(t *testing.T, settings estate.Settings, credential string) *conn {
	t.Helper()
	env := driver.Env{Transport: &http.Transport{DisableKeepAlives: true}, Now: time.Now,
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	if credential != "" {
		env.Credential = func(context.Context) (secret.Value, error) { return secret.NewString(credential), nil }
	}
	c, err := New().Open(env, settings)
	if err != nil {
		t.Fatal(err)
	}
	return c.(*conn)
}

func connect(t *testing.T) (*service, *conn) {
	t.Helper()
	s, base := serve(t)
	return s, open(t, estate.Settings{"base": base}, admin)
}

const secretBody = `{"key":"API_KEY","value":{{json .value}}}`

// place gives a location of each kind; more are pairs of settings.
func place(kind string, more ...any) driver.Target {
	s := estate.Settings{"path": "/settings/secrets", "method": "PUT", "body": secretBody,
		"get_path": "/settings/secrets", "watch": "secrets.[key=API_KEY].revision",
		"remove_path": "/settings/secrets/API_KEY", "activate_path": "/restart", "activate_body": `{"graceful":true}`}
	if kind == kindReadable {
		s["get_path"], s["value_at"] = "/settings/secrets/API_KEY", "data.value"
	}
	for i := 0; i < len(more); i += 2 {
		s[more[i].(string)] = more[i+1]
	}
	return driver.Target{Kind: kind, Settings: s}
}

func wantError(t *testing.T, err error, kind driver.ErrorKind, effect pawl.Effect, why string) {
	t.Helper()
	var e *driver.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want a *driver.Error", err)
	}
	if e.Kind != kind || e.Effect != effect || !strings.Contains(e.Why, why) {
		t.Errorf("error is %q with effect %s, want %s with %s and %q", e, e.Effect, kind, effect, why)
	}
	for _, hidden := range []string{canary, admin, "http://"} {
		if strings.Contains(e.Error()+e.Next, hidden) {
			t.Errorf("the error holds what it must not: %q", hidden)
		}
	}
}

func TestOpenRefusesOddHeaders(t *testing.T) {
	for name, s := range map[string]estate.Settings{
		"auth_header": {"auth_header": "Author ization"},
		"auth_scheme": {"auth_scheme": "Bearer\r\nX: y"},
		"name":        {"headers": map[string]string{"X:": "1"}},
		"text":        {"headers": map[string]string{"X": "1\r\nY: 2"}},
	} {
		s["base"] = "https://cp.example.com"
		_, err := New().Open(driver.Env{}, s)
		t.Run(name, func(t *testing.T) { wantError(t, err, driver.Invalid, pawl.EffectNone, "") })
	}
}

func TestCredentialForms(t *testing.T) {
	for _, c := range []struct{ header, scheme, credential, name, want string }{
		{"", "", "abc", "Authorization", "Bearer abc"},
		{"", "Token", "abc", "Authorization", "Token abc"},
		{"", "Basic", "user:pass", "Authorization", "Basic dXNlcjpwYXNz"},
		{"X-Api-Key", "none", "abc", "X-Api-Key", "abc"},
		{"", "", "", "Authorization", ""},
	} {
		s, base := serve(t)
		conn := open(t, estate.Settings{"base": base, "auth_header": c.header, "auth_scheme": c.scheme,
			"headers": map[string]string{"x-tenant": "acme"}}, c.credential)
		f, err := conn.Check(t.Context(), driver.CheckRequest{Target: getting("/health")})
		if err != nil || f.State != driver.Passed {
			t.Fatalf("%+v, %v", f, err)
		}
		if got := s.headers[0]; got.Get(c.name) != c.want || got.Get("X-Tenant") != "acme" {
			t.Errorf("%s is %q and X-Tenant %q, want %q and acme", c.name, got.Get(c.name), got.Get("X-Tenant"), c.want)
		}
	}
}

func TestProbe(t *testing.T) {
	s, base := serve(t)
	refuse := 0
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		if refuse != 0 {
			w.WriteHeader(refuse)
		}
		return refuse != 0
	}
	c := open(t, estate.Settings{"base": base, "probe_path": "/health"}, admin)
	for _, step := range []struct {
		name   string
		target driver.Target
		status int
		want   []driver.Has
	}{
		{"connection", driver.Target{}, 0, []driver.Has{driver.Yes}},
		{"denied", driver.Target{}, 403, []driver.Has{driver.No}},
		{"write only", place(kindPut), 0, []driver.Has{driver.Yes, driver.Maybe}},
		{"watched", place(kindWatched), 0, []driver.Has{driver.Yes, driver.Yes, driver.Maybe}},
		{"nothing there", place(kindReadable), 0, []driver.Has{driver.Yes, driver.Yes, driver.Maybe}},
		{"acting check", driver.Target{Kind: kindRequest, Settings: estate.Settings{"path": "/selftest"}}, 0, []driver.Has{driver.Yes, driver.Maybe}},
	} {
		t.Run(step.name, func(t *testing.T) {
			refuse = step.status
			grants, err := c.Probe(t.Context(), step.target)
			if err != nil || len(grants) != len(step.want) {
				t.Fatalf("grants are %+v, %v; want %v", grants, err, step.want)
			}
			for i, g := range grants {
				if g.Has != step.want[i] {
					t.Errorf("%q is %s, want %s", g.Need, g.Has, step.want[i])
				}
			}
		})
	}
	refuse = 401
	_, err := c.Probe(t.Context(), driver.Target{})
	wantError(t, err, driver.Unauthenticated, pawl.EffectNone, "")
	refuse = 0
	_, err = c.Probe(t.Context(), place(kindPut, "body", `{"value":"{{json .value}}"}`))
	wantError(t, err, driver.Invalid, pawl.EffectNone, "without quotes")
	if s.writes != 0 {
		t.Error("a probe wrote")
	}
	grants, err := open(t, estate.Settings{"base": base}, admin).Probe(t.Context(), driver.Target{})
	if err != nil || len(grants) != 1 || grants[0].Has != driver.Maybe {
		t.Errorf("without probe_path the grants are %+v, %v", grants, err)
	}
}
