package stripe_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/stripe"
)

// world is an account on loopback, seen by a client that knows nothing but
// HTTP.
type world struct {
	*stripe.Stripe
	t    *testing.T
	url  string
	full string // a key that may do everything

	mu  sync.Mutex
	now time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func newWorld(t *testing.T, cfg stripe.Config) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 500_000_000, time.UTC)}
	cfg.Now = w.clock
	w.Stripe = stripe.New(cfg)
	w.full = w.AddKey(stripe.Key{})
	server, err := vendorsim.Listen(w.Stripe)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w.url = server.URL
	return w
}

// answer is what came back.
type answer struct {
	code   int
	header http.Header
	body   map[string]any
	text   string
}

// problem gives the parts of a refusal.
func (a answer) problem() (kind, code, param, message string) {
	e, _ := a.body["error"].(map[string]any)
	text := func(name string) string { s, _ := e[name].(string); return s }
	return text("type"), text("code"), text("param"), text("message")
}

// call makes a call with a key; "" sends none. pairs are parameters and what
// they are: of the body, or of the query for GET.
func (w *world) call(key, method, path string, pairs ...string) answer {
	w.t.Helper()
	h := http.Header{}
	if key != "" {
		h.Set("Authorization", "Bearer "+key)
	}
	return w.send(h, method, path, pairs...)
}

func (w *world) send(h http.Header, method, path string, pairs ...string) answer {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	var body io.Reader
	switch {
	case method == http.MethodGet && len(form) > 0:
		path += "?" + form.Encode()
	case method != http.MethodGet:
		body = strings.NewReader(form.Encode())
		if h.Get("Content-Type") == "" {
			h.Set("Content-Type", "application/x-www-form-urlencoded")
		}
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, body)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header = h
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{code: resp.StatusCode, header: resp.Header, text: string(text)}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") && json.Unmarshal(text, &a.body) != nil {
		w.t.Fatalf("%s %s: the answer is not JSON: %s", method, path, text)
	}
	return a
}

// refused holds a refusal to what is expected of it, and to its form: a type
// of the description's, a message, and the id of the request.
func (w *world) refused(what string, a answer, code int, name string) {
	w.t.Helper()
	kind, got, _, message := a.problem()
	if a.code != code || got != name || message == "" || a.header.Get("Request-Id") == "" || !slices.Contains([]string{"api_error", "card_error", "idempotency_error", "invalid_request_error"}, kind) {
		w.t.Errorf("%s: %d %s, want %d with the code %q", what, a.code, a.text, code, name)
	}
}

