package main

import (
	"os"
	"strings"
	"testing"
	"time"

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

// TestProgramsNotice: a reader whose machine lacks the key of what is written is
// seen to fail. Without this the programs beside a rotation prove nothing.
func TestProgramsNotice(t *testing.T) {
	servertest.Needed(t)
	w, err := start(t.Context(), options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	p, err := w.begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	app := saas.TenantPrefix + "acme"
	w.Fly.SetSecret(app, saas.DecryptKeys, strings.Repeat("ab", 32))
	w.Fly.Reboot(app)
	if err := p.follow(); err != nil {
		t.Fatal(err)
	}
	reader := "reader " + w.Fly.Machines(app)[0]
	for name, run := range p.running { // each has begun, and the others work
		select {
		case <-run.out.first:
		case <-time.After(30 * time.Second):
			t.Fatalf("the %s says nothing", name)
		}
	}
	_, broken := p.end()
	if len(broken) != 1 || !strings.HasPrefix(broken[0], "P1: the "+reader) {
		t.Errorf("what is broken is %q, want the %s alone", broken, reader)
	}
}
