package estate

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Observation says what a check reads when it watches instead of asking. Its
// driver puts LogFields or MetricFields among the fields of the kind, so that
// all drivers use the same words, and the estate checks what they say.
type Observation string

// The observations.
const (
	ObservesLog    Observation = "log"    // lines of a stream or a file, from the switch on
	ObservesMetric Observation = "metric" // the number that a query gives
)

// watched is how long a check looks for what must not appear.
const watched = 5 * time.Minute

// LogFields are the settings of a check that reads a log.
func LogFields() []Field {
	return []Field{
		{Name: "expect", Type: String, Doc: "Regular expression (RE2) that a line must match before the deadline.", Example: "secrets reloaded"},
		{Name: "forbid", Type: String, Doc: "Regular expression (RE2) that no line may match while the check watches.", Example: "401|invalid signature"},
		{Name: "over", Type: Duration, Default: watched, Doc: "How long the check watches for what is forbidden.", Example: "10m"},
	}
}

// LogManual says, in a comment behind a command that shows a log, what its
// lines must and must not show: for the Manual of a kind that has LogFields.
const LogManual = "{{with .forbid}}   # no line may match {{line .}}{{end}}{{with .expect}}   # a line must match {{line .}}{{end}}"

// MetricFields are the settings of a check that queries a number.
func MetricFields() []Field {
	return []Field{
		{Name: "query", Type: String, Required: true, Doc: "The query. It must give one number; no data is never a pass.", Example: "sum(rate(logins_failed_total[5m]))"},
		{Name: "result", Type: String, Required: true, Doc: "What the number must be: <, <=, >, >=, == or != and a number.", Example: "< 0.01"},
		{Name: "over", Type: Duration, Doc: "How long it must stay so; once is enough when left out.", Example: "15m"},
	}
}

// Comparison is what a number is held to.
type Comparison struct {
	Sign  string // "<", "<=", ">", ">=", "==" or "!="
	Value float64
}

// ParseComparison reads "< 0.01".
func ParseComparison(text string) (Comparison, error) {
	signs := []string{"<=", ">=", "==", "!=", "<", ">"}
	i := slices.IndexFunc(signs, func(sign string) bool { return strings.HasPrefix(text, sign) })
	if i < 0 {
		return Comparison{}, fmt.Errorf("%s does not begin with <, <=, >, >=, == or !=", shown(text))
	}
	value, err := strconv.ParseFloat(strings.TrimSpace(text[len(signs[i]):]), 64)
	if err != nil || value != value {
		return Comparison{}, fmt.Errorf("%s does not end with a number", shown(text))
	}
	return Comparison{Sign: signs[i], Value: value}, nil
}

// Holds reports whether a number is as it must be. What is not a number never
// is.
func (c Comparison) Holds(v float64) bool {
	switch c.Sign {
	case "<":
		return v < c.Value
	case "<=":
		return v <= c.Value
	case ">":
		return v > c.Value
	case ">=":
		return v >= c.Value
	case "==":
		return v == c.Value
	case "!=":
		return v < c.Value || v > c.Value
	}
	return false
}

// checkObservation looks at the settings of a check that watches.
func (d *decoder) checkObservation(p *proof) {
	if p.Facts.Check == nil {
		return
	}
	switch p.Facts.Check.Observes {
	case ObservesLog:
		d.checkLog(p)
	case ObservesMetric:
		if _, err := ParseComparison(p.Settings.String("result")); err != nil {
			d.fail(p.keys.value("result"), "write it like \"< 0.01\" or \"== 0\"", "expected a comparison: %v", err)
		}
	}
}

func (d *decoder) checkLog(p *proof) {
	said := false
	for _, name := range []string{"expect", "forbid"} {
		pattern := p.Settings.String(name)
		said = said || pattern != ""
		if _, err := regexp.Compile(pattern); err != nil {
			d.fail(p.keys.value(name), "write an RE2 regular expression; put a backslash before signs that stand for themselves", "%s is not a regular expression", name)
		}
	}
	if !said {
		d.fail(p.keys.node, "add expect: or forbid:", "the check reads a log and does not say what must or must not be in it")
	}
}
