package estate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // an estate must be as valid on a machine that has no zones of its own
)

const day = 24 * time.Hour

// horizon is how far Next looks.
const horizon = 366 * day

// weekdays are the names in the order of time.Weekday.
func weekdays() []string { return []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"} }

// parseWindow reads "Sun 02:00-06:00 UTC", "Mon-Fri 22:00-05:00
// Europe/Berlin", "Sat,Sun 00:00-24:00 UTC" or "02:00-04:00 UTC".
func parseWindow(s string) (Window, error) {
	w := Window{Text: s}
	words := strings.Fields(s)
	if len(words) == 3 {
		days, err := parseDays(words[0])
		if err != nil {
			return w, err
		}
		w.Days, words = days, words[1:]
	}
	if len(words) != 2 {
		return w, fmt.Errorf("%s does not have days, times and a zone", shown(s))
	}
	from, to, ok := strings.Cut(words[0], "-")
	var err error
	if !ok {
		return w, fmt.Errorf("%s is not a span of times", shown(words[0]))
	}
	if w.From, err = parseClock(from); err != nil {
		return w, err
	}
	if w.To, err = parseClock(to); err != nil {
		return w, err
	}
	if w.From == w.To || w.From == day {
		return w, fmt.Errorf("%s is empty; a whole day is 00:00-24:00", shown(words[0]))
	}
	w.Zone, err = parseZone(words[1])
	return w, err
}

func parseZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" || name == "" {
		return nil, fmt.Errorf("there is no time zone %s; name one such as UTC or Europe/Berlin", shown(name))
	}
	return zone, nil
}

// parseDays reads "Sun", "Mon-Fri", "Fri-Mon" or "Sat,Sun".
func parseDays(s string) ([]time.Weekday, error) {
	var days []time.Weekday
	for item := range strings.SplitSeq(s, ",") {
		first, last, span := strings.Cut(item, "-")
		if !span {
			last = first
		}
		from, to := slices.Index(weekdays(), first), slices.Index(weekdays(), last)
		if from < 0 || to < 0 {
			return nil, fmt.Errorf("%s is not a day or a span of days; the days are %s", shown(item), strings.Join(weekdays(), " "))
		}
		for d := from; ; d = (d + 1) % 7 {
			if !slices.Contains(days, time.Weekday(d)) {
				days = append(days, time.Weekday(d))
			}
			if d == to {
				break
			}
		}
	}
	return days, nil
}

