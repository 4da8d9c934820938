package upstash_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/upstash"
)

func TestKeysOpenTheirAccountAlone(t *testing.T) {
	s := newSite(t, upstash.Config{})
	id, queue := s.database(nil), s.AddQStash(owner, "us-east-1")
	ask := func(email, key, path string) int {
		r := s.request("GET", "https://"+upstash.Host+path)
		r.SetBasicAuth(email, key)
		code, _, out := s.send(r)
		if answer, ok := out.(map[string]any); code != http.StatusOK && (!ok || answer["code"] == "" || answer["message"] == "") {
			t.Errorf("%s: a refusal without code and message: %v", path, out)
		}
		return code
	}
	for _, c := range []struct {
		email, key, path string
		want             int
	}{
		{owner, s.keys[owner], "/v2/teams", 200},
		{stranger, s.keys[owner], "/v2/teams", 401},
		{owner, "", "/v2/teams", 401},
		{"nobody@example.com", s.keys[owner], "/v2/teams", 401},
		{owner, s.keys[owner], "/v2/redis/database/" + id, 200},
		{stranger, s.keys[stranger], "/v2/redis/database/" + id, 404},
		{owner, s.keys[owner], "/v2/qstash/user/" + queue, 200},
		{stranger, s.keys[stranger], "/v2/qstash/user/" + queue, 404},
		{owner, s.keys[owner], "/v2/redis/other", 404},
	} {
		if got := ask(c.email, c.key, c.path); got != c.want {
			t.Errorf("%s for %s: HTTP %d, want %d", c.path, c.email, got, c.want)
		}
	}
	r := s.request("GET", "https://"+upstash.Host+"/v2/redis/databases")
	r.SetBasicAuth(stranger, s.keys[stranger])
	if _, _, out := s.send(r); len(out.([]any)) != 0 {
		t.Error("an account sees databases of another")
	}
	s.DeleteKey(s.kid)
	if got := ask(owner, s.keys[owner], "/v2/teams"); got != http.StatusUnauthorized || s.KeyAccepted(owner, s.keys[owner]) {
		t.Errorf("a deleted key: HTTP %d", got)
	}
}

func TestTooManyCalls(t *testing.T) {
	s := newSite(t, upstash.Config{PerMinute: 2})
	ask := func() (int, string) {
		r := s.request("GET", "https://"+upstash.Host+"/v2/teams")
		r.SetBasicAuth(owner, s.keys[owner])
		code, header, _ := s.send(r)
		return code, header.Get("Retry-After")
	}
	ask()
	s.now = s.now.Add(20 * time.Second)
	ask()
	if code, after := ask(); code != http.StatusTooManyRequests || after != "40" {
		t.Errorf("HTTP %d, Retry-After %q, want 429 and 40", code, after)
	}
	s.now = s.now.Add(40 * time.Second)
	if code, _ := ask(); code != http.StatusOK {
		t.Errorf("a minute later: HTTP %d", code)
	}
}

func TestQStashHasTokensInEachRegion(t *testing.T) {
	s := newSite(t, upstash.Config{})
	eu, us := s.AddQStash(owner, "eu-central-1"), s.AddQStash(owner, "us-east-1")
	if list := s.must("GET", "/v2/qstash/users").([]any); len(list) != 2 {
		t.Fatalf("%d users, want one in each region", len(list))
	}
	old, oldReading := s.Tokens(eu)
	other, _ := s.Tokens(us)
	got := s.must("POST", "/v2/qstash/rotate-token/"+eu).(map[string]any)
	now, reading := s.Tokens(eu)
	if got["token"] != now || got["read_only_token"] != reading || got["id"] != eu {
		t.Error("the answer has other tokens than the user")
	}
	for name, c := range map[string]struct {
		region, token string
		want          int
	}{
		"old": {"eu-central-1", old, 401}, "old, for reading": {"eu-central-1", oldReading, 401}, "none": {"eu-central-1", "", 401},
		"new": {"eu-central-1", now, 200}, "new, for reading": {"eu-central-1", reading, 200},
		"new, in another region": {"us-east-1", now, 404}, "other": {"us-east-1", other, 200},
	} {
		if code := s.asked("https://qstash-"+c.region+".upstash.io/v2/queues", c.token); code != c.want {
			t.Errorf("the token %s: HTTP %d, want %d", name, code, c.want)
		}
	}
}
