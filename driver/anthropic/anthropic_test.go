package anthropic_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/anthropic"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/anthropic"
)

// site is an organisation with one workspace, seen through the driver.
type site struct {
	*sim.Anthropic
	t         *testing.T
	now       time.Time
	workspace string
	port      *driver.Port
}

func newSite(t *testing.T, cfg sim.Config) *site {
	t.Helper()
	s := &site{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	cfg.Now = func() time.Time { return s.now }
	s.Anthropic = sim.New(cfg)
	s.workspace = s.AddWorkspace("web")
	s.connect(s.AddAdminKey())
	return s
}

func (s *site) connect(admin string) {
	s.t.Helper()
	env := driver.Env{Transport: vendorsim.Transport(map[string]http.Handler{sim.Host: s.Anthropic}), Now: func() time.Time { return s.now }, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Wait:       func(_ context.Context, d time.Duration) error { s.now = s.now.Add(d); return nil },
		Credential: func(context.Context) (secret.Value, error) { return secret.NewString(admin), nil }}
	d := anthropic.New()
	conn, err := d.Open(env, estate.Settings{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.port = driver.NewPort("ant", d.Info(), conn, 0)
}

func (s *site) target() driver.Target {
	return driver.Target{Kind: "api_key", Settings: estate.Settings{"workspace_id": s.workspace, "name": "web-v2"}}
}

func one(value string) secret.Parts { return secret.One(secret.NewString(value)) }

func kindOf(err error) driver.ErrorKind {
	if err == nil {
		return ""
	}
	return driver.AsError("", err).Kind
}

// status has the models answered with a status and an error of a type.
func (s *site) status(code int, kind string) {
	s.Faults().Clear()
	s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Path: "/v1/models", Code: code,
		Body: fmt.Sprintf(`{"type":"error","error":{"type":%q,"message":"no"},"request_id":"req_1"}`, kind)})
}

// The dead test: 401 by Anthropic's own word is dead, 403 lives, everything
// else says nothing about the key.
func TestOnlyAnthropicsOwnWordIsAVerdict(t *testing.T) {
	s := newSite(t, sim.Config{})
	_, value := s.CreateKey(sim.Key{Name: "web-v1", Workspace: s.workspace})
	for _, tt := range []struct {
		code int
		kind string
		want driver.Verdict
		err  driver.ErrorKind
	}{
		{401, "authentication_error", driver.Refused, ""},
		{403, "permission_error", driver.Accepted, ""},
		{401, "proxy", "", driver.Unauthenticated},
		{403, "forbidden", "", driver.Denied},
		{402, "billing_error", "", driver.Denied},
		{404, "not_found_error", "", driver.NotFound},
		{429, "rate_limit_error", "", driver.Limited},
		{500, "api_error", "", driver.Unavailable},
		{529, "overloaded_error", "", driver.Unavailable},
	} {
		s.status(tt.code, tt.kind)
		got, err := s.port.Verify(context.Background(), s.target(), one(value))
		if got != tt.want || kindOf(err) != tt.err {
			t.Errorf("%d %s: %q, %v; want %q %s", tt.code, tt.kind, got, err, tt.want, tt.err)
		}
	}
}

func TestVerifyTellsTheLivingFromTheDead(t *testing.T) {
	s := newSite(t, sim.Config{})
	verdict := func(value string) driver.Verdict {
		t.Helper()
		got, err := s.port.Verify(context.Background(), s.target(), one(value))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for status, want := range map[string]driver.Verdict{sim.Active: driver.Accepted, sim.Inactive: driver.Refused, sim.Archived: driver.Refused} {
		id, value := s.CreateKey(sim.Key{Workspace: s.workspace})
		s.SetStatus(id, status)
		if got := verdict(value); got != want {
			t.Errorf("%s: %q", status, got)
		}
	}
	_, short := s.CreateKey(sim.Key{Workspace: s.workspace, Life: time.Hour})
	_, scoped := s.CreateKey(sim.Key{Workspace: s.workspace, Scoped: true})
	if got := verdict(short); got != driver.Accepted {
		t.Errorf("before its end: %q", got)
	}
	s.now = s.now.Add(time.Hour)
	if got := verdict(short); got != driver.Refused {
		t.Errorf("expired: %q", got)
	}
	if got := verdict(scoped); got != driver.Accepted {
		t.Errorf("one that may not list models: %q", got)
	}
	s.SetOverloaded(true)
	if got, err := s.port.Verify(context.Background(), s.target(), one(short)); kindOf(err) != driver.Unavailable {
		t.Errorf("while overloaded: %q, %v", got, err)
	}
}

func TestIdentifyByTheHint(t *testing.T) {
	s := newSite(t, sim.Config{PageCap: 2})
	other := s.AddWorkspace("batch")
	for range 5 {
		s.CreateKey(sim.Key{Name: "web-v1", Workspace: s.workspace})
	}
	end := s.now.Add(48 * time.Hour) // the clock moves while calls wait for their turn
	id, value := s.CreateKey(sim.Key{Name: "pasted under another name", Workspace: s.workspace, Life: 48 * time.Hour})
	for range 5 {
		s.CreateKey(sim.Key{Name: "web-v2", Workspace: s.workspace})
	}
	c, err := s.port.Identify(context.Background(), s.target(), one(value))
	if err != nil || c.ID != id || !c.ExpiresAt.Equal(end) || c.Inactive {
		t.Errorf("%+v, %v; want %s", c, err, id)
	}
	s.SetStatus(id, sim.Inactive)
	if c, err = s.port.Identify(context.Background(), s.target(), one(value)); err != nil || c.ID != id || !c.Inactive {
		t.Errorf("disabled: %+v, %v", c, err)
	}
	_, elsewhere := s.CreateKey(sim.Key{Workspace: other})
	archived, over := s.CreateKey(sim.Key{Workspace: s.workspace})
	s.SetStatus(archived, sim.Archived)
	for name, v := range map[string]string{"of another workspace": elsewhere, "archived": over, "no key": "sk-ant-api03-never-issued-AA", "short": "x"} {
		if c, err := s.port.Identify(context.Background(), s.target(), one(v)); kindOf(err) != driver.NotFound {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

// Two keys whose hints are the same must not be mixed up: the wrong one would
// be ended.
func TestIdentifyDoesNotGuess(t *testing.T) {
	s := newSite(t, sim.Config{})
	value := "sk-ant-api03-R2DxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxigAA"
	entry := func(id, name, hint string) string {
		return fmt.Sprintf(`{"id":%q,"name":%q,"status":"active","created_at":"2026-01-01T00:00:00Z","expires_at":null,"partial_key_hint":%q}`, id, name, hint)
	}
	const hint = "sk-ant-api03-R2D...igAA"
	for _, tt := range []struct {
		name string
		keys []string
		want string // an id, or what the error says
	}{
		{"two of other names", []string{entry("a", "x", hint), entry("b", "y", hint)}, "2 keys"},
		{"two, one of the declared name", []string{entry("a", "x", hint), entry("b", "web-v2", hint)}, "b"},
		{"two of the declared name", []string{entry("a", "web-v2", hint), entry("b", "web-v2", hint)}, "2 keys"},
		{"a hint that hides all", []string{entry("a", "web-v2", "...")}, "no key"},
		{"a hint of the prefix alone", []string{entry("a", "web-v2", "sk-ant-api03-...A")}, "no key"},
		{"no hint", []string{entry("a", "web-v2", "")}, "no key"},
		{"another end", []string{entry("a", "web-v2", "sk-ant-api03-R2D...igAB")}, "no key"},
		{"one character for the dots", []string{entry("a", "x", "sk-ant-api03-R2D…igAA")}, "a"},
	} {
		s.Faults().Clear()
		s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Path: "/v1/organizations/api_keys", Code: 200,
			Body: `{"data":[` + strings.Join(tt.keys, ",") + `],"has_more":false,"first_id":"a","last_id":"b"}`})
		c, err := s.port.Identify(context.Background(), s.target(), one(value))
		if c.ID != tt.want && !(kindOf(err) == driver.NotFound && strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %+v, %v; want %s", tt.name, c, err, tt.want)
		}
	}
}

func TestListHasWhatIsNotOver(t *testing.T) {
	s := newSite(t, sim.Config{PageCap: 3})
	want := map[string]bool{}
	for i := range 10 {
		id, _ := s.CreateKey(sim.Key{Name: "k", Workspace: s.workspace})
		switch i % 3 {
		case 1:
			s.SetStatus(id, sim.Inactive)
		case 2:
			s.SetStatus(id, sim.Archived)
			continue
		}
		want[id] = i%3 == 1
	}
	s.CreateKey(sim.Key{Name: "of the default workspace"})
	list, err := s.port.List(context.Background(), s.target())
	if err != nil || len(list) != len(want) {
		t.Fatalf("%d keys, %v; want %d", len(list), err, len(want))
	}
	for _, c := range list {
		if disabled, ok := want[c.ID]; !ok || c.Inactive != disabled || c.CreatedAt.IsZero() {
			t.Errorf("%+v", c)
		}
	}
	if all, err := s.port.List(context.Background(), driver.Target{Kind: "api_key"}); err != nil || len(all) != len(want)+1 {
		t.Errorf("of the organisation: %d keys, %v", len(all), err)
	}
}

func TestDisabledKeyComesBackAndArchivedOneDoesNot(t *testing.T) {
	s, ctx := newSite(t, sim.Config{}), context.Background()
	id, _ := s.CreateKey(sim.Key{Workspace: s.workspace})
	k := driver.Credential{ID: id}
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { return s.port.Deactivate(ctx, s.target(), k) }, sim.Inactive},
		{func() error { return s.port.Deactivate(ctx, s.target(), k) }, sim.Inactive},
		{func() error { return s.port.Reactivate(ctx, s.target(), k) }, sim.Active},
		{func() error { return s.port.Deactivate(ctx, s.target(), k) }, sim.Inactive},
		{func() error { return s.port.Revoke(ctx, s.target(), k, nil) }, sim.Archived},
		{func() error { return s.port.Revoke(ctx, s.target(), k, nil) }, sim.Archived},
		{func() error { return s.port.Deactivate(ctx, s.target(), k) }, sim.Archived},
	} {
		if err := step.do(); err != nil || s.Status(id) != step.want {
			t.Fatalf("%v; the key is %s, want %s", err, s.Status(id), step.want)
		}
	}
	err := s.port.Reactivate(ctx, s.target(), k)
	if e := driver.AsError("", err); e == nil || e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || e.Next == "" {
		t.Errorf("an archived key was enabled again: %v", err)
	}
}

// A key that has expired is dead: ending it is not to hold a rotation up.
func TestExpiredKeyNeedsNoEnd(t *testing.T) {
	s, ctx := newSite(t, sim.Config{}), context.Background()
	id, _ := s.CreateKey(sim.Key{Workspace: s.workspace, Life: time.Hour})
	s.now = s.now.Add(time.Hour)
	k := driver.Credential{ID: id}
	if err := s.port.Deactivate(ctx, s.target(), k); err != nil {
		t.Error(err)
	}
	if err := s.port.Revoke(ctx, s.target(), k, nil); err != nil {
		t.Error(err)
	}
	if err := s.port.Reactivate(ctx, s.target(), k); kindOf(err) != driver.Invalid {
		t.Errorf("an expired key was enabled again: %v", err)
	}
}

// An answer that does not show the new status is not believed, and a status
// that nobody knows yet is not taken for a dead key.
func TestStatusIsBelievedOnlyWhenShown(t *testing.T) {
	s, ctx := newSite(t, sim.Config{}), context.Background()
	id, _ := s.CreateKey(sim.Key{Workspace: s.workspace})
	path := "/v1/organizations/api_keys/" + id
	for _, body := range []string{`{}`, `{"id":"other","status":"inactive"}`, `{"id":"` + id + `","status":"active"}`} {
		s.Faults().Clear()
		s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Method: "POST", Path: path, Code: 200, Body: body})
		err := s.port.Deactivate(ctx, s.target(), driver.Credential{ID: id})
		if e := driver.AsError("", err); e == nil || e.Kind != driver.Malformed || e.Effect != pawl.EffectUnknown {
			t.Errorf("%s: %v", body, err)
		}
	}
	s.Faults().Clear()
	s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Method: "GET", Path: path, Code: 200, Body: `{"id":"` + id + `","status":"suspended"}`})
	if err := s.port.Deactivate(ctx, s.target(), driver.Credential{ID: id}); err != nil || s.Status(id) != sim.Inactive {
		t.Errorf("a key of an unknown status was left alone: %v, %s", err, s.Status(id))
	}
}

