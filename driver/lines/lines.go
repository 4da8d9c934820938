// Package lines judges a stretch of a log: a pattern that must stand in it and
// one that must not. Drivers that can read a log share it, so that the
// settings of estate.LogFields mean the same everywhere. A line is never
// quoted: logs hold what they should not.
package lines

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

// MaxLine is the longest line in bytes that is looked at as a whole; what a
// longer one holds behind it is looked at as a line of its own.
const MaxLine = 1 << 20

// lookEvery is how often a log is looked at while what is forbidden may still
// come: often enough to stop a rotation early.
const lookEvery = 15 * time.Second

// Rule says what a log must show.
type Rule struct {
	Expect, Forbid *regexp.Regexp // nil says nothing
	Over           time.Duration  // how long the log is watched for what is forbidden
}

// RuleOf reads the settings of estate.LogFields. why says what is wrong with
// them, "" if nothing.
func RuleOf(s estate.Settings) (r Rule, why string) {
	for _, p := range []struct {
		name string
		into **regexp.Regexp
	}{{"expect", &r.Expect}, {"forbid", &r.Forbid}} {
		text := s.String(p.name)
		if text == "" {
			continue
		}
		compiled, err := regexp.Compile(text)
		if err != nil {
			return r, p.name + " is not a regular expression"
		}
		*p.into = compiled
	}
	if r.Expect == nil && r.Forbid == nil {
		return r, "say what the log must show: expect, forbid, or both"
	}
	if r.Forbid != nil {
		if r.Over = s.Duration("over"); r.Over <= 0 {
			return r, "say with over how long the log is watched for what is forbidden"
		}
	}
	return r, ""
}

// Tally counts lines. A driver that reads a log in pieces keeps it between
// two looks.
type Tally struct {
	Lines    int `json:"lines"`
	Expected int `json:"expected"` // lines that match what must stand there
	Banned   int `json:"banned"`   // lines that match what must not
}

// Add counts a line.
func (t *Tally) Add(r Rule, line []byte) {
	line = bytes.TrimRight(line, "\r\n")
	t.Lines++
	if r.Expect != nil && r.Expect.Match(line) {
		t.Expected++
	}
	if r.Forbid != nil && r.Forbid.Match(line) {
		t.Banned++
	}
}

// Read counts all lines of a reader. A last line without its end counts too.
func (t *Tally) Read(r Rule, from io.Reader) error {
	buffered := bufio.NewReaderSize(from, MaxLine)
	for {
		line, err := buffered.ReadSlice('\n')
		if len(line) > 0 {
			t.Add(r, line)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// Finding says what the lines since a time prove now.
func (r Rule) Finding(t Tally, since, now time.Time) driver.Finding {
	left := since.Add(r.Over).Sub(now)
	switch {
	case t.Banned > 0:
		return driver.Finding{State: driver.Failed, Final: true, Detail: fmt.Sprintf("what is forbidden stands in %d of %d lines", t.Banned, t.Lines)}
	case left > 0:
		return driver.Finding{State: driver.Pending, After: min(left, lookEvery), Detail: fmt.Sprintf("watching for %s more: %d lines so far", left.Round(time.Second), t.Lines)}
	case r.Expect != nil && t.Expected == 0:
		return driver.Finding{State: driver.Failed, Detail: fmt.Sprintf("what is expected does not stand in %d lines", t.Lines)}
	default:
		return driver.Finding{State: driver.Passed, Detail: fmt.Sprintf("%d lines show what they must and nothing that they must not", t.Lines)}
	}
}
