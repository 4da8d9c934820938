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
	expect := func(p string) estate.Settings { return estate.Settings{"expect": p} }
	forbid := func(p string, over time.Duration) estate.Settings { return estate.Settings{"forbid": p, "over": over} }
	for _, c := range []struct {
		name  string
		rule  estate.Settings
		log   string
		since time.Duration
		want  driver.State
		final bool
		after time.Duration
	}{
		{"what is expected is there", expect("started$"), "a\nserver started\r\nb\n", 0, driver.Passed, false, 0},
		{"in a last line without its end", expect("started"), "a\nserver started", 0, driver.Passed, false, 0},
		{"over two lines", expect("server started"), "server\nstarted\n", 0, driver.Failed, false, 0},
		{"an empty log", expect("started"), "", 0, driver.Failed, false, 0},
		{"what is forbidden is there", forbid("40[13]", time.Minute), "ok\nGET / 403\n", time.Minute, driver.Failed, true, 0},
		{"forbidden while it is watched", forbid("401", time.Hour), "GET / 401\n", time.Minute, driver.Failed, true, 0},
		{"not watched long enough", forbid("401", time.Minute), "ok\n", 50 * time.Second, driver.Pending, false, 10 * time.Second},
		{"a long watch is looked at early", forbid("401", time.Hour), "ok\n", time.Minute, driver.Pending, false, lookEvery},
		{"watched", forbid("401", time.Minute), "ok\n", time.Minute, driver.Passed, false, 0},
		{"a silent log that is only watched", forbid("401", time.Minute), "", time.Minute, driver.Passed, false, 0},
		{"forbidden weighs more than expected", estate.Settings{"expect": "started", "forbid": "401", "over": time.Minute}, "started\n401\n", time.Minute, driver.Failed, true, 0},
		{"watched, and what is expected is missing", estate.Settings{"expect": "started", "forbid": "401", "over": time.Minute}, "ok\n", time.Minute, driver.Failed, false, 0},
		{"behind a very long line", forbid("401", time.Minute), strings.Repeat("x", 3*MaxLine) + "401\n", time.Minute, driver.Failed, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			rule, why := RuleOf(c.rule)
			if why != "" {
				t.Fatal(why)
			}
			var tally Tally
			if err := tally.Read(rule, iotest.HalfReader(strings.NewReader(c.log))); err != nil {
				t.Fatal(err)
			}
			f := rule.Finding(tally, now.Add(-c.since), now)
			if f.State != c.want || f.Final != c.final || f.After != c.after {
				t.Errorf("got %q, final %v, after %s (%s), want %q, %v, %s", f.State, f.Final, f.After, f.Detail, c.want, c.final, c.after)
			}
		})
	}
}

func TestReadGivesErrors(t *testing.T) {
	cut := errors.New("cut")
	if err := new(Tally).Read(Rule{}, iotest.ErrReader(cut)); !errors.Is(err, cut) {
		t.Errorf("a log that cannot be read: %v", err)
	}
}

func TestRuleOfRefuses(t *testing.T) {
	for name, s := range map[string]estate.Settings{
		"nothing said": {"over": time.Minute},
		"no pattern":   {"forbid": "(", "over": time.Minute},
		"not watched":  {"forbid": "401"},
	} {
		if _, why := RuleOf(s); why == "" {
			t.Errorf("%s: taken", name)
		}
	}
}
