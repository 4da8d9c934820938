package crash

import (
	"context"
	"testing"
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

// TestScheduleNames holds that a schedule says what it does.
func TestScheduleNames(t *testing.T) {
	s := Nothing()
	if s.String() != "no trouble" {
		t.Errorf("got %q", s)
	}
	s.KillCall, s.Moment, s.FaultCall, s.Fault = 3, DuringIt, 4, Lost
	if got, want := s.String(), "kill during call 3, answer lost at call 4"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
