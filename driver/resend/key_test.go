package resend_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
	sim "github.com/pawlhq/pawl/vendorsim/resend"
)

var sending = target("api_key", "permission", "sending_access")

// TestDead: the status of an answer tells neither dead nor alive. Each of
// these once was, or could be, taken for the other.
func TestDead(t *testing.T) {
	const name = `{"statusCode":%d,"name":%q,"message":%q}`
	for what, c := range map[string]struct {
		code    int
		body    string
		verdict driver.Verdict // "" is none: an error
		kind    driver.ErrorKind
	}{
		"401 to a key that may only send": {401, fmt.Sprintf(name, 401, "restricted_api_key", "This API key is restricted to only send emails"), driver.Accepted, ""},
		"403 to a dead key":               {403, fmt.Sprintf(name, 403, "invalid_api_key", "API key is invalid"), driver.Refused, ""},
		"400 to a dead key":               {400, fmt.Sprintf(name, 400, "validation_error", "API key is invalid"), driver.Refused, ""},
		"401 to a dead key":               {401, fmt.Sprintf(name, 401, "validation_error", "API key is invalid"), driver.Refused, ""},
		"401 without a key":               {401, fmt.Sprintf(name, 401, "missing_api_key", "Missing API key in the authorization header."), "", driver.Unauthenticated},
		"401 of somebody else":            {401, `{"error":"log in to the proxy"}`, "", driver.Unauthenticated},
		"403 without a User-Agent":        {403, `error code: 1010`, "", driver.Denied},
		"403 of a firewall":               {403, `{"message":"blocked"}`, "", driver.Denied},
		"400 about a field":               {400, fmt.Sprintf(name, 400, "validation_error", "The limit is invalid"), "", driver.Invalid},
		"429":                             {429, fmt.Sprintf(name, 429, "rate_limit_exceeded", "Too many requests"), "", driver.Limited},
		"500 that names a dead key":       {500, fmt.Sprintf(name, 500, "invalid_api_key", "API key is invalid"), "", driver.Unavailable},
		"200 that is no list":             {200, `{"ok":true}`, "", driver.Malformed},
	} {
		t.Run(what, func(t *testing.T) {
			s := newSite(t, sim.Config{})
			s.always(c.code, c.body)
			got, err := s.port.Verify(t.Context(), sending, one("re_tried"))
			if got != c.verdict || kindOf(err) != c.kind {
				t.Errorf("the verdict is %q (%v), want %q and an error of kind %q", got, err, c.verdict, c.kind)
			}
		})
	}
}

