package upstash_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/servertest"
	sim "github.com/pawlhq/pawl/vendorsim/upstash"
)

const (
	resetPath  = "/v2/redis/reset-password/*"
	readPath   = "/v2/redis/database/*"
	rotatePath = "/v2/qstash/rotate-token/*"
)

// TestLostResetIsReadBack holds that one reset is sent and that what it made is
// found, whether its answer was lost or has no credentials in it.
func TestLostResetIsReadBack(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  sim.Config
		rule vendorsim.Rule
	}{
		"lost":            {rule: vendorsim.Rule{Kind: vendorsim.AfterLost}},
		"done, then 500":  {rule: vendorsim.Rule{Kind: vendorsim.Status, Acts: true}},
		"done, then junk": {rule: vendorsim.Rule{Kind: vendorsim.Garbage, Acts: true}},
		"bare":            {cfg: sim.Config{BareResets: true}, rule: vendorsim.Rule{Kind: vendorsim.Before, Path: "/nowhere"}},
	} {
		s := newSite(t, tt.cfg)
		id, q := s.database(nil), s.AddQStash(account, "us-east-1")
		for _, target := range []driver.Target{password(id), queue(q)} {
			rule := tt.rule
			if rule.Path == "" {
				rule.Path, rule.Count = map[string]string{"redis_password": resetPath, "qstash_token": rotatePath}[target.Kind], 1
			}
			s.Faults().Add(rule)
			m := s.mint(target)
			if target.Kind == "redis_password" && !equal(m.Value, s.stored(id)) {
				t.Errorf("%s: the value is not what the database has", name)
			}
			if c, err := s.port.Identify(t.Context(), target, m.Value); err != nil || c != m.Credential {
				t.Errorf("%s: %s is %+v (%v), want %+v", name, target.Kind, c, err, m.Credential)
			}
		}
		if n := s.made("POST", ""); n != 2 {
			t.Errorf("%s: %d resets were sent for two mints", name, n)
		}
	}
}

// TestResetThatIsNotKnownToBeDone holds that a reset without an answer and
// without a trace stays unknown: it may still arrive.
func TestResetThatIsNotKnownToBeDone(t *testing.T) {
	for name, rules := range map[string][]vendorsim.Rule{
		"not done":            {{Kind: vendorsim.Status, Path: resetPath, Code: 503, Count: 1}},
		"done and unreadable": {{Kind: vendorsim.AfterLost, Path: resetPath, Count: 1}, {Kind: vendorsim.Status, Path: readPath, From: 2}},
	} {
		s := newSite(t, sim.Config{})
		id := s.database(nil)
		for _, r := range rules {
			s.Faults().Add(r)
		}
		_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: password(id), Version: 2})
		if e := failure(err); e.Effect != pawl.EffectUnknown || s.made("POST", "") != 1 {
			t.Errorf("%s: effect %q after %d resets: %v", name, e.Effect, s.made("POST", ""), err)
		}
	}
}

func TestRefusedResetHasNoEffect(t *testing.T) {
	s := newSite(t, sim.Config{})
	id := s.database(nil)
	before := s.State()
	s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Path: resetPath, Code: http.StatusForbidden, Count: 1})
	_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: password(id), Version: 2})
	if e := failure(err); e.Kind != driver.Denied || e.Effect != pawl.EffectNone || s.State() != before || s.made("GET", "") != 1 {
		t.Errorf("got %v after %d reads", err, s.made("GET", ""))
	}
}

