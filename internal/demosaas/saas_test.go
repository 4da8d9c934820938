package main

import (
	"os"
	"testing"

	"github.com/pawlhq/pawl/internal/system"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// TestMain lets the test's binary be the processes of the system, and pawl.
func TestMain(m *testing.M) {
	switch {
	case system.IsProgram():
		os.Exit(system.RunProgram())
	case isPawl():
		os.Exit(runPawl())
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
