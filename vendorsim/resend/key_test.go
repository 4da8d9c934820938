package resend_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/resend"
)

func TestKeysLiveAndDie(t *testing.T) {
	w := newWorld(t, resend.Config{DeletionLag: 10 * time.Second})
	made := w.call(w.full, "POST", "/api-keys", map[string]any{"name": "new", "permission": "sending_access", "domain_id": w.domain}).want(201)
	fields(t, made.line, made.body, "id", "token")
	id, token := made.text("id"), made.text("token")
	if !regexp.MustCompile(`^re_`+vendorsim.Canary+`[A-Za-z0-9]{8}_[A-Za-z0-9]{24}$`).MatchString(token) || !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
		t.Error("the id or the token is not in Resend's form")
	}
	if k := w.Keys()[2]; k.ID != id || k.Permission != resend.SendingAccess || k.Domain != "acme.example" {
		t.Errorf("made %+v", k)
	}
	first := w.call(w.full, "GET", "/api-keys", nil).list()[0]
	fields(t, "a key", first, "id", "name", "created_at", "last_used_at")
	if first["id"] != id || first["last_used_at"] != nil || first["created_at"] != "2026-05-06 07:08:09.500000+00" {
		t.Errorf("the newest key is %v", first)
	}
	w.now = w.now.Add(time.Minute)
	w.call(token, "POST", "/emails", mail()).want(200)
	if got := w.call(w.full, "GET", "/api-keys", nil).list()[0]["last_used_at"]; got != "2026-05-06 07:09:09.500000+00" {
		t.Errorf("it was last used at %v", got)
	}
	fields(t, "renaming", w.call(w.full, "PATCH", "/api-keys/"+id, map[string]any{"name": "renamed"}).want(200).body, "object", "id")
	gone := w.call(w.full, "DELETE", "/api-keys/"+id, nil).want(200)
	if fields(t, gone.line, gone.body, "object", "id", "deleted"); gone.body["deleted"] != true || gone.body["object"] != "api_key" {
		t.Errorf("%v", gone.body)
	}
	if n := len(w.call(w.full, "GET", "/api-keys", nil).list()); n != 2 {
		t.Errorf("%d keys are listed after the deletion", n)
	}
	w.call(token, "POST", "/emails", mail()).want(200) // it is taken for a while
	if !w.KeyAccepted(token) {
		t.Error("the truth is another")
	}
	w.now = w.now.Add(10 * time.Second)
	w.call(token, "POST", "/emails", mail()).refused(403, "invalid_api_key")
	if w.KeyAccepted(token) || !w.KeyAcceptedAt(token, w.now.Add(-time.Second)) {
		t.Error("the truth is another")
	}
	w.call(w.full, "DELETE", "/api-keys/"+id, nil).refused(404, "not_found")
	w.call(w.full, "DELETE", "/api-keys/mine", nil).refused(422, "invalid_parameter")
}

func TestKeysThatCannotBeMade(t *testing.T) {
	w := newWorld(t, resend.Config{})
	for _, c := range []struct {
		body map[string]any
		name string
	}{
		{map[string]any{"permission": "full_access"}, "missing_required_field"},
		{map[string]any{"name": strings.Repeat("n", 51)}, "validation_error"},
		{map[string]any{"name": "n", "permission": "admin"}, "invalid_access"},
		{map[string]any{"name": "n", "permission": "sending_access", "domain_id": "nowhere"}, "validation_error"},
	} {
		w.call(w.full, "POST", "/api-keys", c.body).refused(422, c.name)
	}
	w.call(w.limited, "POST", "/api-keys", map[string]any{"name": "n"}).refused(401, "restricted_api_key")
	if n := len(w.Keys()); n != 2 {
		t.Errorf("there are %d keys", n)
	}
	w.call(w.full, "POST", "/api-keys", map[string]any{"name": strings.Repeat("é", 50)}).want(201)
}

