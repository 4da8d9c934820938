package crash

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/examples"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// TestSample runs a part of the matrix, so that a broken engine fails the
// ordinary tests too. make crash-matrix runs all of it.
func TestSample(t *testing.T) {
	sample := 100
	if testing.Short() {
		sample = 1000
	}
	m := &Matrix{Scenarios: Scenarios(), Sample: sample}
	r, err := m.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Violations {
		t.Error(v)
	}
	if r.Schedules < len(m.Scenarios) {
		t.Errorf("only %d schedules ran", r.Schedules)
	}
}

// TestRunbookSample runs a part of what make crash-matrix-runbook runs.
func TestRunbookSample(t *testing.T) {
	sample := 3000
	if testing.Short() {
		sample = 1_000_000 // each secret once, without trouble
	}
	m := &Matrix{Scenarios: Runbook(), Sample: sample}
	r, err := m.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range r.Violations {
		t.Error(v)
	}
	if len(r.Scenarios) != 11 || r.Scenarios[9].Refused != 1 {
		t.Errorf("%d secrets ran, and the refusal of GITHUB_TOKEN counts %d", len(r.Scenarios), r.Scenarios[9].Refused)
	}
}

// TestRunbookPlans holds that what rotates in memory is planned as it is with
// the drivers that pawl ships with.
func TestRunbookPlans(t *testing.T) {
	shipped, err := estate.Parse("pawl.yaml", examples.Runbook, all.Drivers())
	if err != nil {
		t.Fatal(err)
	}
	here, err := parsed()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []pawl.SecretName{saas.DatabaseURL, saas.RedisURL} {
		known := plan.Observed{Secrets: map[pawl.SecretName]plan.Known{name: {Last: 1, Current: 1, Held: true}}}
		want, err := plan.Make(shipped, plan.Request{Secrets: []pawl.SecretName{name}}, known, NewClock().Now())
		if err != nil {
			t.Fatal(err)
		}
		got, err := plan.Make(here, plan.Request{Secrets: []pawl.SecretName{name}}, known, NewClock().Now())
		if err != nil {
			t.Fatal(err)
		}
		if got.Digest != want.Digest {
			t.Errorf("%s: its plan is %s here and %s with the drivers", name, got.Digest, want.Digest)
		}
	}
}

// TestDull holds which places are in the midst of something that repeats.
func TestDull(t *testing.T) {
	list := []string{"a", "p", "p", "p", "p", "p", "p", "b", "x", "y", "x", "y", "x", "y", "x", "y", "x", "y"}
	var got []int
	for i := range list {
		if dull(list, i) {
			got = append(got, i)
		}
	}
	if want := []int{3, 4, 12, 13}; !slices.Equal(got, want) {
		t.Errorf("dull are %v, want %v", got, want)
	}
}

// TestMutantsAreLookedForWhereTheyWereSeen holds that no place is named for a
// mutation or in a scenario that there is not: such a hint only slows the hunt.
func TestMutantsAreLookedForWhereTheyWereSeen(t *testing.T) {
	left := shows()
	for _, m := range Mutations() {
		if m.Shows == "" {
			continue
		}
		delete(left, m.Name)
		where := m.Where
		if where == nil {
			where = Scenarios()
		}
		i := slices.IndexFunc(where, func(s *Scenario) bool { return strings.HasPrefix(m.Shows, s.Name+": ") })
		if i < 0 {
			t.Errorf("%s: no scenario of it is that of %q", m.Name, m.Shows)
		} else if _, err := ParseSchedule(strings.TrimPrefix(m.Shows, where[i].Name+": ")); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
	if len(left) > 0 {
		t.Errorf("there are no such mutations: %v", left)
	}
}

// TestScheduleNames holds that a schedule says what it does, and that it can be
// run again by what it says.
func TestScheduleNames(t *testing.T) {
	list := []Schedule{Nothing()}
	want := []string{"no trouble", "kill during call 3, answer lost at call 4", "kill after write 7, disk full at write 9",
		"second process before call 2, a stranger mints", "undo said during call 5, somebody puts the old value back"}
	for _, change := range []func(s *Schedule){
		func(s *Schedule) { s.KillCall, s.Moment, s.FaultCall, s.Fault = 3, DuringIt, 4, Lost },
		func(s *Schedule) { s.KillWrite, s.Moment, s.FailWrite = 7, AfterIt, 9 },
		func(s *Schedule) { s.RaceCall, s.RaceAt, s.Foreign = 2, BeforeIt, true },
		func(s *Schedule) { s.UndoCall, s.Meddle = 5, true },
	} {
		s := Nothing()
		change(&s)
		list = append(list, s)
	}
	for i, s := range list {
		if s.String() != want[i] {
			t.Errorf("got %q, want %q", s, want[i])
		}
		if again, err := ParseSchedule(want[i]); err != nil || again != s {
			t.Errorf("%q is read as %q: %v", want[i], again, err)
		}
	}
	for _, bad := range []string{"", "kill call 3", "kill before call", "no trouble, a stranger mints", "answer lost"} {
		if s, err := ParseSchedule(bad); err == nil {
			t.Errorf("%q is read as %q", bad, s)
		}
	}
}
