package controlplane_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/internal/leak"
)

func TestHealth(t *testing.T) {
	s := newSite(t, speed{})
	cp := s.server(&controlplane.Memory{})
	got := cp.as("", "GET", "/health", "")
	if got.code != http.StatusOK || fmt.Sprint(got.body) != "map[database:ok fly:ok mail:resend status:ok]" {
		t.Errorf("health: %d %s", got.code, got.text)
	}
	for name, c := range map[string]struct {
		cp   *server
		part string
	}{
		"a dead Fly token":     {s.server(&controlplane.Memory{}, "FLY_API_TOKEN", "FlyV1 dead"), "fly"},
		"and elsewhere":        {s.server(&controlplane.Memory{}, "FLY_API_TOKEN", "FlyV1 dead", "FLY_APP_NAME", ""), "fly"},
		"a database that died": {s.server(&dead{&controlplane.Memory{}}), "database"},
	} {
		if got := c.cp.do("GET", "/health", ""); got.code != http.StatusServiceUnavailable || got.body[c.part] != "failing" || got.body["error"] == nil {
			t.Errorf("%s: %d %s", name, got.code, got.text)
		}
	}
	if got := s.server(&controlplane.Memory{}, "FLY_APP_NAME", "").do("GET", "/health", ""); got.code != http.StatusOK {
		t.Errorf("elsewhere: %d %s", got.code, got.text)
	}
}

// dead is a database that does not answer any more.
type dead struct{ controlplane.Store }

func (*dead) Ping(context.Context) error { return errors.New("password authentication failed") }

func TestWhatIsMissingIsNamed(t *testing.T) {
	s := newSite(t, speed{})
	needed := []string{"FLY_API_TOKEN", "NEON_API_KEY", "SECRETS_ENCRYPTION_KEY", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "CP_ADMIN_TOKEN", "TENANT_IMAGE", "FLY_ORG", "NEON_PROJECT"}
	for _, name := range needed {
		if _, err := s.start(&controlplane.Memory{}, name, ""); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	_, err := controlplane.ConfigFromEnv(func(string) string { return "" })
	for _, name := range append(needed, "DATABASE_URL") {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without anything, %s is not named", name)
		}
	}
	if _, err := s.start(&controlplane.Memory{}, "SECRETS_ENCRYPTION_KEY", "CANARY"); err == nil || strings.Contains(err.Error(), "CANARY") {
		t.Errorf("with a key that is none: %v", err)
	}
	c, err := controlplane.ConfigFromEnv(func(name string) string { return map[string]string{"DATABASE_URL": "sqlite:x"}[name] + s.env[name] })
	if text := fmt.Sprintf("%v %+v %#v", c, c, c); err != nil || strings.Contains(text, adminToken) {
		t.Errorf("a Config prints its secrets (%v)", err)
	}
}

// TestServersOfTwoEnvironments has two work on one store, as in the middle of
// a rollout of each secret.
func TestServersOfTwoEnvironments(t *testing.T) {
	stores(t, func(t *testing.T, store controlplane.Store) {
		s := newSite(t, speed{})
		before := s.server(store, "SECRETS_DECRYPTION_KEYS", keyOne+","+keyTwo)
		_, mail := s.resend.AddKey("second", "sending_access", "")
		_, token := s.fly.AddOrgToken(flyOrg, "second", time.Hour)
		_, key := s.neon.AddOrgKey("org-a", "", "second")
		after := s.server(store, "SECRETS_ENCRYPTION_KEY", keyTwo, "SECRETS_DECRYPTION_KEYS", keyTwo+","+keyOne, "RESEND_API_KEY", mail, "FLY_API_TOKEN", token,
			"NEON_API_KEY", key, "STRIPE_WEBHOOK_SECRET", "whsec_second,whsec_first", "CP_ADMIN_TOKEN", adminToken)
		before.make("acme")
		after.make("bolt")
		for _, cp := range []*server{before, after} {
			if got := cp.do("GET", "/health", ""); got.code != http.StatusOK {
				t.Errorf("health: %d %s", got.code, got.text)
			}
			for _, slug := range []string{"acme", "bolt"} {
				if got := cp.status(slug); got != "ready" {
					t.Errorf("%s is %s", slug, got)
				}
				if got := cp.do("GET", "/cp/orgs/"+slug+"/secrets", ""); got.code != http.StatusAccepted {
					t.Errorf("the platform of %s: %d %s", slug, got.code, got.text)
				}
			}
			if got, _, err := cp.instance(prefix + "acme"); got.code != http.StatusOK || err != nil {
				t.Errorf("the row of acme: %d, %v", got.code, err)
			}
			if got := cp.serve(event("evt_1", "cus_1", "pro", "whsec_first", s.clock())); got.code != http.StatusOK {
				t.Errorf("an event: %d %s", got.code, got.text)
			}
		}
		if got := after.do("DELETE", "/cp/orgs/acme", ""); got.code != http.StatusNoContent {
			t.Errorf("erased by the other: %d %s", got.code, got.text)
		}
	})
}

