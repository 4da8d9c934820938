package fly_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/fly"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/fly"
)

// site is a Fly with an app whose machines use a token of their own.
type site struct {
	*sim.Fly
	t       *testing.T
	now     time.Time
	conn    driver.Conn
	port    *driver.Port
	session string
	seen    []*http.Request
	bodies  map[string][]byte // of POSTs, by path below the app
}

var slow = sim.Config{Replacing: 3 * time.Second, Starting: 2 * time.Second, Checking: 10 * time.Second, ReplicaLag: 20 * time.Second}

func newSite(t *testing.T, cfg sim.Config, machines int) *site {
	t.Helper()
	s := &site{t: t, bodies: map[string][]byte{}, now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	cfg.Now = func() time.Time { return s.now }
	s.Fly = sim.New(cfg)
	s.AddOrg("acme")
	s.AddApp("acme", "web", "FLY_API_TOKEN")
	_, used := s.AddDeployToken("web", "in use", 1000*time.Hour)
	s.SetSecret("web", "FLY_API_TOKEN", used)
	s.AddMachines("web", machines)
	s.session = s.AddUserToken("acme", "owner@example.com")
	s.connect(s.session)
	return s
}

// RoundTrip notes the request and hands it on.
func (s *site) RoundTrip(r *http.Request) (*http.Response, error) {
	s.seen = append(s.seen, r)
	if r.Body != nil && r.Method == http.MethodPost {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(b))
		s.bodies[strings.TrimPrefix(r.URL.Path, "/v1/apps/web")] = b
	}
	return vendorsim.Transport(map[string]http.Handler{sim.MachinesHost: s.Fly, sim.APIHost: s.Fly}).RoundTrip(r)
}

func (s *site) connect(token string) {
	s.t.Helper()
	env := driver.Env{Transport: s, Now: func() time.Time { return s.now }, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Wait:       func(_ context.Context, d time.Duration) error { s.now = s.now.Add(d); return nil },
		Credential: func(context.Context) (secret.Value, error) { return secret.NewString(token), nil }}
	conn, err := fly.New().Open(env, estate.Settings{"org": "acme"})
	if err != nil {
		s.t.Fatal(err)
	}
	s.conn, s.port = conn, driver.NewPort("fly", fly.New().Info(), conn, 0)
}

func target(kind string, pairs ...any) driver.Target {
	t := driver.Target{Kind: kind, Settings: estate.Settings{"app": "web"}}
	for i := 0; i < len(pairs); i += 2 {
		t.Settings[pairs[i].(string)] = pairs[i+1]
	}
	return t
}

func kindOf(err error) driver.ErrorKind {
	if err == nil {
		return ""
	}
	return driver.AsError("", err).Kind
}

// made counts the requests of a method to paths with an ending.
func (s *site) made(method, ending string) int {
	n := 0
	for _, r := range s.seen {
		if r.Method == method && strings.HasSuffix(r.URL.Path, ending) {
			n++
		}
	}
	return n
}

func TestTokensAreSentAsFlyWantsThem(t *testing.T) {
	for token, want := range map[string]string{
		"FlyV1 fm2_abc,fm2_def": "FlyV1 fm2_abc,fm2_def",
		"fm2_abc,fm2_def":       "FlyV1 fm2_abc,fm2_def",
		"fm1r_abc":              "FlyV1 fm1r_abc",
		"fo1_x,fm1a_abc":        "FlyV1 fo1_x,fm1a_abc",
		"fo1_session":           "Bearer fo1_session",
		"oldstyle":              "Bearer oldstyle",
	} {
		s := newSite(t, sim.Config{}, 0)
		s.connect(token)
		_, _ = s.conn.Probe(t.Context(), driver.Target{}) // the stand-in does not know the token
		if len(s.seen) != 1 || s.seen[0].Header.Get("Authorization") != want {
			t.Errorf("%q goes out as %q", token, s.seen[0].Header.Get("Authorization"))
		}
	}
}