// parseClock reads "02:00", up to "24:00".
func parseClock(s string) (time.Duration, error) {
	hours, minutes, ok := strings.Cut(s, ":")
	h, err := strconv.Atoi(hours)
	m, err2 := strconv.Atoi(minutes)
	if !ok || len(s) != len("00:00") || len(hours) != 2 || err != nil || err2 != nil || h < 0 || m < 0 || m > 59 || h > 24 || h == 24 && m > 0 {
		return 0, fmt.Errorf("%s is not a time between 00:00 and 24:00", shown(s))
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, nil
}

// parseForbidden reads "Fri", "2026-12-20" or "2026-12-20..2027-01-03".
func parseForbidden(s string) (Forbidden, error) {
	f := Forbidden{Text: s}
	if i := slices.Index(weekdays(), s); i >= 0 {
		weekday := time.Weekday(i)
		f.Weekday = &weekday
		return f, nil
	}
	first, last, span := strings.Cut(s, "..")
	if !span {
		last = first
	}
	var err, err2 error
	f.From, err = time.Parse(time.DateOnly, first)
	f.To, err2 = time.Parse(time.DateOnly, last)
	switch {
	case err != nil || err2 != nil:
		return f, fmt.Errorf("%s is neither a weekday nor a date", shown(s))
	case f.To.Before(f.From):
		return f, fmt.Errorf("%s ends before it begins", shown(s))
	}
	return f, nil
}

// Allowed reports whether a rotation may start at t: inside a window, if
// there are any, and not on a forbidden day. Times of day are those on the
// wall in the window's zone: where clocks are put forward, a span that is
// skipped does not happen, and where they are put back, it happens twice.
// The day that may be forbidden is the date in the window's zone at t, or
// the date in UTC when there are no windows.
func (p Policy) Allowed(t time.Time) bool {
	return slices.ContainsFunc(p.windows(), func(w Window) bool {
		wall := onWall(t, w.Zone)
		return w.covers(wall) && !p.forbids(wall)
	})
}

// Next gives the first instant at or after t at which a rotation may start,
// if there is one within 366 days.
func (p Policy) Next(t time.Time) (time.Time, bool) {
	var best time.Time
	for _, w := range p.windows() {
		if at, ok := p.nextIn(w, t); ok && (best.IsZero() || at.Before(best)) {
			best = at
		}
	}
	return best, !best.IsZero()
}

// windows gives the windows; having none is being open all day in UTC.
func (p Policy) windows() []Window {
	if len(p.Windows) > 0 {
		return p.Windows
	}
	return []Window{{From: 0, To: day, Zone: time.UTC}}
}

func (p Policy) nextIn(w Window, t time.Time) (time.Time, bool) {
	limit := t.Add(horizon)
	for !t.After(limit) {
		at, ok := w.next(t, limit)
		if !ok {
			break
		}
		if !p.forbids(onWall(at, w.Zone)) {
			return at, !at.After(limit)
		}
		t = tomorrow(at, w.Zone)
	}
	return time.Time{}, false
}

// tomorrow gives the next instant after t at which the date on the wall can
// have moved on: midnight, or a change of the clocks before it.
func tomorrow(t time.Time, zone *time.Location) time.Time {
	wall := onWall(t, zone)
	next := t.Add(midnight(wall).Add(day).Sub(wall))
	if _, change := t.In(zone).ZoneBounds(); !change.IsZero() && change.Before(next) {
		return change
	}
	return next
}

// next gives the first instant in [t, limit] that the window covers. Between
// two changes of the clocks the wall moves evenly, so that it can be computed.
func (w Window) next(t, limit time.Time) (time.Time, bool) {
	for !t.After(limit) {
		_, change := t.In(w.Zone).ZoneBounds()
		wall := onWall(t, w.Zone)
		if ahead, ok := w.ahead(wall); ok {
			if at := t.Add(ahead); change.IsZero() || at.Before(change) {
				return at, true
			}
		}
		if change.IsZero() {
			break
		}
		t = change
	}
	return time.Time{}, false
}

// ahead says how long from a time on the wall until the window covers it.
func (w Window) ahead(wall time.Time) (time.Duration, bool) {
	if w.covers(wall) {
		return 0, true
	}
	for days := range 8 {
		start := midnight(wall).Add(time.Duration(days)*day + w.From)
		if !start.Before(wall) && w.onDay(start.Weekday()) {
			return start.Sub(wall), true
		}
	}
	return 0, false
}

// covers reports whether a time on the wall is inside the window.
func (w Window) covers(wall time.Time) bool {
	today := midnight(wall)
	clock := wall.Sub(today)
	if w.From < w.To {
		return w.onDay(wall.Weekday()) && w.From <= clock && clock < w.To
	}
	yesterday := today.Add(-day).Weekday()
	return w.onDay(wall.Weekday()) && w.From <= clock || w.onDay(yesterday) && clock < w.To
}

func (w Window) onDay(d time.Weekday) bool { return len(w.Days) == 0 || slices.Contains(w.Days, d) }

// onWall gives what clocks in the zone show, as if it were UTC, so that it
// can be reckoned with evenly.
func onWall(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

func midnight(wall time.Time) time.Time { return wall.Truncate(day) }

// forbids reports whether the date of a time on the wall is forbidden.
func (p Policy) forbids(wall time.Time) bool {
	date := midnight(wall)
	return slices.ContainsFunc(p.Forbid, func(f Forbidden) bool {
		if f.Weekday != nil {
			return date.Weekday() == *f.Weekday
		}
		return !date.Before(f.From) && !date.After(f.To)
	})
}

// never reports whether the weekdays alone leave no time at all. Forbidden
// dates pass, so they are not looked at.
func (p Policy) never() bool {
	week := Policy{Windows: p.Windows}
	for _, f := range p.Forbid {
		if f.Weekday != nil {
			week.Forbid = append(week.Forbid, f)
		}
	}
	if len(week.Forbid) == 0 {
		return false
	}
	_, ok := week.Next(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)) // any week will do
	return !ok
}
