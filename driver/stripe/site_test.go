package stripe_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/stripe"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/stripe"
)

const (
	shopHost = "shop.example.com"
	hookURL  = "https://" + shopHost + "/webhooks/stripe"
)

// site is an account, the consumer of its events, and a connection to both.
type site struct {
	*sim.Stripe
	now  time.Time
	own  string       // the connection's key
	shop http.Handler // the consumer
	seen []*http.Request
	port *driver.Port
}

func newSite(t *testing.T, cfg sim.Config) *site {
	t.Helper()
	s := &site{now: time.Date(2026, 4, 5, 6, 7, 8, 900_000_000, time.UTC)}
	cfg.Now = func() time.Time { return s.now }
	s.Stripe = sim.New(cfg)
	s.own = s.AddKey(sim.Key{})
	s.connect(t, s.own)
	return s
}

// connect opens the driver with a credential, or with none.
func (s *site) connect(t *testing.T, own string) {
	t.Helper()
	inner := vendorsim.Transport(map[string]http.Handler{sim.Host: s.Stripe,
		shopHost: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.shop.ServeHTTP(w, r) })})
	s.open(t, own, roundTrip(func(r *http.Request) (*http.Response, error) {
		s.seen = append(s.seen, r)
		return inner.RoundTrip(r)
	}))
}

func (s *site) open(t *testing.T, own string, transport http.RoundTripper) {
	t.Helper()
	env := driver.Env{Transport: transport, Now: func() time.Time { return s.now }, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Wait: func(_ context.Context, d time.Duration) error { s.now = s.now.Add(d); return nil }}
	if own != "" {
		env.Credential = func(context.Context) (secret.Value, error) { return secret.NewString(own), nil }
	}
	d := stripe.New()
	conn, err := d.Open(env, estate.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	s.port = driver.NewPort("stripe", d.Info(), conn, 0)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answer has every call be answered alike.
func answer(code int, kind, body string) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

func failed(t *testing.T, err error) *driver.Error {
	t.Helper()
	var e *driver.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an error of a driver", err)
	}
	return e
}

func one(value string) secret.Parts { return secret.One(secret.NewString(value)) }
