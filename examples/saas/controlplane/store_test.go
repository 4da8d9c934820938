package controlplane_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/examples/saas/tenant"
	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

var databases atomic.Int64

// newDatabase makes an empty database at a PostgreSQL of this package's own and
// gives a superuser's URL.
func newDatabase(t testing.TB) (*postgres.Server, string) {
	t.Helper()
	server := servertest.PostgresOf(t, "controlplane")
	name := fmt.Sprintf("cp%d", databases.Add(1))
	run(t, server, "postgres", "CREATE DATABASE "+name)
	return server, name
}

func run(t testing.TB, server *postgres.Server, database, sql string) {
	t.Helper()
	console, err := server.Open(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close()
	if err := console.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// stores runs a test on every kind of store.
func stores(t *testing.T, test func(t *testing.T, store controlplane.Store)) {
	t.Run("memory", func(t *testing.T) { test(t, &controlplane.Memory{}) })
	t.Run("SQLite", func(t *testing.T) { test(t, open(t, "sqlite:"+filepath.Join(t.TempDir(), "cp?%2F.db"))) })
	t.Run("PostgreSQL", func(t *testing.T) {
		server, name := newDatabase(t)
		test(t, open(t, server.DSN(name)))
	})
}

func open(t testing.TB, address string) controlplane.Store {
	t.Helper()
	db, err := controlplane.OpenSQL(t.Context(), address, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

const (
	idOne = "11111111-1111-4111-8111-111111111111"
	idTwo = "22222222-2222-4222-8222-222222222222"
)

func org(id, slug string) controlplane.Org {
	return controlplane.Org{ID: id, Slug: slug, Name: "N", Owner: "o@example.com", Plan: "free", Status: "making",
		CreatedAt: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC),
		Sealed:    tenant.Sealed{DatabaseURL: []byte{0, 1, 255}, RedisURL: []byte{2}, AdminToken: []byte{3}}}
}

func TestStore(t *testing.T) {
	stores(t, func(t *testing.T, store controlplane.Store) {
		ctx, first := t.Context(), org(idOne, "acme")
		must(t, store.Ping(ctx))
		must(t, store.Insert(ctx, first))
		for _, other := range []controlplane.Org{org(idTwo, "acme")} {
			if err := store.Insert(ctx, other); !errors.Is(err, controlplane.ErrTaken) {
				t.Errorf("a second one with the slug: %v", err)
			}
		}
		second := org(idTwo, "bolt")
		second.CreatedAt = second.CreatedAt.Add(time.Second)
		must(t, store.Insert(ctx, second))
		for _, name := range []string{idOne, "acme"} {
			got, err := store.Find(ctx, name)
			if err != nil || !equal(got, first) {
				t.Errorf("by %s: %+v, %v", name, got, err)
			}
		}
		all, err := store.List(ctx)
		if err != nil || len(all) != 2 || !equal(all[0], first) || !equal(all[1], second) {
			t.Errorf("the list is %+v, %v", all, err)
		}
		if _, err := store.Find(ctx, "cove"); !errors.Is(err, controlplane.ErrNotFound) {
			t.Errorf("one that is not there: %v", err)
		}
		changes(ctx, t, store, first)
		for i, want := range []bool{true, false} {
			if got, err := store.Remove(ctx, idOne); got != want || err != nil {
				t.Errorf("removal %d: %v, %v", i, got, err)
			}
		}
	})
}

// changes changes the first org part by part.
func changes(ctx context.Context, t *testing.T, store controlplane.Store, want controlplane.Org) {
	t.Helper()
	for _, c := range []controlplane.Change{
		{Customer: "cus_1"}, {App: "app"}, {Branch: "br", Sealed: tenant.Sealed{DatabaseURL: []byte{9}}},
		{Status: "provisioning", If: "making"}, {Status: "ready", If: "provisioning", Sealed: tenant.Sealed{RedisURL: []byte{8}, AdminToken: []byte{7}}},
	} {
		must(t, store.Change(ctx, want.ID, c))
	}
	want.Customer, want.App, want.Branch, want.Status = "cus_1", "app", "br", "ready"
	want.Sealed = tenant.Sealed{DatabaseURL: []byte{9}, RedisURL: []byte{8}, AdminToken: []byte{7}}
	if got, err := store.Find(ctx, want.ID); err != nil || !equal(got, want) {
		t.Errorf("after changes: %+v, %v", got, err)
	}
	for name, err := range map[string]error{
		"another status": store.Change(ctx, want.ID, controlplane.Change{Status: "erasing", If: "making"}),
		"nobody":         store.Change(ctx, "33333333-3333-4333-8333-333333333333", controlplane.Change{Status: "erasing"}),
	} {
		if !errors.Is(err, controlplane.ErrNotFound) {
			t.Errorf("a change for %s: %v", name, err)
		}
	}
}

func equal(a, b controlplane.Org) bool {
	same := bytes.Equal(a.DatabaseURL, b.DatabaseURL) && bytes.Equal(a.RedisURL, b.RedisURL) && bytes.Equal(a.AdminToken, b.AdminToken) && a.CreatedAt.Equal(b.CreatedAt)
	a.Sealed, b.Sealed, a.CreatedAt, b.CreatedAt = tenant.Sealed{}, tenant.Sealed{}, time.Time{}, time.Time{}
	return same && fmt.Sprintf("%+v", a) == fmt.Sprintf("%+v", b)
}

func TestAnEventIsTakenOnce(t *testing.T) {
	stores(t, func(t *testing.T, store controlplane.Store) {
		o := org(idOne, "acme")
		o.Customer = "cus_1"
		must(t, store.Insert(t.Context(), o))
		at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		event := func(id, plan string, created time.Time) controlplane.Event {
			return controlplane.Event{ID: id, Type: "customer.subscription.updated", Customer: "cus_1", Plan: plan, Created: created, TakenAt: at}
		}
		for i, c := range []struct {
			controlplane.Event
			fresh bool
			plan  string
		}{
			{event("evt_1", "pro", at), true, "pro"},
			{event("evt_1", "team", at), false, "pro"},
			{event("evt_2", "team", at.Add(time.Second)), true, "team"},
			{event("evt_3", "pro", at.Add(-time.Hour)), true, "team"}, // it was under way for long
			{event("evt_4", "", at.Add(time.Hour)), true, "team"},
			{event("evt_5", "pro", at.Add(time.Second)), true, "pro"},
		} {
			fresh, err := store.Take(t.Context(), c.Event)
			got, again := store.Find(t.Context(), idOne)
			if err != nil || again != nil || fresh != c.fresh || got.Plan != c.plan {
				t.Errorf("event %d: fresh %v, plan %s, %v, %v", i, fresh, got.Plan, err, again)
			}
		}
	})
}

// Of a tenant that is erased, and of customers that are none, events keep their
// ids alone.
func TestErasedTenantsAreForgottenInEvents(t *testing.T) {
	stores(t, func(t *testing.T, store controlplane.Store) {
		at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		tenant := func(id, slug, customer string) {
			o := org(id, slug)
			o.Customer = customer
			must(t, store.Insert(t.Context(), o))
		}
		take := func(id, customer, plan string, created time.Time, want bool) {
			t.Helper()
			fresh, err := store.Take(t.Context(), controlplane.Event{ID: id, Type: "customer.subscription.updated", Customer: customer, Plan: plan, Created: created, TakenAt: at})
			if err != nil || fresh != want {
				t.Errorf("event %s: fresh %t, want %t, %v", id, fresh, want, err)
			}
		}
		tenant(idOne, "acme", "cus_1")
		take("evt_1", "cus_1", "team", at, true)
		if removed, err := store.Remove(t.Context(), idOne); !removed || err != nil {
			t.Fatalf("removed %t, %v", removed, err)
		}
		take("evt_1", "cus_1", "team", at, false)
		take("evt_2", "cus_1", "team", at, true) // Stripe had it under way
		tenant(idTwo, "bolt", "cus_1")           // as nobody does: what is kept of the customer would go before an older event
		take("evt_3", "cus_1", "pro", at.Add(-time.Hour), true)
		if o, err := store.Find(t.Context(), idTwo); err != nil || o.Plan != "pro" {
			t.Errorf("the plan is %q, %v: something of the customer was kept", o.Plan, err)
		}
	})
}

func TestOfEventsAtOnceOneIsTaken(t *testing.T) {
	stores(t, func(t *testing.T, store controlplane.Store) {
		o := org(idOne, "acme")
		o.Customer = "cus_1"
		must(t, store.Insert(t.Context(), o))
		var fresh atomic.Int64
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				got, err := store.Take(t.Context(), controlplane.Event{ID: "evt_1", Type: "customer.subscription.updated", Customer: "cus_1", Plan: "pro", Created: o.CreatedAt, TakenAt: o.CreatedAt})
				if err != nil {
					t.Error(err)
				}
				if got {
					fresh.Add(1)
				}
			})
		}
		all.Wait()
		if fresh.Load() != 1 {
			t.Errorf("%d of 16 were taken", fresh.Load())
		}
	})
}

