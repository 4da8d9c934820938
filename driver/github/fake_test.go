package github_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/github"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// admin is the connection's own credential in these tests.
const admin = "ghp_admin00000000000000000000000000000000"

var start = time.Date(2026, 3, 1, 12, 0, 0, 500_000_000, time.UTC)

// api is a GitHub of a few routes, in memory. It fails the test on a call that
// the driver's Info does not declare.
type api struct {
	t   testing.TB
	mux *http.ServeMux
	now time.Time

	mu    sync.Mutex
	calls []call
	lost  string // "METHOD /path" whose answer is lost after it took effect
	quiet bool   // keeps no account of calls, for benchmarks
}

// call is one request as the API saw it.
type call struct {
	line   string // "GET /repos/acme/site", escaped
	query  string
	header http.Header
	body   []byte
}

func newAPI(t testing.TB) *api {
	return &api{t: t, mux: http.NewServeMux(), now: start}
}

// on answers a route with a status and a JSON body.
func (a *api) on(pattern string, status int, body string) {
	a.handle(pattern, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func (a *api) handle(pattern string, f http.HandlerFunc) { a.mux.HandleFunc(pattern, f) }

// RoundTrip serves a request in memory.
func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	c := call{line: r.Method + " " + r.URL.EscapedPath(), query: r.URL.RawQuery, header: r.Header.Clone()}
	if r.Body != nil {
		c.body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
		r.Body = io.NopCloser(strings.NewReader(string(c.body)))
	}
	lost := !a.quiet && a.note(c)
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil && trace.WroteHeaders != nil {
		trace.WroteHeaders()
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	a.mux.ServeHTTP(w, r)
	if lost {
		return nil, io.ErrUnexpectedEOF
	}
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

// note keeps a call and tells whether its answer is to be lost.
func (a *api) note(c call) (lost bool) {
	a.t.Helper()
	a.declared(c.line)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, c)
	if lost = a.lost == c.line; lost {
		a.lost = ""
	}
	return lost
}

// declared holds the driver to the calls in its Info.
func (a *api) declared(line string) {
	a.t.Helper()
	for _, c := range github.New().Info().Calls {
		pattern := regexp.MustCompile(`\\\{[a-z_]+\\\}`).ReplaceAllString(regexp.QuoteMeta(c.Method+" "+c.Path), `[^/]+`)
		if regexp.MustCompile("^" + pattern + "$").MatchString(line) {
			return
		}
	}
	a.t.Errorf("the call %s is not in Info.Calls", line)
}

// lines gives the calls that were made, in order.
func (a *api) lines() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	lines := make([]string, len(a.calls))
	for i, c := range a.calls {
		lines[i] = c.line
	}
	return lines
}

// last gives the last call of a line.
func (a *api) last(line string) call {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := len(a.calls) - 1; i >= 0; i-- {
		if a.calls[i].line == line {
			return a.calls[i]
		}
	}
	a.t.Fatalf("no call %s", line)
	return call{}
}

func (a *api) count(line string) int {
	n := 0
	for _, l := range a.lines() {
		if l == line {
			n++
		}
	}
	return n
}

// port opens the driver on the API.
func (a *api) port() *driver.Port {
	a.t.Helper()
	d := github.New()
	env := driver.Env{
		Transport:  a,
		Now:        func() time.Time { return a.now },
		Wait:       func(_ context.Context, d time.Duration) error { a.now = a.now.Add(d); return nil },
		Rand:       rand.Reader,
		Log:        slog.New(slog.DiscardHandler),
		Credential: func(context.Context) (secret.Value, error) { return secret.NewString(admin), nil },
	}
	conn, err := d.Open(env, estate.Settings{"base": github.DefaultBase, "runs_listed_within": time.Duration(0)})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = conn.Close() })
	return driver.NewPort("gh", d.Info(), conn, 0)
}

// sealKey is a key pair as GitHub holds it.
type sealKey struct {
	id        string
	pub, priv *[32]byte
}

func newSealKey(t testing.TB, id string) sealKey {
	t.Helper()
	pub, priv, err := box.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return sealKey{id, pub, priv}
}

func (k sealKey) json() string {
	return `{"key_id":"` + k.id + `","key":"` + base64.StdEncoding.EncodeToString(k.pub[:]) + `"}`
}

// written is the body of a write.
type written struct {
	Value      string            `json:"encrypted_value"`
	KeyID      string            `json:"key_id"`
	Visibility string            `json:"visibility"`
	Selected   []json.RawMessage `json:"selected_repository_ids"`
}

func parseWrite(t *testing.T, body []byte) written {
	t.Helper()
	var w written
	if err := json.Unmarshal(body, &w); err != nil {
		t.Fatalf("the body is not JSON: %v", err)
	}
	return w
}

// open decrypts what was written.
func (k sealKey) open(t *testing.T, w written) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(w.Value)
	if err != nil {
		t.Fatal(err)
	}
	plain, ok := box.OpenAnonymous(nil, raw, k.pub, k.priv)
	if !ok {
		t.Fatal("the box does not open under the key that was given")
	}
	return string(plain)
}

func kindOf(err error) driver.ErrorKind {
	if err == nil {
		return ""
	}
	return driver.AsError("", err).Kind
}
