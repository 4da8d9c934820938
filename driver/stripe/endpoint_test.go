package stripe_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/stripe"
)

func endpointTarget() driver.Target {
	return driver.Target{Kind: "webhook_endpoint", Settings: estate.Settings{"url": hookURL}}
}

func mintRequest(settings estate.Settings) driver.MintRequest {
	r := driver.MintRequest{Target: endpointTarget(), Name: "pawl-billing-v2", Version: 2}
	for k, v := range settings {
		r.Target.Settings[k] = v
	}
	return r
}

// mint makes an endpoint and gives what is so about it.
func (s *site) mint(t *testing.T, r driver.MintRequest) (driver.Minted, sim.EndpointState) {
	t.Helper()
	m, err := s.port.Mint(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.Endpoints() {
		if e.ID == m.Credential.ID {
			return m, e
		}
	}
	t.Fatal("the credential that came back is none of the account's endpoints")
	return m, sim.EndpointState{}
}

func TestTheNewEndpointIsLikeTheOld(t *testing.T) {
	s := newSite(t, sim.Config{})
	old, _ := s.AddEndpoint(sim.Endpoint{URL: hookURL, Events: []string{"invoice.paid", "customer.deleted"}, APIVersion: "2024-06-20", Description: "billing",
		Metadata: map[string]string{"team": "money", "pawl_name": "pawl-billing-v1"}})
	s.AddEndpoint(sim.Endpoint{URL: hookURL, Events: []string{"charge.failed"}, Description: "newer, and not the one that is replaced"})
	r := mintRequest(nil)
	r.Old = &driver.Credential{ID: old}
	m, made := s.mint(t, r)
	want := sim.EndpointState{ID: m.Credential.ID, URL: hookURL, Events: []string{"invoice.paid", "customer.deleted"}, APIVersion: "2024-06-20", Description: "billing",
		Metadata: map[string]string{"team": "money", "pawl_name": "pawl-billing-v2"}, Secrets: made.Secrets}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("the endpoint (-want +got):\n%s", diff)
	}
	if !m.Value[secret.Single].Equal(secret.NewString(made.Secrets[0])) || m.Credential.Name != "pawl-billing-v2" || m.Credential.CreatedAt.IsZero() {
		t.Errorf("the credential is %+v, or the value is not the endpoint's secret", m.Credential)
	}
	if n := len(s.Endpoints()); n != 3 {
		t.Errorf("there are %d endpoints, want the two from before and the new one", n)
	}
}

