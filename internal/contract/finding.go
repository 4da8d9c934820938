package main

import (
	"fmt"
	"regexp"
	"strings"
)

// finding is one way in which exchanges differ from a description. Equal
// findings are counted as one. It holds no value.
type finding struct {
	Surface   string
	Operation string // "POST /v1/webhook_endpoints", as the description has it
	What      string // "request body /url: …", "answer 200 /data/*/id: …"
}

func (f finding) String() string { return f.Surface + ": " + f.Operation + ": " + f.What }

// seenBy counts the exchanges that show something: those of drivers, and those
// that the tests of stand-ins wrote by hand.
type seenBy struct{ drivers, byHand int }

func (s seenBy) and(e exchange) seenBy {
	if e.ByHand {
		s.byHand++
	} else {
		s.drivers++
	}
	return s
}

func (s seenBy) String() string { return fmt.Sprintf("drivers %d, by hand %d", s.drivers, s.byHand) }

// deviation explains findings: the description says one thing, and the vendor
// really does another.
type deviation struct {
	Surface   string
	Operation string // a * stands for any text, here and in What
	What      string
	Because   string // what the vendor really does
	Source    string // where that can be read
}

// explains reports whether the deviation is about the finding.
func (d deviation) explains(f finding) bool {
	return d.Surface == f.Surface && like(d.Operation, f.Operation) && like(d.What, f.What)
}

// like compares a text with a pattern in which * stands for any text and \*
// for itself.
func like(pattern, text string) bool {
	quoted := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\\\*`, "\x00")
	quoted = strings.ReplaceAll(strings.ReplaceAll(quoted, `\*`, ".*"), "\x00", `\*`)
	fits, err := regexp.MatchString("^(?s:"+quoted+")$", text)
	return err == nil && fits
}
