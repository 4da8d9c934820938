// Package lines judges a stretch of a log: text that must stand in it and
// text that must not. Drivers that can read a log share it, so that the same
// settings mean the same everywhere. A line is never quoted: logs hold what
// they should not.
package lines

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

// MaxLine is the longest line in bytes that is looked at as a whole; what a
// longer one holds behind it is looked at as a line of its own.
const MaxLine = 1 << 20

// lookEvery is how often a log is looked at while forbidden text may still
// come: often enough to stop a rotation early.
const lookEvery = 15 * time.Second

// Fields are the settings of a log check.
func Fields() []estate.Field {
	return []estate.Field{
		{Name: "expect", Type: estate.List, Example: "[consumer started]", Doc: "Texts that must each stand in some line that was written since the check began."},
		{Name: "forbid", Type: estate.List, Example: "[401 unauthorized]", Doc: "Texts that must stand in no such line. One that does fails the check at once."},
		{Name: "watch", Type: estate.Duration, Default: time.Duration(0), Example: "5m", Doc: "How long the log is watched before the check can pass; needed with forbid."},
	}
}

// Rule says what a log must show.
type Rule struct {
	Expect, Forbid []string
	Watch          time.Duration
}

// RuleOf reads the settings. why says what is wrong with them, "" if nothing.
func RuleOf(s estate.Settings) (r Rule, why string) {
	r = Rule{Expect: s.List("expect"), Forbid: s.List("forbid"), Watch: s.Duration("watch")}
	if len(r.Expect)+len(r.Forbid) == 0 {
		return r, "say what the log must show: expect, forbid, or both"
	}
	if len(r.Forbid) > 0 && r.Watch <= 0 {
		return r, "say with watch how long the log is watched for what is forbidden"
	}
	for _, text := range append(r.Expect[:len(r.Expect):len(r.Expect)], r.Forbid...) {
		if text == "" {
			return r, "an empty text stands in every line"
		}
	}
	return r, ""
}

// Tally counts the lines with each text.
type Tally struct {
	Lines    int
	expected []int
	banned   []int
}

// Tally starts to count.
func (r Rule) Tally() *Tally {
	return &Tally{expected: make([]int, len(r.Expect)), banned: make([]int, len(r.Forbid))}
}

// Add counts a line.
func (t *Tally) Add(r Rule, line []byte) {
	t.Lines++
	for i, text := range r.Expect {
		if bytes.Contains(line, []byte(text)) {
			t.expected[i]++
		}
	}
	for i, text := range r.Forbid {
		if bytes.Contains(line, []byte(text)) {
			t.banned[i]++
		}
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
func (r Rule) Finding(t *Tally, since, now time.Time) driver.Finding {
	for i, n := range t.banned {
		if n > 0 {
			return driver.Finding{State: driver.Failed, Final: true, Detail: fmt.Sprintf("the forbidden text %q stands in %d of %d lines", r.Forbid[i], n, t.Lines)}
		}
	}
	if left := since.Add(r.Watch).Sub(now); left > 0 {
		return driver.Finding{State: driver.Pending, After: min(left, lookEvery), Detail: fmt.Sprintf("watching for %s more: %d lines so far", left.Round(time.Second), t.Lines)}
	}
	for i, n := range t.expected {
		if n == 0 {
			return driver.Finding{State: driver.Failed, Detail: fmt.Sprintf("the expected text %q does not stand in %d lines", r.Expect[i], t.Lines)}
		}
	}
	return driver.Finding{State: driver.Passed, Detail: fmt.Sprintf("%d lines show what they must and nothing that they must not", t.Lines)}
}
