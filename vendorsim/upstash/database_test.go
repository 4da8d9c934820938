package upstash_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/upstash"
)

// TestResetReachesTheServer holds that the password is that of a real server,
// and that both REST tokens go with it.
func TestResetReachesTheServer(t *testing.T) {
	s := newSite(t, upstash.Config{})
	id := s.database(ownServer(t))
	old, ping := s.Credentials(id), "https://"+s.Host(id)+"/ping"
	open := s.client(id, "", old.Password)
	if got := s.run(open, "PING"); got != "PONG" {
		t.Fatalf("the password of the API does not open the database: %v", got)
	}
	got := s.must("POST", "/v2/redis/reset-password/"+id).(map[string]any)
	now := s.Credentials(id)
	if got["password"] != now.Password || got["rest_token"] != now.RESTToken || got["read_only_rest_token"] != now.ReadOnlyRESTToken {
		t.Error("the answer has other credentials than the database")
	}
	if answer := s.run(s.client(id, "", old.Password), "PING"); !strings.HasPrefix(answer.(string), "WRONGPASS") {
		t.Errorf("the old password: %v", answer)
	}
	if answer := s.run(s.client(id, "", now.Password), "PING"); answer != "PONG" {
		t.Errorf("the new password: %v", answer)
	}
	if answer := s.run(open, "PING"); answer != "PONG" {
		t.Errorf("a connection that was open: %v", answer)
	}
	for name, c := range map[string]struct {
		token string
		want  int
	}{"old": {old.RESTToken, 401}, "old, for reading": {old.ReadOnlyRESTToken, 401}, "none": {"", 401}, "password": {now.Password, 401},
		"new": {now.RESTToken, 200}, "new, for reading": {now.ReadOnlyRESTToken, 200}} {
		if code := s.asked(ping, c.token); code != c.want {
			t.Errorf("the token %s: HTTP %d, want %d", name, code, c.want)
		}
	}
	if acts := s.Acts(owner); !slices.Equal(acts, []string{"Reset Password"}) {
		t.Errorf("the audit log has %v", acts)
	}
	if log := s.must("GET", "/auditlogs").([]any); len(log) != 1 || log[0].(map[string]any)["source"] != "API_KEY - ops" {
		t.Errorf("the audit log is %v", log)
	}
}

func TestResetThatCuts(t *testing.T) {
	s := newSite(t, upstash.Config{CutsOnReset: true})
	id := s.database(ownServer(t))
	open := s.client(id, "", s.Credentials(id).Password)
	s.run(open, "PING")
	s.must("POST", "/v2/redis/reset-password/"+id)
	if answer := s.run(open, "PING"); answer == "PONG" {
		t.Error("a connection that was open is still there")
	}
}

func TestWhereCredentialsAreShown(t *testing.T) {
	s := newSite(t, upstash.Config{BareResets: true})
	id := s.database(nil)
	shown := s.must("GET", "/v2/redis/database/"+id).(map[string]any)
	if shown["password"] != s.Credentials(id).Password || shown["database_id"] != id || shown["endpoint"] != slug+".upstash.io" {
		t.Error("the database is shown without its credentials, or is another")
	}
	for name, answer := range map[string]any{
		"hidden": s.must("GET", "/v2/redis/database/"+id+"?credentials=hide"),
		"reset":  s.must("POST", "/v2/redis/reset-password/"+id),
		"list":   s.must("GET", "/v2/redis/databases").([]any)[0],
	} {
		for _, field := range []string{"password", "rest_token", "read_only_rest_token"} {
			if _, ok := answer.(map[string]any)[field]; ok {
				t.Errorf("%s: the answer has %s", name, field)
			}
		}
	}
}

// TestUsersHaveTokensOfUpstashsMaking holds what Upstash does otherwise than
// Redis with its access control lists.
func TestUsersHaveTokensOfUpstashsMaking(t *testing.T) {
	s := newSite(t, upstash.Config{})
	id := s.database(ownServer(t))
	ping := "https://" + s.Host(id) + "/ping"
	first, err := s.AddUser(t.Context(), id, "app")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]any{{"ACL", "GENTOKEN", "app"}, {"ACL", "SETUSER", "app", "on"}} {
		if got := s.run(s.client(id, "", "wrong"), command...); !strings.HasPrefix(got.(string), "WRONGPASS") {
			t.Errorf("%v with a wrong password: %v", command, got)
		}
	}
	admin := s.client(id, "", s.Credentials(id).Password)
	for _, c := range [][]any{
		{"ACL", "SETUSER", "app", ">chosen-by-somebody"}, {"ACL", "SETUSER", "app", "#" + strings.Repeat("a", 64)}, {"ACL", "SETUSER", "app", "nopass"},
		{"ACL", "SETUSER", "app", "+acl|whoami"}, {"ACL", "SETUSER", "default", "off"}, {"ACL", "DRYRUN", "app", "PING"}, {"CONFIG", "GET", "aclfile"},
		{"ACL", "SETUSER", "app", ">" + s.run(admin, "ACL", "GENTOKEN", "other").(string)},
	} {
		if got, refused := s.run(admin, c...).(string); !refused || !strings.HasPrefix(got, "ERR ") {
			t.Errorf("%v is taken", c[:3])
		}
	}
	second := s.run(admin, "ACL", "GENTOKEN", "app").(string)
	if s.asked(ping, second) != http.StatusUnauthorized {
		t.Error("a token is taken before it is the user's")
	}
	if got := s.run(admin, "ACL", "SETUSER", "app", ">"+second); got != "OK" {
		t.Fatalf("a token of Upstash's making: %v", got)
	}
	for name, token := range map[string]string{"first": first, "second": second} {
		if s.run(s.client(id, "app", token), "PING") != "PONG" || s.asked(ping, token) != http.StatusOK {
			t.Errorf("the %s token does not open the database beside the other", name)
		}
	}
	sum := sha256.Sum256([]byte(first))
	s.run(admin, "ACL", "SETUSER", "app", "!"+hex.EncodeToString(sum[:]))
	if s.run(s.client(id, "app", first), "PING") == "PONG" || s.asked(ping, first) != http.StatusUnauthorized {
		t.Error("a token that was removed is taken")
	}
	if err := s.SwitchDefaultOff(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if s.run(s.client(id, "", s.Credentials(id).Password), "PING") == "PONG" || s.asked(ping, s.Credentials(id).RESTToken) == http.StatusOK {
		t.Error("the user default is off and opens the database")
	}
}

func TestAServerThatRefusesFailsTheReset(t *testing.T) {
	s := newSite(t, upstash.Config{})
	server := ownServer(t)
	id := s.database(server)
	before := s.Credentials(id)
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	r := s.request("POST", "https://"+upstash.Host+"/v2/redis/reset-password/"+id)
	r.SetBasicAuth(owner, s.keys[owner])
	if code, _, _ := s.send(r); code != http.StatusInternalServerError || s.Credentials(id) != before {
		t.Errorf("HTTP %d, and the credentials have changed: %v", code, s.Credentials(id) != before)
	}
}

func TestEveryCredentialIsACanary(t *testing.T) {
	s := newSite(t, upstash.Config{})
	s.must("POST", "/v2/redis/reset-password/"+s.database(nil))
	s.must("POST", "/v2/qstash/rotate-token/"+s.AddQStash(owner, "us-east-1"))
	list := s.Issued()
	if len(list) != 2+2*3+2*2 {
		t.Errorf("%d credentials were made", len(list))
	}
	for _, v := range list {
		if !strings.Contains(v, vendorsim.Canary) {
			t.Error("a credential is not found by a leak search")
		}
	}
}
