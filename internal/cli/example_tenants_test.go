package cli

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/saas"
	"github.com/pawlhq/pawl/vendorsim/servertest"
	"github.com/pawlhq/pawl/vendorsim/upstash"
)

// tenants is the world of examples/tenants: a control plane and tenants at Fly
// whose Redis is a real one behind Upstash's stand-in, and pawl beside it.
type tenants struct {
	*saas.SaaS
	t        *testing.T
	upstash  *upstash.Upstash
	database string
	now      time.Time
	dir      string
	out      bytes.Buffer
}

const tenantsAccount = "ops@example.com"

func newTenants(t *testing.T) *tenants {
	t.Helper()
	servertest.Needed(t)
	server, err := redis.Start(t.Context(), redis.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := &tenants{t: t, now: time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC), dir: t.TempDir(), database: "96ad0856-03b1-4ee7-9666-e81abd0349e1"}
	clock := func() time.Time { return w.now }
	w.upstash = upstash.New(upstash.Config{Now: clock, CutsOnReset: true})
	w.upstash.AddAccount(tenantsAccount)
	slug, _, _ := strings.Cut(saas.RedisHost, ".")
	if _, err = w.upstash.AddDatabase(t.Context(), upstash.Database{ID: w.database, Owner: tenantsAccount, Name: "tenants", Slug: slug, Server: server}); err != nil {
		t.Fatal(err)
	}
	if w.SaaS, err = saas.Start(saas.Config{Now: clock, Boot: 5 * time.Second, Redis: tenantLogins{w}, First: map[string]string{saas.RedisURL: w.url()}}); err != nil {
		t.Fatal(err)
	}
	_, key := w.upstash.AddKey(tenantsAccount, "pawl")
	t.Setenv("UPSTASH_LOGIN", tenantsAccount+":"+key)
	t.Setenv("FLY_API_TOKEN", w.FlyAdmin)
	t.Setenv("PAWL_ACTOR", "example")
	w.write()
	return w
}

// write copies the estate, and has pawl trust the stand-in's certificates.
func (w *tenants) write() {
	w.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "tenants", "pawl.yaml"))
	authority, bad := w.upstash.Authority()
	if err := errors.Join(err, bad); err != nil {
		w.t.Fatal(err)
	}
	trusting := strings.ReplaceAll(string(text), "tls: verify-full", "tls: verify-full, ca: "+strconv.Quote(authority))
	if err := os.WriteFile(filepath.Join(w.dir, "pawl.yaml"), []byte(trusting), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// url is what a consumer must have now.
func (w *tenants) url() string {
	return "rediss://default:" + w.upstash.Credentials(w.database).Password + "@" + saas.RedisHost + ":6379"
}

// tenantLogins is the tenants' Redis, to the system.
type tenantLogins struct{ w *tenants }

// Alive tells of nothing: Redis' one password is Upstash's.
func (tenantLogins) Alive() []saas.Credential { return nil }

// Login logs in as a tenant does.
func (l tenantLogins) Login(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return errors.New("the URL is no URL of a Redis")
	}
	password, _ := u.User.Password()
	c := goredis.NewClient(&goredis.Options{Addr: u.Host, Password: password, Dialer: l.w.upstash.Dial, Protocol: 2, DisableIdentity: true, MaxRetries: -1, DialerRetries: 1, PoolSize: 1})
	defer func() { _ = c.Close() }()
	return c.Ping(context.Background()).Err()
}

// pawl runs a command and gives its exit status; what it says goes to out.
func (w *tenants) pawl(in string, args ...string) int {
	w.out.Reset()
	hosts := w.Hosts()
	for host, h := range w.upstash.Hosts() {
		hosts[host] = h
	}
	a := &App{Streams: &Streams{In: strings.NewReader(in), Out: &w.out, Err: &w.out}, Registry: all.Drivers(),
		Transport: vendorsim.Transport(hosts), Dial: w.upstash.DialTLS, Now: func() time.Time { return w.now },
		Sleep: func(ctx context.Context, until time.Time) error {
			if until.After(w.now) {
				w.now = until
			}
			return ctx.Err()
		}}
	return Run(append(args, "--file", filepath.Join(w.dir, "pawl.yaml")), a)
}

