package main

import (
	"path/filepath"
	"testing"

	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// TestRunbook rotates all eleven secrets, and holds that no promise was broken.
func TestRunbook(t *testing.T) {
	servertest.Needed(t)
	ok, err := run(t.Context(), filepath.Join("..", "..", "examples", "runbook", "pawl.yaml"), false)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error("a promise was broken: the lines above say which")
	}
}
