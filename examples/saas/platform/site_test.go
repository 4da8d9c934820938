package platform_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl/examples/saas/platform"
	"github.com/pawlhq/pawl/examples/saas/platform/redis"
	"github.com/pawlhq/pawl/examples/saas/tenant"
	"github.com/pawlhq/pawl/internal/leak"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

const (
	org        = "4f1c2d3e-0000-4000-8000-000000000001"
	adminToken = "adm_canary_5f2b9c7d1e8a4f60"
	planeHost  = "molecule-cp.fly.dev"
)

var oldKey, newKey = strings.Repeat("1a", 32), strings.Repeat("2b", 32)

// site is a platform with what is around it: a control plane that has its row,
// and the language model. When the test ends, nothing that the platform has
// logged, answered or put on its volume may have a secret in it.
type site struct {
	*testing.T
	model  *anthropic.Anthropic
	plane  *plane
	config platform.Config
	deps   platform.Deps
	server *platform.Server
	volume string

	mu     sync.Mutex
	out    bytes.Buffer // the log, and all answers
	values []string     // more secrets, beside the model's keys
	calls  []string     // keys of the model's calls, in the order of their arrival
	hold   func(first bool, key string)
}

// stores are the ways in which a platform keeps its state.
func stores(t *testing.T, f func(*testing.T, *site)) {
	t.Run("memory", func(t *testing.T) {
		s := newSite(t)
		s.config.Store = platform.NewMemory()
		f(t, s)
	})
	t.Run("sqlite", func(t *testing.T) {
		s := newSite(t)
		s.config.DataDir = s.volume
		f(t, s)
	})
}

// newSite makes a site without a store. Its row has no servers.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{T: t, model: anthropic.New(anthropic.Config{}), values: []string{adminToken, oldKey, newKey}, volume: t.TempDir()}
	s.plane = &plane{key: oldKey}
	s.config = platform.Config{Accepts: oldKey, AdminToken: adminToken, Org: org, ControlPlane: "https://" + planeHost}
	s.deps = platform.Deps{
		HTTP: &http.Client{Transport: vendorsim.Transport(map[string]http.Handler{planeHost: s.plane, anthropic.Host: http.HandlerFunc(s.callModel)})},
		Log:  slog.New(slog.NewTextHandler(writer(s.keep), nil)),

		Redis: redis.Open,
	}
	s.write(tenant.Secrets{})
	t.Cleanup(s.leaks)
	return s
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

func (s *site) keep(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out.Write(b)
}

// said gives the log and all answers.
func (s *site) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.String()
}

// callModel takes down whose call it is, and waits where a test says so.
func (s *site) callModel(w http.ResponseWriter, r *http.Request) {
	var in struct {
		MaxTokens int `json:"max_tokens"`
	}
	var body bytes.Buffer
	_, _ = body.ReadFrom(r.Body)
	_ = json.Unmarshal(body.Bytes(), &in)
	key := r.Header.Get("X-Api-Key")
	s.mu.Lock()
	s.calls = append(s.calls, key)
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		hold(in.MaxTokens == 1, key)
	}
	r.Body = http.NoBody
	r = r.Clone(r.Context())
	r.Body = readCloser{&body}
	s.model.ServeHTTP(w, r)
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

// called gives the keys of the model's calls since it was last asked.
func (s *site) called() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// key makes a key of the model's.
func (s *site) key() (id, value string) { return s.model.CreateKey(anthropic.Key{Name: "molecule"}) }

// secret has the search for leaks look for a value too.
func (s *site) secret(value string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values = append(s.values, value)
	return value
}

// write has the control plane write the row, under the key that it seals with.
func (s *site) write(secrets tenant.Secrets) {
	s.Helper()
	secrets.AdminToken = adminToken
	if err := s.plane.write(secrets); err != nil {
		s.Fatal(err)
	}
}

// start starts the platform, after it has ended where it ran.
func (s *site) start() {
	s.Helper()
	s.stop()
	server, err := platform.New(s.Context(), s.config, s.deps)
	if err != nil {
		s.Fatal(err)
	}
	s.server = server
	s.Cleanup(s.stop)
}

func (s *site) stop() {
	if s.server != nil {
		if err := s.server.Close(); err != nil {
			s.Error(err)
		}
	}
	s.server = nil
}

