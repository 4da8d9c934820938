package controlplane_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	stripewebhook "github.com/stripe/stripe-go/v85/webhook"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/stripe"
)

// event is a subscription's, signed at an instant.
func event(id, customer, plan, secret string, at time.Time) *http.Request {
	body := []byte(fmt.Sprintf(`{"id":%q,"object":"event","created":%d,"type":"customer.subscription.updated","data":{"object":{"id":"sub_1","customer":%q,
		"items":{"data":[{"price":{"id":"price_1","lookup_key":%q}}]}}}}`, id, at.Unix(), customer, plan))
	r := httptest.NewRequest("POST", "/webhooks/stripe", strings.NewReader(string(body)))
	r.Header.Set("Stripe-Signature", stripewebhook.GenerateTestSignedPayload(&stripewebhook.UnsignedPayload{Payload: body, Secret: secret, Timestamp: at}).Header)
	return r
}

func TestEvents(t *testing.T) {
	stores(t, func(t *testing.T, store controlplane.Store) {
		s := newSite(t, speed{})
		cp := s.server(store, "STRIPE_WEBHOOK_SECRET", "whsec_first, whsec_second")
		cp.make("acme")
		customer, now := s.stripe.Customers()[0], s.clock()
		for i, c := range []struct {
			r         *http.Request
			code      int
			duplicate bool
			plan      string
		}{
			{event("evt_1", customer, "pro", "whsec_first", now), 200, false, "pro"},
			{event("evt_1", customer, "pro", "whsec_second", now), 200, true, "pro"}, // another endpoint delivers it
			{event("evt_2", customer, "team", "whsec_second", now), 200, false, "team"},
			{event("evt_3", "cus_nobody", "pro", "whsec_first", now), 200, false, "team"},
			{event("evt_4", customer, "pro", "whsec_third", now), 400, false, "team"},
			{event("evt_4", customer, "pro", "whsec_first", now.Add(-6*time.Minute)), 400, false, "team"},
			{event("evt_4", customer, "pro", "whsec_first", now.Add(6*time.Minute)), 400, false, "team"},
			{event("", customer, "pro", "whsec_first", now), 400, false, "team"},
			{event("evt_4", customer, "", "whsec_first", now), 200, false, "price_1"},
		} {
			got, plan := cp.serve(c.r), cp.do("GET", "/cp/orgs/acme", "").body["plan"]
			if got.code != c.code || (got.body["duplicate"] == true) != c.duplicate || plan != c.plan {
				t.Errorf("event %d: %d %s, plan %v", i, got.code, got.text, plan)
			}
		}
		if n := strings.Count(s.log.text(), "400 invalid signature"); n != 3 {
			t.Errorf("the log has %d refusals, want 3", n)
		}
	})
}

func TestOneEventOfManyAtOnce(t *testing.T) {
	stores(t, func(t *testing.T, store controlplane.Store) {
		s := newSite(t, speed{})
		servers := []*server{s.server(store), s.server(store)}
		var taken, again atomic.Int64
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				switch got := servers[i%2].serve(event("evt_1", "cus_1", "pro", "whsec_first", s.clock())); {
				case got.code != http.StatusOK:
					t.Errorf("%d %s", got.code, got.text)
				case got.body["duplicate"] == true:
					again.Add(1)
				default:
					taken.Add(1)
				}
			})
		}
		all.Wait()
		if taken.Load() != 1 || again.Load() != 15 {
			t.Errorf("%d taken, %d again", taken.Load(), again.Load())
		}
	})
}

// TestEventsOfStripes lets Stripe itself sign, through a roll of the secret.
func TestEventsOfStripes(t *testing.T) {
	s := newSite(t, speed{})
	var cp atomic.Pointer[server]
	hosts := map[string]http.Handler{"molecule-cp.fly.dev": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { cp.Load().ServeHTTP(w, r) })}
	s.stripe = stripe.New(stripe.Config{Now: s.clock, Transport: vendorsim.Transport(hosts)})
	s.env["STRIPE_API_KEY"] = s.stripe.AddKey(stripe.Key{})
	id, first := s.stripe.AddEndpoint(stripe.Endpoint{URL: "https://molecule-cp.fly.dev/webhooks/stripe"})
	store := &controlplane.Memory{}
	emit := func() int {
		s.stripe.Emit("customer.subscription.updated", map[string]any{"id": "sub_1"})
		all := s.stripe.Deliveries()
		return all[len(all)-1].Attempts[0].Status
	}
	cp.Store(s.server(store, "STRIPE_WEBHOOK_SECRET", first))
	if got := emit(); got != http.StatusOK {
		t.Errorf("with the first secret: %d", got)
	}
	second := s.stripe.RollSecret(id, 24*time.Hour)
	if got := emit(); got != http.StatusOK {
		t.Errorf("while both sign: %d", got)
	}
	s.pass(nil, 25*time.Hour)
	if got := emit(); got != http.StatusBadRequest {
		t.Errorf("when the first is over: %d", got)
	}
	cp.Store(s.server(store, "STRIPE_WEBHOOK_SECRET", second))
	if got := emit(); got != http.StatusOK {
		t.Errorf("with the second secret: %d", got)
	}
}

func TestCheckout(t *testing.T) {
	s := newSite(t, speed{})
	store := &controlplane.Memory{}
	cp := s.server(store)
	cp.make("acme")
	for body, want := range map[string]int{"": 200, `{"org":"acme"}`: 200, `{"org":"bolt"}`: 404, `[`: 400} {
		got := cp.do("POST", "/cp/billing/checkout", body)
		if page, _ := got.body["url"].(string); got.code != want || want == 200 && !strings.HasPrefix(page, "https://checkout.stripe.com/") {
			t.Errorf("%q: %d %s", body, got.code, got.text)
		}
	}
	dead := s.server(store, "STRIPE_API_KEY", "sk_live_dead0123456789")
	if got := dead.do("POST", "/cp/billing/checkout", ""); got.code != http.StatusBadGateway || !strings.Contains(got.text, "stripe: create checkout session: 401 unauthorized") {
		t.Errorf("with a dead key: %d %s", got.code, got.text)
	}
	if got := dead.do("GET", "/health", ""); got.code != http.StatusOK {
		t.Errorf("health with a dead key: %d", got.code)
	}
}