// provide gives pawl the value in place.
func (w *tenants) provide() {
	w.t.Helper()
	if w.pawl(w.upstash.Credentials(w.database).Password+"\n", "provide", "TENANT_REDIS_URL", "--current") != 0 {
		w.t.Fatal(w.out.String())
	}
}

// right holds that every consumer has the URL that works, and nobody another.
func (w *tenants) right(when string) {
	w.t.Helper()
	want := w.url()
	if w.Stored(saas.RedisURL) != want || w.Running(saas.App, saas.RedisURL) != want {
		w.t.Errorf("%s: the control plane has another URL", when)
	}
	for _, slug := range w.Tenants() {
		if w.Running(saas.TenantPrefix+slug, saas.TenantRedis) != want {
			w.t.Errorf("%s: the tenant %s runs with another URL", when, slug)
		}
	}
	if !w.RedisWorks() {
		w.t.Errorf("%s: a tenant cannot log in", when)
	}
}

// silent holds that no value is in what pawl said, nor in what it keeps.
func (w *tenants) silent(when string) {
	w.t.Helper()
	texts := map[string]string{"its output": w.out.String()}
	err := filepath.WalkDir(w.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		texts[path] = string(b)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for name, text := range texts {
		for _, value := range w.upstash.Issued() {
			if strings.Contains(text, value) {
				w.t.Errorf("%s: a value is in %s", when, name)
			}
		}
	}
}

// TestExampleTenants does what examples/tenants/README.md says.
func TestExampleTenants(t *testing.T) {
	w := newTenants(t)
	first := w.upstash.Credentials(w.database)
	if w.pawl("", "validate") != 0 || w.pawl("", "doctor") != 0 {
		t.Fatal(w.out.String())
	}
	w.provide()
	w.right("before")
	if code := w.pawl("", "rotate", "TENANT_REDIS_URL"); code != 0 {
		t.Fatalf("rotate: status %d: %s", code, w.out.String())
	}
	w.silent("rotate")
	if w.upstash.Credentials(w.database) == first {
		t.Error("nothing was reset")
	}
	w.right("after")
	if !strings.Contains(w.out.String(), "the issuer refuses version 1") {
		t.Errorf("the old password is not proven dead: %s", w.out.String())
	}
}

// TestExampleTenantsLostReset has Upstash reset and then be out for longer than
// the driver waits: pawl resets once more, and nobody is asked.
func TestExampleTenantsLostReset(t *testing.T) {
	next := readsBeforeTheReset(t) + 1
	w := newTenants(t)
	f := w.upstash.Faults()
	f.Add(vendorsim.Rule{Kind: vendorsim.AfterLost, Path: "/v2/redis/reset-password/*", Count: 1})
	f.Add(vendorsim.Rule{Kind: vendorsim.Status, Code: 503, Method: "GET", Path: "/v2/redis/database/*", From: next, Count: 1})
	w.provide()
	if code := w.pawl("", "rotate", "TENANT_REDIS_URL"); code != 0 {
		t.Fatalf("rotate: status %d: %s", code, w.out.String())
	}
	w.silent("rotate")
	w.right("after")
	if acts := w.upstash.Acts(tenantsAccount); len(acts) != 2 {
		t.Errorf("the audit log has %v, want the lost reset and one more", acts)
	}
}

// readsBeforeTheReset counts how often a rotation reads the database until it
// resets it, in a world of its own.
func readsBeforeTheReset(t *testing.T) int {
	t.Helper()
	w := newTenants(t)
	w.provide()
	if w.pawl("", "rotate", "TENANT_REDIS_URL") != 0 {
		t.Fatal(w.out.String())
	}
	reads := 0
	for _, e := range w.upstash.Log() {
		switch e.Operation {
		case "POST /v2/redis/reset-password/{id}":
			return reads
		case "GET /v2/redis/database/{id}":
			reads++
		}
	}
	t.Fatal("nothing was reset")
	return 0
}
