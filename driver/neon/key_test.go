package neon_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/vendorsim"
	sim "github.com/pawlhq/pawl/vendorsim/neon"
)

// TestDeadOrAlive holds that only 401 means dead: a limit, a refusal of rights
// and an outage say nothing about the key.
func TestDeadOrAlive(t *testing.T) {
	for code, want := range map[int]string{0: "accepted", 401: "refused", 403: "denied", 429: "limited", 423: "conflict", 500: "unavailable", 503: "unavailable"} {
		s := newSite(t, sim.Config{}, sim.Project{})
		_, value := s.AddKey(s.user, "tried")
		if code != 0 {
			s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Path: "/api/v2/auth", Code: code})
		}
		if got := s.verdict(target("api_key"), single(value)); got != want {
			t.Errorf("HTTP %d is %s, want %s", code, got, want)
		}
		if sent := s.seen[0].Header.Get("Authorization"); sent != "Bearer "+value {
			t.Error("the question does not carry the key that it is about")
		}
	}
}

func TestVerifyNeverTriesTheConnectionsKey(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	for name, value := range map[string]secret.Parts{"no value": nil, "no part": {}, "empty": single(""), "other parts": login("a", "b")} {
		if got := s.verdict(target("api_key"), value); got != string(driver.Invalid) || len(s.seen) != 0 {
			t.Errorf("%s: %s and %d calls, want a refusal without a call", name, got, len(s.seen))
		}
	}
}

// TestAKeyMakesItsSuccessor turns the key that the connection itself works
// with, as `credential: secret:NEON_API_KEY` does.
func TestAKeyMakesItsSuccessor(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	old, oldID := s.credential, s.Keys()[0].ID
	m := s.mint(target("api_key"), "next")
	if s.verdict(target("api_key"), m.Value) != "accepted" {
		t.Fatal("the successor is not accepted")
	}
	s.credential, _ = s.KeyValue(m.Credential.ID)
	if err := s.port.Revoke(t.Context(), target("api_key"), driver.Credential{ID: oldID}, nil); err != nil {
		t.Fatal(err)
	}
	if s.verdict(target("api_key"), single(old)) != "refused" || s.verdict(target("api_key"), m.Value) != "accepted" {
		t.Error("not the old key is what died")
	}
}

func TestKeysOfAnOrganisationAreTheirOwn(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	whole := target("org_api_key", "org_id", org)
	one := target("org_api_key", "org_id", org, "project_id", project)
	a, b := s.mint(whole, "whole"), s.mint(one, "one")
	for kind, want := range map[*driver.Target]string{&whole: a.Credential.ID, &one: b.Credential.ID} {
		list, err := s.port.List(t.Context(), *kind)
		if err != nil || len(list) != 1 || list[0].ID != want {
			t.Errorf("the list is %+v, want %s alone (%v)", list, want, err)
		}
	}
	keys := s.Keys()
	if got := keys[len(keys)-1]; got.Project != project || got.Org != org {
		t.Errorf("the key for one project is %+v", got)
	}
	if err := s.port.Revoke(t.Context(), whole, a.Credential, nil); err != nil || s.verdict(whole, a.Value) != "refused" || s.verdict(one, b.Value) != "accepted" {
		t.Errorf("not the right key is what died (%v)", err)
	}
}

// TestAnOrganisationsKeyCannotMint holds that this is told before anything is
// tried, and what helps when it is tried.
func TestAnOrganisationsKeyCannotMint(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	whole := target("org_api_key", "org_id", org)
	has := func() driver.Has {
		grants, err := s.port.Probe(t.Context(), whole)
		if err != nil || len(grants) != 2 || !strings.Contains(grants[0].Need, "mint") {
			t.Fatalf("the grants are %+v (%v)", grants, err)
		}
		return grants[0].Has
	}
	if has() != driver.Maybe {
		t.Error("an admin may, but Neon does not say so")
	}
	_, s.credential = s.AddOrgKey(org, "", "own")
	if has() != driver.No {
		t.Error("an organisation's key is said to be able to mint")
	}
	_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: whole, Name: "x"})
	if e := failure(err); e.Kind != driver.Denied || e.Effect != pawl.EffectNone || !strings.Contains(e.Next, "personal key") {
		t.Errorf("got %v, next %q", err, e.Next)
	}
}

func TestLongNamesOfKeysAreNotSent(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	for _, name := range []string{"", strings.Repeat("é", 65)} {
		_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: target("api_key"), Name: name})
		if e := failure(err); e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || len(s.seen) != 0 {
			t.Errorf("%d bytes: got %v and %d calls", len(name), err, len(s.seen))
		}
	}
	s.mint(target("api_key"), strings.Repeat("é", 64))
}