// TestWhoMayCall: the answers that tell a dead key from a living one.
func TestWhoMayCall(t *testing.T) {
	documented, observed := newWorld(t, resend.Config{}), newWorld(t, resend.Config{DeadKeys: resend.AsObserved})
	for _, path := range []string{"/api-keys", "/domains", "/emails", "/emails/x", "/domains/x"} {
		documented.call(documented.limited, "GET", path, nil).refused(401, "restricted_api_key")
		documented.call("", "GET", path, nil).refused(401, "missing_api_key")
		documented.call("re_nobody", "GET", path, nil).refused(403, "invalid_api_key")
		observed.call("re_nobody", "GET", path, nil).refused(400, "validation_error")
	}
	documented.call("re_nobody", "POST", "/emails", mail()).refused(403, "invalid_api_key")
	observed.call("re_nobody", "POST", "/emails", mail()).refused(401, "validation_error")
	got := documented.call(documented.full, "GET", "/domains", nil, "User-Agent", "").want(403)
	if got.text("text") != "error code: 1010" {
		t.Errorf("without a User-Agent: %v", got.body)
	}
	documented.call(documented.full, "GET", "/nothing", nil).refused(404, "not_found")
	documented.call(documented.full, "PUT", "/api-keys", nil).refused(405, "method_not_allowed")
}

func TestPages(t *testing.T) {
	w := newWorld(t, resend.Config{})
	for i := range 5 {
		w.AddKey(fmt.Sprint("k", i), resend.SendingAccess, "")
	}
	names := func(query string, more bool) (all string, last string) {
		t.Helper()
		a := w.call(w.full, "GET", "/api-keys"+query, nil)
		for _, k := range a.list() {
			all += fmt.Sprint(k["name"], " ")
			last, _ = k["id"].(string)
		}
		if a.body["has_more"] != more {
			t.Errorf("%s: has_more is %v", query, a.body["has_more"])
		}
		return strings.TrimSpace(all), last
	}
	got, last := names("?limit=3", true)
	if got != "k4 k3 k2" {
		t.Errorf("the first page is %s", got)
	}
	if got, _ := names("?limit=3&after="+last, true); got != "k1 k0 app" {
		t.Errorf("the second page is %s", got)
	}
	if got, _ := names("?limit=1&before="+last, true); got != "k3" {
		t.Errorf("the page before is %s", got)
	}
	if got, _ := names("?limit=100&before="+last, false); got != "k4 k3" {
		t.Errorf("the pages before are %s", got)
	}
	if got, _ := names("", false); got != "k4 k3 k2 k1 k0 app ops" {
		t.Errorf("all are %s", got)
	}
	for _, bad := range []string{"?limit=0", "?limit=101", "?limit=x", "?after=nobody", "?before=nobody", "?after=" + last + "&before=" + last} {
		w.call(w.full, "GET", "/api-keys"+bad, nil).refused(422, "validation_error")
	}
	for range 25 {
		w.call(w.full, "POST", "/emails", mail()).want(200)
	}
	if n := len(w.call(w.full, "GET", "/emails", nil).list()); n != 20 {
		t.Errorf("a page of emails has %d", n)
	}
}

// TestLimit: the calls of all keys count together.
func TestLimit(t *testing.T) {
	w := newWorld(t, resend.Config{PerSecond: 2})
	a := w.call(w.full, "GET", "/domains", nil).want(200)
	if h := a.header; h.Get("ratelimit-limit") != "2" || h.Get("ratelimit-remaining") != "1" || h.Get("ratelimit-reset") != "1" || h.Get("retry-after") != "" {
		t.Errorf("the headers are %v", h)
	}
	w.call(w.limited, "POST", "/emails", mail()).want(200)
	if h := w.call(w.full, "GET", "/domains", nil).refused(429, "rate_limit_exceeded").header; h.Get("retry-after") != "1" || h.Get("ratelimit-remaining") != "0" {
		t.Errorf("the headers are %v", h)
	}
	w.now = w.now.Add(time.Second)
	w.call(w.full, "GET", "/domains", nil).want(200)
}