func TestWhatTheEstateDeclaresGoesFirst(t *testing.T) {
	s := newSite(t, sim.Config{})
	s.AddEndpoint(sim.Endpoint{URL: hookURL, Disabled: true, Description: "newest, but disabled"})
	s.AddEndpoint(sim.Endpoint{URL: hookURL, Events: []string{"invoice.paid"}, Description: "billing", Metadata: map[string]string{"team": "money", "keep": "yes"}})
	s.AddEndpoint(sim.Endpoint{URL: hookURL, Disabled: true, Description: "disabled"})
	_, made := s.mint(t, mintRequest(estate.Settings{"events": []string{"charge.failed"}, "api_version": "2025-01-27.acacia", "metadata": map[string]string{"team": "shop"}}))
	if !slices.Equal(made.Events, []string{"charge.failed"}) || made.APIVersion != "2025-01-27.acacia" || made.Description != "billing" {
		t.Errorf("made %+v", made)
	}
	if diff := cmp.Diff(map[string]string{"team": "shop", "keep": "yes", "pawl_name": "pawl-billing-v2"}, made.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestAFirstEndpointNeedsItsEvents(t *testing.T) {
	s := newSite(t, sim.Config{})
	e := failed(t, second(s.port.Mint(t.Context(), mintRequest(nil))))
	if e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || !strings.Contains(e.Next, "events") || len(s.Endpoints()) != 0 {
		t.Errorf("got %v, next %q", e, e.Next)
	}
	if _, made := s.mint(t, mintRequest(estate.Settings{"events": []string{"*"}})); !slices.Equal(made.Events, []string{"*"}) {
		t.Errorf("made %+v", made)
	}
}

// Without a name a lost answer could not be made good.
func TestANamelessEndpointIsNotMade(t *testing.T) {
	s := newSite(t, sim.Config{})
	s.AddEndpoint(sim.Endpoint{URL: hookURL})
	for _, name := range []string{"", strings.Repeat("x", 501)} {
		r := mintRequest(nil)
		r.Name = name
		if e := failed(t, second(s.port.Mint(t.Context(), r))); e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || len(s.Endpoints()) != 1 {
			t.Errorf("a name of %d characters: %v", len(name), e)
		}
	}
}

// A mint whose answer is lost has made an endpoint: it is found by its name,
// ended, and made again. The request is not repeated.
func TestALostMintIsFoundByItsName(t *testing.T) {
	for _, rule := range []vendorsim.Rule{{Kind: vendorsim.AfterLost}, {Kind: vendorsim.Garbage, Acts: true}, {Kind: vendorsim.Status, Code: 500, Acts: true, Body: `{"error":{"type":"api_error","message":"oops"}}`}} {
		s := newSite(t, sim.Config{})
		s.AddEndpoint(sim.Endpoint{URL: hookURL})
		rule.Method, rule.Path, rule.Count = "POST", "/v1/webhook_endpoints", 1
		s.Faults().Add(rule)
		if e := failed(t, second(s.port.Mint(t.Context(), mintRequest(nil)))); e.Effect != pawl.EffectUnknown || len(s.Endpoints()) != 2 {
			t.Fatalf("%s: got %v with %d endpoints", rule.Kind, e, len(s.Endpoints()))
		}
		list, err := s.port.List(t.Context(), endpointTarget())
		i := slices.IndexFunc(list, func(c driver.Credential) bool { return c.Name == "pawl-billing-v2" })
		if err != nil || len(list) != 2 || i < 0 {
			t.Fatalf("%s: the list is %+v (%v)", rule.Kind, list, err)
		}
		if err := s.port.Revoke(t.Context(), endpointTarget(), list[i], nil); err != nil {
			t.Fatal(err)
		}
		if _, made := s.mint(t, mintRequest(nil)); made.Metadata["pawl_name"] != "pawl-billing-v2" || len(s.Endpoints()) != 2 {
			t.Errorf("%s: afterwards there are %d endpoints", rule.Kind, len(s.Endpoints()))
		}
	}
}

func TestAFullAccountIsAQuota(t *testing.T) {
	for _, live := range []bool{false, true} {
		s := newSite(t, sim.Config{Live: live, MaxEndpoints: 1})
		s.AddEndpoint(sim.Endpoint{URL: hookURL})
		e := failed(t, second(s.port.Mint(t.Context(), mintRequest(nil))))
		if e.Kind != driver.Quota || e.Effect != pawl.EffectNone || len(s.Endpoints()) != 1 || e.Next == "" {
			t.Errorf("live %v: got %v", live, e)
		}
	}
}

// The list of an account is longer than a page; other URLs are left out.
func TestAllPagesAreRead(t *testing.T) {
	s := newSite(t, sim.Config{})
	for i := range 230 {
		url := "https://shop.example.com/other"
		if i%100 == 5 {
			url = hookURL
		}
		s.AddEndpoint(sim.Endpoint{URL: url, Disabled: i == 5})
	}
	list, err := s.port.List(t.Context(), endpointTarget())
	if err != nil || len(list) != 3 || !list[2].Inactive || list[0].Inactive {
		t.Errorf("the list is %+v (%v)", list, err)
	}
	if len(s.seen) != 3 {
		t.Errorf("%d calls, want one a page", len(s.seen))
	}
}

func TestPagesThatDoNotEnd(t *testing.T) {
	for name, body := range map[string]string{
		"an empty page that more follow":  `{"object":"list","data":[],"has_more":true,"url":"/v1/webhook_endpoints"}`,
		"the same page again and again":   `{"object":"list","data":[{"id":"we_1","object":"webhook_endpoint"}],"has_more":true,"url":"/v1/webhook_endpoints"}`,
		"something else":                  `{"status":"ok"}`,
		"another form":                    `{"object":"list","data":{"id":"we_1"},"has_more":false,"url":"/v1/webhook_endpoints"}`,
		"nothing in the place of objects": `{"object":"list","data":[null],"has_more":false,"url":"/v1/webhook_endpoints"}`,
	} {
		s := newSite(t, sim.Config{})
		s.open(t, s.own, answer(200, "application/json", body))
		if e := failed(t, second(s.port.List(t.Context(), endpointTarget()))); e.Kind != driver.Malformed || e.Effect != pawl.EffectNone || e.Op != "list webhook endpoints" {
			t.Errorf("%s: got %v", name, e)
		}
	}
}

// The answer to a mint that has no value has made something all the same.
func TestAMintWithoutASecretIsNotWell(t *testing.T) {
	s := newSite(t, sim.Config{})
	list := answer(200, "application/json", `{"object":"list","data":[],"has_more":false,"url":"/v1/webhook_endpoints"}`)
	for _, body := range []string{`{"id":"we_1","object":"webhook_endpoint"}`, `{"secret":"whsec_1"}`, `[]`, `{"id":7}`} {
		s.open(t, s.own, roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return list(r)
			}
			return answer(200, "application/json", body)(r)
		}))
		e := failed(t, second(s.port.Mint(t.Context(), mintRequest(estate.Settings{"events": []string{"*"}}))))
		if e.Kind != driver.Malformed || e.Effect != pawl.EffectUnknown || strings.Contains(e.Error(), "whsec") {
			t.Errorf("%s: got %v", body, e)
		}
	}
}

