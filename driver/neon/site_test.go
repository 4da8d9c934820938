package neon_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/neon"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/neon"
)

const (
	org     = "org-morning-bread-81040908"
	project = "shiny-wind-028834"
	owner   = "neondb_owner"
)

// site is a Neon with an organisation that has one project, and a connection
// with the key of an admin.
type site struct {
	*sim.Neon
	t          *testing.T
	now        time.Time
	port       *driver.Port
	user       string
	branch     string
	credential string // what the connection works with
	seen       []*http.Request
}

// operation is how long one operation runs at a site.
const operation = 3 * time.Second

func newSite(t *testing.T, cfg sim.Config, p sim.Project) *site {
	t.Helper()
	s := &site{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	cfg.Now = func() time.Time { return s.now }
	s.Neon = sim.New(cfg)
	s.user = s.AddUser("Alex")
	s.AddOrg(org, s.user)
	p.ID, p.Org = project, org
	s.branch = s.AddProject(p)
	_, s.credential = s.AddKey(s.user, "ops")
	env := driver.Env{Transport: s, Now: cfg.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Wait:       func(ctx context.Context, d time.Duration) error { s.now = s.now.Add(d); return ctx.Err() },
		Credential: func(context.Context) (secret.Value, error) { return secret.NewString(s.credential), nil }}
	conn, err := neon.New().Open(env, estate.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	s.port = driver.NewPort("neon", neon.New().Info(), conn, 0)
	return s
}

// RoundTrip notes the request and hands it on.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.seen = append(s.seen, r)
	return vendorsim.Transport(map[string]http.Handler{sim.Host: s.Neon}).RoundTrip(r)
}

// made counts the requests of a method to paths with an ending.
func (s *site) made(method, ending string) int {
	n := 0
	for _, r := range s.seen {
		if r.Method == method && strings.HasSuffix(r.URL.Path, ending) {
			n++
		}
	}
	return n
}

func target(kind string, pairs ...string) driver.Target {
	t := driver.Target{Kind: kind, Settings: estate.Settings{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		t.Settings[pairs[i]] = pairs[i+1]
	}
	return t
}

// role is the target of second roles, and with a name of that role's password.
func (s *site) role(name ...string) driver.Target {
	if len(name) == 0 {
		return target("role", "project", project, "branch", s.branch)
	}
	return target("role_password", "project", project, "branch", s.branch, "role", name[0])
}

func (s *site) mint(t driver.Target, name string) driver.Minted {
	s.t.Helper()
	m, err := s.port.Mint(s.t.Context(), driver.MintRequest{Target: t, Name: name, Version: 2})
	if err != nil {
		s.t.Fatalf("mint: %v", err)
	}
	return m
}

// verdict asks about a value: the verdict, or the kind of the error.
func (s *site) verdict(t driver.Target, value secret.Parts) string {
	s.t.Helper()
	v, err := s.port.Verify(s.t.Context(), t, value)
	if err != nil {
		return string(failure(err).Kind)
	}
	return string(v)
}

func failure(err error) *driver.Error {
	if e := driver.AsError("", err); e != nil {
		return e
	}
	return &driver.Error{}
}

func single(s string) secret.Parts { return secret.One(secret.NewString(s)) }

func login(user, password string) secret.Parts {
	return secret.Parts{"user": secret.NewString(user), "password": secret.NewString(password)}
}

// opens reports whether a value opens the default branch now.
func (s *site) opens(value secret.Parts) bool {
	s.t.Helper()
	var user, password string
	_ = value["user"].Use(func(b []byte) error { user = string(b); return nil })         // it is open in a test
	_ = value["password"].Use(func(b []byte) error { password = string(b); return nil }) // likewise
	_, ok := s.Login(project, s.branch, user, password)
	return ok
}

// stored is the value of a role as Neon has stored it.
func (s *site) stored(role string) secret.Parts {
	s.t.Helper()
	password, ok := s.RolePassword(project, s.branch, role)
	if !ok {
		s.t.Fatalf("there is no role %s", role)
	}
	return login(role, password)
}