// TestNothingSecretIsToldOrLogged goes through all that there is, well and
// badly, and searches what was answered and logged.
func TestNothingSecretIsToldOrLogged(t *testing.T) {
	db, name := newDatabase(t)
	s := newSite(t, speed{})
	s.env["DATABASE_URL"] = db.DSN(name)
	var told strings.Builder
	try := func(cp *server) {
		for _, call := range []string{"GET /health", "POST /cp/orgs", "GET /cp/orgs", "GET /cp/workspaces", "GET /cp/orgs/acme", "GET /cp/orgs/acme/secrets", "GET /cp/orgs/acme/logs",
			"POST /cp/billing/checkout", "POST /cp/orgs/acme/reprovision", "POST /cp/orgs", "GET /tenant/instance", "DELETE /cp/orgs/acme"} {
			method, path, _ := strings.Cut(call, " ")
			told.WriteString(cp.do(method, path, `{"slug":"acme","owner":"o@example.com"}`).text)
		}
		told.WriteString(cp.serve(event("evt_1", "c", "p", "whsec_CANARY0123456789", s.clock())).text)
	}
	try(s.server(nil))
	s.down.Store(true)
	for _, env := range []string{"FLY_API_TOKEN", "NEON_API_KEY", "STRIPE_API_KEY", "RESEND_API_KEY"} {
		try(s.server(nil, env, s.env[env]+"dead0123456789"))
	}
	s.down.Store(false)
	broken := s.server(nil)
	run(t, db, "postgres", "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
	try(broken)
	if _, err := s.start(nil); err == nil {
		t.Error("it starts without its database")
	} else {
		told.WriteString(err.Error())
	}
	values := slices.Concat(s.fly.Issued(), s.neon.Issued(), s.stripe.Issued(), s.resend.Issued(), []string{keyOne, redisURL, adminToken, db.Password, "whsec_CANARY0123456789", "dead0123456789", "mtadm_"})
	f := leak.NewFinder(values...)
	for where, text := range map[string]string{"answers": told.String(), "the log": s.log.text()} {
		if form := f.Find([]byte(text)); form != "" || text == "" {
			t.Errorf("%s have a secret in the form %s, of %d bytes", where, form, len(text))
		}
	}
}

func TestDialFindsTheDatabase(t *testing.T) {
	db, name := newDatabase(t)
	s := newSite(t, speed{})
	env := map[string]string{"DATABASE_URL": strings.Replace(db.DSN(name), db.Addr(), "ep-quiet-mountain.neon.invalid", 1)}
	c, err := controlplane.ConfigFromEnv(func(name string) string { return env[name] + s.env[name] })
	must(t, err)
	dialled := ""
	srv, err := controlplane.New(t.Context(), c, controlplane.Deps{Now: s.clock, HTTP: &http.Client{Transport: s}, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dialled = address
		return (&net.Dialer{}).DialContext(ctx, network, db.Addr())
	}})
	must(t, err)
	if dialled != "ep-quiet-mountain.neon.invalid:5432" {
		t.Errorf("dialled %q", dialled)
	}
	must(t, srv.Close())
	must(t, srv.Close())
}

// TestCloseWaits holds a request while the server is closed.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, speed{})
		var first sync.Once
		held, goOn := make(chan struct{}), make(chan struct{})
		slow := s.server(&watched{&controlplane.Memory{}, func() { first.Do(func() { close(held); <-goOn }) }})
		answered, closed := false, false
		go func() { slow.do("POST", "/cp/orgs", `{"slug":"bolt"}`); answered = true }()
		<-held
		go func() { must(t, slow.Close()); closed = true }()
		synctest.Wait()
		if closed || answered {
			t.Error("Close has not waited")
		}
		if got := slow.do("GET", "/health", ""); got.code != http.StatusServiceUnavailable {
			t.Errorf("while it closes: %d", got.code)
		}
		s.cut.Store(true)
		close(goOn)
		synctest.Wait()
		if !closed || !answered {
			t.Error("Close has not ended")
		}
	})
}

func BenchmarkNew(b *testing.B) {
	s := newSite(b, speed{})
	env := map[string]string{"DATABASE_URL": "sqlite:x", "RESEND_API_KEY": ""}
	c, err := controlplane.ConfigFromEnv(func(name string) string {
		if v, ok := env[name]; ok {
			return v
		}
		return s.env[name]
	})
	must(b, err)
	c.Store = &controlplane.Memory{}
	for b.Loop() {
		srv, err := controlplane.New(b.Context(), c, controlplane.Deps{Now: s.clock, HTTP: &http.Client{Transport: s}})
		must(b, err)
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, httptest.NewRequest("GET", "/nowhere", nil))
		must(b, srv.Close())
	}
}
