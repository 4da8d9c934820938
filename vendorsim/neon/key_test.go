package neon_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/neon"
)

func TestKeysOfAPerson(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	made := s.must(200, "POST", "/api_keys", map[string]any{"key_name": "next"})
	value, id := text(t, made, "key"), fmt.Sprintf("%.0f", at(t, made, "id"))
	if !strings.HasPrefix(value, "napi_"+vendorsim.Canary) || len(value) != 69 {
		t.Error("the key has not the form of Neon's keys")
	}
	if code, who := s.call(value, "GET", "/auth", nil); code != 200 || who["auth_method"] != "api_key_user" || who["account_id"] != s.user {
		t.Errorf("the new key is %d %v", code, who)
	}
	listed := at(t, s.must(200, "GET", "/api_keys", nil), "list", 1)
	if at(t, listed, "key") != nil || at(t, listed, "name") != "next" || at(t, listed, "last_used_at") == nil || text(t, listed, "last_used_from_addr") == "" {
		t.Errorf("the list has %v", listed)
	}
	if gone := s.must(200, "DELETE", "/api_keys/"+id, nil); gone["revoked"] != true {
		t.Errorf("the revocation says %v", gone["revoked"])
	}
	s.refused(401, value, "GET", "/auth", nil)
	s.refused(404, s.key, "DELETE", "/api_keys/"+id, nil)
	if s.KeyAccepted(value) || len(at(t, s.must(200, "GET", "/api_keys", nil), "list").([]any)) != 1 {
		t.Error("a revoked key lives on")
	}
}

func TestNamesOfKeys(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	for _, name := range []any{"", strings.Repeat("x", 65), 7} {
		s.refused(400, s.key, "POST", "/api_keys", map[string]any{"key_name": name})
	}
	s.refused(400, s.key, "POST", "/api_keys", map[string]any{})
	s.must(200, "POST", "/api_keys", map[string]any{"key_name": strings.Repeat("é", 64)})
}

func TestWhoMayMakeKeysOfAnOrganisation(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	member, stranger := s.AddUser("Mo"), s.AddUser("Sam")
	s.AddMember(org, member)
	_, ofMember := s.AddKey(member, "m")
	_, ofStranger := s.AddKey(stranger, "s")
	_, ofOrg := s.AddOrgKey(org, "", "o")
	_, ofProject := s.AddOrgKey(org, project, "p")
	keys, body := "/organizations/"+org+"/api_keys", map[string]any{"key_name": "x", "project_id": project}
	if made := s.must(200, "POST", keys, body); made["project_id"] != project {
		t.Error("the new key is not limited to the project")
	}
	s.refused(403, ofMember, "POST", keys, body)
	s.refused(404, ofStranger, "POST", keys, body)
	s.refused(403, ofOrg, "POST", keys, body) // an organisation's key cannot make its own successor
	s.refused(403, ofProject, "POST", keys, body)
	s.refused(403, ofOrg, "GET", "/api_keys", nil)
	s.refused(403, ofProject, "GET", keys, nil)
	if code, _ := s.call(ofOrg, "GET", keys, nil); code != 200 {
		t.Errorf("an organisation's key lists its keys: HTTP %d", code)
	}
	s.refused(404, s.key, "POST", keys, map[string]any{"key_name": "x", "project_id": "no-such-project-1"})
}

func TestReachOfKeys(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	s.AddProject(neon.Project{ID: "calm-dew-11223344", Org: org})
	s.AddProject(neon.Project{ID: "own-hill-11223344", Owner: s.user})
	_, ofOrg := s.AddOrgKey(org, "", "o")
	_, ofProject := s.AddOrgKey(org, project, "p")
	for _, tt := range []struct {
		who, key string
		sees     map[string]int
	}{
		{"a person", s.key, map[string]int{project: 200, "calm-dew-11223344": 200, "own-hill-11223344": 200}},
		{"an organisation", ofOrg, map[string]int{project: 200, "calm-dew-11223344": 200, "own-hill-11223344": 404}},
		{"one project", ofProject, map[string]int{project: 200, "calm-dew-11223344": 404, "own-hill-11223344": 404}},
	} {
		for id, want := range tt.sees {
			if code, _ := s.call(tt.key, "GET", "/projects/"+id, nil); code != want {
				t.Errorf("the key of %s sees %s: HTTP %d, want %d", tt.who, id, code, want)
			}
		}
	}
	s.refused(403, ofProject, "DELETE", "/projects/"+project, nil)
	s.refused(403, ofProject, "POST", "/projects", map[string]any{"project": map[string]any{"name": "x"}})
}

func TestLastUseLags(t *testing.T) {
	s := newSite(t, neon.Config{UseLag: time.Minute}, neon.Project{})
	seen := func() any { return at(t, s.must(200, "GET", "/api_keys", nil), "list", 1, "last_used_at") }
	_, value := s.AddKey(s.user, "used")
	if seen() != nil {
		t.Error("a key that was never used has a last use")
	}
	used := s.now
	s.call(value, "GET", "/auth", nil)
	s.pass(59 * time.Second)
	if seen() != nil {
		t.Error("the use shows too soon")
	}
	s.call(value, "GET", "/auth", nil)
	s.pass(time.Second)
	if got := seen(); got != used.Format(time.RFC3339) {
		t.Errorf("the last use is %v, want the first one: the second does not show yet", got)
	}
}

func TestRateLimit(t *testing.T) {
	s := newSite(t, neon.Config{RateLimit: true}, neon.Project{})
	for range 40 {
		s.must(200, "GET", "/auth", nil)
	}
	s.refused(429, s.key, "GET", "/auth", nil)
	s.must(200, "GET", "/api_keys", nil) // another route
	s.pass(time.Second)
	for range 11 {
		s.must(200, "GET", "/auth", nil)
	}
	s.refused(429, s.key, "GET", "/auth", nil)
}

func TestErrorsCarryTheCallersRequestID(t *testing.T) {
	s := newSite(t, neon.Config{}, neon.Project{})
	req, err := http.NewRequest("GET", "https://"+neon.Host+"/api/v2/auth", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Request-ID", "mine")
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b [256]byte
	n, _ := resp.Body.Read(b[:])
	if resp.StatusCode != 401 || !strings.Contains(string(b[:n]), `"request_id":"mine"`) {
		t.Errorf("HTTP %d %s", resp.StatusCode, b[:n])
	}
}
