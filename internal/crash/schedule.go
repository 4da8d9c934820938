package crash

import (
	"fmt"
	"strings"
)

// Schedule is one run: what is killed, what fails, what races. Indexes count
// from 0 over all processes of the run; -1 is never.
type Schedule struct {
	KillCall  int
	KillWrite int
	Moment    Moment
	FaultCall int
	Fault     Fault
	FailWrite int
	RaceCall  int
	RaceAt    Moment
	UndoCall  int  // a person says undo while this call is under way
	Foreign   bool // somebody else mints while no process runs
	Meddle    bool // somebody puts the old value back at a place during the first long wait
}

// Nothing is the schedule of a rotation that meets no trouble.
func Nothing() Schedule {
	return Schedule{KillCall: -1, KillWrite: -1, FaultCall: -1, FailWrite: -1, RaceCall: -1, UndoCall: -1}
}

// The parts of a schedule's name that have no index.
const (
	noTrouble = "no trouble"
	foreign   = "a stranger mints"
	meddles   = "somebody puts the old value back"
)

// String names the schedule, for ParseSchedule.
func (s Schedule) String() string {
	var parts []string
	part := func(at int, format string, args ...any) {
		if at >= 0 {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	part(s.KillCall, "kill %s call %d", s.Moment, s.KillCall)
	part(s.KillWrite, "kill %s write %d", s.Moment, s.KillWrite)
	part(s.FaultCall, "%s at call %d", s.Fault, s.FaultCall)
	part(s.FailWrite, "disk full at write %d", s.FailWrite)
	part(s.RaceCall, "second process %s call %d", s.RaceAt, s.RaceCall)
	part(s.UndoCall, "undo said during call %d", s.UndoCall)
	if s.Foreign {
		parts = append(parts, foreign)
	}
	if s.Meddle {
		parts = append(parts, meddles)
	}
	if len(parts) == 0 {
		return noTrouble
	}
	return strings.Join(parts, ", ")
}

// ParseSchedule gives the schedule of a name.
func ParseSchedule(name string) (Schedule, error) {
	s := Nothing()
	if name == noTrouble {
		return s, nil
	}
	for _, part := range strings.Split(name, ", ") {
		switch part {
		case foreign:
			s.Foreign = true
		case meddles:
			s.Meddle = true
		default:
			if !s.parse(part) {
				return s, fmt.Errorf("%q is no part of a schedule", part)
			}
		}
	}
	if s.String() != name {
		return s, fmt.Errorf("%q is the schedule %q", name, s)
	}
	return s, nil
}

// parse takes in one part with an index.
func (s *Schedule) parse(part string) bool {
	for format, into := range map[string][]any{
		"kill %s call %d": {&s.Moment, &s.KillCall}, "kill %s write %d": {&s.Moment, &s.KillWrite}, "disk full at write %d": {&s.FailWrite},
		"second process %s call %d": {&s.RaceAt, &s.RaceCall}, "undo said during call %d": {&s.UndoCall},
	} {
		if n, err := fmt.Sscanf(part, format, into...); err == nil && n == len(into) {
			return true
		}
	}
	fault, at, ok := strings.Cut(part, " at call ")
	s.Fault = Fault(fault)
	n, err := fmt.Sscan(at, &s.FaultCall)
	return ok && err == nil && n == 1
}
