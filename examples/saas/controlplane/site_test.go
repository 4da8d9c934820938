package controlplane_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/resend"
	"github.com/pawlhq/pawl/vendorsim/servertest"
	"github.com/pawlhq/pawl/vendorsim/stripe"
)

func TestMain(m *testing.M) { servertest.Main(m) }

const (
	adminToken = "cpadm_0123456789abcdefghij"
	redisURL   = "rediss://default:redispassword0123@redis.example:6379"
	project    = "tenants-12345678"
	prefix     = "molecule-tenant-"
	flyOrg     = "molecule"
)

var keyOne, keyTwo = strings.Repeat("1a", 32), strings.Repeat("2b", 32)

// site is the vendors, the tenants' platforms and the environment of a control
// plane.
type site struct {
	t      testing.TB
	neon   *neon.Neon
	fly    *fly.Fly
	stripe *stripe.Stripe
	resend *resend.Resend
	env    map[string]string
	log    *logs
	cut    atomic.Bool // nothing reaches anybody any more
	down   atomic.Bool // tenants' platforms do not answer
	before func()      // each call; may be nil

	mu  sync.Mutex
	now time.Time
}

// logs is what all servers of a site log.
type logs struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(b)
}

func (l *logs) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.String()
}

type speed struct {
	operation time.Duration // at Neon
	lag       time.Duration // of Fly's secrets
}

func newSite(t testing.TB, how speed) *site {
	t.Helper()
	s := &site{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), log: &logs{}}
	s.neon = neon.New(neon.Config{Now: s.clock, Operation: how.operation})
	s.neon.AddOrg("org-a")
	s.neon.AddProject(neon.Project{ID: project, Org: "org-a"})
	_, neonKey := s.neon.AddOrgKey("org-a", "", "control plane")
	s.fly = fly.New(fly.Config{Now: s.clock, ReplicaLag: how.lag})
	s.fly.AddOrg(flyOrg)
	s.fly.AddApp(flyOrg, "molecule-cp", "")
	_, flyToken := s.fly.AddOrgToken(flyOrg, "control plane", time.Hour)
	s.stripe = stripe.New(stripe.Config{Now: s.clock, Live: true})
	s.resend = resend.New(resend.Config{Now: s.clock})
	s.resend.AddDomain("moleculesai.app", "verified")
	s.resend.AddDomain("mail.moleculesai.app", "pending")
	_, resendKey := s.resend.AddKey("control plane", "sending_access", "")
	s.env = map[string]string{
		"FLY_API_TOKEN": flyToken, "NEON_API_KEY": neonKey, "TENANT_REDIS_URL": redisURL, "STRIPE_API_KEY": s.stripe.AddKey(stripe.Key{}),
		"SECRETS_ENCRYPTION_KEY": keyOne, "SECRETS_DECRYPTION_KEYS": keyOne, "RESEND_API_KEY": resendKey, "RESEND_FROM_EMAIL": "Molecule AI <noreply@moleculesai.app>",
		"STRIPE_WEBHOOK_SECRET": "whsec_first", "CP_ADMIN_TOKEN": adminToken,
		"TENANT_IMAGE": "registry.fly.io/molecule-tenant:latest", "FLY_ORG": flyOrg, "FLY_APP_NAME": "molecule-cp", "NEON_PROJECT": project,
	}
	return s
}

func (s *site) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// pass moves the clock. It is the control plane's Sleep too.
func (s *site) pass(_ context.Context, d time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
	return nil
}

// RoundTrip brings calls to vendors and to tenants' platforms.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.before != nil {
		s.before()
	}
	if s.cut.Load() {
		return nil, errors.New("the machine is dead")
	}
	hosts := map[string]http.Handler{neon.Host: s.neon, fly.MachinesHost: s.fly, stripe.Host: s.stripe, resend.Host: s.resend}
	if app, ok := strings.CutSuffix(r.URL.Host, ".fly.dev"); ok && !s.down.Load() {
		hosts[r.URL.Host] = s.platform(app)
	}
	return vendorsim.Transport(hosts).RoundTrip(r)
}

