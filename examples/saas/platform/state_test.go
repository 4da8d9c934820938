package platform_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/examples/saas/platform"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
)

func TestStateSurvivesARestartOfTheProgram(t *testing.T) {
	stores(t, func(_ *testing.T, s *site) {
		id, first := s.key()
		_, own := s.key()
		s.start()
		s.put("/settings/secrets", first)
		s.workspaces("ws-1", "ws-2", "ws-3")
		s.put("/workspaces/ws-2/secrets", own)
		s.must("POST", "/workspaces/ws-3/pause", "")
		s.model.SetStatus(id, anthropic.Inactive)
		s.uses("ws-1")
		_, log := s.as(adminToken, "GET", "/logs", "")
		secrets := fmt.Sprint(s.must("GET", "/settings/secrets", ""))
		s.called()

		s.start()
		if n := len(s.called()); n != 0 {
			s.Errorf("the start made %d calls of the model", n)
		}
		if got, want := s.statuses(), "ws-1 refused, ws-2 running, ws-3 paused"; got != want {
			s.Errorf("got %s, want %s", got, want)
		}
		if _, got := s.as(adminToken, "GET", "/logs", ""); got != log || log == "" {
			s.Errorf("the log was %q and is %q", log, got)
		}
		if got := fmt.Sprint(s.must("GET", "/settings/secrets", "")); got != secrets {
			s.Errorf("the secrets were %s and are %s", secrets, got)
		}
		s.expect("ws-1", s.uses("ws-1"), first)
		s.expect("ws-2", s.uses("ws-2"), own)
		_, second := s.key()
		s.put("/settings/secrets", second)
		s.must("POST", "/workspaces/ws-3/resume", "")
		s.expect("ws-3", s.uses("ws-3"), second)
	})
}

// halfway is a store that fails when a workspace is written, from some time on.
type halfway struct {
	platform.Store
	fails string // the workspace; "" is none
}

func (h *halfway) PutWorkspace(ctx context.Context, w platform.Workspace) error {
	if w.ID == h.fails {
		return errors.New("the disk is full")
	}
	return h.Store.PutWorkspace(ctx, w)
}

func TestARestartThatWasCutOffIsMadeAtTheNextStart(t *testing.T) {
	s := newSite(t)
	store := &halfway{Store: platform.NewMemory()}
	s.config.Store = store
	_, first := s.key()
	_, second := s.key()
	s.start()
	s.put("/settings/secrets", first)
	s.workspaces("ws-1", "ws-2", "ws-3")
	s.must("POST", "/workspaces/ws-3/pause", "")
	store.fails = "ws-2"
	if code, out := s.do("PUT", "/settings/secrets", fmt.Sprintf(`{"key":%q,"value":%q}`, platform.Key, second)); code != http.StatusInternalServerError {
		t.Errorf("a restart that fails is answered with HTTP %d %v", code, out)
	}
	s.expect("ws-1, which could be restarted", s.uses("ws-1"), second)
	s.expect("ws-2, which could not", s.uses("ws-2"), first)
	store.fails = ""
	s.start()
	s.start() // the end of the one before has waited for what it had begun
	s.expect("ws-2 after the next start", s.uses("ws-2"), second)
	if got := s.statuses(); got != "ws-1 running, ws-2 running, ws-3 paused" {
		t.Errorf("got %s", got)
	}
}

func TestLogsAreBoundedAndRead(t *testing.T) {
	stores(t, func(_ *testing.T, s *site) {
		time := &clock{at: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)}
		s.deps.Now = time.now
		id, key := s.key()
		s.start()
		s.put("/settings/secrets", key)
		s.workspaces("ws-1", "ws-2")
		s.model.SetStatus(id, anthropic.Inactive)
		for range 250 {
			time.pass(1e9)
			s.do("POST", "/workspaces/ws-1/ask", `{"prompt":"hello"}`)
		}
		_, text := s.as(adminToken, "GET", "/logs", "")
		if n := strings.Count(text, "ws-1: 401 unauthorized"); n != 200 || !strings.Contains(text, "ws-2: started") || strings.Contains(text, "ws-1: started") {
			s.Errorf("%d lines of the one are kept, of\n%s", n, text)
		}
		_, text = s.as(adminToken, "GET", "/logs?since=2026-03-04T09:04:10.000Z", "")
		if strings.Count(text, "\n") != 1 || !strings.Contains(text, "09:04:10.000000000Z") {
			s.Errorf("the last second has %q", text)
		}
		if code, _ := s.do("GET", "/logs?since=yesterday", ""); code != http.StatusBadRequest {
			s.Errorf("what is no time: HTTP %d", code)
		}
	})
}

