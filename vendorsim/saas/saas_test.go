package saas_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/resend"
	"github.com/pawlhq/pawl/vendorsim/saas"
	"github.com/pawlhq/pawl/vendorsim/stripe"
)

// site is a system with a clock.
type site struct {
	*saas.SaaS
	t   *testing.T
	now time.Time
}

func newSite(t *testing.T, c saas.Config) *site {
	t.Helper()
	s := &site{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	c.Now, c.Rand = func() time.Time { return s.now }, rand.NewChaCha8([32]byte{1})
	var err error
	if s.SaaS, err = saas.Start(c); err != nil {
		t.Fatal(err)
	}
	return s
}

// do makes a call to the control plane as its admin.
func (s *site) do(method, path, body string) (int, map[string]any) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, "https://"+saas.Host+path, bytes.NewBufferString(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Admin["cp"])
	resp, err := vendorsim.Transport(s.Hosts()).RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	var out map[string]any
	if len(raw) > 0 {
		_ = json.Unmarshal(raw, &out) // a log is no object
	}
	return resp.StatusCode, out
}

// mails are those to people: a start sends one to nobody.
func (s *site) mails() []resend.EmailState {
	return slices.DeleteFunc(s.Resend.Emails(), func(m resend.EmailState) bool { return strings.Contains(fmt.Sprint(m.To), "@resend.dev") })
}

// load stores a value at Fly and boots machines with it.
func (s *site) load(name, value string) {
	s.Fly.SetSecret(saas.App, name, value)
	s.Fly.Reboot(saas.App)
}

func TestItBeginsWhole(t *testing.T) {
	s := newSite(t, saas.Config{})
	if code, _ := s.do("GET", "/health", ""); code != http.StatusOK {
		t.Errorf("health is %d", code)
	}
	if failing := s.Failing(); len(failing) > 0 || len(s.Tenants()) != 3 {
		t.Errorf("%d tenants; what does not work: %q", len(s.Tenants()), failing)
	}
	if code, out := s.do("POST", "/cp/billing/checkout", ""); code != http.StatusOK || !strings.HasPrefix(out["url"].(string), "https://checkout.stripe.com/") {
		t.Errorf("checkout: %d %v", code, out)
	}
	paused := 0
	for _, w := range s.Workspaces() {
		if w.Paused {
			paused++
		} else if !s.Anthropic.Accepted(w.Key) {
			t.Errorf("workspace %s runs with a dead key", w.ID)
		}
	}
	if paused != 1 || len(s.Workspaces()) != 9 {
		t.Errorf("%d of %d workspaces are paused", paused, len(s.Workspaces()))
	}
}

// TestATenantComesAndGoes provisions and erases one, with mail.
func TestATenantComesAndGoes(t *testing.T) {
	s := newSite(t, saas.Config{Operation: time.Second})
	code, org := s.do("POST", "/cp/orgs", `{"slug":"keytest","name":"Rotation test","owner":"owner@keytest.example"}`)
	if code != http.StatusCreated || org["status"] != "provisioning" {
		t.Fatalf("create: %d %v", code, org)
	}
	s.now = s.now.Add(time.Minute)
	id := org["id"].(string)
	if _, org = s.do("GET", "/cp/orgs/"+id, ""); org["status"] != "ready" {
		t.Errorf("a minute later it is %v", org["status"])
	}
	if code, _ = s.do("DELETE", "/cp/orgs/"+id, ""); code != http.StatusNoContent {
		t.Errorf("erase: %d", code)
	}
	mails := s.mails()
	if len(mails) != 1 || mails[0].From != s.First[saas.ResendFrom] {
		t.Errorf("mails: %+v", mails)
	}
	if slices.Contains(s.Tenants(), "keytest") {
		t.Error("the tenant is still there")
	}
}

// TestSilentBreakage shows what a runbook warns of: each dead secret breaks
// its own path, while /health stays green.
func TestSilentBreakage(t *testing.T) {
	for _, c := range []struct {
		secret, value, method, path, body string
		want                              int
	}{
		{saas.NeonKey, "napi_dead", "POST", "/cp/orgs", `{"slug":"x","name":"X"}`, http.StatusBadGateway},
		{saas.StripeKey, "sk_live_dead", "POST", "/cp/billing/checkout", "", http.StatusBadGateway},
		{saas.ResendKey, "re_dead", "DELETE", "/cp/orgs/acme", "", http.StatusNoContent},
		{saas.ResendKey, "", "DELETE", "/cp/orgs/acme", "", http.StatusNoContent},
		{saas.EncryptionKey, strings.Repeat("ab", 32), "GET", "/cp/orgs/acme", "", http.StatusOK},
	} {
		s := newSite(t, saas.Config{})
		if c.secret == saas.EncryptionKey {
			s.load(saas.DecryptKeys, c.value)
		}
		s.load(c.secret, c.value)
		if code, _ := s.do("GET", "/health", ""); code != http.StatusOK {
			t.Errorf("%s: health is %d, want green", c.secret, code)
		}
		code, out := s.do(c.method, c.path, c.body)
		if code != c.want {
			t.Errorf("%s: %s %s is %d %v, want %d", c.secret, c.method, c.path, code, out, c.want)
		}
		if c.secret == saas.ResendKey && len(s.mails()) != 0 {
			t.Errorf("%s: a mail was sent with a dead key", c.secret)
		}
		if c.secret == saas.EncryptionKey && out["status"] != "unreadable" {
			t.Errorf("%s: the tenant is %v with another key", c.secret, out["status"])
		}
	}
}

