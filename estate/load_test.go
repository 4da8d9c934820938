package estate_test

import (
	"testing"
	"time"

	"github.com/pawlhq/pawl/estate"
)

func load(t *testing.T, path string) *estate.Estate {
	t.Helper()
	e, err := estate.Load(path, drivers())
	if err != nil {
		t.Fatalf("Load(%s):\n%v", path, err)
	}
	return e
}

func TestCoupledSecret(t *testing.T) {
	e := load(t, "testdata/good/coupled.yaml")
	s, ok := e.Secret("FLY_API_TOKEN")
	if !ok {
		t.Fatal("FLY_API_TOKEN is missing")
	}
	if got := s.Locations[0].Settings.String("name"); got != "FLY_API_TOKEN" {
		t.Errorf("default name of the location is %q", got)
	}
	if got := s.Issuer.Settings.String("name"); got != "acme-cp-rotation-{{.Date}}" {
		t.Errorf("name at the issuer is %q", got)
	}
	if got := s.Checks[1].Within; got != 20*time.Minute {
		t.Errorf("within is %s", got)
	}
	if got := s.Policy.Every; got != 90*24*time.Hour {
		t.Errorf("every is %s", got)
	}
}
