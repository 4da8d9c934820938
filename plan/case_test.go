package plan_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// scenario is one plan: testdata/<file>.yaml, what is known, and the request.
type scenario struct {
	name    string // of the golden files
	file    string // "" is name
	secrets []pawl.SecretName
	mode    plan.Mode
	known   plan.Known // of every secret
	plan    string     // the alternative
}

// held is a secret that pawl rotated before.
var held = plan.Known{Last: 6, Current: 6, Held: true, Identified: true}

// from is a secret whose current version a certain issuer minted.
func from(issuer string) plan.Known {
	k := held
	k.Source = issuer
	return k
}

// scenarios has one of each plan shape, and of each thing that an approver
// has to see.
func scenarios() []scenario {
	key := []pawl.SecretName{"KEY"}
	fly := []pawl.SecretName{"FLY_API_TOKEN"}
	return []scenario{
		{name: "seed", secrets: fly, known: held},
		{name: "seed_first", file: "seed", secrets: fly},
		{name: "seed_compromised", file: "seed", secrets: fly, known: held, mode: plan.Compromised},
		{name: "side_by_side", secrets: key, known: held},
		{name: "replaced", secrets: key, known: held},
		{name: "replaced_by_hand", secrets: key, known: held},
		{name: "window", secrets: key, known: held},
		{name: "window_compromised", file: "window", secrets: key, known: held, mode: plan.Compromised},
		{name: "accept_list", secrets: key, known: held},
		{name: "local", secrets: key, known: held},
		{name: "human_mint", secrets: key, known: held},
		{name: "group", secrets: []pawl.SecretName{"USER", "PASSWORD"}, known: held},
		{name: "contain_first", secrets: key, known: held, mode: plan.Compromised},
		{name: "contain_last", secrets: key, known: held, mode: plan.Compromised},
		{name: "environments_staging", file: "environments", secrets: []pawl.SecretName{"KEY@staging"}, known: held},
		{name: "environments_production", file: "environments", secrets: []pawl.SecretName{"KEY@production"}, known: held},
		{name: "grace", secrets: key, known: plan.Known{Last: 2, Current: 1}},
		{name: "grace_by_hand", secrets: key, known: held},
		{name: "derived", secrets: []pawl.SecretName{"DB"}, known: held},
		{name: "parallel", secrets: key, known: held},
		{name: "overlap_drain", secrets: key, known: held},
		{name: "person_steps", secrets: key, known: held},
		{name: "migrate", secrets: key, known: held},
		{name: "reencrypt", secrets: key, known: held},
		{name: "reencrypt_leaked", file: "reencrypt", secrets: key, known: held, mode: plan.Compromised},
		{name: "reencrypt_ended", secrets: key, known: held},
		{name: "old_unused", secrets: key, known: held},
		{name: "old_unused_first", file: "old_unused", secrets: key},
		{name: "kept", secrets: key, known: held},
		{name: "minted", secrets: key, known: held},
		{name: "shadows", secrets: key, known: held},
		{name: "shadows_compromised", file: "shadows", secrets: key, known: held, mode: plan.Compromised},
		{name: "deploy", secrets: key, known: held},
		{name: "one_slot", secrets: key, known: held},
		{name: "consumers", secrets: key, known: held},
		{name: "consumers_found", secrets: key, known: held},
		{name: "alternative_usual", file: "alternative", secrets: key, known: held},
		{name: "alternative", secrets: key, plan: "reset", known: from("lab replaced")},
		{name: "alternative_elsewhere", file: "alternative", secrets: key, plan: "reset", known: from("lab key")},
		{name: "alternative_back", file: "alternative", secrets: key, known: from("lab replaced")},
		{name: "alternative_leaked", file: "alternative", secrets: key, known: held, mode: plan.Compromised},
		{name: "by_person", secrets: fly, known: held},
		{name: "window_chosen", secrets: key, known: held},
		{name: "window_silent", secrets: key, known: held},
		{name: "brief", secrets: key, known: held},
		{name: "pauses", secrets: key, known: held},
		{name: "pauses_compromised", file: "pauses", secrets: key, known: held, mode: plan.Compromised},
		{name: "pauses_group", secrets: []pawl.SecretName{"USER", "PASSWORD"}, known: held},
		{name: "config", secrets: []pawl.SecretName{"MAIL_FROM"}, known: held},
		{name: "accept_found", secrets: key, known: held},
	}
}

// now is when the plans of these tests are made.
func now() time.Time { return time.Date(2026, 3, 1, 2, 30, 0, 0, time.UTC) }

func (s scenario) load(t testing.TB) *estate.Estate {
	t.Helper()
	file := s.file
	if file == "" {
		file = s.name
	}
	data, err := os.ReadFile(filepath.Join("testdata", file+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, data)
}

func parse(t testing.TB, data []byte) *estate.Estate {
	t.Helper()
	e, err := estate.Parse("pawl.yaml", data, drivers())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (s scenario) observed() plan.Observed {
	o := plan.Observed{Secrets: map[pawl.SecretName]plan.Known{}}
	for _, name := range s.secrets {
		o.Secrets[name] = s.known
	}
	return o
}

func (s scenario) make(t testing.TB, e *estate.Estate, at time.Time) *plan.Plan {
	t.Helper()
	p, err := plan.Make(e, plan.Request{Secrets: s.secrets, Mode: s.mode, Plan: s.plan}, s.observed(), at)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// each runs a test over the plan of every scenario.
func each(t *testing.T, test func(t *testing.T, s scenario, p *plan.Plan)) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) { test(t, s, s.make(t, s.load(t), now())) })
	}
}
