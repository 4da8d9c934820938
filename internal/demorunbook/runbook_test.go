package main

import (
	"os"
	"testing"

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
func TestRunbook(t *testing.T) {
	servertest.Needed(t)
	ok, err := run(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error("a promise was broken: the lines above say which")
	}
}