// platform is as much of a tenant's platform as the control plane needs: it
// lets the admin token in that its machine has, and tells what it was asked.
func (s *site) platform(app string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		machines := s.fly.Machines(app)
		if len(machines) == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		token, _ := s.fly.MachineEnv(app, machines[0], "ADMIN_TOKEN")
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil:
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/health":
			_, _ = io.WriteString(w, `{"status":"ok"}`)
		case r.Header.Get("Authorization") != "Bearer "+token:
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/workspaces":
			fmt.Fprintf(w, `{"workspaces":[{"id":"ws-%s-1","status":"running"}]}`, app)
		default:
			w.Header().Set("Content-Type", "application/x-ndjson")
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.RequestURI(), body)
		}
	})
}

// server starts a control plane on a store, with some of the environment
// different: pairs of name and value.
func (s *site) server(store controlplane.Store, changed ...string) *server {
	s.t.Helper()
	srv, err := s.start(store, changed...)
	if err != nil {
		s.t.Fatal(err)
	}
	return srv
}

func (s *site) start(store controlplane.Store, changed ...string) (*server, error) {
	env := maps.Clone(s.env)
	for pair := range slices.Chunk(changed, 2) {
		env[pair[0]] = pair[1]
	}
	if store != nil {
		env["DATABASE_URL"] = "sqlite:/dev/null"
	}
	c, err := controlplane.ConfigFromEnv(func(name string) string { return env[name] })
	if err != nil {
		return nil, err
	}
	c.Store = store
	srv, err := controlplane.New(s.t.Context(), c, controlplane.Deps{Now: s.clock, HTTP: &http.Client{Transport: s}, Sleep: s.pass,
		Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		return nil, err
	}
	s.t.Cleanup(func() { _ = srv.Close() })
	return &server{srv, s}, nil
}

// server is a control plane that is asked by its admin.
type server struct {
	*controlplane.Server
	*site
}

// reply is an answer.
type reply struct {
	code int
	text string
	body map[string]any
}

func (s *server) do(method, path, body string) reply {
	return s.as(adminToken, method, path, body)
}

func (s *server) as(token, method, path, body string) reply {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	return s.serve(r)
}

func (s *server) serve(r *http.Request) reply {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	out := reply{code: w.Code, text: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &out.body) // some answers are no object
	return out
}

// make makes a tenant that becomes ready, and gives its id.
func (s *server) make(slug string) string {
	s.t.Helper()
	made := s.do("POST", "/cp/orgs", `{"slug":"`+slug+`","name":"Name of `+slug+`","owner":"owner@`+slug+`.example"}`)
	if made.code != http.StatusCreated {
		s.t.Fatalf("make %s: %d %s", slug, made.code, made.text)
	}
	_ = s.pass(nil, time.Minute)
	return made.body["id"].(string)
}

// status gives the status of a tenant.
func (s *server) status(name string) string {
	s.t.Helper()
	got := s.do("GET", "/cp/orgs/"+name, "")
	if got.code != http.StatusOK {
		return fmt.Sprint(got.code)
	}
	return got.body["status"].(string)
}

// left lists what there is of tenants, at vendors and in the store.
func (s *site) left(store controlplane.Store) []string {
	s.t.Helper()
	s.neon.Finish()
	var all []string
	for _, id := range s.stripe.Customers() {
		all = append(all, "customer "+id)
	}
	for _, b := range s.neon.Branches(project)[1:] {
		all = append(all, "branch "+b.Name)
	}
	for _, slug := range []string{"acme", "bolt"} {
		if s.hasApp(prefix + slug) {
			all = append(all, "app of "+slug)
		}
	}
	rows, err := store.List(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for _, o := range rows {
		all = append(all, "row of "+o.Slug+", "+o.Status)
	}
	return all
}

func (s *site) hasApp(name string) bool {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "https://"+fly.MachinesHost+"/v1/apps/"+name, nil)
	r.Header.Set("Authorization", s.env["FLY_API_TOKEN"])
	s.fly.ServeHTTP(w, r)
	return w.Code != http.StatusNotFound
}

// mails counts the mails to an owner, without those to Resend's test address.
func (s *site) mails() int {
	n := 0
	for _, m := range s.resend.Emails() {
		if !strings.HasSuffix(m.To[0], "@resend.dev") {
			n++
		}
	}
	return n
}
