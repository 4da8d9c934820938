package estate_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

func find(t *testing.T, e *estate.Estate, name pawl.SecretName) *estate.Secret {
	t.Helper()
	s, ok := e.Secret(name)
	if !ok {
		t.Fatalf("there is no %s", name)
	}
	return s
}

func TestGoodFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("good files: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { load(t, file) })
	}
}

func TestEnvironments(t *testing.T) {
	e := load(t, "testdata/good/everything.yaml")
	var names []pawl.SecretName
	for _, s := range e.Secrets {
		names = append(names, s.Name)
	}
	want := []pawl.SecretName{"FLY_ADMIN@staging", "FLY_ADMIN@production", "API_TOKEN@staging", "API_TOKEN@production",
		"DATABASE", "MAIL_KEY", "MAIL_SALT", "SIGNING_CERT", "MASTER_KEY", "MAIL_FROM"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	staging, production := find(t, e, "API_TOKEN@staging"), find(t, e, "API_TOKEN@production")
	if diff := cmp.Diff([]pawl.SecretName{"FLY_ADMIN@staging", "MAIL_SALT"}, staging.After); diff != "" {
		t.Errorf("staging's after (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]pawl.SecretName{"FLY_ADMIN@production", "MAIL_SALT", "API_TOKEN@staging"}, production.After); diff != "" {
		t.Errorf("production's after (-want +got):\n%s", diff)
	}
	if got := production.Issuer; got.Connection != "fly-production" || got.Settings.String("app") != "acme" || got.Settings.Duration("expiry") != 14*24*time.Hour {
		t.Errorf("production's issuer: %+v", got)
	}
	if got := staging.Locations[1].Settings.String("name"); got != "API_TOKEN_staging" {
		t.Errorf("a variable in a name gave %q", got)
	}
	if got := staging.Locations[0].Settings.String("name"); got != "API_TOKEN" {
		t.Errorf("the default name has the environment in it: %q", got)
	}
	if got := find(t, e, "FLY_ADMIN@staging").Issuer.Settings.String("name"); got != "FLY_ADMIN-{{.Date}}" {
		t.Errorf("default with a token inside gave %q", got)
	}
	if got, want := staging.Locations[4].Task.Do, "Paste version {{.Version}} of {{.Secret}} into ${TOKEN}"; got != want {
		t.Errorf("task text %q, want %q", got, want)
	}
	if got, want := staging.Checks[1].Settings.Map("inputs")["ref"], "${{ x }}-staging"; got != want {
		t.Errorf("input %q, want %q", got, want)
	}
}

func TestMergeKeys(t *testing.T) {
	const file = `
pawl: 1
estate: a
secrets:
  A: &a {never: x, owner: first, purpose: p, <<: [{owner: third, if_half_done: h}, {if_half_done: later}]}
  B: {<<: *a, owner: second}
`
	e, err := estate.Parse("pawl.yaml", []byte(file), drivers())
	if err != nil {
		t.Fatal(err)
	}
	a, b := find(t, e, "A"), find(t, e, "B")
	if a.Owner != "first" || a.IfHalfDone != "h" {
		t.Errorf("a written key must win over a merged one, and an earlier source over a later: %+v", a)
	}
	if b.Owner != "second" || b.Purpose != "p" || b.Never != "x" || b.IfHalfDone != "h" {
		t.Errorf("merged: %+v", b)
	}
}

func TestEverySetting(t *testing.T) {
	e := load(t, "testdata/good/everything.yaml")
	s := find(t, e, "API_TOKEN@staging")
	wantSettings := estate.Settings{"path": "/health", "status": 204, "follow": true, "headers": map[string]string{"Host": "acme-staging"},
		"hosts": []string{"a", "b"}, "method": "HEAD"}
	if diff := cmp.Diff(wantSettings, s.Checks[0].Settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]estate.When{estate.Before, estate.Final}, s.Checks[0].When); diff != "" {
		t.Errorf("when (-want +got):\n%s", diff)
	}
	if s.Overlap != 36*time.Hour || s.Escrow != estate.EscrowNone || s.Owner != "platform" || len(s.Links) != 1 || s.IfHalfDone == "" {
		t.Errorf("secret: %+v", s)
	}
	if diff := cmp.Diff(estate.Retire{Mode: estate.Revoke, After: time.Hour, Approve: true}, s.Retire); diff != "" {
		t.Errorf("retire (-want +got):\n%s", diff)
	}
	wantLeak := estate.Compromised{Contain: estate.ContainFirst, AlsoLeaked: []pawl.SecretName{"MAIL_KEY"}, Tasks: []estate.Task{{Title: "Tell the users"}}}
	if diff := cmp.Diff(wantLeak, s.Compromised, cmpopts.IgnoreTypes(estate.Pos{})); diff != "" {
		t.Errorf("compromised (-want +got):\n%s", diff)
	}
	p := s.Policy
	if p.Every != 90*24*time.Hour || len(p.Windows) != 2 || len(p.Forbid) != 3 || !p.AcceptGap || !p.Approve || p.Attempts != 3 || p.OnFailure != estate.HoldOnFailure {
		t.Errorf("policy: %+v", p)
	}
	if got := s.Tasks[0]; got.At != pawl.Retire || got.Within != 7*24*time.Hour || got.Who != "platform" {
		t.Errorf("task: %+v", got)
	}
	if got := s.Checks[2]; got.Task == nil || got.Task.Within != 2*time.Hour || got.Task.Title != "A user can sign in" {
		t.Errorf("person's check: %+v", got)
	}
}

func TestPartsAndDefaults(t *testing.T) {
	e := load(t, "testdata/good/everything.yaml")
	db := find(t, e, "DATABASE")
	wantDerived := []estate.Derived{
		{Part: "login", Template: "{{.user | urlquery}}:{{.password | urlquery}}"},
		{Part: "dsn", Template: "postgres://{{.login}}@db.example.com/app"},
	}
	if diff := cmp.Diff(wantDerived, db.Derived); diff != "" {
		t.Errorf("derived parts are not behind what they are made of (-want +got):\n%s", diff)
	}
	if db.NoCheck != "the next request shows it" || db.Checks != nil {
		t.Errorf("no check: %q, %v", db.NoCheck, db.Checks)
	}
	if db.Migrate == nil || db.Migrate.Settings.Int("status") != 404 {
		t.Errorf("migrate: %+v", db.Migrate)
	}
	if got := db.Locations[4].Activate; got != "next_deploy" {
		t.Errorf("the long form of activate gave %q", got)
	}
	salt := find(t, e, "MAIL_SALT")
	if diff := cmp.Diff([]string{"value"}, salt.Parts); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	if salt.Issuer.Kind != "value" || salt.Issuer.Connection != "random" || salt.Issuer.Facts.Issuer == nil {
		t.Errorf("the only kind was not found: %+v", salt.Issuer)
	}
	if salt.Locations[0].Role != estate.Presents || salt.Escrow != estate.EscrowKeep || salt.Compromised.Contain != estate.ContainLast {
		t.Errorf("defaults are missing: %+v", salt)
	}
	if got := find(t, e, "MASTER_KEY").Never; got != "It would destroy data" {
		t.Errorf("never: %q", got)
	}
}

func TestGroupsContactsConnections(t *testing.T) {
	e := load(t, "testdata/good/everything.yaml")
	wantGroups := []estate.Group{{Name: "mail", Secrets: []pawl.SecretName{"MAIL_KEY", "MAIL_SALT"}, Why: "The reader needs both"}}
	if diff := cmp.Diff(wantGroups, e.Groups, cmpopts.IgnoreTypes(estate.Pos{})); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	wantContacts := []estate.Contact{{Name: "Fly", How: "https://fly.example.com/support"}, {Name: "Database team", How: "#databases", For: []string{"neon"}}}
	if diff := cmp.Diff(wantContacts, e.Contacts); diff != "" {
		t.Errorf("contacts (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{"fly-production": "secret:FLY_ADMIN@production", "github": "file:secrets/github-token", "neon": "exec:pass show neon", "cp": ""} {
		if got := e.Connections[name].Credential.String(); got != want {
			t.Errorf("credential of %s is %q, want %q", name, got, want)
		}
	}
	if got := e.Environments[1]; got.After != "staging" || !got.Approve || got.Vars["port"] != "443" {
		t.Errorf("production: %+v", got)
	}
}
