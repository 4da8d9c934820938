package estate_test

import (
	"math"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// whole reads the file of what no plan acts on yet as if plans did.
func whole(t *testing.T) *estate.Estate {
	t.Helper()
	const file = "testdata/bad/unserved.yaml"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e, err := estate.ParseWhole(file, data, drivers())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What is refused only because nothing acts on it yet is part of the format
// all the same: editors complete it.
func TestUnservedConforms(t *testing.T) {
	_, c := schema(t)
	data, err := os.ReadFile("testdata/bad/unserved.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range c.file(data) {
		t.Error(wrong)
	}
}

func TestConsumersAndShadows(t *testing.T) {
	db := find(t, whole(t), "DATABASE")
	got := db.Locations[0].Consumers
	if len(got) != 4 || got[0].Kind != "sync" || got[1].Parallel != "apps" || got[1].Within != 10*time.Minute || got[2].Settings.String("app") != "two" {
		t.Fatalf("consumers: %+v", got)
	}
	if task := got[3].Task; task == nil || task.Within != 4*time.Hour || len(task.Contacts) != 1 || task.Contacts[0].How != "#cloud" {
		t.Errorf("the person among the consumers: %+v", task)
	}
	if gates := db.Locations[0].Checks; len(gates) != 1 || gates[0].Settings.String("path") != "/first" {
		t.Errorf("checks of a location: %+v", gates)
	}
	found := db.Locations[1]
	if found.Activate != "next_deploy" || found.ActivateWithin != 14*24*time.Hour {
		t.Errorf("activation: %q within %s", found.Activate, found.ActivateWithin)
	}
	if d := found.Discover; d == nil || d.AtLeast != 2 || d.AtMost != 40 || d.Settings.String("path") != "/apps" {
		t.Errorf("discover: %+v", d)
	}
	if root := find(t, whole(t), "ROOT_PASSWORD").Locations[0]; root.Slots != 1 || root.Role != estate.Accepts {
		t.Errorf("slots: %+v", root)
	}
	if s := found.Shadows; len(s) != 1 || s[0].Kind != "app_secret" || s[0].Discover == nil || s[0].Discover.AtLeast != 1 || s[0].Why == "" {
		t.Errorf("shadows: %+v", s)
	}
}

func TestAlternatives(t *testing.T) {
	e := whole(t)
	db := find(t, e, "DATABASE")
	if len(db.Alternatives) != 1 || db.Compromised.Plan != "reset" {
		t.Fatalf("alternatives: %+v, when leaked %q", db.Alternatives, db.Compromised.Plan)
	}
	a := db.Alternatives[0]
	if a.Name != "reset" || a.Issuer.Kind != "role_password" || a.Issuer.Facts.Issuer == nil || !a.AcceptGap || a.Overlap != time.Hour || a.Retire.After != 5*time.Minute || a.Why == "" {
		t.Errorf("alternative: %+v", a)
	}
	if got := find(t, e, "STRIPE_KEY").Retire; got.Mode != estate.Expire || got.Window != 12*time.Hour {
		t.Errorf("retire: %+v", got)
	}
	if got := e.Environments[1].Delay; got != 24*time.Hour {
		t.Errorf("delay: %s", got)
	}
}

func TestFixturesAndPauses(t *testing.T) {
	db := find(t, whole(t), "DATABASE")
	f := db.Checks[0].Fixture
	if f == nil || f.Create.Settings.Map("with")["slug"] != "{{.Fixture}}" || f.Remove.Settings.String("path") != "/orgs/{{.Fixture}}" || f.Settle != time.Minute {
		t.Errorf("fixture: %+v", f)
	}
	if s := db.Checks[0].Settings; s.String("forbid") == "" || s.Duration("over") != 5*time.Minute {
		t.Errorf("what the log is watched for: %v", s)
	}
	p := db.Pauses
	if len(p) != 1 || p[0].From != pawl.Preflight || p[0].To != pawl.Switch || p[0].Start.Settings.String("path") != "/on" || p[0].Why == "" {
		t.Errorf("pauses: %+v", p)
	}
}

// A person may be half of a pause: a question outlives a crash as a call does.
func TestPausesByHand(t *testing.T) {
	e := load(t, "testdata/good/shapes.yaml")
	p := find(t, e, "REPLACED_AT_ONCE").Pauses
	if len(p) != 2 || p[0].From != pawl.Preflight || p[0].To != pawl.Confirm || p[1].From != pawl.Switch || p[1].To != pawl.Switch {
		t.Fatalf("pauses: %+v", p)
	}
	if task := e.TaskOf(p[0].Start); task == nil || task.Title != "Take it down" || task.Within != time.Hour {
		t.Errorf("the task of the start: %+v", task)
	}
}

func TestConfiguration(t *testing.T) {
	for name, s := range map[string]*estate.Secret{
		"without an issuer": find(t, whole(t), "FROM_EMAIL"),
		"with one":          find(t, load(t, "testdata/good/everything.yaml"), "MAIL_FROM"),
	} {
		if !s.Config || s.Issuer.Connection != estate.Person || s.Retire.Mode != estate.KeepOld || s.Retire.Why == "" {
			t.Errorf("%s: config %t, issuer %q, retire %+v", name, s.Config, s.Issuer.Connection, s.Retire)
		}
	}
	got := find(t, whole(t), "FROM_EMAIL").Checks[0].When
	if diff := cmp.Diff([]estate.When{estate.Minted, estate.Final}, got); diff != "" {
		t.Errorf("when (-want +got):\n%s", diff)
	}
}

func TestWhomToAsk(t *testing.T) {
	e := load(t, "testdata/good/everything.yaml")
	fly := estate.Contact{Name: "Fly", How: "https://fly.example.com/support"}
	database := estate.Contact{Name: "Database team", How: "#databases", For: []string{"neon"}}
	for name, want := range map[pawl.SecretName][]estate.Contact{
		"API_TOKEN@staging": {fly},           // names it
		"MAIL_KEY":          {fly, database}, // uses neon
		"MAIL_SALT":         {fly},           // uses neither: who helps with everything
	} {
		if diff := cmp.Diff(want, e.ContactsFor(find(t, e, name))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	s := find(t, e, "API_TOKEN@staging")
	want := estate.Task{Title: "Put it into the vendor's form", Do: "Paste version {{.Version}} of {{.Secret}} into ${TOKEN}", URL: "https://vendor.example.com",
		Who: "anybody with the admin role", Within: 24 * time.Hour, Contacts: []estate.Contact{database}, Links: []string{"https://wiki.example.com/form"},
		BlastRadius: "Sign-in pauses for a minute"}
	if diff := cmp.Diff(&want, s.Locations[4].Task, cmpopts.IgnoreTypes(estate.Pos{})); diff != "" {
		t.Errorf("task of a location (-want +got):\n%s", diff)
	}
	if got := s.Tasks[0]; len(got.Contacts) != 2 || len(got.Links) != 1 || got.BlastRadius != "Nobody notices" || s.BlastRadius != "Every machine restarts" {
		t.Errorf("task at a phase: %+v", got)
	}
	mint := e.TaskOf(find(t, e, "MAIL_FROM").Issuer)
	if mint == nil || mint.Title != "Choose the address" || len(mint.Contacts) != 1 || len(mint.Links) != 1 {
		t.Errorf("a person's mint: %+v", mint)
	}
	if got := e.TaskOf(find(t, e, "MAIL_KEY").Issuer); got != nil {
		t.Errorf("a task for nobody: %+v", got)
	}
}

func TestComparisons(t *testing.T) {
	for text, cases := range map[string]map[float64]bool{
		"< 0.5": {0.4: true, 0.5: false}, "<= 0.5": {0.5: true, 0.6: false}, "> 3": {3: false, 4: true}, ">=3": {3: true, 2: false},
		"== 0": {0: true, 1: false}, "!= -1e3": {-1000: false, 0: true},
	} {
		c, err := estate.ParseComparison(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for v, want := range cases {
			if got := c.Holds(v); got != want {
				t.Errorf("%v %s: %t, want %t", v, text, got, want)
			}
		}
		if c.Holds(math.NaN()) {
			t.Errorf("what is not a number passes %s", text)
		}
	}
	for _, text := range []string{"", "0", "< ", "<< 3", "= 3", "< NaN", "≤ 3"} {
		if c, err := estate.ParseComparison(text); err == nil {
			t.Errorf("%q gave %+v", text, c)
		}
	}
}
