package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/examples"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// Runbook gives a scenario for each secret of examples/runbook/pawl.yaml, as
// the file is, at the stand-ins of its vendors and of the whole system.
func Runbook() []*Scenario {
	var list []*Scenario
	for _, name := range saas.Names() {
		list = append(list, &Scenario{Name: "runbook: " + name, Refuses: name == saas.ActionsToken,
			Build: func(clock *Clock) (*World, error) { return buildRunbook(pawl.SecretName(name), clock) }})
	}
	return list
}

// runbook is the system of the runbook while one of its secrets rotates.
type runbook struct {
	*saas.SaaS
	name     string
	clock    *Clock
	database *vendor // the control plane's database, to its driver
	redis    *vendor // the tenants' Redis, to its driver
	vendors  http.RoundTripper
	first    []string  // the tenants that were there at first
	deploy   time.Time // the next deployment of the control plane
	turned   bool      // the tenants were found, after which one has gone and one has come
	hand     string    // what a person made; "" is nothing yet
	lying    string    // what places do with the next write; "" is nothing
	strange  []string  // ids of credentials that somebody else made
}

const (
	daily = 24 * time.Hour
	often = 30 * time.Minute      // how often somebody deploys the control plane, when there is anything new
	takes = 10 * time.Millisecond // what a call takes
)

// parsed is the estate and the drivers: they keep nothing, so all worlds share
// them.
var parsed = sync.OnceValues(func() (*estate.Estate, error) {
	return estate.Parse("pawl.yaml", examples.Runbook, runbookDrivers(nil, nil))
})

func buildRunbook(name pawl.SecretName, clock *Clock) (*World, error) {
	e, err := parsed()
	if err != nil {
		return nil, err
	}
	b := &runbook{name: string(name), clock: clock, deploy: clock.Now().Add(often)}
	if err := b.start(); err != nil {
		return nil, err
	}
	w := &World{Serve: b, Drivers: runbookDrivers(b.database, b.redis), Estate: e, Request: plan.Request{Secrets: []pawl.SecretName{name}},
		Own: b.own(), Current: b.current(), Classify: b.classify, Truth: b.truth, Lie: b.lie, Answer: b.answer, Pass: b.pass, Ended: b.ended}
	if b.name != saas.EncryptionKey && b.name != saas.ResendFrom {
		w.Rotated = []string{b.First[b.name]}
	}
	if b.strangers() {
		w.Foreign, w.Others = b.strangerMints, func() []string { return b.strange }
	}
	return w, nil
}

// start makes the system. One workspace has a key of its own.
func (b *runbook) start() error {
	b.database = newVendor(b.clock, factsOf("postgres", "role"))
	b.redis = newVendor(b.clock, factsOf("upstash", "redis_acl_user"))
	b.database.admin, b.redis.admin = "admin-canary-of-the-database", "admin-canary-of-the-redis"
	first := map[string]string{saas.DatabaseURL: databaseURL(initial(b.database, saas.DatabaseRole)), saas.RedisURL: redisURL(initial(b.redis, ""))}
	var err error
	b.SaaS, err = saas.Start(saas.Config{Now: b.clock.Now, Rand: rand.NewChaCha8([32]byte{3}), Boot: 5 * time.Second, Run: 3 * time.Minute, Operation: 2 * time.Second,
		Database: &logins{v: b.database, form: databaseURL}, Redis: &logins{v: b.redis, form: redisURL}, First: first,
		Sleep: func(ctx context.Context, d time.Duration) error { b.clock.Add(d); return ctx.Err() }})
	if err != nil {
		return err
	}
	_, own := b.Anthropic.CreateKey(ownKey)
	if err := b.Override("bolt", "ws-bolt-2", own); err != nil {
		return err
	}
	b.vendors = vendorsim.Transport(b.Hosts())
	b.first = b.Tenants()
	return nil
}

// initial mints the version that is in place at first.
func initial(v *vendor, name string) *vendorCred {
	c := v.mint(name)
	c.initial = true
	return c
}

