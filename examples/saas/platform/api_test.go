package platform_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/examples/saas/platform"
)

func TestNothingOpensWithoutTheAdminToken(t *testing.T) {
	s := newSite(t)
	s.config.Store = platform.NewMemory()
	s.start()
	s.workspaces("ws-1")
	for _, call := range []string{
		"GET /settings/secrets", "PUT /settings/secrets", "GET /workspaces", "POST /workspaces", "GET /workspaces/ws-1/secrets",
		"PUT /workspaces/ws-1/secrets", "DELETE /workspaces/ws-1/secrets", "POST /workspaces/ws-1/restart", "POST /workspaces/ws-1/pause",
		"POST /workspaces/ws-1/resume", "POST /workspaces/ws-1/ask", "POST /visits", "GET /logs", "GET /nothing",
	} {
		method, path, _ := strings.Cut(call, " ")
		for _, token := range []string{"", "wrong", adminToken + "x", adminToken[1:]} {
			code, text := s.as(token, method, path, `{"key":"K","value":"V","prompt":"P"}`)
			if code != http.StatusUnauthorized || !json.Valid([]byte(text)) {
				t.Errorf("%s with another token: HTTP %d %s", call, code, text)
			}
		}
		if code, _ := s.do(method, path, ""); code == http.StatusUnauthorized {
			t.Errorf("%s with the admin token: HTTP %d", call, code)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/workspaces", nil)
	r.Header.Set("Authorization", adminToken)
	w := httptest.NewRecorder()
	if s.server.ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
		t.Errorf("the token without its scheme: HTTP %d", w.Code)
	}
	if code, _ := s.as("", "GET", "/health", ""); code != http.StatusOK {
		t.Errorf("health without a token: HTTP %d", code)
	}
}

func TestWhatIsNoCallIsRefused(t *testing.T) {
	s := newSite(t)
	s.config.Store = platform.NewMemory()
	s.start()
	s.workspaces("ws-1")
	for _, tc := range []struct {
		call, body string
		code       int
	}{
		{"GET /nothing", "", http.StatusNotFound},
		{"DELETE /workspaces", "", http.StatusNotFound},
		{"POST /workspaces/ws-9/restart", "", http.StatusNotFound},
		{"POST /workspaces", `{"id":"ws-1"}`, http.StatusConflict},
		{"POST /workspaces", `{"id":"../x"}`, http.StatusBadRequest},
		{"PUT /settings/secrets", `{"key":"K"}`, http.StatusBadRequest},
		{"PUT /settings/secrets", `{"key":"K","value":""}`, http.StatusBadRequest},
		{"PUT /settings/secrets", `{"key":`, http.StatusBadRequest},
		{"PUT /settings/secrets", `{"key":"` + strings.Repeat("K", 70_000) + `"}`, http.StatusRequestEntityTooLarge},
		{"POST /workspaces/ws-1/ask", `{}`, http.StatusBadRequest},
		{"DELETE /workspaces/ws-1/secrets", "", http.StatusBadRequest},
	} {
		method, path, _ := strings.Cut(tc.call, " ")
		code, text := s.as(adminToken, method, path, tc.body)
		var out struct{ Error string }
		if err := json.Unmarshal([]byte(text), &out); err != nil || code != tc.code || out.Error == "" {
			t.Errorf("%s: HTTP %d %s, want %d", tc.call, code, text, tc.code)
		}
	}
}

func TestAWorkspaceWithoutANameGetsOne(t *testing.T) {
	s := newSite(t)
	s.config.Store = platform.NewMemory()
	s.start()
	first, second := s.must("POST", "/workspaces", ""), s.must("POST", "/workspaces", "{}")
	if first["id"] == "" || first["id"] == second["id"] {
		t.Errorf("made %v and %v", first, second)
	}
}