func TestScopedTokenIsToldHowToMint(t *testing.T) {
	s := newSite(t, sim.Config{}, 0)
	_, scoped := s.AddOrgToken("acme", "ops", time.Hour)
	s.connect(scoped)
	for _, c := range []struct {
		target driver.Target
		want   string
	}{
		{target("deploy_token", "expiry", 36*time.Hour), `flyctl tokens create deploy --app web --name "ci-7" --expiry 36h`},
		{target("org_token", "expiry", 90*time.Minute), `flyctl tokens create org --org acme --name "ci-7" --expiry 1h30m0s`},
	} {
		_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: c.target, Name: "ci-7"})
		if e := driver.AsError("", err); e.Kind != driver.Denied || e.Effect != "none" || !strings.Contains(e.Next, c.want) || !strings.Contains(e.Why, "scoped tokens") {
			t.Errorf("%s: %v, next %q", c.target.Kind, e, e.Next)
		}
	}
	if len(s.Tokens()) != 3 {
		t.Errorf("%d tokens, want the three that were there", len(s.Tokens()))
	}
}

func TestMintedTokensLiveAsLongAsAsked(t *testing.T) {
	s := newSite(t, sim.Config{}, 0)
	for kind, life := range map[string]time.Duration{"deploy_token": 36 * time.Hour, "org_token": 175200 * time.Hour} {
		settings := []any{"expiry", life}
		if kind == "org_token" {
			settings = nil // the default
		}
		m, err := s.port.Mint(t.Context(), driver.MintRequest{Target: target(kind, settings...), Name: "ci-" + kind})
		if err != nil {
			t.Fatal(err)
		}
		if !m.Credential.ExpiresAt.Equal(s.now.Add(life)) || m.Credential.Name != "ci-"+kind {
			t.Errorf("%s: %+v", kind, m.Credential)
		}
		if value, _ := s.TokenValue(m.Credential.ID); !m.Value[secret.Single].Equal(secret.NewString(value)) || !strings.HasPrefix(value, "FlyV1 ") {
			t.Errorf("%s: the value is not the whole header", kind)
		}
	}
}

func TestListKeepsToItsKind(t *testing.T) {
	s := newSite(t, sim.Config{}, 0)
	s.AddApp("acme", "other", "")
	s.AddDeployToken("other", "elsewhere", time.Hour)
	org, _ := s.AddOrgToken("acme", "ops", time.Hour)
	s.AddDeployToken("web", "short", time.Minute)
	s.now = s.now.Add(2 * time.Minute)
	for range 230 { // more than two pages
		s.AddDeployToken("web", "many", time.Hour)
	}
	list, err := s.port.List(t.Context(), target("deploy_token"))
	if err != nil || len(list) != 231 || slices.ContainsFunc(list, func(c driver.Credential) bool { return c.Name != "many" && c.Name != "in use" }) {
		t.Errorf("%d tokens of the app, want 231 (%v)", len(list), err)
	}
	list, err = s.port.List(t.Context(), target("org_token"))
	if err != nil || len(list) != 1 || list[0].ID != org {
		t.Errorf("tokens of the organisation: %+v, %v", list, err)
	}
}

// The id that Fly gives for a value may not be the one to revoke by. Then
// nothing may be taken for the old token.
func TestForeignIDIsNotBelieved(t *testing.T) {
	s := newSite(t, sim.Config{OpaqueTokenIDs: true}, 0)
	_, value := s.AddDeployToken("web", "old", time.Hour)
	if _, err := s.port.Identify(t.Context(), target("deploy_token"), secret.One(secret.NewString(value))); kindOf(err) != driver.NotFound {
		t.Errorf("got %v, want not found", err)
	}
	s = newSite(t, sim.Config{}, 0)
	s.AddApp("acme", "other", "")
	_, value = s.AddDeployToken("other", "old", time.Hour)
	if _, err := s.port.Identify(t.Context(), target("deploy_token"), secret.One(secret.NewString(value))); kindOf(err) != driver.NotFound {
		t.Errorf("a token of another app: got %v, want not found", err)
	}
}