// TestALostKeyIsFoundByItsName holds what the engine does after a mint without
// an answer: one request, an unknown effect, and a name to look for.
func TestALostKeyIsFoundByItsName(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	s.Faults().Add(vendorsim.Rule{Kind: vendorsim.AfterLost, Method: "POST", Count: 1})
	_, err := s.port.Mint(t.Context(), driver.MintRequest{Target: target("api_key"), Name: "acme-v2"})
	if failure(err).Effect != pawl.EffectUnknown || s.made("POST", "/api_keys") != 1 {
		t.Fatalf("got %v and %d requests", err, s.made("POST", "/api_keys"))
	}
	list, err := s.port.List(t.Context(), target("api_key"))
	i := slices.IndexFunc(list, func(c driver.Credential) bool { return c.Name == "acme-v2" })
	if err != nil || i < 0 {
		t.Fatalf("the lost key is not in %+v (%v)", list, err)
	}
	if err := s.port.Revoke(t.Context(), target("api_key"), list[i], nil); err != nil || s.Keys()[1].RevokedAt.IsZero() {
		t.Errorf("the lost key lives on (%v)", err)
	}
}

// TestNotFoundIsNotTheEnd holds that a key is called gone when the list does
// not have it, and not because something was not found.
func TestNotFoundIsNotTheEnd(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	id, _ := s.AddKey(s.user, "old")
	s.Faults().Add(vendorsim.Rule{Kind: vendorsim.Status, Method: "DELETE", Code: 404})
	err := s.port.Revoke(t.Context(), target("api_key"), driver.Credential{ID: id}, nil)
	if e := failure(err); e.Kind != driver.NotFound || e.Effect != pawl.EffectNone {
		t.Errorf("a key that lives is called gone: %v", err)
	}
	if err := s.port.Revoke(t.Context(), target("api_key"), driver.Credential{ID: "99"}, nil); err != nil {
		t.Errorf("a key that is not there cannot be ended: %v", err)
	}
	elsewhere := target("org_api_key", "org_id", "org-no-such-1")
	if err := s.port.Revoke(t.Context(), elsewhere, driver.Credential{ID: "99"}, nil); failure(err).Kind != driver.NotFound {
		t.Errorf("a key of an organisation that is not there is called gone: %v", err)
	}
}

func TestIdsOfKeysAreNumbers(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	for _, id := range []string{"", "0", "-1", "7/../8", "1e3", "0x1f"} {
		err := s.port.Revoke(t.Context(), target("api_key"), driver.Credential{ID: id}, nil)
		if failure(err).Kind != driver.Invalid || len(s.seen) != 0 {
			t.Errorf("%q: got %v and %d calls", id, err, len(s.seen))
		}
	}
}

func TestLastUse(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	id, value := s.AddKey(s.user, "old")
	last := func() time.Time {
		at, err := s.port.LastUsed(t.Context(), target("api_key"), driver.Credential{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if !last().IsZero() {
		t.Error("a key that was never used has a last use")
	}
	used := s.now
	if s.verdict(target("api_key"), single(value)) != "accepted" {
		t.Fatal("the key is not accepted")
	}
	s.now = s.now.Add(time.Hour)
	if got := last(); !got.Equal(used) {
		t.Errorf("the last use is %s, want %s", got, used)
	}
	if _, err := s.port.LastUsed(t.Context(), target("api_key"), driver.Credential{ID: "99"}); failure(err).Kind != driver.NotFound {
		t.Errorf("a key that is not there: %v", err)
	}
}

func TestWhatKindsCannot(t *testing.T) {
	s := newSite(t, sim.Config{}, sim.Project{})
	_, identify := s.port.Identify(t.Context(), target("api_key"), single(s.credential))
	_, used := s.port.LastUsed(t.Context(), s.role(owner), driver.Credential{ID: owner})
	_, mint := s.port.Mint(t.Context(), driver.MintRequest{Target: target("branch")})
	_, check := s.port.Check(t.Context(), driver.CheckRequest{Target: target("api_key")})
	for what, err := range map[string]error{"identify a key": identify, "last use of a password": used, "mint a branch": mint, "check a key": check} {
		if e := failure(err); e.Kind != driver.Unsupported || e.Effect != pawl.EffectNone {
			t.Errorf("%s: got %v", what, err)
		}
	}
}
