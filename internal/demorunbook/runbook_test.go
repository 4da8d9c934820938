package main

import (
	"os"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/vendorsim/saas"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// TestMain lets the test's binary be the process of one other plan.
func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestRunbook rotates all eleven secrets, and holds that no promise was broken.
// The other plans are left to make demo-runbook, to keep the tests short.
func TestRunbook(t *testing.T) {
	servertest.Needed(t)
	ok, err := run(t.Context(), false, false)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error("a promise was broken: the lines above say which")
	}
}

// TestTheLoadNotices: a machine that lacks the key of what is written is seen to
// fail, that of a tenant or that of the control plane. Without this the load
// beside a rotation proves nothing.
func TestTheLoadNotices(t *testing.T) {
	servertest.Needed(t)
	w, err := start(t.Context(), options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	for _, c := range []struct {
		app  string
		want string // how the one failure begins
	}{
		{saas.TenantPrefix + "acme", "P1: the tenant acme: "},
		{saas.App, "P1: the list of orgs: the row of "}, // tenants have read theirs before
	} {
		before := map[string]string{}
		for _, name := range []string{saas.EncryptionKey, saas.DecryptKeys} {
			before[name], _ = w.Fly.SecretValue(c.app, name)
			w.Fly.SetSecret(c.app, name, strings.Repeat("ab", 32))
		}
		w.Fly.Reboot(c.app)
		l, err := w.begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, broken := l.stop(); len(broken) != 1 || !strings.HasPrefix(broken[0], c.want) {
			t.Errorf("%s: what is broken is %q, want %q alone", c.app, broken, c.want)
		}
		for name, value := range before {
			w.Fly.SetSecret(c.app, name, value)
		}
		w.Fly.Reboot(c.app)
	}
}