// do makes a call as the admin.
func (s *site) do(method, path, body string) (int, map[string]any) {
	code, text := s.as(adminToken, method, path, body)
	var out map[string]any
	_ = json.Unmarshal([]byte(text), &out) // a log is no object
	return code, out
}

func (s *site) as(token, method, path, body string) (int, string) {
	r := httptest.NewRequest(method, "https://tenant.example"+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	s.keep(w.Body.Bytes())
	return w.Code, w.Body.String()
}

// must makes a call that is answered with 2xx.
func (s *site) must(method, path, body string) map[string]any {
	s.Helper()
	code, out := s.do(method, path, body)
	if code/100 != 2 {
		s.Fatalf("%s %s: HTTP %d %v", method, path, code, out)
	}
	return out
}

// put sets the model's key, globally or of a workspace.
func (s *site) put(path, key string) map[string]any {
	s.Helper()
	return s.must("PUT", path, fmt.Sprintf(`{"key":%q,"value":%q}`, platform.Key, key))
}

// workspaces makes workspaces.
func (s *site) workspaces(ids ...string) {
	s.Helper()
	for _, id := range ids {
		s.must("POST", "/workspaces", fmt.Sprintf(`{"id":%q}`, id))
	}
}

// statuses gives "ws-1 running, ws-2 paused".
func (s *site) statuses() string {
	s.Helper()
	var list []string
	for _, w := range s.must("GET", "/workspaces", "")["workspaces"].([]any) {
		list = append(list, w.(map[string]any)["id"].(string)+" "+w.(map[string]any)["status"].(string))
	}
	return strings.Join(list, ", ")
}

// uses gives the key that a workspace calls the model with.
func (s *site) uses(id string) string {
	s.Helper()
	s.called()
	s.do("POST", "/workspaces/"+id+"/ask", `{"prompt":"hello"}`)
	calls := s.called()
	if len(calls) != 1 {
		s.Fatalf("an ask of %s makes %d calls", id, len(calls))
	}
	return calls[0]
}

// expect compares without showing what may be a secret.
func (s *site) expect(what string, got, want string) {
	s.Helper()
	if got != want {
		s.Errorf("%s: it is not what it should be", what)
	}
}

// leaks looks for secrets in all that the platform has said and stored.
func (s *site) leaks() {
	finder := leak.NewFinder(append(s.model.Issued(), s.values...)...)
	if form := finder.Find([]byte(s.said())); form != "" {
		s.Errorf("a secret is in the log or in an answer (%s)", form)
	}
	err := filepath.WalkDir(s.volume, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if form := finder.Find(text); form != "" {
			s.Errorf("a secret is in %s (%s)", d.Name(), form)
		}
		if info, err := d.Info(); err == nil && info.Mode().Perm()&0o077 != 0 {
			s.Errorf("%s has mode %v", d.Name(), info.Mode())
		}
		return err
	})
	if err != nil {
		s.Error(err)
	}
}

// plane is a control plane that has one row.
type plane struct {
	mu    sync.Mutex
	key   string // that it seals under
	row   tenant.Sealed
	down  bool
	asked int
	hold  chan struct{} // nil, or what an answer waits for
}

func (p *plane) write(secrets tenant.Secrets) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	box, err := tenant.NewBox(p.key)
	if err == nil {
		p.row, err = box.Seal(context.Background(), org, secrets)
	}
	return err
}

func (p *plane) set(change func(*plane)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

// asks counts the times that the row was read.
func (p *plane) asks() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.hold != nil {
		<-p.hold
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	switch {
	case p.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case r.Method != http.MethodGet || r.URL.Path != "/tenant/instance":
		w.WriteHeader(http.StatusNotFound)
	case r.Header.Get("Authorization") != "Bearer "+adminToken:
		w.WriteHeader(http.StatusUnauthorized)
	default:
		_ = json.NewEncoder(w).Encode(struct {
			ID string `json:"id"`
			tenant.Sealed
		}{org, p.row})
	}
}

// count counts what is equal.
func count(list []string, value string) int {
	return len(slices.DeleteFunc(slices.Clone(list), func(v string) bool { return v != value }))
}

// clock moves when it is told to.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
