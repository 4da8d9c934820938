package anthropic_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
)

// world is an organisation on loopback, seen by a client that knows nothing but
// HTTP.
type world struct {
	*anthropic.Anthropic
	t          *testing.T
	url, admin string
	workspace  string

	mu  sync.Mutex
	now time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func newWorld(t *testing.T, cfg anthropic.Config) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 500_000_000, time.UTC)}
	cfg.Now = w.clock
	w.Anthropic = anthropic.New(cfg)
	w.workspace, w.admin = w.AddWorkspace("web"), w.AddAdminKey()
	server, err := vendorsim.Listen(w.Anthropic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w.url = server.URL
	return w
}

// answer is what came back; body is decoded.
type answer struct {
	code   int
	header http.Header
	body   map[string]any
}

// call makes a call with a key; "" sends none.
func (w *world) call(key, method, path, body string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("anthropic-version", "2023-06-01")
	if key != "" {
		req.Header.Set("x-api-key", key)
	}
	return w.do(req)
}

func (w *world) do(req *http.Request) answer {
	w.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	got := answer{code: resp.StatusCode, header: resp.Header}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&got.body); err != nil {
		w.t.Fatalf("%s %s: no JSON: %v", req.Method, req.URL.Path, err)
	}
	if !strings.HasPrefix(resp.Header.Get("request-id"), "req_01") {
		w.t.Errorf("%s %s: the request id is %q", req.Method, req.URL.Path, resp.Header.Get("request-id"))
	}
	return got
}

// refused expects an error in the form of the reference.
func (w *world) refused(got answer, code int, kind string) {
	w.t.Helper()
	inner, _ := got.body["error"].(map[string]any)
	if got.code != code || got.body["type"] != "error" || inner["type"] != kind || inner["message"] == "" || got.body["request_id"] != got.header.Get("request-id") {
		w.t.Errorf("got %d %v, want %d %s", got.code, got.body, code, kind)
	}
}

func TestKeyWorksByItsStatus(t *testing.T) {
	w := newWorld(t, anthropic.Config{StatusLag: 30 * time.Second})
	id, value := w.CreateKey(anthropic.Key{Name: "k", Workspace: w.workspace})
	models := func() int { return w.call(value, "GET", "/v1/models", "").code }
	if models() != 200 {
		t.Fatal("a new key does not work")
	}
	for _, step := range []struct {
		status      string
		at, settled int
	}{{anthropic.Inactive, 200, 401}, {anthropic.Active, 401, 200}, {anthropic.Archived, 200, 401}} {
		got := w.call(w.admin, "POST", "/v1/organizations/api_keys/"+id, fmt.Sprintf(`{"status":%q}`, step.status))
		if got.code != 200 || got.body["status"] != step.status || w.Status(id) != step.status {
			t.Fatalf("%s: %d %v", step.status, got.code, got.body["status"])
		}
		if n := models(); n != step.at {
			t.Errorf("%s, at once: %d, want %d", step.status, n, step.at)
		}
		w.pass(30 * time.Second)
		if n := models(); n != step.settled || w.Accepted(value) != (step.settled == 200) {
			t.Errorf("%s, settled: %d, want %d", step.status, n, step.settled)
		}
	}
	w.refused(w.call(value, "GET", "/v1/models", ""), 401, "authentication_error")
	w.refused(w.call(w.admin, "POST", "/v1/organizations/api_keys/"+id, `{"status":"active"}`), 400, "invalid_request_error")
}

func TestKeyExpires(t *testing.T) {
	w := newWorld(t, anthropic.Config{})
	id, value := w.CreateKey(anthropic.Key{Name: "k", Life: time.Hour})
	if got := w.call(w.admin, "GET", "/v1/organizations/api_keys/"+id, ""); got.body["status"] != "active" || got.body["expires_at"] != "2026-05-06T08:08:09.500000Z" || got.body["workspace_id"] != nil {
		t.Errorf("%v", got.body)
	}
	w.pass(time.Hour)
	w.refused(w.call(value, "GET", "/v1/models", ""), 401, "authentication_error")
	if got := w.call(w.admin, "GET", "/v1/organizations/api_keys/"+id, ""); got.body["status"] != "expired" {
		t.Errorf("%v", got.body)
	}
	w.refused(w.call(w.admin, "POST", "/v1/organizations/api_keys/"+id, `{"status":"active"}`), 400, "invalid_request_error")
}