func TestTheKeyIsTakenInBothForms(t *testing.T) {
	w := newWorld(t, stripe.Config{})
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(w.full, "")
	for name, h := range map[string]http.Header{"bearer": {"Authorization": {"Bearer " + w.full}}, "basic": r.Header, "basic, unencoded": {"Authorization": {"Basic " + w.full}}} {
		a := w.send(h, "GET", "/v1/balance")
		if a.code != 200 || a.body["object"] != "balance" || a.body["livemode"] != false || a.header.Get("Stripe-Version") != stripe.DefaultVersion {
			t.Errorf("%s: %d %s", name, a.code, a.text)
		}
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	w := newWorld(t, stripe.Config{})
	expired := w.AddKey(stripe.Key{})
	w.ExpireKey(expired)
	unknown := "sk_test_51" + vendorsim.Canary + "never0987"
	for name, tt := range map[string]struct{ key, code, message string }{
		"none":    {"", "", "You did not provide an API key."},
		"unknown": {unknown, "", "Invalid API Key provided: sk_test_"},
		"expired": {expired, "api_key_expired", "Expired API Key provided: sk_test_"},
		"short":   {"x", "", "Invalid API Key provided: *"},
	} {
		a := w.call(tt.key, "GET", "/v1/balance")
		w.refused(name, a, 401, tt.code)
		if _, _, _, message := a.problem(); !strings.HasPrefix(message, tt.message) || strings.Contains(a.text, vendorsim.Canary) {
			t.Errorf("%s: the message is wrong or shows the key", name)
		}
	}
	if keys := w.Keys(); slices.Contains(keys, expired) || !slices.Contains(keys, w.full) || slices.Contains(keys, unknown) {
		t.Error("the keys that are listed are not those that are taken")
	}
	if w.KeyAccepted(expired) || !w.KeyAccepted(w.full) || w.KeyAccepted(unknown) {
		t.Error("the truth about keys is another")
	}
}

// A rotated key lives for the time chosen, at most 7 days.
func TestRollingAKey(t *testing.T) {
	w := newWorld(t, stripe.Config{RevocationLag: 9 * time.Second})
	old := w.AddKey(stripe.Key{Restricted: true, Permissions: []string{"rak_balance_read"}})
	fresh := w.RollKey(old, 7*24*time.Hour)
	if !strings.HasPrefix(fresh, "rk_test_") || fresh == old {
		t.Error("the new key is not of the old one's kind")
	}
	for _, step := range []struct {
		pass time.Duration
		old  int
	}{{7*24*time.Hour + 9*time.Second - 1, 200}, {1, 401}} {
		w.pass(step.pass)
		if a, b := w.call(old, "GET", "/v1/balance"), w.call(fresh, "GET", "/v1/balance"); a.code != step.old || b.code != 200 {
			t.Errorf("the old key is answered with %d, the new one with %d", a.code, b.code)
		}
	}
	for name, roll := range map[string]func(){
		"8 days":             func() { w.RollKey(fresh, 8*24*time.Hour) },
		"a key that is over": func() { w.RollKey(old, 0) },
		"2 days of a secret": func() { id, _ := w.AddEndpoint(stripe.Endpoint{URL: "https://x.test"}); w.RollSecret(id, 48*time.Hour) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s can be chosen", name)
				}
			}()
			roll()
		}()
	}
}

func TestRestrictedKeys(t *testing.T) {
	w := newWorld(t, stripe.Config{})
	reader := w.AddKey(stripe.Key{Restricted: true, Permissions: []string{"rak_webhook_read"}})
	writer := w.AddKey(stripe.Key{Restricted: true, Permissions: []string{"rak_webhook_write"}})
	for _, tt := range []struct {
		key, method, path string
		want              int
		permission        string
	}{
		{reader, "GET", "/v1/webhook_endpoints", 200, ""},
		{writer, "GET", "/v1/webhook_endpoints", 200, ""},
		{reader, "POST", "/v1/webhook_endpoints", 403, "rak_webhook_write"},
		{reader, "DELETE", "/v1/webhook_endpoints/we_1", 403, "rak_webhook_write"},
		{writer, "GET", "/v1/balance", 403, "rak_balance_read"},
		{writer, "POST", "/v1/customers", 403, "rak_customer_write"},
	} {
		a := w.call(tt.key, tt.method, tt.path)
		if tt.want == 403 {
			w.refused(tt.path, a, 403, "")
		}
		if _, _, _, message := a.problem(); a.code != tt.want || !strings.Contains(message, tt.permission) || strings.Contains(a.text, vendorsim.Canary) {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, a.code, message)
		}
	}
}

func TestWhatIsNotThereIsRefused(t *testing.T) {
	w := newWorld(t, stripe.Config{PerSecond: 3})
	w.refused("another path", w.call(w.full, "GET", "/v1/api_keys"), 404, "")
	w.refused("another version", w.send(http.Header{"Authorization": {"Bearer " + w.full}, "Stripe-Version": {"yesterday"}}, "GET", "/v1/balance"), 400, "")
	w.call(w.full, "GET", "/v1/balance")
	a := w.call(w.full, "GET", "/v1/balance")
	w.refused("the fourth call of a second", a, 429, "rate_limit")
	if a.header.Get("Stripe-Rate-Limited-Reason") == "" {
		t.Error("a call too many does not say which limit it was")
	}
	w.pass(time.Second)
	if a := w.call(w.full, "GET", "/v1/balance"); a.code != 200 {
		t.Errorf("a second later: %d", a.code)
	}
}