func TestTablesAreMadeWhereTheyAreMissing(t *testing.T) {
	server, name := newDatabase(t)
	var all sync.WaitGroup
	for range 4 { // machines that boot at once
		all.Go(func() {
			db, err := controlplane.OpenSQL(t.Context(), server.DSN(name), nil)
			if err != nil {
				t.Error(err)
				return
			}
			must(t, db.Close())
		})
	}
	all.Wait()
	run(t, server, name, `
		CREATE ROLE `+name+`_app LOGIN PASSWORD 'app'; REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO `+name+`_app;
		GRANT SELECT, INSERT, UPDATE, DELETE ON org_instances, stripe_events TO `+name+`_app`)
	store := open(t, fmt.Sprintf("postgresql://%s_app:app@%s/%s?sslmode=disable", name, server.Addr(), name))
	must(t, store.Insert(t.Context(), org(idOne, "acme")))
}

func TestConnectionsThatTheServerEnds(t *testing.T) {
	server, name := newDatabase(t)
	store := open(t, server.DSN(name))
	must(t, store.Insert(t.Context(), org(idOne, "acme")))
	for range 20 {
		run(t, server, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
		if _, err := store.Find(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADatabaseThatCannotBeUsed(t *testing.T) {
	server, name := newDatabase(t)
	for what, address := range map[string]string{
		"a wrong password": "postgresql://postgres:CANARY@" + server.Addr() + "/" + name + "?sslmode=disable",
		"another scheme":   "mysql://a:CANARY@b/c", "no URL": "postgresql://a:CANARY@b:port/c",
		"a folder": "sqlite:" + t.TempDir(),
	} {
		db, err := controlplane.OpenSQL(t.Context(), address, nil)
		if err == nil {
			t.Errorf("%s: opened", what)
			_ = db.Close()
			continue
		}
		if bytes.Contains([]byte(err.Error()), []byte("CANARY")) {
			t.Errorf("%s: the error has the password in it", what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