func TestProbe(t *testing.T) {
	s, ctx := newSite(t, sim.Config{}), context.Background()
	grants, err := s.port.Probe(ctx, s.target())
	if err != nil || len(grants) != 3 || grants[0].Detail != "Acme" || grants[1].Detail != "web" {
		t.Errorf("%+v, %v", grants, err)
	}
	stray := s.target()
	stray.Settings["workspace_id"] = "wrkspc_of_somebody_else"
	if grants, err = s.port.Probe(ctx, stray); err != nil || grants[1].Has != driver.No {
		t.Errorf("a workspace that is not there: %+v, %v", grants, err)
	}
	_, ordinary := s.CreateKey(sim.Key{})
	s.connect(ordinary)
	_, err = s.port.Probe(ctx, s.target())
	if e := driver.AsError("", err); e == nil || e.Kind != driver.Unauthenticated || !strings.Contains(e.Next, "sk-ant-admin") {
		t.Errorf("with an ordinary key: %v", err)
	}
}

func TestMintIsAPersonsWork(t *testing.T) {
	s := newSite(t, sim.Config{})
	_, err := s.port.Mint(context.Background(), driver.MintRequest{Target: s.target(), Name: "web-v2"})
	if e := driver.AsError("", err); e == nil || e.Kind != driver.Unsupported || e.Effect != pawl.EffectNone || !strings.Contains(e.Next, "https://") {
		t.Errorf("%v", err)
	}
	if len(s.Log()) != 0 {
		t.Error("a call was made")
	}
}
