package stripe_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/stripe"
)

var keyTarget = driver.Target{Kind: "secret_key", Settings: estate.Settings{}}

// A rotated key lives on for the time that the person chose, and then dies by
// itself: the dead test must tell the two apart to the second.
func TestTheOldKeyDiesWhenItsWindowIsOver(t *testing.T) {
	s := newSite(t, sim.Config{Live: true})
	s.connect(t, "") // a verification needs no key of the connection's own
	old := s.AddKey(sim.Key{})
	fresh := s.RollKey(old, 24*time.Hour)
	for _, step := range []struct {
		pass time.Duration
		want driver.Verdict
	}{{0, driver.Accepted}, {24*time.Hour - time.Second, driver.Accepted}, {time.Second, driver.Refused}} {
		s.now = s.now.Add(step.pass)
		if got, err := s.port.Verify(t.Context(), keyTarget, one(old)); err != nil || got != step.want {
			t.Errorf("the old key is %q (%v), want %q", got, err, step.want)
		}
		if got, err := s.port.Verify(t.Context(), keyTarget, one(fresh)); err != nil || got != driver.Accepted {
			t.Errorf("the new key is %q (%v)", got, err)
		}
	}
}

// "Now" in the dashboard kills the old key at once.
func TestAKeyThatWasExpiredNowIsDead(t *testing.T) {
	s := newSite(t, sim.Config{})
	old := s.AddKey(sim.Key{})
	s.RollKey(old, 0)
	if got, err := s.port.Verify(t.Context(), keyTarget, one(old)); err != nil || got != driver.Refused {
		t.Errorf("the key is %q (%v)", got, err)
	}
}

// 403 is a key that is alive and lacks the permission.
func TestARestrictedKeyIsAliveWithoutThePermission(t *testing.T) {
	s := newSite(t, sim.Config{})
	for name, permissions := range map[string][]string{"none": nil, "of another kind": {"rak_customer_write"}, "the right one": {"rak_balance_read"}} {
		key := s.AddKey(sim.Key{Restricted: true, Permissions: permissions})
		if got, err := s.port.Verify(t.Context(), keyTarget, one(key)); err != nil || got != driver.Accepted {
			t.Errorf("with the permission %s the key is %q (%v)", name, got, err)
		}
		s.ExpireKey(key)
		if got, err := s.port.Verify(t.Context(), keyTarget, one(key)); err != nil || got != driver.Refused {
			t.Errorf("expired, with the permission %s, the key is %q (%v)", name, got, err)
		}
	}
}

