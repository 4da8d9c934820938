package system_test

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/pawlhq/pawl/internal/system"
	"github.com/pawlhq/pawl/internal/system/servers"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

func TestMain(m *testing.M) {
	if system.IsProgram() {
		os.Exit(system.RunProgram())
	}
	servertest.Main(m)
}

// TestTheSystemServes starts it, with a tenant, and uses all of it.
func TestTheSystemServes(t *testing.T) {
	servertest.Needed(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s, err := system.Start(t.Context(), system.Config{Self: self, At: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC), Servers: servers.Config{}.For})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if left := s.Pids(); len(left) > 0 {
			t.Errorf("programs are left: %v", left)
		}
	}()
	acme, err := s.Provision(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/visits", "/workspaces/" + acme.Workspaces[0] + "/ask"} {
		if _, err := s.Call(t.Context(), http.MethodPost, acme.URL+path, acme.Admin, map[string]string{"prompt": "hello"}); err != nil {
			t.Error(err)
		}
	}
	before := s.Clock.Now()
	if err := s.Wait(t.Context(), before.Add(30*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if gone := s.Clock.Now().Sub(before); gone < 30*time.Hour || gone > 31*time.Hour {
		t.Errorf("%s have gone by", gone)
	}
	if _, err := s.Plane(t.Context(), http.MethodDelete, "/cp/orgs/acme", nil); err != nil {
		t.Error(err)
	}
}