func TestAStoreIsNotOpenedWithoutItsKey(t *testing.T) {
	s := newSite(t)
	s.config.DataDir = s.volume
	_, key := s.key()
	s.start()
	s.put("/settings/secrets", key)
	s.stop()
	file := filepath.Join(s.config.DataDir, "platform.key")
	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}
	if _, err := platform.New(t.Context(), s.config, s.deps); err == nil {
		t.Fatal("it starts without its key")
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it made another key for a store that has one")
	}
	if err := os.Rename(file+".away", file); err != nil {
		t.Fatal(err)
	}
	s.start()
}

func TestAValueInAnotherPlaceDoesNotOpen(t *testing.T) {
	s := newSite(t)
	store := platform.NewMemory()
	s.config.Store = store
	_, key := s.key()
	_, own := s.key()
	s.start()
	s.put("/settings/secrets", key)
	s.workspaces("ws-1")
	s.put("/workspaces/ws-1/secrets", own)
	all, err := store.Secrets(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("%d secrets, %v", len(all), err)
	}
	all[0].Workspace = "ws-1"
	if err := store.PutSecret(t.Context(), all[0]); err != nil {
		t.Fatal(err)
	}
	if code, _ := s.do("POST", "/workspaces/ws-1/restart", ""); code != http.StatusInternalServerError {
		t.Errorf("a restart with a value of another place: HTTP %d", code)
	}
	s.expect("ws-1, which went on", s.uses("ws-1"), own)
}

func TestWhatIsNotWholeDoesNotStart(t *testing.T) {
	env := map[string]string{"SECRETS_DECRYPTION_KEYS": oldKey, "ADMIN_TOKEN": adminToken, "ORG_ID": org, "CONTROL_PLANE_URL": "https://molecule-cp.fly.dev"}
	with := func(name, value string) func(string) string {
		return func(asked string) string {
			if asked == name {
				return value
			}
			return env[asked]
		}
	}
	for _, tc := range []struct{ name, value, says string }{
		{"ADMIN_TOKEN", "", "ADMIN_TOKEN"},
		{"ORG_ID", "", "ORG_ID"},
		{"SECRETS_DECRYPTION_KEYS", "", "SECRETS_DECRYPTION_KEYS"},
		{"SECRETS_DECRYPTION_KEYS", oldKey + ",CANARY-CANARY", "SECRETS_DECRYPTION_KEYS"},
		{"CONTROL_PLANE_URL", "postgres://CANARY-CANARY@h", "CONTROL_PLANE_URL"},
		{"ANTHROPIC_API_BASE", "CANARY-CANARY", "ANTHROPIC_API_BASE"},
		{"DATA_DIR", "", "DATA_DIR"},
	} {
		c, err := platform.ConfigFromEnv(with(tc.name, tc.value))
		if err == nil {
			_, err = platform.New(t.Context(), c, platform.Deps{})
		}
		if err == nil || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s=%q: %v", tc.name, tc.value, err)
		}
	}
	c, err := platform.ConfigFromEnv(with("DATA_DIR", t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	s, err := platform.New(t.Context(), c, platform.Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// BenchmarkNew is the start of a platform in this process with nine workspaces.
func BenchmarkNew(b *testing.B) {
	store := platform.NewMemory()
	for i := range 9 {
		if err := store.PutWorkspace(b.Context(), platform.Workspace{ID: fmt.Sprint("ws-", i), Status: "running"}); err != nil {
			b.Fatal(err)
		}
	}
	c := platform.Config{Accepts: oldKey, AdminToken: adminToken, Org: org, ControlPlane: "https://" + planeHost, Store: store}
	for b.Loop() {
		s, err := platform.New(b.Context(), c, platform.Deps{})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