// TestDeletedKeyDies follows keys of both permissions and in both ways of
// answering to their end.
func TestDeletedKeyDies(t *testing.T) {
	for _, how := range []sim.DeadKeys{sim.AsDocumented, sim.AsObserved} {
		for _, permission := range []string{sim.FullAccess, sim.SendingAccess} {
			s := newSite(t, sim.Config{DeadKeys: how, DeletionLag: 10 * time.Second})
			at := target("api_key", "permission", permission)
			m, err := s.port.Mint(t.Context(), driver.MintRequest{Target: at, Name: "app-v2"})
			if err != nil {
				t.Fatal(err)
			}
			verdict := func() driver.Verdict {
				v, err := s.port.Verify(t.Context(), at, m.Value)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			if v := verdict(); v != driver.Accepted {
				t.Errorf("%s, %q: a new key is %s", permission, how, v)
			}
			if err := s.port.Revoke(t.Context(), at, m.Credential, nil); err != nil {
				t.Fatal(err)
			}
			if v := verdict(); v != driver.Accepted {
				t.Errorf("%s, %q: a key that is taken for a while after its deletion is %s", permission, how, v)
			}
			if s.now = s.now.Add(10 * time.Second); verdict() != driver.Refused {
				t.Errorf("%s, %q: a deleted key is not refused", permission, how)
			}
		}
	}
}

func TestMintGivesTheScopeOfTheEstate(t *testing.T) {
	s := newSite(t, sim.Config{})
	for _, c := range []struct {
		at                 driver.Target
		permission, domain string
	}{
		{target("api_key", "permission", "full_access"), "full_access", ""},
		{sending, "sending_access", ""},
		{target("api_key", "permission", "sending_access", "domain_id", s.domainID), "sending_access", "acme.example"},
	} {
		m, err := s.port.Mint(t.Context(), driver.MintRequest{Target: c.at, Name: "pawl-acme-KEY-v2"})
		if err != nil {
			t.Fatal(err)
		}
		all := s.Keys()
		k := all[len(all)-1]
		if k.ID != m.Credential.ID || k.Name != "pawl-acme-KEY-v2" || k.Permission != c.permission || k.Domain != c.domain {
			t.Errorf("made %+v, want %s for %q", k, c.permission, c.domain)
		}
		if v, ok := s.KeyValue(k.ID); !ok || !m.Value[secret.Single].Equal(secret.NewString(v)) {
			t.Error("the value is not the key's")
		}
	}
}

// TestMintRefuses what Resend would refuse, or would make into a key that may
// do more than the estate says. Nothing is sent.
func TestMintRefuses(t *testing.T) {
	s := newSite(t, sim.Config{})
	for what, r := range map[string]driver.MintRequest{
		"no name":               {Target: sending},
		"51 characters":         {Target: sending, Name: strings.Repeat("é", 51)},
		"no permission":         {Target: target("api_key"), Name: "n"},
		"a strange permission":  {Target: target("api_key", "permission", "admin"), Name: "n"},
		"full access, a domain": {Target: target("api_key", "permission", "full_access", "domain_id", s.domainID), Name: "n"},
	} {
		_, err := s.port.Mint(t.Context(), r)
		if e := driver.AsError("", err); kindOf(err) != driver.Invalid || e.Effect != pawl.EffectNone || e.Next == "" {
			t.Errorf("%s: %v, want invalid, without effect and with advice", what, err)
		}
	}
	if len(s.seen) != 0 {
		t.Errorf("%d calls were made", len(s.seen))
	}
	if _, err := s.port.Mint(t.Context(), driver.MintRequest{Target: sending, Name: strings.Repeat("é", 50)}); err != nil {
		t.Errorf("a name of 50 characters: %v", err)
	}
}

func TestConnectionThatMayOnlySend(t *testing.T) {
	s := newSite(t, sim.Config{})
	_, s.credential = s.AddKey("app", sim.SendingAccess, "")
	_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: sending, Name: "n"})
	if e := driver.AsError("", err); kindOf(err) != driver.Denied || e.Status != 401 || !strings.Contains(e.Next, "full access") {
		t.Errorf("minting: %v (%s), want denied, though the status is 401", err, e.Next)
	}
	for _, kind := range []string{"", "api_key", "domain_verified", "email_seen", "send"} {
		g, err := s.port.Probe(t.Context(), target(kind))
		if err != nil || len(g) != 1 || g[0].Has != driver.No {
			t.Errorf("probing %q: %+v, %v, want a clear no", kind, g, err)
		}
	}
}

// TestListHasPages: a lost mint is looked for in the whole list.
func TestListHasPages(t *testing.T) {
	s := newSite(t, sim.Config{})
	for i := range 230 {
		s.AddKey(fmt.Sprint("key ", i), sim.SendingAccess, "")
	}
	list, err := s.port.List(t.Context(), sending)
	if err != nil || len(list) != 231 || list[0].Name != "key 229" || list[230].Name != "ops" || len(s.seen) != 3 {
		t.Fatalf("%d keys in %d calls: %v", len(list), len(s.seen), err)
	}
	for _, c := range list {
		if c.ID == "" || c.CreatedAt.IsZero() {
			t.Fatalf("%+v lacks its id or its time", c)
		}
	}
}

func TestListWithoutEnd(t *testing.T) {
	for what, body := range map[string]string{
		"the same page again": `{"object":"list","has_more":true,"data":[{"id":"a"}]}`,
		"nothing, and more":   `{"object":"list","has_more":true,"data":[]}`,
		"no list":             `{"object":"list","has_more":false}`,
	} {
		s := newSite(t, sim.Config{})
		s.always(200, body)
		if _, err := s.port.List(t.Context(), sending); kindOf(err) != driver.Malformed || len(s.seen) > 2 {
			t.Errorf("%s: %v after %d calls", what, err, len(s.seen))
		}
	}
}