func TestMissingValueIsNotTheConnectionsOwn(t *testing.T) {
	s := newSite(t, sim.Config{}, 0)
	for _, value := range []secret.Parts{nil, {}, secret.One(secret.Value{})} {
		if v, err := s.conn.(driver.Verifier).Verify(t.Context(), target("deploy_token"), value); kindOf(err) != driver.Invalid {
			t.Errorf("a missing value is %q, %v", v, err)
		}
	}
	if len(s.seen) != 0 {
		t.Errorf("%d calls", len(s.seen))
	}
}

func TestStatAsksForWhatWasWritten(t *testing.T) {
	s := newSite(t, slow, 0)
	place := target("app_secret", "name", "KEY")
	wrote, err := s.port.Put(t.Context(), driver.Write{Target: place, Value: secret.NewString("value")})
	if err != nil || wrote.Revision == "" || wrote.Digest == "" {
		t.Fatalf("%+v, %v", wrote, err)
	}
	found, err := s.port.Stat(t.Context(), place)
	if err != nil || found.Digest != wrote.Digest || !found.UpdatedAt.Equal(s.now.Truncate(time.Second)) {
		t.Errorf("a replica that lags was believed: %+v, %v", found, err)
	}
	if q := s.seen[1].URL.Query(); q.Get("min_version") != wrote.Revision || q.Get("version") != wrote.Revision {
		t.Errorf("the look asks for %v", q)
	}
	if _, err := s.port.Stat(t.Context(), driver.Target{Kind: "app_secret", Settings: estate.Settings{"app": "none", "name": "KEY"}}); kindOf(err) != driver.NotFound {
		t.Errorf("an app that is not there: %v", err)
	}
	for _, name := range []string{"", "1KEY", "MY-KEY", "A B", "É"} {
		if _, err := s.port.Stat(t.Context(), target("app_secret", "name", name)); kindOf(err) != driver.Invalid {
			t.Errorf("the name %q: %v", name, err)
		}
	}
}

// What is not found may only be hidden from the token: it is not gone then.
func TestGoneIsNotHidden(t *testing.T) {
	s := newSite(t, sim.Config{}, 0)
	key := target("app_secret", "name", "KEY")
	for range 2 {
		if err := s.port.Remove(t.Context(), key); err != nil {
			t.Errorf("a secret that is not there: %v", err)
		}
	}
	missing := driver.Target{Kind: "app_secret", Settings: estate.Settings{"app": "none", "name": "KEY"}}
	if err := s.port.Remove(t.Context(), missing); kindOf(err) != driver.NotFound {
		t.Errorf("an app that is not there: %v", err)
	}
	if err := s.port.Revoke(t.Context(), target("deploy_token"), driver.Credential{ID: "none"}, nil); err != nil {
		t.Errorf("a token that is not there: %v", err)
	}
	_, used := s.AddDeployToken("web", "old", time.Hour)
	id := s.Tokens()[len(s.Tokens())-1].ID
	s.AddOrg("rival")
	s.connect(s.AddUserToken("rival", "stranger@example.com"))
	if err := s.port.Revoke(t.Context(), target("deploy_token"), driver.Credential{ID: id}, nil); kindOf(err) != driver.NotFound {
		t.Errorf("a stranger's session: %v", err)
	}
	if !s.TokenAccepted(used) {
		t.Error("the token is dead: the test proves nothing")
	}
	s.connect(s.session)
	s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Operation: "deleteLimitedAccessToken", Code: 200, Body: `{"errors":[{"message":"Could not find LimitedAccessToken"}]}`})
	if err := s.port.Revoke(t.Context(), target("deploy_token"), driver.Credential{ID: id}, nil); kindOf(err) != driver.NotFound {
		t.Errorf("a token that is listed: %v", err)
	}
}

