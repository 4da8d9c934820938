package resend_test

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/resend"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/resend"
)

// site is a team at Resend with one domain, and a connection with a key of
// full access.
type site struct {
	*sim.Resend
	t          *testing.T
	now        time.Time
	port       *driver.Port
	credential string // what the connection works with
	domainID   string
	seen       []*http.Request
	answer     func(*http.Request) *http.Response // instead of the stand-in's, where it is not nil
}

const sender = "Acme <noreply@acme.example>"

func newSite(t *testing.T, cfg sim.Config) *site {
	t.Helper()
	s := &site{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	cfg.Now = func() time.Time { return s.now }
	s.Resend = sim.New(cfg)
	s.domainID = s.AddDomain("acme.example", sim.Verified)
	_, s.credential = s.AddKey("ops", sim.FullAccess, "")
	env := driver.Env{Transport: s, Now: cfg.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Wait:       func(ctx context.Context, d time.Duration) error { s.now = s.now.Add(d); return ctx.Err() },
		Credential: func(context.Context) (secret.Value, error) { return secret.NewString(s.credential), nil }}
	conn, err := resend.New().Open(env, estate.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	s.port = driver.NewPort("resend", resend.New().Info(), conn, 0)
	return s
}

// RoundTrip notes the request and hands it on.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.seen = append(s.seen, r)
	if s.answer != nil {
		if resp := s.answer(r); resp != nil {
			return resp, nil
		}
	}
	return vendorsim.Transport(map[string]http.Handler{sim.Host: s.Resend}).RoundTrip(r)
}

// says makes an answer that is not the stand-in's.
func says(r *http.Request, code int, kind, body string) *http.Response {
	return &http.Response{StatusCode: code, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

func (s *site) always(code int, body string) {
	s.answer = func(r *http.Request) *http.Response { return says(r, code, "application/json", body) }
}

func target(kind string, pairs ...any) driver.Target {
	t := driver.Target{Kind: kind, Settings: estate.Settings{}}
	for i := 0; i < len(pairs); i += 2 {
		t.Settings[pairs[i].(string)] = pairs[i+1]
	}
	return t
}

func one(value string) secret.Parts { return secret.One(secret.NewString(value)) }

func kindOf(err error) driver.ErrorKind {
	if err == nil {
		return ""
	}
	return driver.AsError("", err).Kind
}

// check looks until there is a result, at most a hundred times.
func (s *site) check(r driver.CheckRequest) (driver.Finding, error) {
	s.t.Helper()
	for range 100 {
		f, err := s.port.Check(s.t.Context(), r)
		if err != nil || f.State != driver.Pending {
			return f, err
		}
		if f.After <= 0 {
			s.t.Fatal("a check that is pending does not say when to look again")
		}
		r.Resume, s.now = f.Resume, s.now.Add(f.After)
	}
	s.t.Fatal("the check has no result")
	return driver.Finding{}, nil
}