func TestCustomersAndSessions(t *testing.T) {
	w := newWorld(t, stripe.Config{Live: true})
	made := w.call(w.full, "POST", "/v1/customers", "email", "a@example.com", "metadata[org]", "7")
	id, _ := made.body["id"].(string)
	if made.code != 200 || !strings.HasPrefix(id, "cus_") || made.body["livemode"] != true || made.body["email"] != "a@example.com" || made.body["name"] != nil {
		t.Fatalf("made %d %s", made.code, made.text)
	}
	session := w.call(w.full, "POST", "/v1/checkout/sessions", "mode", "subscription", "success_url", "https://x.test/ok", "customer", id, "line_items[0][price]", "price_1", "line_items[0][quantity]", "1")
	link, _ := session.body["url"].(string)
	page, ok := strings.CutPrefix(link, "https://"+stripe.CheckoutHost)
	if session.code != 200 || !ok || session.body["customer"] != id {
		t.Fatalf("made %d %s", session.code, session.text)
	}
	for path, want := range map[string]int{page: 200, "/c/pay/cs_live_none": 404} {
		if a := w.call("", "GET", path); a.code != want || !strings.Contains(a.header.Get("Content-Type"), "html") {
			t.Errorf("%s: %d", path, a.code)
		}
	}
	w.refused("no mode", w.call(w.full, "POST", "/v1/checkout/sessions", "success_url", "https://x.test/ok"), 400, "parameter_missing")
	w.refused("a strange customer", w.call(w.full, "POST", "/v1/checkout/sessions", "mode", "payment", "success_url", "https://x.test/ok", "customer", "cus_none"), 400, "resource_missing")
	if a := w.call(w.full, "DELETE", "/v1/customers/"+id); a.code != 200 || a.body["deleted"] != true || len(w.Customers()) != 0 {
		t.Errorf("deleted: %d %s", a.code, a.text)
	}
	w.refused("gone", w.call(w.full, "DELETE", "/v1/customers/"+id), 404, "resource_missing")
}

// The fields that the OpenAPI description requires, by its schemas.
func TestAnswersHaveWhatTheDescriptionRequires(t *testing.T) {
	w := newWorld(t, stripe.Config{})
	endpoint := w.call(w.full, "POST", "/v1/webhook_endpoints", "url", "https://x.test", "enabled_events[]", "*")
	id, _ := endpoint.body["id"].(string)
	for name, tt := range map[string]struct {
		got  answer
		want string
	}{
		"webhook_endpoint":         {endpoint, "created enabled_events id livemode metadata object secret status url"},
		"webhook_endpoint, later":  {w.call(w.full, "GET", "/v1/webhook_endpoints/"+id), "created enabled_events id livemode metadata object status url"},
		"list":                     {w.call(w.full, "GET", "/v1/webhook_endpoints"), "data has_more object url"},
		"deleted_webhook_endpoint": {w.call(w.full, "DELETE", "/v1/webhook_endpoints/"+id), "deleted id object"},
		"balance":                  {w.call(w.full, "GET", "/v1/balance"), "available livemode object pending"},
		"customer":                 {w.call(w.full, "POST", "/v1/customers"), "created id livemode object"},
		"checkout.session": {w.call(w.full, "POST", "/v1/checkout/sessions", "mode", "setup", "success_url", "https://x.test"),
			"automatic_tax created custom_fields custom_text expires_at id livemode mode object payment_method_types payment_status shipping_options"},
		"error": {w.call(w.full, "GET", "/v1/none"), "error"},
	} {
		for _, field := range strings.Fields(tt.want) {
			if _, ok := tt.got.body[field]; !ok {
				t.Errorf("%s lacks %s; it has %v", name, field, slices.Sorted(maps.Keys(tt.got.body)))
			}
		}
	}
}
