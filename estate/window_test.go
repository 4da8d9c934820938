package estate_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pawlhq/pawl/estate"
)

// policy parses windows and forbidden days as a file would have them.
func policy(t *testing.T, windows, forbid string) estate.Policy {
	t.Helper()
	file := fmt.Sprintf("pawl: 1\nestate: a\nsecrets: {A: {never: x, policy: {window: %s, forbid: %s}}}\n", windows, forbid)
	e, err := estate.Parse("pawl.yaml", []byte(file), drivers())
	if err != nil {
		t.Fatal(err)
	}
	return e.Secrets[0].Policy
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		name, windows, forbid, at string
		want                      bool
	}{
		{"no windows", "[]", "[]", "2026-03-01T12:00:00Z", true},
		{"no windows, forbidden weekday in UTC", "[]", "Sun", "2026-03-01T12:00:00Z", false},
		{"first instant", "Sun 02:00-06:00 UTC", "[]", "2026-03-01T02:00:00Z", true},
		{"last instant is outside", "Sun 02:00-06:00 UTC", "[]", "2026-03-01T06:00:00Z", false},
		{"just before the end", "Sun 02:00-06:00 UTC", "[]", "2026-03-01T05:59:59Z", true},
		{"other day", "Sun 02:00-06:00 UTC", "[]", "2026-03-02T03:00:00Z", false},
		{"span of days over the end of the week", "Sat-Mon 02:00-06:00 UTC", "[]", "2026-03-01T03:00:00Z", true},
		{"list of days", "'Sat,Tue 02:00-06:00 UTC'", "[]", "2026-03-03T03:00:00Z", true},
		{"zone", "Sun 02:00-06:00 America/New_York", "[]", "2026-03-01T07:00:00Z", true},
		{"until midnight", "Sun 22:00-24:00 UTC", "[]", "2026-03-01T23:59:59Z", true},
		{"midnight is the next day", "Sun 22:00-24:00 UTC", "[]", "2026-03-02T00:00:00Z", false},
		{"evening of a window over midnight", "Fri 22:00-05:00 UTC", "[]", "2026-03-06T23:00:00Z", true},
		{"morning after", "Fri 22:00-05:00 UTC", "[]", "2026-03-07T04:59:00Z", true},
		{"morning of the day itself", "Fri 22:00-05:00 UTC", "[]", "2026-03-06T04:00:00Z", false},
		{"morning after, date forbidden", "Fri 22:00-05:00 UTC", "Sat", "2026-03-07T04:00:00Z", false},
		{"morning after, evening forbidden", "Fri 22:00-05:00 UTC", "Fri", "2026-03-07T04:00:00Z", true},
		{"two windows", "[Sun 02:00-03:00 UTC, Mon 02:00-03:00 UTC]", "[]", "2026-03-02T02:30:00Z", true},
		{"first forbidden day", "'00:00-24:00 UTC'", "2026-12-24..2026-12-26", "2026-12-24T00:00:00Z", false},
		{"last forbidden day", "'00:00-24:00 UTC'", "2026-12-24..2026-12-26", "2026-12-26T23:59:59Z", false},
		{"day after", "'00:00-24:00 UTC'", "2026-12-24..2026-12-26", "2026-12-27T00:00:00Z", true},
		{"forbidden date is in the window's zone", "'00:00-24:00 Pacific/Auckland'", "2026-12-24", "2026-12-23T12:00:00Z", false},
		{"before the clocks go forward", "'02:00-03:00 Europe/Berlin'", "[]", "2026-03-29T00:59:59Z", false},
		{"the skipped hour does not happen", "'02:00-03:00 Europe/Berlin'", "[]", "2026-03-29T01:00:00Z", false},
		{"repeated hour, summer", "'02:00-03:00 Europe/Berlin'", "[]", "2026-10-25T00:30:00Z", true},
		{"repeated hour, winter", "'02:00-03:00 Europe/Berlin'", "[]", "2026-10-25T01:30:00Z", true},
		{"after the repeated hour", "'02:00-03:00 Europe/Berlin'", "[]", "2026-10-25T02:00:00Z", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := policy(t, c.windows, c.forbid).Allowed(instant(t, c.at)); got != c.want {
				t.Errorf("Allowed(%s) is %v", c.at, got)
			}
		})
	}
}

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name, windows, forbid, at, want string
	}{
		{"now", "[]", "[]", "2026-03-01T12:34:56Z", "2026-03-01T12:34:56Z"},
		{"now, inside", "Sun 02:00-06:00 UTC", "[]", "2026-03-01T05:59:59Z", "2026-03-01T05:59:59Z"},
		{"next week", "Sun 02:00-06:00 UTC", "[]", "2026-03-01T06:00:00Z", "2026-03-08T02:00:00Z"},
		{"later today", "Sun 02:00-06:00 UTC", "[]", "2026-03-01T01:00:00Z", "2026-03-01T02:00:00Z"},
		{"the nearer of two", "[Wed 02:00-03:00 UTC, Mon 02:00-03:00 UTC]", "[]", "2026-03-01T12:00:00Z", "2026-03-02T02:00:00Z"},
		{"past a forbidden day", "'02:00-06:00 UTC'", "Mon", "2026-03-01T07:00:00Z", "2026-03-03T02:00:00Z"},
		{"past forbidden dates, at midnight", "[]", "2026-12-24..2026-12-26", "2026-12-24T12:00:00Z", "2026-12-27T00:00:00Z"},
		{"rest of a window over midnight", "Fri 22:00-05:00 UTC", "Fri", "2026-03-06T12:00:00Z", "2026-03-07T00:00:00Z"},
		{"into summer time", "Sun 01:00-06:00 Europe/Berlin", "[]", "2026-03-28T12:00:00Z", "2026-03-29T00:00:00Z"},
		{"start inside the skipped hour", "Sun 02:30-06:00 Europe/Berlin", "[]", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"window wholly skipped", "Sun 02:00-03:00 Europe/Berlin", "[]", "2026-03-28T12:00:00Z", "2026-04-05T00:00:00Z"},
		{"out of summer time", "Sun 04:00-06:00 Europe/Berlin", "[]", "2026-10-24T12:00:00Z", "2026-10-25T03:00:00Z"},
		{"second pass of the repeated hour", "Sun 02:30-02:45 Europe/Berlin", "[]", "2026-10-25T00:50:00Z", "2026-10-25T01:30:00Z"},
		{"midnight that does not exist", "[Sun 00:00-04:00 America/Santiago]", "[]", "2026-09-05T12:00:00Z", "2026-09-06T04:00:00Z"},
		{"date forbidden in a zone whose midnight does not exist", "['00:00-24:00 America/Santiago']", "2026-09-05", "2026-09-05T12:00:00Z", "2026-09-06T04:00:00Z"},
		{"after a forbidden day of 23 hours", "['00:00-24:00 Europe/Berlin']", "2026-03-29", "2026-03-29T00:00:00Z", "2026-03-29T22:00:00Z"},
		{"after a forbidden day of 25 hours", "['00:00-24:00 Europe/Berlin']", "2026-10-25", "2026-10-24T23:00:00Z", "2026-10-25T23:00:00Z"},
		{"almost a year off", "Sun 02:00-06:00 UTC", "2026-03-02..2027-02-20", "2026-03-01T06:00:00Z", "2027-02-21T02:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := policy(t, c.windows, c.forbid)
			got, ok := p.Next(instant(t, c.at))
			if !ok || !got.Equal(instant(t, c.want)) {
				t.Fatalf("Next(%s) is %s, %v; want %s", c.at, got.UTC().Format(time.RFC3339), ok, c.want)
			}
			if !p.Allowed(got) {
				t.Errorf("%s is not allowed", got)
			}
		})
	}
}

