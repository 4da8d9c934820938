package stripe_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	sim "github.com/pawlhq/pawl/vendorsim/stripe"
)

const signingSecret = "whsec_PAWLCANARYabcdefghijklmnop"

// shop takes events as Stripe's SDK does, and keeps them.
type shop struct {
	secret string
	events []sdk.Event
	paths  []string
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.paths = append(s.paths, r.URL.RequestURI())
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	event, err := webhook.ConstructEventWithOptions(body, r.Header.Get("Stripe-Signature"), s.secret, webhook.ConstructEventOptions{IgnoreTolerance: true}) // the time here is virtual
	if err != nil {
		http.Error(w, "invalid signature", http.StatusBadRequest)
		return
	}
	s.events = append(s.events, event)
}

func signedCheck(settings estate.Settings) driver.CheckRequest {
	s := estate.Settings{"url": hookURL}
	for k, v := range settings {
		s[k] = v
	}
	return driver.CheckRequest{Target: driver.Target{Kind: "webhook_signed", Settings: s}, Value: one(signingSecret)}
}

func TestAConsumerThatVerifiesTakesTheEvent(t *testing.T) {
	s, consumer := newSite(t, sim.Config{}), &shop{secret: signingSecret}
	s.shop = consumer
	for range 2 {
		if f, err := s.port.Check(t.Context(), signedCheck(estate.Settings{"customer": "cus_1", "subscription": "sub_1"})); err != nil || f.State != driver.Passed {
			t.Fatalf("%+v (%v)", f, err)
		}
	}
	if len(consumer.events) != 2 || len(consumer.paths) != 4 || consumer.events[0].ID == consumer.events[1].ID {
		t.Fatalf("%d events of %d were taken, want one of two for each check, with ids of their own", len(consumer.events), len(consumer.paths))
	}
	e := consumer.events[0]
	var sub sdk.Subscription
	if err := json.Unmarshal(e.Data.Raw, &sub); err != nil || sub.ID != "sub_1" || sub.Customer.ID != "cus_1" {
		t.Errorf("the event is about %s of %v (%v)", sub.ID, sub.Customer, err)
	}
	if e.Type != sdk.EventTypeCustomerSubscriptionUpdated || e.Livemode || !strings.HasPrefix(e.ID, "evt_") || e.Created != s.now.Unix() {
		t.Errorf("the event is %s %s, live %v, of %d", e.ID, e.Type, e.Livemode, e.Created)
	}
	for _, r := range s.seen {
		if r.Header.Get("Authorization") != "" || strings.Contains(r.URL.String(), "whsec") || r.Header.Get("Stripe-Version") != "" {
			t.Error("the consumer was sent what is for Stripe alone")
		}
	}
}

func TestWhatTheConsumerDoesDecides(t *testing.T) {
	status := func(code int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	for name, tt := range map[string]struct {
		shop  http.Handler
		state driver.State
		kind  driver.ErrorKind
	}{
		"it has the secret":                   {&shop{secret: signingSecret}, driver.Passed, ""},
		"it has another secret":               {&shop{secret: "whsec_old"}, driver.Failed, ""},
		"it verifies nothing":                 {status(200), driver.Failed, ""},
		"it is not there":                     {status(404), driver.Failed, ""},
		"it takes no POST":                    {status(405), driver.Failed, ""},
		"it refuses everybody":                {status(403), driver.Failed, ""},
		"it is down":                          {status(503), "", driver.Unavailable},
		"it has no time":                      {status(429), "", driver.Limited},
		"it sends the caller somewhere else":  {http.RedirectHandler("https://elsewhere.test/", http.StatusTemporaryRedirect), "", driver.Malformed},
		"its framework calls its answer HTML": {&htmlShop{shop{secret: signingSecret}}, driver.Passed, ""},
	} {
		s := newSite(t, sim.Config{})
		s.connect(t, "")
		s.shop = tt.shop
		f, err := s.port.Check(t.Context(), signedCheck(nil))
		if tt.kind != "" {
			if e := failed(t, err); e.Kind != tt.kind || strings.Contains(e.Error(), signingSecret) {
				t.Errorf("%s: %v, want %s", name, e, tt.kind)
			}
			continue
		}
		if err != nil || f.State != tt.state {
			t.Errorf("%s: %+v (%v), want %s", name, f, err, tt.state)
		}
	}
}

type htmlShop struct{ shop }

func (s *htmlShop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	s.shop.ServeHTTP(w, r)
	_, _ = io.WriteString(w, "ok")
}

// Stripe's SDKs refuse events of another release than their own: the estate
// can say which the endpoint has.
func TestTheEventIsOfTheDeclaredVersion(t *testing.T) {
	s, consumer := newSite(t, sim.Config{}), &shop{secret: signingSecret}
	s.shop = consumer
	for version, want := range map[string]driver.State{"": driver.Passed, sdk.APIVersion: driver.Passed, "2024-06-20": driver.Failed} {
		if f, err := s.port.Check(t.Context(), signedCheck(estate.Settings{"api_version": version})); err != nil || f.State != want {
			t.Errorf("%q: %+v (%v), want %s", version, f, err, want)
		}
	}
}

func TestTheConsumersAddressIsKept(t *testing.T) {
	s := newSite(t, sim.Config{})
	for url, want := range map[string]string{
		"https://" + shopHost:                       "/",
		"https://" + shopHost + "/hook/":            "/hook/",
		"https://" + shopHost + "/a%2Fb/c%20d?x=1":  "/a%2Fb/c%20d?x=1",
		"https://" + shopHost + "/{braces}/webhook": "/%7Bbraces%7D/webhook",
	} {
		consumer := &shop{secret: signingSecret}
		s.shop = consumer
		if f, err := s.port.Check(t.Context(), signedCheck(estate.Settings{"url": url})); err != nil || f.State != driver.Passed || consumer.paths[0] != want {
			t.Errorf("%s: %+v (%v) at %q", url, f, err, consumer.paths)
		}
	}
	calls := len(s.seen)
	for _, url := range []string{"", "/webhook", "ftp://" + shopHost + "/", "https://user:pw@" + shopHost + "/", "https://" + shopHost + "/#x", "https://" + shopHost + "/a/../b", "https://" + shopHost + "/%2e%2e/b", "https:///x"} {
		if e := failed(t, second(s.port.Check(t.Context(), signedCheck(estate.Settings{"url": url})))); e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || len(s.seen) != calls {
			t.Errorf("%q: got %v", url, e)
		}
	}
}

func TestACheckWithoutTheSecretIsNoVerdict(t *testing.T) {
	s := newSite(t, sim.Config{})
	r := signedCheck(nil)
	r.Value = nil
	if e := failed(t, second(s.port.Check(t.Context(), r))); e.Kind != driver.NoValue || len(s.seen) != 0 {
		t.Errorf("got %v", e)
	}
}
