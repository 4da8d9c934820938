package stripe_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85/webhook"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/stripe"
)

const hook = "https://shop.example.com/hook"

// consumer takes events signed with its one secret, as Stripe's SDK does.
type consumer struct {
	mu      sync.Mutex
	secret  string
	down    bool
	headers []string
	taken   []string // ids
}

func (c *consumer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	header := r.Header.Get("Stripe-Signature")
	c.headers = append(c.headers, header)
	var event struct{ ID string }
	switch {
	case err != nil || c.down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case webhook.ValidatePayloadIgnoringTolerance(body, header, c.secret) != nil || json.Unmarshal(body, &event) != nil:
		w.WriteHeader(http.StatusBadRequest)
	default:
		c.taken = append(c.taken, event.ID)
	}
}

func (w *world) emit() string {
	return w.Emit("customer.subscription.updated", map[string]any{"id": "sub_1", "object": "subscription"})
}

func newShop(t *testing.T, cfg stripe.Config) (*world, *consumer) {
	t.Helper()
	c := &consumer{}
	cfg.Transport = vendorsim.Transport(map[string]http.Handler{"shop.example.com": c})
	return newWorld(t, cfg), c
}

// While both secrets of a rolled endpoint are in force, a consumer with either
// of them takes every event.
func TestARolledSecretSignsBesideTheNewOne(t *testing.T) {
	w, c := newShop(t, stripe.Config{Live: true})
	id, old := w.AddEndpoint(stripe.Endpoint{URL: hook})
	fresh := w.RollSecret(id, 24*time.Hour)
	for _, step := range []struct {
		name   string
		pass   time.Duration
		secret string
		taken  bool
		signed int
	}{
		{"the old one, at first", 0, old, true, 2},
		{"the new one, at once", 0, fresh, true, 2},
		{"the old one, at the end", 24*time.Hour - time.Second, old, true, 2},
		{"the old one, afterwards", time.Second, old, false, 1},
		{"the new one, afterwards", 0, fresh, true, 1},
	} {
		w.pass(step.pass)
		c.secret, c.headers = step.secret, nil
		event := w.emit()
		if slices.Contains(c.taken, event) != step.taken || strings.Count(c.headers[len(c.headers)-1], "v1=") != step.signed || strings.Contains(c.headers[0], "v0=") {
			t.Errorf("%s: taken %v, header %q", step.name, slices.Contains(c.taken, event), c.headers)
		}
	}
	if again := w.RollSecret(id, 0); !slices.Equal(w.Endpoints()[0].Secrets, []string{again}) {
		t.Error("a roll without overlap leaves an old secret in force")
	}
}

// Two endpoints of one URL both deliver an event, under one id, each signed
// with its own secret.
func TestTwoEndpointsDeliverTwice(t *testing.T) {
	w, c := newShop(t, stripe.Config{})
	old, oldSecret := w.AddEndpoint(stripe.Endpoint{URL: hook})
	_, c.secret = w.AddEndpoint(stripe.Endpoint{URL: hook})
	event := w.emit()
	d := w.Deliveries()
	if len(d) != 2 || d[0].Event != event || d[1].Event != event || !slices.Equal(c.taken, []string{event}) {
		t.Fatalf("deliveries %+v, taken %v", d, c.taken)
	}
	c.secret = oldSecret
	w.pass(5 * time.Minute)
	w.Deliver()
	if !slices.Equal(c.taken, []string{event, event}) {
		t.Errorf("after the retry %v was taken", c.taken)
	}
	w.call(w.full, "POST", endpoints+"/"+old, "disabled", "true")
	w.emit()
	if d := w.Deliveries(); len(d) != 3 || d[2].Endpoint == old {
		t.Error("an endpoint that is disabled was sent an event")
	}
}

// What was not taken is sent again, signed anew, for three days; not to an
// endpoint that is disabled when the time comes.
func TestRetries(t *testing.T) {
	w, c := newShop(t, stripe.Config{})
	id, secret := w.AddEndpoint(stripe.Endpoint{URL: hook})
	c.secret, c.down = secret, true
	event := w.emit()
	w.Deliver()
	if len(c.headers) != 1 {
		t.Fatalf("%d attempts at once", len(c.headers))
	}
	w.pass(5 * time.Minute)
	c.down = false
	w.Deliver()
	if d := w.Deliveries()[0]; !d.Over || len(d.Attempts) != 2 || d.Attempts[0].Status != 503 || d.Attempts[1].Status != 200 || c.headers[0] == c.headers[1] || !slices.Equal(c.taken, []string{event}) {
		t.Errorf("the delivery is %+v, the headers %q", d, c.headers)
	}
	c.down = true
	w.emit()
	for range 100 {
		w.pass(time.Hour)
		w.Deliver()
	}
	if d := w.Deliveries()[1]; !d.Over || d.Attempts[len(d.Attempts)-1].At.Sub(d.Attempts[0].At) > 4*24*time.Hour || len(d.Attempts) < 5 {
		t.Errorf("an event that is never taken: %+v", d)
	}
	w.emit()
	w.call(w.full, "POST", endpoints+"/"+id, "disabled", "true")
	w.pass(24 * time.Hour)
	w.Deliver()
	if d := w.Deliveries()[2]; !d.Over || len(d.Attempts) != 1 {
		t.Errorf("an event for an endpoint that was disabled: %+v", d)
	}
}

// A consumer may call back while it is called; events are about what happened.
func TestACallCausesItsEvents(t *testing.T) {
	var w *world
	back := make(chan int, 4)
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { back <- w.call(w.full, "GET", "/v1/balance").code })
	w = newWorld(t, stripe.Config{Transport: vendorsim.Transport(map[string]http.Handler{"shop.example.com": h})})
	w.AddEndpoint(stripe.Endpoint{URL: hook, Events: []string{"customer.deleted"}})
	id := text(w.call(w.full, "POST", "/v1/customers"), "id")
	w.call(w.full, "DELETE", "/v1/customers/"+id)
	if code := <-back; code != 200 {
		t.Errorf("the consumer's own call was answered with %d", code)
	}
	if d := w.Deliveries(); len(d) != 1 || d[0].Type != "customer.deleted" || !d[0].Over {
		t.Errorf("deliveries %+v", d)
	}
}