func TestKeysLookAsInTheReference(t *testing.T) {
	w := newWorld(t, anthropic.Config{})
	id, value := w.CreateKey(anthropic.Key{Name: "k", Workspace: w.workspace})
	if !regexp.MustCompile(`^sk-ant-api03-[A-Za-z0-9]{93}AA$`).MatchString(value) {
		t.Error("the value does not look like a key")
	}
	if !regexp.MustCompile(`^apikey_01[A-Za-z0-9]{22}$`).MatchString(id) || !strings.HasPrefix(w.admin, "sk-ant-admin01-") {
		t.Errorf("the id is %s", id)
	}
	got := w.call(w.admin, "GET", "/v1/organizations/api_keys/"+id, "").body
	for _, field := range []string{"id", "type", "name", "status", "created_at", "created_by", "partial_key_hint", "workspace_id", "scope"} {
		if got[field] == nil {
			t.Errorf("no %s", field)
		}
	}
	for _, field := range []string{"expires_at", "principal"} {
		if v, ok := got[field]; !ok || v != nil {
			t.Errorf("%s is %v, want null", field, v)
		}
	}
	if want := value[:16] + "..." + value[len(value)-4:]; got["partial_key_hint"] != want {
		t.Error("the hint is not the beginning and the end of the value")
	}
	text, _ := json.Marshal(got)
	if strings.Contains(string(text), vendorsim.Canary) {
		t.Error("the value is told")
	}
}

func TestListPages(t *testing.T) {
	w := newWorld(t, anthropic.Config{})
	var made []string
	for i := range 25 {
		id, _ := w.CreateKey(anthropic.Key{Name: "k", Workspace: w.workspace})
		if made = append(made, id); i%5 == 0 {
			w.SetStatus(id, anthropic.Inactive)
		}
	}
	w.CreateKey(anthropic.Key{Name: "of the default workspace"})
	slices.Reverse(made)
	list := func(query string) ([]string, answer) {
		t.Helper()
		got := w.call(w.admin, "GET", "/v1/organizations/api_keys?workspace_id="+w.workspace+query, "")
		var ids []string
		for _, k := range got.body["data"].([]any) {
			ids = append(ids, k.(map[string]any)["id"].(string))
		}
		return ids, got
	}
	first, got := list("")
	if len(first) != 20 || got.body["has_more"] != true || got.body["first_id"] != made[0] || got.body["last_id"] != made[19] {
		t.Errorf("the first page: %d, %v", len(first), got.body["has_more"])
	}
	rest, got := list("&after_id=" + made[19])
	if !slices.Equal(append(first, rest...), made) || got.body["has_more"] != false {
		t.Errorf("the pages are not the list: %d and %d", len(first), len(rest))
	}
	if before, got := list("&limit=3&before_id=" + made[4]); !slices.Equal(before, made[1:4]) || got.body["has_more"] != true {
		t.Errorf("before the fifth: %v", before)
	}
	if some, _ := list("&status=inactive&limit=1000"); len(some) != 5 {
		t.Errorf("%d are disabled, want 5", len(some))
	}
	if none, got := list("&status=archived"); len(none) != 0 || got.body["first_id"] != nil {
		t.Errorf("%d are archived, want none", len(none))
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "status=gone", "after_id=nobody"} {
		w.refused(w.call(w.admin, "GET", "/v1/organizations/api_keys?"+query, ""), 400, "invalid_request_error")
	}
}