// TestLastUsed: both forms of times are read, and what cannot be read is not
// "never".
func TestLastUsed(t *testing.T) {
	for _, rfc := range []bool{false, true} {
		s := newSite(t, sim.Config{RFC3339Times: rfc})
		id, value := s.AddKey("app", sim.SendingAccess, "")
		at, err := s.port.LastUsed(t.Context(), sending, driver.Credential{ID: id})
		if err != nil || !at.IsZero() {
			t.Errorf("a key that was never used was used at %s: %v", at, err)
		}
		used := s.now.Add(time.Hour)
		s.now = used
		if err := s.Send(value, sim.Mail{From: sender, To: "a@b.example", Subject: "s"}); err != nil {
			t.Fatal(err)
		}
		s.now = s.now.Add(time.Hour)
		if at, err = s.port.LastUsed(t.Context(), sending, driver.Credential{ID: id}); err != nil || !at.Equal(used) {
			t.Errorf("a key that was used at %s was used at %s: %v", used, at, err)
		}
		if _, err = s.port.LastUsed(t.Context(), sending, driver.Credential{ID: "gone"}); kindOf(err) != driver.NotFound {
			t.Errorf("a key that is not listed: %v", err)
		}
	}
	s := newSite(t, sim.Config{})
	s.always(200, `{"object":"list","has_more":false,"data":[{"id":"k","name":"n","created_at":"soon","last_used_at":"yesterday"}]}`)
	if _, err := s.port.LastUsed(t.Context(), sending, driver.Credential{ID: "k"}); kindOf(err) != driver.Malformed {
		t.Errorf("a time in no known form: %v, want malformed", err)
	}
}

// TestRevoke: 404 alone is no proof, nor is an answer that
// does not say what was done.
func TestRevoke(t *testing.T) {
	s := newSite(t, sim.Config{})
	id, _ := s.AddKey("app", sim.SendingAccess, "")
	s.answer = func(r *http.Request) *http.Response {
		if r.Method == http.MethodDelete {
			return says(r, 404, "application/json", `{"statusCode":404,"name":"not_found","message":"API key not found"}`)
		}
		return nil
	}
	if err := s.port.Revoke(t.Context(), sending, driver.Credential{ID: id}, nil); kindOf(err) != driver.NotFound {
		t.Errorf("a key that is listed and not found: %v, want not found", err)
	}
	s.always(200, `{"object":"api_key","id":"x","deleted":false}`)
	err := s.port.Revoke(t.Context(), sending, driver.Credential{ID: id}, nil)
	if kindOf(err) != driver.Malformed || driver.AsError("", err).Effect != pawl.EffectUnknown {
		t.Errorf("an answer that says the key is not deleted: %v", err)
	}
	s.answer = nil
	for range 2 {
		if err := s.port.Revoke(t.Context(), sending, driver.Credential{ID: id}, nil); err != nil {
			t.Error(err)
		}
	}
	if s.Keys()[1].DeletedAt.IsZero() || !s.Keys()[0].DeletedAt.IsZero() {
		t.Error("not the one key was deleted")
	}
	if err := s.port.Revoke(t.Context(), sending, driver.Credential{Name: "app"}, nil); kindOf(err) != driver.Invalid {
		t.Errorf("without an id: %v", err)
	}
}

// TestEveryCallNamesPawl: Resend turns calls without a User-Agent away.
func TestEveryCallNamesPawl(t *testing.T) {
	s := newSite(t, sim.Config{})
	if _, err := s.port.Probe(t.Context(), driver.Target{}); err != nil {
		t.Fatal(err)
	}
	if got := s.seen[0].Header.Get("User-Agent"); got != "pawl" {
		t.Errorf("the User-Agent is %q", got)
	}
	s.seen[0].Header.Del("User-Agent")
	s.answer = func(r *http.Request) *http.Response { r.Header.Del("User-Agent"); return nil }
	_, err := s.port.Probe(t.Context(), driver.Target{})
	if e := driver.AsError("", err); kindOf(err) != driver.Denied || !strings.Contains(e.Next, "User-Agent") {
		t.Errorf("without one: %v (%s)", err, e.Next)
	}
}

// TestPaceLeavesRoom: the team's limit is shared with its applications.
func TestPaceLeavesRoom(t *testing.T) {
	s := newSite(t, sim.Config{PerSecond: 3})
	begin := s.now
	for range 9 {
		if _, err := s.port.Probe(t.Context(), driver.Target{}); err != nil {
			t.Fatal(err)
		}
	}
	if took := s.now.Sub(begin); took < 3*time.Second {
		t.Errorf("nine calls took %s, which is more than two a second", took)
	}
}
