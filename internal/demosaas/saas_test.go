package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/examples"
	"github.com/pawlhq/pawl/internal/system"
	"github.com/pawlhq/pawl/internal/system/command"
	"github.com/pawlhq/pawl/vendorsim/saas"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// TestMain lets the test's binary be the processes of the system, and pawl.
func TestMain(m *testing.M) {
	switch {
	case system.IsProgram():
		os.Exit(system.RunProgram())
	case command.Is():
		os.Exit(command.Run())
	}
	servertest.Main(m)
}

// TestSaaS is a short run of make demo-saas: a third of its load, and fewer
// kills.
func TestSaaS(t *testing.T) {
	servertest.Needed(t)
	ok, err := run(t.Context(), options{seed: 7, kills: 2, rate: 4})
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error("a request has failed, or a promise was broken: the lines above say which")
	}
}

// TestABadSecretStopsTheRolloutAndIsUndone: without the check that refuses it
// beforehand, an address of an unverified domain reaches the first machine, whose
// program does not start with it. pawl stops there, puts the old one back, and
// no request fails.
func TestABadSecretStopsTheRolloutAndIsUndone(t *testing.T) {
	servertest.Needed(t)
	w, err := open(t.Context(), options{rate: 10}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	const check = "      - {use: resend, kind: domain_verified, when: [minted, final]} # nothing is written unless the domain is verified\n"
	without := bytes.Replace(examples.Runbook, []byte("    checks:\n"+check), []byte("    checks: \"none: its own start shows it\"\n"), 1)
	if bytes.Equal(without, examples.Runbook) {
		t.Fatal("the estate has no such check")
	}
	if err := os.WriteFile(w.pawl.file, without, 0o600); err != nil {
		t.Fatal(err)
	}
	load := w.start(t.Context())
	defer load.stop()
	steps := []struct {
		in   string
		args []string
		code int
		says string
	}{
		{"", []string{"rotate", saas.ResendFrom}, 5, "pawl provide"},
		{"Molecule AI <hello@" + saas.OtherDomain + ">\n", []string{"provide", saas.ResendFrom}, 0, ""},
		{"", []string{"resume", saas.ResendFrom}, 1, "its program ended"},
	}
	for _, s := range steps {
		if code, out := w.pawl.run(t.Context(), s.in, s.args...); code != s.code || !strings.Contains(out, s.says) {
			t.Fatalf("pawl %v gives %d and not %d with %q: %s", s.args, code, s.code, s.says, out)
		}
	}
	if requests, failed := load.stop(); failed > 0 || requests < 100 {
		t.Errorf("%d of %d requests failed", failed, requests)
	}
	for _, id := range w.Fly.Machines(saas.App) {
		if v, _ := w.Fly.MachineEnv(saas.App, id, saas.ResendFrom); v != w.First[saas.ResendFrom] {
			t.Errorf("the machine %s runs with another address", id)
		}
	}
	if v, _ := w.Fly.SecretValue(saas.App, saas.ResendFrom); v != w.First[saas.ResendFrom] {
		t.Error("the old address is not put back")
	}
}