func TestAnEndpointIsDisabledEnabledAndDeleted(t *testing.T) {
	s := newSite(t, sim.Config{})
	old, _ := s.AddEndpoint(sim.Endpoint{URL: hookURL})
	other, _ := s.AddEndpoint(sim.Endpoint{URL: hookURL})
	cred := driver.Credential{ID: old}
	state := func() string {
		text := ""
		for _, e := range s.Endpoints() {
			text += fmt.Sprintf("%v %v;", e.ID == other, e.Disabled)
		}
		return text
	}
	for _, step := range []struct {
		name string
		do   func() error
		want string
	}{
		{"deactivate", func() error { return s.port.Deactivate(t.Context(), endpointTarget(), cred) }, "true false;false true;"},
		{"reactivate", func() error { return s.port.Reactivate(t.Context(), endpointTarget(), cred) }, "true false;false false;"},
		{"revoke", func() error { return s.port.Revoke(t.Context(), endpointTarget(), cred, nil) }, "true false;"},
		{"revoke again", func() error { return s.port.Revoke(t.Context(), endpointTarget(), cred, nil) }, "true false;"},
	} {
		if err := step.do(); err != nil || state() != step.want {
			t.Errorf("%s: %q, want %q (%v)", step.name, state(), step.want, err)
		}
	}
	if e := failed(t, s.port.Deactivate(t.Context(), endpointTarget(), cred)); e.Kind != driver.NotFound {
		t.Errorf("disabling one that is gone: %v", e)
	}
}

// The SDK does not escape ids as a path needs it.
func TestStrangeIDsAreNotSent(t *testing.T) {
	s := newSite(t, sim.Config{})
	s.AddEndpoint(sim.Endpoint{URL: hookURL})
	for _, id := range []string{"", ".", "..", "we_", "we_1/../we_2", "we_1 x", "we_1?x", "cus_1", "we_é", "we_1\n"} {
		for _, err := range []error{
			s.port.Revoke(t.Context(), endpointTarget(), driver.Credential{ID: id}, nil),
			s.port.Deactivate(t.Context(), endpointTarget(), driver.Credential{ID: id}),
			second(s.port.Probe(t.Context(), driver.Target{Kind: "webhook_secret", Settings: estate.Settings{"endpoint": id}})),
		} {
			if e := failed(t, err); e.Kind != driver.Invalid || e.Effect != pawl.EffectNone {
				t.Errorf("%q: got %v", id, e)
			}
		}
	}
	if len(s.seen) != 0 {
		t.Errorf("%d calls were made", len(s.seen))
	}
}

// What goes to Stripe is the call alone: nothing about the machine, and each
// writing call with a key of its own.
func TestTheSDKSaysNothingElse(t *testing.T) {
	s := newSite(t, sim.Config{})
	id, _ := s.AddEndpoint(sim.Endpoint{URL: hookURL})
	for range 2 {
		s.mint(t, mintRequest(nil))
		if err := s.port.Deactivate(t.Context(), endpointTarget(), driver.Credential{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	keys := map[string]bool{}
	for _, r := range s.seen {
		for name := range r.Header {
			if !slices.Contains([]string{"Authorization", "Content-Type", "Idempotency-Key", "Stripe-Version", "User-Agent"}, name) {
				t.Errorf("%s %s has the header %s", r.Method, r.URL.Path, name)
			}
		}
		if r.UserAgent() != "pawl" || r.Header.Get("Authorization") != "Bearer "+s.own {
			t.Errorf("%s %s goes out as %q", r.Method, r.URL.Path, r.UserAgent())
		}
		key := r.Header.Get("Idempotency-Key")
		if (r.Method == http.MethodGet) != (key == "") || keys[key] && key != "" {
			t.Errorf("%s %s has the idempotency key %q", r.Method, r.URL.Path, key)
		}
		keys[key] = true
	}
	if len(keys) != 5 { // four, and none
		t.Errorf("%d different keys", len(keys)-1)
	}
}