// TestRevokeEndsOnlyWhatIsThere holds that ending the old credentials after a
// reset does not end the new ones.
func TestRevokeEndsOnlyWhatIsThere(t *testing.T) {
	for name, cfg := range map[string]sim.Config{"shown": {}, "bare": {BareResets: true}} {
		s := newSite(t, cfg)
		id, q := s.database(nil), s.AddQStash(account, "us-east-1")
		for _, target := range []driver.Target{password(id), queue(q)} {
			old, now := s.mint(target), s.mint(target)
			before := s.State()
			for _, gone := range []driver.Credential{old.Credential, {}} {
				if err := s.port.Revoke(t.Context(), target, gone, old.Value); err != nil || s.State() != before {
					t.Errorf("%s: ending what is replaced: %v, and the credentials have changed: %v", name, err, s.State() != before)
				}
			}
			if err := s.port.Revoke(t.Context(), target, now.Credential, now.Value); err != nil || s.State() == before {
				t.Errorf("%s: ending what is there: %v, and the credentials have changed: %v", name, err, s.State() != before)
			}
			if _, err := s.port.Identify(t.Context(), target, now.Value); failure(err).Kind != driver.NotFound {
				t.Errorf("%s: what was ended is identified: %v", name, err)
			}
		}
	}
}

// TestVerdictsByREST tells what is dead from what could not be asked.
func TestVerdictsByREST(t *testing.T) {
	s := newSite(t, sim.Config{})
	id, q := s.database(nil), s.AddQStash(account, "us-east-1")
	s.AddQStash(account, "eu-central-1")
	old, oldQueue := s.stored(id), s.mint(queue(q))
	s.mint(byREST(id))
	now, nowQueue := s.stored(id), s.mint(queue(q))
	for _, tt := range []struct {
		name   string
		target driver.Target
		value  secret.Parts
		want   string
	}{
		{"database, new", byREST(id), now, "accepted"},
		{"database, old", byREST(id), old, "refused"},
		{"database, a password alone", byREST(id), secret.Parts{"password": now["password"]}, "invalid"},
		{"another database", byREST("96ad0856-03b1-4ee7-9666-e81abd0349e1"), now, "not_found"},
		{"queue, new", queue(q), nowQueue.Value, "accepted"},
		{"queue, old", queue(q), oldQueue.Value, "refused"},
		{"queue, one part", queue(q), single("x"), "invalid"},
	} {
		if got := s.verdict(tt.target, tt.value); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	for _, path := range []string{"/ping", "/v2/queues"} {
		for _, code := range []int{403, 404, 429, 500} {
			s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Path: path, Code: code, Count: 1})
			target, value := byREST(id), now
			if path == "/v2/queues" {
				target, value = queue(q), nowQueue.Value
			}
			if got := s.verdict(target, value); got == "accepted" || got == "refused" {
				t.Errorf("%s: HTTP %d is a verdict: %s", path, code, got)
			}
		}
	}
}

// TestThePasswordIsTriedAtTheDatabase goes through a rotation of a real
// server's password.
func TestThePasswordIsTriedAtTheDatabase(t *testing.T) {
	s := newSite(t, sim.Config{})
	id := s.database(servertest.Redis(t))
	old := s.stored(id)
	if got := s.verdict(password(id), old); got != "accepted" {
		t.Fatalf("the first password: %s", got)
	}
	now := s.mint(password(id)).Value
	for name, tt := range map[string]struct {
		value secret.Parts
		want  string
	}{"old": {old, "refused"}, "new": {now, "accepted"}, "new, the password alone": {secret.Parts{"password": now["password"]}, "accepted"},
		"another user's": {login("app", "x"), "invalid"}, "new, without a password": {secret.Parts{"rest_token": now["rest_token"]}, "invalid"}} {
		if got := s.verdict(password(id), tt.value); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
	if n := s.made("GET", "/ping"); n != 0 {
		t.Errorf("REST was asked %d times", n)
	}
}

// TestVerifyingReadsNoCredentials holds that credentials are not sent where
// only the database's address is needed.
func TestVerifyingReadsNoCredentials(t *testing.T) {
	s := newSite(t, sim.Config{})
	id := s.database(servertest.Redis(t))
	token, err := s.AddUser(t.Context(), id, "app")
	if err != nil {
		t.Fatal(err)
	}
	s.verdict(password(id), s.stored(id))
	s.verdict(byREST(id), s.stored(id))
	s.verdict(user(id, "app"), login("app", token))
	for _, r := range s.seen {
		if strings.HasPrefix(r.URL.Path, "/v2/redis/database/") && r.URL.RawQuery != "credentials=hide" {
			t.Error("credentials were read that were not needed")
		}
	}
	if s.made("GET", "/v2/redis/database/") != 3 {
		t.Errorf("the address was asked for %d times, want 3", s.made("GET", "/v2/redis/database/"))
	}
}

// TestDatabasesProveWhoTheyAre tries a password over TLS: it is told only to a
// host with the right certificate.
func TestDatabasesProveWhoTheyAre(t *testing.T) {
	s := newSite(t, sim.Config{})
	s.dial = s.DialTLS
	id := s.database(servertest.Redis(t))
	authority, err := s.Authority()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		settings estate.Settings
		want     string
	}{
		{estate.Settings{"tls": "verify-full", "ca": authority}, "accepted"},
		{estate.Settings{"tls": "require"}, "accepted"},
		{estate.Settings{"tls": "verify-full"}, "invalid"},
	} {
		s.port = s.open(tt.settings, account+":"+s.key)
		if got := s.verdict(password(id), s.stored(id)); got != tt.want {
			t.Errorf("tls %v, with the authority %v: %s, want %s", tt.settings["tls"], tt.settings["ca"] != nil, got, tt.want)
		}
	}
}

