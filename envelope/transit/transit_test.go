package transit_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keepertest"
	"github.com/pawlhq/pawl/envelope/transit"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/transit"
)

// site is a server with two keys and a token of exactly the permissions that
// the package documents.
type site struct {
	*sim.Transit
	url, token string
}

func newSite(t *testing.T, cfg sim.Config) *site {
	t.Helper()
	s := &site{Transit: sim.New(cfg)}
	mount := cfg.Mount
	if mount == "" {
		mount = "transit"
	}
	var grants []sim.Grant
	for _, key := range []string{"pawl", "other", "rsa", "mistyped"} {
		for _, op := range []string{"encrypt", "decrypt"} {
			grants = append(grants, sim.Grant{Path: mount + "/" + op + "/" + key, Capabilities: []string{"update"}})
		}
	}
	s.AddKey("pawl", sim.AES256)
	s.AddKey("other", sim.AES256)
	s.AddKey("rsa", sim.RSA)
	s.token = s.Token(grants...)
	server, err := vendorsim.Listen(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	s.url = server.URL
	return s
}

func (s *site) open(t *testing.T, cfg transit.Config) *transit.Keeper {
	t.Helper()
	cfg.Address = s.url
	if cfg.Token == nil {
		cfg.Token = func(context.Context) (string, error) { return s.token, nil }
	}
	k, err := transit.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s *site) fault(rule vendorsim.Rule) func(*testing.T) func() {
	return func(*testing.T) func() { s.Faults().Add(rule); return s.Faults().Clear }
}

func TestConforms(t *testing.T) {
	for name, cfg := range map[string]sim.Config{"root": {}, "namespace and mount": {Namespace: "team", Mount: "keys/transit"}} {
		t.Run(name, func(t *testing.T) {
			keepertest.Run(t, func(t *testing.T) keepertest.Subject {
				s := newSite(t, cfg)
				open := func(key string) envelope.Keeper {
					return s.open(t, transit.Config{Mount: cfg.Mount, Namespace: cfg.Namespace, Key: key})
				}
				return keepertest.Subject{Keeper: open("pawl"), Again: open("pawl"), Other: open("other"), Versions: true, Hidden: s.Issued(),
					Rotate: func(*testing.T) { s.Rotate("pawl") },
					Break: map[keepertest.Outage]func(*testing.T) func(){
						keepertest.Gone:      s.fault(vendorsim.Rule{Kind: vendorsim.Before}),
						keepertest.Failing:   s.fault(vendorsim.Rule{Kind: vendorsim.Status, Body: `{"errors":["1 error occurred:\n\t* internal error\n\n"]}`}),
						keepertest.Throttled: s.fault(vendorsim.Rule{Kind: vendorsim.TooMany}),
						keepertest.Garbage:   s.fault(vendorsim.Rule{Kind: vendorsim.Garbage}),
						keepertest.Hanging:   s.fault(vendorsim.Rule{Kind: vendorsim.Hang}),
						keepertest.Denied: func(*testing.T) func() {
							was := s.token
							s.token = s.Token()
							return func() { s.token = was }
						},
						keepertest.Disabled: func(*testing.T) func() { s.Seal(true); return func() { s.Seal(false) } },
					}}
			})
		})
	}
}

var at = envelope.KeyBinding{ID: 1, Scope: "pawl"}

// TestTooOldIsNoCorruption: the version is there, and opens again when the
// setting is lowered.
func TestTooOldIsNoCorruption(t *testing.T) {
	s := newSite(t, sim.Config{})
	k := s.open(t, transit.Config{Key: "pawl"})
	w, err := k.Wrap(t.Context(), []byte("an example key"), at)
	if err != nil || w.Version != "1" {
		t.Fatalf("version %q: %v", w.Version, err)
	}
	s.Rotate("pawl")
	s.SetLeast("pawl", 2)
	_, err = k.Unwrap(t.Context(), w.Key, at)
	if err == nil || errors.Is(err, envelope.ErrUnwrap) || !strings.Contains(pawl.HintOf(err), "min_decryption_version") {
		t.Errorf("hint %q: %v", pawl.HintOf(err), err)
	}
	s.SetLeast("pawl", 1)
	if got, err := k.Unwrap(t.Context(), w.Key, at); err != nil || string(got) != "an example key" {
		t.Errorf("it does not open again: %v", err)
	}
}

// TestUnboundServers: what cannot be bound is not wrapped at all.
func TestUnboundServers(t *testing.T) {
	old := newSite(t, sim.Config{IgnoresData: true})
	w, err := old.open(t, transit.Config{Key: "pawl"}).Wrap(t.Context(), []byte("an example key"), at)
	if err == nil || w.Key != nil || !strings.Contains(err.Error(), "ignores associated data") {
		t.Errorf("a server that ignores the binding: %v", err)
	}
	w, err = newSite(t, sim.Config{}).open(t, transit.Config{Key: "rsa"}).Wrap(t.Context(), []byte("an example key"), at)
	if err == nil || w.Key != nil || !strings.Contains(pawl.HintOf(err), "aes256-gcm96") {
		t.Errorf("a key of the wrong type, hint %q: %v", pawl.HintOf(err), err)
	}
}

// TestAMistypedKeyIsNotMade: with the documented policy, that is.
func TestAMistypedKeyIsNotMade(t *testing.T) {
	s := newSite(t, sim.Config{})
	_, err := s.open(t, transit.Config{Key: "mistyped"}).Wrap(t.Context(), []byte("an example key"), at)
	if err == nil || !strings.Contains(pawl.HintOf(err), "transit/encrypt/mistyped") {
		t.Errorf("hint %q: %v", pawl.HintOf(err), err)
	}
	s.DeleteKey("other")
	_, err = s.open(t, transit.Config{Key: "other"}).Unwrap(t.Context(), []byte("vault:v1:AAAA"), at)
	if err == nil || errors.Is(err, envelope.ErrUnwrap) || !strings.Contains(err.Error(), "encryption key not found") {
		t.Errorf("a deleted key: %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	token := func(context.Context) (string, error) { return "example", nil }
	for name, cfg := range map[string]transit.Config{
		"no address":      {Key: "k", Token: token},
		"another scheme":  {Address: "ftp://vault.example", Key: "k", Token: token},
		"a user":          {Address: "https://user:hunter2-example@vault.example", Key: "k", Token: token},
		"no key":          {Address: "https://vault.example", Token: token},
		"a path as key":   {Address: "https://vault.example", Key: "a/../b", Token: token},
		"a query":         {Address: "https://vault.example?x=hunter2-example", Key: "k", Token: token},
		"no token":        {Address: "https://vault.example", Key: "k"},
		"a strange mount": {Address: "https://vault.example", Key: "k", Mount: "a?b", Token: token},
	} {
		_, err := transit.New(cfg)
		if pawl.CodeOf(err) != pawl.CodeInvalid || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestATokenThatCannotBeHad is an outage, with its reason.
func TestATokenThatCannotBeHad(t *testing.T) {
	s := newSite(t, sim.Config{})
	k := s.open(t, transit.Config{Key: "pawl", Token: func(context.Context) (string, error) { return "", errors.New("the agent is away") }})
	_, err := k.Unwrap(t.Context(), []byte("vault:v1:AAAA"), at)
	if err == nil || errors.Is(err, envelope.ErrUnwrap) || !strings.Contains(err.Error(), "the agent is away") {
		t.Errorf("%v", err)
	}
	if len(s.Log()) != 0 {
		t.Error("a call is made without a token")
	}
}

// TestRedirects: a standby's redirect is followed once, with the body; one
// that leaves TLS is not, for the token would be readable.
func TestRedirects(t *testing.T) {
	s := newSite(t, sim.Config{})
	to := func(url string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, url+r.URL.Path, http.StatusTemporaryRedirect)
		})
	}
	standby := httptest.NewServer(to(s.url))
	defer standby.Close()
	twice := httptest.NewServer(to(standby.URL))
	defer twice.Close()
	tls := httptest.NewTLSServer(to(s.url))
	defer tls.Close()
	for _, c := range []struct {
		address string
		client  *http.Client
		works   bool
	}{{standby.URL, nil, true}, {twice.URL, nil, false}, {tls.URL, tls.Client(), false}} {
		k, err := transit.New(transit.Config{Address: c.address, Key: "pawl", Client: c.client, Token: func(context.Context) (string, error) { return s.token, nil }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Wrap(t.Context(), []byte("an example key"), at); (err == nil) != c.works {
			t.Errorf("%s: %v", c.address, err)
		}
	}
}

// TestAnErrorHidesWhatTheServerEchoes: servers and what is between say anything.
func TestAnErrorHidesWhatTheServerEchoes(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"errors":["the token ` + r.Header.Get("X-Vault-Token") + ` is bad"]}`))
	}))
	defer echo.Close()
	k, err := transit.New(transit.Config{Address: echo.URL, Key: "pawl", Token: func(context.Context) (string, error) { return "hvs.example-token", nil }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Wrap(t.Context(), []byte("an example key"), at)
	if err == nil || strings.Contains(err.Error(), "hvs.example") || !strings.Contains(err.Error(), "is bad") {
		t.Errorf("%v", err)
	}
}