// own are pawl's own credentials.
func (b *runbook) own() map[string]secret.Value {
	own := map[string]secret.Value{"database": secret.NewString(b.database.admin), "upstash": secret.NewString(b.redis.admin), "stripe_api": secret.NewString(b.Admin["stripe"])}
	for _, name := range []string{"fly", "github", "resend", "anthropic", "cp"} {
		own[name] = secret.NewString(b.Admin[name])
	}
	return own
}

// current is what pawl is given before the rotation.
func (b *runbook) current() map[pawl.SecretName]secret.Parts {
	value := secret.One(secret.NewString(b.First[b.name]))
	switch b.name {
	case saas.DatabaseURL:
		value = partsOf(b.database.creds[0])
	case saas.RedisURL:
		value = partsOf(b.redis.creds[0])
	case saas.ActionsToken:
		return nil
	}
	return map[pawl.SecretName]secret.Parts{pawl.SecretName(b.name): value}
}

// RoundTrip hands a call to its vendor. Once the tenants were listed one goes
// and one comes, before the reader can do anything about it.
func (b *runbook) RoundTrip(req *http.Request) (*http.Response, error) {
	b.clock.Add(takes)
	switch req.URL.Host {
	case databaseHost:
		if req.URL.Path == rowsPath {
			return b.rewrite(req)
		}
		return b.database.RoundTrip(req)
	case redisHost:
		return b.redis.RoundTrip(req)
	}
	resp, err := b.vendors.RoundTrip(req)
	if err == nil && !b.turned && b.lists(req) {
		b.turned = true
		err = b.turnover()
	}
	return resp, err
}

// rewrite has the rows written anew.
func (b *runbook) rewrite(req *http.Request) (*http.Response, error) {
	var ask struct{ Keys []string }
	if err := json.NewDecoder(req.Body).Decode(&ask); err != nil {
		return nil, err
	}
	sent(req)
	left, err := b.Rewrite(ask.Keys[0], ask.Keys[1:]...)
	if err != nil {
		return nil, err
	}
	return reply(req, http.StatusOK, fmt.Sprintf(`{"left":%d}`, left), nil), nil
}

// lists reports whether a call lists the tenants to write to them.
func (b *runbook) lists(req *http.Request) bool {
	switch b.name {
	case saas.RedisURL, saas.EncryptionKey:
		written := b.Stored(saas.RedisURL) != b.First[saas.RedisURL] || b.Stored(saas.DecryptKeys) != b.First[saas.EncryptionKey]
		return written && req.Method == http.MethodGet && req.URL.Path == "/v1/apps"
	case saas.AnthropicKey:
		return b.hand != "" && req.Method == http.MethodGet && req.URL.Path == "/cp/orgs"
	default:
		return false
	}
}

// turnover has a tenant go and another come, which began to be made before the
// control plane had anything new.
func (b *runbook) turnover() error {
	defer b.lie(b.lying) // which is about pawl's writes
	b.lie("")
	if err := b.RemoveTenant("cove"); err != nil {
		return err
	}
	if err := b.AddTenant("dune"); err != nil {
		return err
	}
	b.first = []string{"acme", "bolt", "dune"}
	app := saas.TenantPrefix + "dune"
	b.Fly.SetSecret(app, saas.TenantRedis, b.First[saas.RedisURL])
	b.Fly.SetSecret(app, saas.DecryptKeys, b.First[saas.EncryptionKey])
	b.Fly.Reboot(app)
	return nil
}

// pass lets time pass. Now and then the control plane is deployed, and its
// machines read what is staged.
func (b *runbook) pass(until time.Time, look func()) {
	for !b.deploy.After(until) {
		if b.Stored(b.name) != b.Running(saas.App, b.name) {
			b.clock.To(b.deploy)
			b.Fly.Reboot(saas.App)
			look()
		}
		b.deploy = b.deploy.Add(often)
	}
	b.clock.To(until)
	look()
}

// runbookDrivers are pawl's drivers, but for the two that speak to databases
// by TCP: those are declared as they are and reach something in memory.
func runbookDrivers(database, redis *vendor) driver.Registry {
	list := all.Drivers()
	for i, d := range list {
		switch d.Info().Name {
		case "postgres":
			list[i] = principal{Driver: d, v: database, host: databaseHost, url: databaseURL}
		case "upstash":
			list[i] = principal{Driver: d, v: redis, host: redisHost, url: redisURL}
		}
	}
	return list
}