func TestStrangeIdsMakeNoCalls(t *testing.T) {
	s := newSite(t, sim.Config{})
	for _, id := range []string{"", "..", "a/b", "a b", "a?b=c", strings.Repeat("a", 65), "a\n"} {
		for _, target := range []driver.Target{password(id), user(id, "app"), queue(id)} {
			if _, err := s.port.List(t.Context(), target); failure(err).Kind != driver.Invalid {
				t.Errorf("%s %q: got %v", target.Kind, id, err)
			}
		}
	}
	if len(s.seen) != 0 {
		t.Errorf("%d calls were made", len(s.seen))
	}
}

// TestHostsOfAnAnswerAreHosts holds that a value goes nowhere else when an
// answer names something that is no host.
func TestHostsOfAnAnswerAreHosts(t *testing.T) {
	for _, host := range []string{"", "evil.example.com/x?", "user@evil.example.com", "a b", "-x"} {
		s := newSite(t, sim.Config{})
		id := s.database(nil)
		s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Path: readPath, Code: 200, Body: `{"database_id":"` + id + `","endpoint":"` + host + `","port":6379}`})
		for _, target := range []driver.Target{byREST(id), password(id)} {
			if got := s.verdict(target, s.stored(id)); got != "malformed" {
				t.Errorf("the host %q: %s", host, got)
			}
		}
		if n := s.made("GET", "/ping"); n != 0 {
			t.Errorf("the host %q was asked", host)
		}
	}
}

func TestCredentialForms(t *testing.T) {
	s := newSite(t, sim.Config{})
	key := driver.Target{Kind: "developer_key", Settings: estate.Settings{}}
	for _, tt := range []struct {
		name, credential string
		settings         estate.Settings
		want             driver.ErrorKind
	}{
		{"email and key", account + ":" + s.key, nil, ""},
		{"key alone, with email", s.key, estate.Settings{"email": account}, ""},
		{"key alone", s.key, nil, driver.Unauthenticated},
		{"another account's", "else@example.com:" + s.key, estate.Settings{"email": account}, driver.Unauthenticated},
	} {
		_, err := s.open(tt.settings, tt.credential).Probe(t.Context(), driver.Target{})
		if e := failure(err); e.Kind != tt.want || tt.want != "" && !strings.Contains(e.Next, "email:key") {
			t.Errorf("%s: %v (next %q)", tt.name, err, e.Next)
		}
	}
	id, spare := s.AddKey(account, "spare")
	if got := s.verdict(key, single(account+":"+spare)); got != "accepted" {
		t.Errorf("a key: %s", got)
	}
	s.DeleteKey(id)
	if got := s.verdict(key, single(account+":"+spare)); got != "refused" {
		t.Errorf("a deleted key: %s", got)
	}
	s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Path: "/v2/teams", Code: 403})
	if got := s.verdict(key, single(account+":"+spare)); got != "denied" {
		t.Errorf("a key that something else refuses: %s", got)
	}
}