// TestWorkspacesBootWithTheKeyInForce rotates the language model's key: paused
// workspaces wait, overrides win.
func TestWorkspacesBootWithTheKeyInForce(t *testing.T) {
	s := newSite(t, saas.Config{})
	if err := s.Override("cove", "ws-cove-1", s.First[saas.AnthropicKey]); err != nil {
		t.Fatal(err)
	}
	_, second := s.Anthropic.CreateKey(anthropic.Key{Name: "second"})
	for _, slug := range s.Tenants() {
		if code, out := s.do("PUT", "/cp/orgs/"+slug+"/secrets", `{"key":"ANTHROPIC_API_KEY","value":"`+second+`"}`); code != http.StatusOK {
			t.Fatalf("%s: %d %v", slug, code, out)
		}
	}
	for _, w := range s.Workspaces() {
		switch {
		case w.Paused && w.Key != "":
			t.Errorf("%s is paused and runs", w.ID)
		case w.Own && w.Key != s.First[saas.AnthropicKey], !w.Own && !w.Paused && w.Key != second:
			t.Errorf("%s runs with another key than the one in force", w.ID)
		}
	}
	s.Anthropic.SetStatus(s.IDs[saas.AnthropicKey], "inactive")
	if code, _ := s.do("POST", "/cp/orgs/cove/workspaces/ws-cove-1/restart", ""); code != http.StatusOK {
		t.Fatalf("restart: %d", code)
	}
	if log := s.text("/cp/orgs/cove/logs"); !strings.Contains(log, "ws-cove-1: 401 unauthorized") {
		t.Errorf("the log does not tell of the dead key: %s", log)
	}
}

// text makes a GET and gives the answer as it is.
func (s *site) text(path string) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), "GET", "https://"+saas.Host+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Admin["cp"])
	resp, err := vendorsim.Transport(s.Hosts()).RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(raw)
}

// TestWebhooks sends events by Stripe itself, before and after a roll.
func TestWebhooks(t *testing.T) {
	s := newSite(t, saas.Config{})
	emit := func() bool {
		event := s.Stripe.Emit("customer.subscription.updated", map[string]any{"id": "sub_1"})
		return slices.ContainsFunc(s.Stripe.Deliveries(), func(d stripe.Delivery) bool {
			return d.Event == event && len(d.Attempts) > 0 && d.Attempts[len(d.Attempts)-1].Status == http.StatusOK
		})
	}
	if !emit() {
		t.Error("an event with the first secret is refused")
	}
	second := s.Stripe.RollSecret(saas.Endpoint, 24*time.Hour)
	if !emit() {
		t.Error("an event that both secrets sign is refused")
	}
	s.now = s.now.Add(25 * time.Hour)
	if emit() {
		t.Error("the first secret is over, and an event is taken with it")
	}
	s.load(saas.WebhookSecret, second)
	if !emit() {
		t.Error("an event with the second secret is refused")
	}
}

// TestReencryption moves rows from one key to the next.
func TestReencryption(t *testing.T) {
	s := newSite(t, saas.Config{})
	first, second := s.First[saas.EncryptionKey], strings.Repeat("cd", 32)
	for _, app := range append([]string{saas.App}, saas.TenantPrefix+"acme", saas.TenantPrefix+"bolt", saas.TenantPrefix+"cove") {
		s.Fly.SetSecret(app, saas.DecryptKeys, first+","+second)
		s.Fly.Reboot(app)
	}
	s.load(saas.EncryptionKey, second)
	if s.OldRows(first) != 3 || s.Unreadable() != 0 {
		t.Errorf("%d old rows, %d unreadable", s.OldRows(first), s.Unreadable())
	}
	if left, err := s.Rewrite(second); err != nil || left != 3 {
		t.Errorf("without the old key: %d left, %v", left, err)
	}
	if left, err := s.Rewrite(second, first); err != nil || left != 0 {
		t.Errorf("%d left, %v", left, err)
	}
	if s.OldRows(first) != 0 || s.OldRows(second) != 3 || s.Unreadable() != 0 {
		t.Errorf("%d old rows, %d new, %d unreadable", s.OldRows(first), s.OldRows(second), s.Unreadable())
	}
}