func TestThePathOfTheVerificationCanBeChosen(t *testing.T) {
	s := newSite(t, sim.Config{})
	key := s.AddKey(sim.Key{Restricted: true, Permissions: []string{"rak_customer_read"}})
	target := driver.Target{Kind: "secret_key", Settings: estate.Settings{"verify_path": "/v1/customers?limit=1"}}
	if got, err := s.port.Verify(t.Context(), target, one(key)); err != nil || got != driver.Accepted {
		t.Errorf("the key is %q (%v)", got, err)
	}
	if last := s.seen[len(s.seen)-1]; last.URL.RequestURI() != "/v1/customers?limit=1" {
		t.Errorf("asked %s", last.URL.RequestURI())
	}
	calls := len(s.seen)
	for _, path := range []string{"balance", "/v2/core", "https://elsewhere.test/v1/balance", "/v1/../v2/x", "/v1/{id}", "/v1/%2e%2e/x", "/v1/x#y", "/v1/x?%zz"} {
		target.Settings["verify_path"] = path
		if e := failed(t, second(s.port.Verify(t.Context(), target, one(key)))); e.Kind != driver.Invalid || len(s.seen) != calls {
			t.Errorf("%q: got %v after %d calls, want it refused before any", path, e, len(s.seen)-calls)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// What Stripe has not said about the key is no verdict.
func TestWhatIsNoVerdict(t *testing.T) {
	for name, tt := range map[string]struct {
		code int
		kind string
		body string
		want driver.ErrorKind
	}{
		"a gateway's login page":        {401, "text/html", "<html>log in</html>", driver.Unauthenticated},
		"a gateway's refusal":           {403, "text/html", "<html>blocked</html>", driver.Denied},
		"a gateway's refusal in JSON":   {403, "application/json", `{"error":"blocked"}`, driver.Denied},
		"a page in the answer's place":  {200, "text/html", "<html>hello</html>", driver.Malformed},
		"an answer of something else":   {200, "application/json", `{"status":"ok"}`, driver.Malformed},
		"a key for other addresses":     {401, "application/json", `{"error":{"type":"invalid_request_error","message":"The API key provided does not allow requests from your IP address."}}`, driver.Denied},
		"a key for other addresses 403": {403, "application/json", `{"error":{"type":"invalid_request_error","message":"The API key provided does not allow requests from your IP address."}}`, driver.Denied},
		"a limit":                       {429, "application/json", `{"error":{"type":"invalid_request_error","code":"rate_limit","message":"Request rate limit exceeded."}}`, driver.Limited},
		"an outage":                     {500, "application/json", `{"error":{"type":"api_error","message":"An unknown error occurred"}}`, driver.Unavailable},
	} {
		s := newSite(t, sim.Config{})
		s.open(t, s.own, answer(tt.code, tt.kind, tt.body))
		got, err := s.port.Verify(t.Context(), keyTarget, one("sk_test_51abcdefghijklmnop"))
		if e := failed(t, err); e.Kind != tt.want || e.Effect != pawl.EffectNone || got != "" {
			t.Errorf("%s: verdict %q, error %v; want none and %s", name, got, e, tt.want)
		}
	}
}

// A credential of another kind, handed over by mistake, is not sent anywhere.
func TestOtherCredentialsAreNotTakenForAKey(t *testing.T) {
	s := newSite(t, sim.Config{})
	for _, value := range []string{"pk_live_51abcdefghijklmnop", "whsec_abcdefghijklmnopqrstuv"} {
		e := failed(t, second(s.port.Verify(t.Context(), keyTarget, one(value))))
		if e.Kind != driver.Invalid || len(s.seen) != 0 || strings.Contains(e.Error(), value) {
			t.Errorf("got %v after %d calls", e, len(s.seen))
		}
	}
}

// Stripe's refusals quote the last characters of the key that was sent.
func TestNoErrorQuotesAKey(t *testing.T) {
	s := newSite(t, sim.Config{})
	expired := s.AddKey(sim.Key{})
	s.ExpireKey(expired)
	for name, key := range map[string]string{"unknown": "sk_test_51" + vendorsim.Canary + "NEVERISSUED9876", "expired": expired, "restricted": s.AddKey(sim.Key{Restricted: true})} {
		s.connect(t, key)
		for what, err := range map[string]error{
			"list":  second(s.port.List(t.Context(), endpointTarget())),
			"mint":  second(s.port.Mint(t.Context(), driver.MintRequest{Target: endpointTarget(), Name: "v2"})),
			"probe": second(s.port.Probe(t.Context(), driver.Target{Kind: "webhook_endpoint", Settings: endpointTarget().Settings})),
		} {
			if what == "probe" && name == "restricted" {
				continue // it is a grant that says no: TestProbeTellsWhatIsMissing
			}
			text := failed(t, err).Error()
			if strings.Contains(text, key[len(key)-4:]) || strings.Contains(text, "sk_test") || strings.Contains(text, "****") {
				t.Errorf("%s with a key that is %s: the error quotes the key", what, name)
			}
		}
	}
}

func TestPeopleDoWhatNoCallDoes(t *testing.T) {
	s := newSite(t, sim.Config{})
	for _, kind := range []string{"secret_key", "webhook_secret"} {
		target := driver.Target{Kind: kind, Settings: estate.Settings{"endpoint": "we_1"}}
		for act, err := range map[string]error{
			"mint":       second(s.port.Mint(t.Context(), driver.MintRequest{Target: target, Name: "x"})),
			"list":       second(s.port.List(t.Context(), target)),
			"revoke":     s.port.Revoke(t.Context(), target, driver.Credential{ID: "we_1"}, nil),
			"deactivate": s.port.Deactivate(t.Context(), target, driver.Credential{ID: "we_1"}),
			"reactivate": s.port.Reactivate(t.Context(), target, driver.Credential{ID: "we_1"}),
		} {
			e := failed(t, err)
			if e.Kind != driver.Unsupported || e.Effect != pawl.EffectNone || !strings.Contains(e.Next, "https://dashboard.stripe.com/") {
				t.Errorf("%s of a %s: %v, next %q; want the page where a person does it", act, kind, e, e.Next)
			}
		}
	}
	if len(s.seen) != 0 {
		t.Errorf("%d calls were made", len(s.seen))
	}
}
