package demo_test

import (
	"os"
	"testing"

	"github.com/pawlhq/pawl/internal/cli"
	"github.com/pawlhq/pawl/internal/demo"
)

func TestMain(m *testing.M) {
	if code, ok := cli.Program(); ok {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// TestTheDemo holds that what a newcomer sees first works: every kill lands,
// no request fails, and nothing is broken.
func TestTheDemo(t *testing.T) {
	r, err := (&demo.Demo{Role: cli.DemoRole}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if r.Kills != 5 || len(r.Secrets) != 4 || r.Failed != 0 || r.Requests < 100 {
		t.Errorf("it rotated %d secrets with %d kills, and %d of %d requests failed", len(r.Secrets), r.Kills, r.Failed, r.Requests)
	}
}
