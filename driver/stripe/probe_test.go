package stripe_test

import (
	"strings"
	"testing"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/stripe"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	sim "github.com/pawlhq/pawl/vendorsim/stripe"
)

func TestProbeTellsWhatIsMissing(t *testing.T) {
	s := newSite(t, sim.Config{})
	id, _ := s.AddEndpoint(sim.Endpoint{URL: hookURL})
	disabled, _ := s.AddEndpoint(sim.Endpoint{URL: hookURL, Disabled: true})
	secretOf := func(id string) driver.Target {
		return driver.Target{Kind: "webhook_secret", Settings: estate.Settings{"endpoint": id}}
	}
	full, none := sim.Key{}, sim.Key{Restricted: true}
	for name, tt := range map[string]struct {
		key    sim.Key
		target driver.Target
		want   driver.Has
		detail string
	}{
		"a key that may do everything":          {full, driver.Target{}, driver.Yes, ""},
		"a key that may not read the balance":   {none, driver.Target{}, driver.Yes, "restricted"},
		"endpoints":                             {full, endpointTarget(), driver.Yes, ""},
		"endpoints without the permission":      {none, endpointTarget(), driver.No, "rak_webhook_read"},
		"an endpoint":                           {full, secretOf(id), driver.Yes, ""},
		"an endpoint that is disabled":          {full, secretOf(disabled), driver.No, "disabled"},
		"an endpoint that is not there":         {full, secretOf("we_1gone"), driver.No, "not found"},
		"an endpoint without the permission":    {none, secretOf(id), driver.No, "rak_webhook_read"},
		"a consumer, which Stripe knows not of": {full, driver.Target{Kind: "webhook_signed", Settings: estate.Settings{"url": hookURL}}, driver.Yes, ""},
	} {
		s.connect(t, s.AddKey(tt.key))
		grants, err := s.port.Probe(t.Context(), tt.target)
		if err != nil || len(grants) == 0 || grants[0].Has != tt.want || !strings.Contains(grants[0].Detail, tt.detail) {
			t.Errorf("%s: %+v (%v), want %s with %q", name, grants, err, tt.want, tt.detail)
		}
	}
}

// A full account is said beforehand, as what cannot be told for sure.
func TestProbeCountsTheEndpoints(t *testing.T) {
	s := newSite(t, sim.Config{})
	for n, want := range []driver.Has{0: driver.Yes, 15: driver.Yes, 16: driver.Maybe} {
		if want != "" {
			grants, err := s.port.Probe(t.Context(), endpointTarget())
			if err != nil || len(grants) != 3 || grants[2].Has != want || len(s.Endpoints()) != n {
				t.Errorf("with %d endpoints: %+v (%v)", n, grants, err)
			}
		}
		s.AddEndpoint(sim.Endpoint{URL: "https://shop.example.com/other"})
	}
}

// Keys and consumers can be tried without any credential.
func TestAConnectionWithoutAKey(t *testing.T) {
	s := newSite(t, sim.Config{})
	s.connect(t, "")
	for _, target := range []driver.Target{{}, keyTarget, {Kind: "webhook_secret", Settings: estate.Settings{"endpoint": "we_1"}}} {
		if grants, err := s.port.Probe(t.Context(), target); err != nil || len(grants) != 1 || grants[0].Has != driver.Yes {
			t.Errorf("%s: %+v (%v)", target.Kind, grants, err)
		}
	}
	if len(s.seen) != 0 {
		t.Errorf("%d calls were made", len(s.seen))
	}
	if e := failed(t, second(s.port.List(t.Context(), endpointTarget()))); e.Kind != driver.Unauthenticated {
		t.Errorf("listing without a key: %v", e)
	}
}

// Who makes an endpoint by hand asks for the events that the estate names.
func TestManualHasTheEvents(t *testing.T) {
	for _, k := range stripe.New().Info().Kinds {
		if k.Name != "webhook_endpoint" {
			continue
		}
		use := estate.Use{Facts: k, Settings: estate.Settings{"url": hookURL, "events": []string{"invoice.paid", "charge.failed"}}}
		text, err := k.Manual.Text("mint", estate.ManualData(estate.Connection{}, use, secret.Format{}))
		if err != nil || !strings.Contains(text, "-d url="+hookURL+" -d 'enabled_events[]=invoice.paid' -d 'enabled_events[]=charge.failed'") {
			t.Errorf("with events: %q (%v)", text, err)
		}
	}
}
