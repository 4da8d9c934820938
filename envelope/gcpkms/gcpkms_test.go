package gcpkms_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/gcpkms"
	"github.com/pawlhq/pawl/envelope/keepertest"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/gcpkms"
)

// site is a KMS on loopback with two keys and a token of exactly the
// permissions that the package documents.
type site struct {
	*sim.KMS
	url, token string
}

func newSite(t *testing.T, cfg sim.Config) *site {
	t.Helper()
	s := &site{KMS: sim.New(cfg)}
	s.AddKey(sim.Name("a"))
	s.AddKey(sim.Name("b"))
	s.token = s.Token(sim.MayEncrypt, sim.MayDecrypt)
	server, err := vendorsim.Listen(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	s.url = server.URL
	return s
}

// RoundTrip authorises calls with the token that the site has at the time.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+s.token)
	return http.DefaultTransport.RoundTrip(r)
}

func (s *site) open(t *testing.T, key string) *gcpkms.Keeper {
	t.Helper()
	k, err := gcpkms.New(gcpkms.Config{Key: sim.Name(key), Endpoint: s.url, Client: &http.Client{Transport: s}})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s *site) fault(rule vendorsim.Rule) func(*testing.T) func() {
	return func(*testing.T) func() { s.Faults().Add(rule); return s.Faults().Clear }
}

func TestConforms(t *testing.T) {
	keepertest.Run(t, func(t *testing.T) keepertest.Subject {
		s := newSite(t, sim.Config{})
		as := func(token string) func(*testing.T) func() {
			return func(*testing.T) func() {
				was := s.token
				s.token = token
				return func() { s.token = was }
			}
		}
		return keepertest.Subject{Keeper: s.open(t, "a"), Again: s.open(t, "a"), Other: s.open(t, "b"), Versions: true, Hidden: s.Issued(),
			Rotate: func(*testing.T) { s.Rotate(sim.Name("a")) },
			Break: map[keepertest.Outage]func(*testing.T) func(){
				keepertest.Gone:      s.fault(vendorsim.Rule{Kind: vendorsim.Before}),
				keepertest.Failing:   s.fault(vendorsim.Rule{Kind: vendorsim.Status, Body: `{"error":{"code":500,"message":"Internal error encountered.","status":"INTERNAL"}}`}),
				keepertest.Throttled: s.fault(vendorsim.Rule{Kind: vendorsim.Status, Code: 429, Body: `{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}`}),
				keepertest.Garbage:   s.fault(vendorsim.Rule{Kind: vendorsim.Garbage}),
				keepertest.Hanging:   s.fault(vendorsim.Rule{Kind: vendorsim.Hang}),
				"a bad API key":      s.fault(vendorsim.Rule{Kind: vendorsim.Status, Code: 400, Body: `{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}`}),
				keepertest.Denied:    as(s.Token()),
				"not authenticated":  as("ya29.nobody"),
				keepertest.Disabled: func(*testing.T) func() {
					s.SetState(sim.Name("a"), sim.Disabled)
					return func() { s.SetState(sim.Name("a"), sim.Enabled) }
				},
			}}
	})
}

var at = envelope.KeyBinding{ID: 1, Scope: "shop"}

// TestChecksums: one damaged answer costs a second call, two are an error, and
// neither gives a key that is not the one.
func TestChecksums(t *testing.T) {
	good := newSite(t, sim.Config{})
	w, err := good.open(t, "a").Wrap(t.Context(), []byte("an example key"), at)
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]func(n int) sim.Config{
		"damaged":    func(n int) sim.Config { return sim.Config{Corrupt: n} },
		"unverified": func(n int) sim.Config { return sim.Config{Unverified: n} },
	} {
		for n := 1; n <= 2; n++ {
			s := newSite(t, cfg(n))
			made, err := s.open(t, "a").Wrap(t.Context(), []byte("an example key"), at)
			check(t, name+" wrap", n, err, made.Key == nil, len(s.Log()))
		}
	}
	for n := 1; n <= 2; n++ {
		good.Faults().Clear()
		good.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Code: 200, Count: n, Body: `{"plaintext":"YW4gZXhhbXBsZSBrZXk=","plaintextCrc32c":"1"}`})
		before := len(good.Log())
		got, err := good.open(t, "a").Unwrap(t.Context(), w.Key, at)
		check(t, "damaged unwrap", n, err, got == nil, len(good.Log())-before)
	}
}

func check(t *testing.T, what string, damaged int, err error, none bool, calls int) {
	t.Helper()
	if calls != 2 || (err == nil) != (damaged == 1) || none != (err != nil) || errors.Is(err, envelope.ErrUnwrap) {
		t.Errorf("%s, %d damaged: %d calls, nothing comes back: %t: %v", what, damaged, calls, none, err)
	}
}

// TestASentChecksumThatIsRefused is no verdict about the ciphertext.
func TestASentChecksumThatIsRefused(t *testing.T) {
	s := newSite(t, sim.Config{})
	k := s.open(t, "a")
	w, err := k.Wrap(t.Context(), []byte("an example key"), at)
	if err != nil {
		t.Fatal(err)
	}
	rule := vendorsim.Rule{Kind: vendorsim.Status, Code: 400, Count: 1, Body: `{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"The checksum in field ciphertext_crc32c did not match the data in field ciphertext."}}`}
	s.Faults().Add(rule)
	if got, err := k.Unwrap(t.Context(), w.Key, at); err != nil || string(got) != "an example key" {
		t.Errorf("after one: %v", err)
	}
	rule.Count = 0
	s.Faults().Add(rule)
	if _, err := k.Unwrap(t.Context(), w.Key, at); err == nil || errors.Is(err, envelope.ErrUnwrap) {
		t.Errorf("after two: %v", err)
	}
}

func TestHints(t *testing.T) {
	s := newSite(t, sim.Config{})
	s.token = s.Token(sim.MayEncrypt)
	w, err := s.open(t, "a").Wrap(t.Context(), []byte("an example key"), at)
	if err != nil || w.Version != "1" {
		t.Fatalf("version %q: %v", w.Version, err)
	}
	_, err = s.open(t, "a").Unwrap(t.Context(), w.Key, at)
	if !strings.Contains(pawl.HintOf(err), sim.MayDecrypt) || !strings.Contains(err.Error(), "PERMISSION_DENIED") {
		t.Errorf("hint %q: %v", pawl.HintOf(err), err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]gcpkms.Config{
		"no key":          {Client: &http.Client{}},
		"a version":       {Client: &http.Client{}, Key: sim.Name("a") + "/cryptoKeyVersions/1"},
		"no name":         {Client: &http.Client{}, Key: sim.Name("")},
		"another path":    {Client: &http.Client{}, Key: strings.Replace(sim.Name("a"), "keyRings", "rings", 1)},
		"a call in it":    {Client: &http.Client{}, Key: sim.Name("a:decrypt")},
		"no client":       {Key: sim.Name("a")},
		"a strange place": {Client: &http.Client{}, Key: sim.Name("a"), Endpoint: "https://user:pass@kms.example"},
	} {
		if _, err := gcpkms.New(cfg); pawl.CodeOf(err) != pawl.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