func TestLimitsAreKept(t *testing.T) {
	s := newSite(t, sim.Config{RateLimits: true}, 2)
	for range 10 {
		if _, err := s.port.Stat(t.Context(), target("app_secret", "name", "KEY")); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHealth(t *testing.T) {
	for name, c := range map[string]struct {
		machines int
		change   func(*site)
		since    time.Duration
		want     driver.State
	}{
		"healthy":             {machines: 2, since: time.Hour, want: driver.Passed},
		"no machine":          {since: time.Hour, want: driver.Failed},
		"refused":             {machines: 2, since: time.Hour, want: driver.Failed, change: func(s *site) { s.revoke() }},
		"refused a while ago": {machines: 2, since: time.Minute, want: driver.Pending, change: func(s *site) { s.revoke() }},
		"one stopped":         {machines: 2, since: time.Hour, want: driver.Failed, change: func(s *site) { s.call("POST", "/stop", "") }},
		"one asleep": {machines: 2, since: time.Hour, want: driver.Passed, change: func(s *site) {
			s.call("POST", "", `{"config":{"services":[{"autostop":"stop"}]}}`)
			s.call("POST", "/stop", "")
		}},
		"all asleep": {machines: 1, since: time.Hour, want: driver.Failed, change: func(s *site) {
			s.call("POST", "", `{"config":{"services":[{"autostop":true}]}}`)
			s.call("POST", "/stop", "")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, sim.Config{}, c.machines)
			if c.change != nil {
				c.change(s)
			}
			f, err := s.port.Check(t.Context(), driver.CheckRequest{Target: target("machines_health"), Since: s.now.Add(-c.since)})
			if err != nil || f.State != c.want || f.Detail == "" {
				t.Errorf("%+v, %v; want %s", f, err, c.want)
			}
		})
	}
}

// revoke ends the token that the machines use.
func (s *site) revoke() {
	s.t.Helper()
	for _, token := range s.Tokens() {
		if token.Name == "in use" {
			if err := s.port.Revoke(s.t.Context(), target("deploy_token"), driver.Credential{ID: token.ID}, nil); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// call does something to the first machine as somebody else would.
func (s *site) call(method, ending, body string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, "https://"+sim.MachinesHost+"/v1/apps/web/machines/"+s.Machines("web")[0]+ending, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.session)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := vendorsim.Transport(map[string]http.Handler{sim.MachinesHost: s.Fly}).RoundTrip(req)
	if err != nil || resp.StatusCode >= 300 {
		s.t.Fatalf("%s %s: %v", method, ending, err)
	}
	resp.Body.Close()
}

func TestProbeOfAScopedToken(t *testing.T) {
	s := newSite(t, sim.Config{}, 1)
	_, scoped := s.AddDeployToken("web", "ops", time.Hour)
	s.AddApp("acme", "other", "")
	s.connect(scoped)
	other := driver.Target{Kind: "app_secret", Settings: estate.Settings{"app": "other", "name": "KEY"}}
	for _, c := range []struct {
		target driver.Target
		want   []driver.Has
	}{
		{driver.Target{}, []driver.Has{driver.Yes}},
		{target("deploy_token"), []driver.Has{driver.No, driver.No}},
		{target("org_token"), []driver.Has{driver.No, driver.No}},
		{target("app_secret", "name", "KEY"), []driver.Has{driver.Yes, driver.Yes, driver.Maybe}},
		{other, []driver.Has{driver.No, driver.No, driver.No}},
		{target("machines_health"), []driver.Has{driver.Yes}},
	} {
		grants, err := s.port.Probe(t.Context(), c.target)
		var got []driver.Has
		for _, g := range grants {
			got = append(got, g.Has)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: %+v, %v; want %v", c.target.Kind, grants, err, c.want)
		}
	}
	for _, r := range s.seen {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/graphql") {
			t.Errorf("a probe made a %s", r.Method)
		}
	}
}
