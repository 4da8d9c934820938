package upstash_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/upstash"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/servertest"
	sim "github.com/pawlhq/pawl/vendorsim/upstash"
)

const account = "ops@example.com"

func TestMain(m *testing.M) { servertest.Main(m) }

// site is an Upstash with one account, and a connection to it.
type site struct {
	*sim.Upstash
	t    *testing.T
	now  time.Time
	port *driver.Port
	dial func(ctx context.Context, network, address string) (net.Conn, error) // to databases
	key  string
	seen []*http.Request
}

func newSite(t *testing.T, cfg sim.Config) *site {
	t.Helper()
	s := &site{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	cfg.Now = func() time.Time { return s.now }
	s.Upstash = sim.New(cfg)
	s.dial = s.Dial
	s.AddAccount(account)
	_, s.key = s.AddKey(account, "pawl")
	s.port = s.open(estate.Settings{}, account+":"+s.key)
	return s
}

// open makes a connection with a credential.
func (s *site) open(more estate.Settings, credential string) *driver.Port {
	s.t.Helper()
	env := driver.Env{Transport: s, Dial: s.dial, Now: func() time.Time { return s.now }, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Wait:       func(ctx context.Context, d time.Duration) error { s.now = s.now.Add(d); return ctx.Err() },
		Credential: func(context.Context) (secret.Value, error) { return secret.NewString(credential), nil }}
	settings := estate.Settings{"tls": "disable"}
	for k, v := range more {
		settings[k] = v
	}
	conn, err := upstash.New().Open(env, settings)
	if err != nil {
		s.t.Fatal(err)
	}
	return driver.NewPort("upstash", upstash.New().Info(), conn, 0)
}

// RoundTrip notes the request and hands it on.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.seen = append(s.seen, r)
	return vendorsim.Transport(s.Hosts()).RoundTrip(r)
}

// made counts the requests of a method to paths with something in them.
func (s *site) made(method, within string) int {
	n := 0
	for _, r := range s.seen {
		if r.Method == method && strings.Contains(r.URL.Path, within) {
			n++
		}
	}
	return n
}

// database makes a database, with a server or without one.
func (s *site) database(server *redis.Server) string {
	s.t.Helper()
	id, err := s.AddDatabase(s.t.Context(), sim.Database{Owner: account, Name: "cache", Slug: "beloved-stallion-58500", Server: server})
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// password is the target of a database's credentials.
func password(id string) driver.Target {
	return driver.Target{Kind: "redis_password", Settings: estate.Settings{"database": id, "verify_by": "redis"}}
}

func byREST(id string) driver.Target {
	return driver.Target{Kind: "redis_password", Settings: estate.Settings{"database": id, "verify_by": "rest"}}
}

func user(id, name string) driver.Target {
	return driver.Target{Kind: "redis_acl_user", Settings: estate.Settings{"database": id, "user": name}}
}

func queue(id string) driver.Target {
	return driver.Target{Kind: "qstash_token", Settings: estate.Settings{"user": id}}
}

func (s *site) mint(t driver.Target) driver.Minted {
	s.t.Helper()
	m, err := s.port.Mint(s.t.Context(), driver.MintRequest{Target: t, Version: 2})
	if err != nil {
		s.t.Fatalf("mint: %v", err)
	}
	return m
}

// stored is what a database has now.
func (s *site) stored(id string) secret.Parts {
	c := s.Credentials(id)
	return secret.Parts{"user": secret.NewString("default"), "password": secret.NewString(c.Password), "rest_token": secret.NewString(c.RESTToken), "read_only_rest_token": secret.NewString(c.ReadOnlyRESTToken)}
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

func single(v string) secret.Parts { return secret.One(secret.NewString(v)) }

func login(user, token string) secret.Parts {
	return secret.Parts{"user": secret.NewString(user), "password": secret.NewString(token)}
}

func equal(a, b secret.Parts) bool {
	for name, v := range a {
		if !v.Equal(b[name]) {
			return false
		}
	}
	return len(a) == len(b)
}
