package lines

import (
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

func TestFinding(t *testing.T) {
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		rule  Rule
		log   string
		since time.Duration
		want  driver.State
		final bool
		after time.Duration
	}{
		{"what is expected is there", Rule{Expect: []string{"started"}}, "a\nserver started\nb\n", 0, driver.Passed, false, 0},
		{"in a last line without its end", Rule{Expect: []string{"started"}}, "a\nserver started", 0, driver.Passed, false, 0},
		{"one of two is missing", Rule{Expect: []string{"started", "ready"}}, "server started\n", 0, driver.Failed, false, 0},
		{"an empty log", Rule{Expect: []string{"started"}}, "", 0, driver.Failed, false, 0},
		{"what is forbidden is there", Rule{Forbid: []string{"401"}}, "ok\nGET / 401\n", 0, driver.Failed, true, 0},
		{"forbidden while it is watched", Rule{Forbid: []string{"401"}, Watch: time.Hour}, "GET / 401\n", time.Minute, driver.Failed, true, 0},
		{"not watched long enough", Rule{Forbid: []string{"401"}, Watch: time.Minute}, "ok\n", 50 * time.Second, driver.Pending, false, 10 * time.Second},
		{"a long watch is looked at early", Rule{Forbid: []string{"401"}, Watch: time.Hour}, "ok\n", time.Minute, driver.Pending, false, lookEvery},
		{"watched", Rule{Forbid: []string{"401"}, Watch: time.Minute}, "ok\n", time.Minute, driver.Passed, false, 0},
		{"a silent log that is only watched", Rule{Forbid: []string{"401"}, Watch: time.Minute}, "", time.Minute, driver.Passed, false, 0},
		{"forbidden weighs more than expected", Rule{Expect: []string{"started"}, Forbid: []string{"401"}}, "started\n401\n", 0, driver.Failed, true, 0},
		{"behind a very long line", Rule{Forbid: []string{"401"}}, strings.Repeat("x", 3*MaxLine) + "401\n", 0, driver.Failed, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			tally := c.rule.Tally()
			if err := tally.Read(c.rule, iotest.HalfReader(strings.NewReader(c.log))); err != nil {
				t.Fatal(err)
			}
			f := c.rule.Finding(tally, now.Add(-c.since), now)
			if f.State != c.want || f.Final != c.final || f.After != c.after {
				t.Errorf("got %q, final %v, after %s (%s), want %q, %v, %s", f.State, f.Final, f.After, f.Detail, c.want, c.final, c.after)
			}
		})
	}
}

func TestReadGivesErrors(t *testing.T) {
	r := Rule{Expect: []string{"x"}}
	cut := errors.New("cut")
	if err := r.Tally().Read(r, iotest.ErrReader(cut)); !errors.Is(err, cut) {
		t.Errorf("a log that cannot be read: %v", err)
	}
}

func TestRuleOf(t *testing.T) {
	for name, s := range map[string]estate.Settings{
		"nothing is said": {"watch": time.Minute},
		"an empty text":   {"forbid": []string{"401", ""}, "watch": time.Minute},
		"not watched":     {"forbid": []string{"401"}},
	} {
		if _, why := RuleOf(s); why == "" {
			t.Errorf("%s: taken", name)
		}
	}
	r, why := RuleOf(estate.Settings{"expect": []any{"a"}, "forbid": []string{"b"}, "watch": time.Minute})
	if why != "" || len(r.Expect) != 1 || r.Forbid[0] != "b" || r.Watch != time.Minute {
		t.Errorf("got %+v, %q", r, why)
	}
}
