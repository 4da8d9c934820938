package neon_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/neon"
)

const (
	org     = "org-morning-bread-81040908"
	project = "shiny-wind-028834"
)

// site is a Neon with an organisation that has one project.
type site struct {
	*neon.Neon
	t         *testing.T
	now       time.Time
	transport http.RoundTripper
	user      string // an admin of the organisation
	key       string // of that admin
	branch    string
	path      string // of the default branch
}

// operation is how long one operation runs at a site.
const operation = 2 * time.Second

func newSite(t *testing.T, cfg neon.Config, p neon.Project) *site {
	t.Helper()
	s := &site{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	cfg.Now = func() time.Time { return s.now }
	s.Neon = neon.New(cfg)
	s.transport = vendorsim.Transport(map[string]http.Handler{neon.Host: s.Neon})
	s.user = s.AddUser("Alex")
	s.AddOrg(org, s.user)
	p.ID, p.Org = project, org
	s.branch = s.AddProject(p)
	s.path = "/projects/" + project + "/branches/" + s.branch
	_, s.key = s.AddKey(s.user, "ops")
	return s
}

// call makes a call with a key and gives the status and the answer.
func (s *site) call(key, method, path string, body any) (int, map[string]any) {
	s.t.Helper()
	code, raw := s.raw(key, method, path, body)
	var out map[string]any
	if len(raw) > 0 && json.Unmarshal(raw, &out) != nil {
		out = map[string]any{"list": list(s.t, raw)}
	}
	return code, out
}

func (s *site) raw(key, method, path string, body any) (int, []byte) {
	s.t.Helper()
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			s.t.Fatal(err)
		}
	}
	req, err := http.NewRequest(method, "https://"+neon.Host+"/api/v2"+path, bytes.NewReader(sent))
	if err != nil {
		s.t.Fatal(err)
	}
	if len(sent) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, b
}

func list(t *testing.T, raw []byte) []any {
	t.Helper()
	var out []any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal("the answer is no JSON")
	}
	return out
}

// must makes a call that has to be answered with a status.
func (s *site) must(want int, method, path string, body any) map[string]any {
	s.t.Helper()
	code, out := s.call(s.key, method, path, body)
	if code != want {
		s.t.Fatalf("%s %s: HTTP %d %v, want %d", method, path, code, out["message"], want)
	}
	return out
}

// refused makes a call with a key that has to be refused with a status.
func (s *site) refused(want int, key, method, path string, body any) {
	s.t.Helper()
	code, out := s.call(key, method, path, body)
	if code != want || out["message"] == "" || out["request_id"] == "" {
		s.t.Errorf("%s %s: HTTP %d %v, want %d with a message and a request id", method, path, code, out["message"], want)
	}
}

func (s *site) pass(d time.Duration) { s.now = s.now.Add(d) }

// at gives what stands in an answer at names and places.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("there is nothing with the name %s", p)
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || p >= len(l) {
				t.Fatalf("there is nothing at the place %d", p)
			}
			v = l[p]
		}
	}
	return v
}

func text(t *testing.T, v any, path ...any) string {
	t.Helper()
	s, ok := at(t, v, path...).(string)
	if !ok {
		t.Fatalf("%v is no text", path)
	}
	return s
}

// login tries to log in at the default branch.
func (s *site) login(role, password string) bool {
	_, ok := s.Login(project, s.branch, role, password)
	return ok
}