func TestEachCallWantsItsOwnKeyAndVersion(t *testing.T) {
	w := newWorld(t, anthropic.Config{})
	_, value := w.CreateKey(anthropic.Key{Name: "k"})
	for _, path := range []string{"/v1/organizations/me", "/v1/organizations/api_keys", "/v1/organizations/workspaces/" + w.workspace} {
		if got := w.call(w.admin, "GET", path, ""); got.code != 200 {
			t.Errorf("%s: %d", path, got.code)
		}
		w.refused(w.call(value, "GET", path, ""), 401, "authentication_error")
		w.refused(w.call("", "GET", path, ""), 401, "authentication_error")
	}
	w.refused(w.call(w.admin, "GET", "/v1/models", ""), 401, "authentication_error")
	w.refused(w.call(w.admin, "GET", "/v1/organizations/api_keys/apikey_01", ""), 404, "not_found_error")
	w.refused(w.call(w.admin, "POST", "/v1/organizations/api_keys", `{"name":"k"}`), 404, "not_found_error") // nothing makes a key
	req, err := http.NewRequestWithContext(context.Background(), "GET", w.url+"/v1/models", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("x-api-key", value)
	w.refused(w.do(req), 400, "invalid_request_error")
}

func TestMessagesAndModels(t *testing.T) {
	w := newWorld(t, anthropic.Config{})
	id, value := w.CreateKey(anthropic.Key{Name: "k", Workspace: w.workspace})
	list := w.call(value, "GET", "/v1/models", "")
	model := list.body["data"].([]any)[0].(map[string]any)["id"].(string)
	if got := w.call(value, "GET", "/v1/models/"+model, ""); got.code != 200 || got.body["type"] != "model" {
		t.Errorf("%d %v", got.code, got.body)
	}
	good := fmt.Sprintf(`{"model":%q,"max_tokens":8,"messages":[{"role":"user","content":"Hi"}]}`, model)
	got := w.call(value, "POST", "/v1/messages", good)
	if got.code != 200 || got.body["type"] != "message" || got.body["stop_reason"] != "end_turn" || got.header.Get("anthropic-organization-id") == "" {
		t.Errorf("%d %v", got.code, got.body)
	}
	for body, code := range map[string]int{`{}`: 400, `{`: 400, `{"model":"gpt","max_tokens":1,"messages":[{"role":"user","content":"Hi"}]}`: 404} {
		if got := w.call(value, "POST", "/v1/messages", body); got.code != code {
			t.Errorf("%s: %d, want %d", body, got.code, code)
		}
	}
	if k := w.Keys()[0]; k.ID != id || !k.LastUsed.Equal(w.clock()) || k.Workspace != w.workspace {
		t.Errorf("%+v", k)
	}
	_, scoped := w.CreateKey(anthropic.Key{Name: "scoped", Scoped: true})
	w.refused(w.call(scoped, "POST", "/v1/messages", good), 403, "permission_error")
	w.SetOverloaded(true)
	w.refused(w.call(value, "POST", "/v1/messages", good), 529, "overloaded_error")
	w.refused(w.call("sk-ant-api03-nobody", "POST", "/v1/messages", good), 529, "overloaded_error") // says nothing about a key
}

func TestLimitIsOfTheWorkspaceAndTold(t *testing.T) {
	w := newWorld(t, anthropic.Config{PerMinute: 2})
	_, value := w.CreateKey(anthropic.Key{Workspace: w.workspace})
	_, sibling := w.CreateKey(anthropic.Key{Workspace: w.workspace})
	_, other := w.CreateKey(anthropic.Key{})
	first := w.call(value, "GET", "/v1/models", "")
	if first.header.Get("anthropic-ratelimit-requests-limit") != "2" || first.header.Get("anthropic-ratelimit-requests-remaining") != "1" {
		t.Errorf("%v", first.header)
	}
	w.pass(20 * time.Second)
	w.call(sibling, "GET", "/v1/models", "")
	got := w.call(value, "GET", "/v1/models", "")
	w.refused(got, 429, "rate_limit_error")
	if got.header.Get("retry-after") != "41" || got.header.Get("anthropic-ratelimit-requests-reset") != "2026-05-06T07:09:09Z" {
		t.Errorf("come back after %s, reset at %s", got.header.Get("retry-after"), got.header.Get("anthropic-ratelimit-requests-reset"))
	}
	if got := w.call(other, "GET", "/v1/models", ""); got.code != 200 {
		t.Errorf("another workspace: %d", got.code)
	}
	w.pass(41 * time.Second)
	if got := w.call(value, "GET", "/v1/models", ""); got.code != 200 {
		t.Errorf("after the wait: %d", got.code)
	}
}

func TestNameIsBounded(t *testing.T) {
	w := newWorld(t, anthropic.Config{})
	id, _ := w.CreateKey(anthropic.Key{Name: "k"})
	path := "/v1/organizations/api_keys/" + id
	if got := w.call(w.admin, "POST", path, `{"name":"renamed"}`); got.body["name"] != "renamed" || got.body["status"] != "active" {
		t.Errorf("%v", got.body)
	}
	for _, body := range []string{`{"name":""}`, `{"name":"` + strings.Repeat("x", 501) + `"}`, `{"status":"expired"}`, `{"status":"gone"}`, `no`} {
		w.refused(w.call(w.admin, "POST", path, body), 400, "invalid_request_error")
	}
	if len(w.Issued()) != 2 {
		t.Errorf("%d credentials were issued, want 2", len(w.Issued()))
	}
}