func TestNextNever(t *testing.T) {
	p := policy(t, "Sun 02:00-06:00 UTC", "2026-03-02..2030-01-01")
	if at, ok := p.Next(instant(t, "2026-03-02T06:00:00Z")); ok {
		t.Errorf("Next found %s in a span that is forbidden for years", at)
	}
}

// Next must agree with Allowed: nothing between t and Next(t) is allowed.
func TestNextAgreesWithAllowed(t *testing.T) {
	for _, windows := range []string{"'Mon-Fri 22:00-05:00 Europe/Berlin'", "[Sun 01:30-02:30 America/New_York, '12:00-12:20 Asia/Kathmandu']"} {
		p := policy(t, windows, "[Wed, 2026-03-30]")
		for at := instant(t, "2026-03-06T00:00:00Z"); at.Before(instant(t, "2026-04-03T00:00:00Z")); {
			next, ok := p.Next(at)
			if !ok {
				t.Fatalf("%s: nothing after %s", windows, at)
			}
			for between := at; between.Before(next); between = between.Add(5 * time.Minute) {
				if p.Allowed(between) {
					t.Fatalf("%s: %s is allowed, and Next(%s) is %s", windows, between, at, next)
				}
			}
			at = next.Add(5 * time.Minute)
		}
	}
}
