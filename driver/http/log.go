package http

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/lines"
	"github.com/pawlhq/pawl/estate"
)

// maxLog bounds how much of a log one look reads. What is longer is an error,
// not a log without the forbidden text.
const maxLog = 32 << 20

// log asks a service for the lines since the check began and judges them.
func (c *conn) log(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	s := r.Target.Settings
	q, err := ask("read log", http.MethodGet, s.String("path"), s)
	if err != nil {
		return driver.Finding{}, err
	}
	rule, why := lines.RuleOf(s)
	if why != "" {
		return driver.Finding{}, &driver.Error{Op: q.Op, On: q.On, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: why}
	}
	since := r.Since.Add(-s.Duration("back"))
	q.Query.Set(orElse(s.String("since_param"), "since"), moment(s.String("since_format"), since))
	var body []byte
	got, err := c.logs.Do(ctx, q, &body)
	defer clear(body)
	if err != nil {
		return driver.Finding{}, err
	}
	if !isLog(got.Header.Get("Content-Type"), body) {
		return driver.Finding{}, &driver.Error{Op: q.Op, On: q.On, Kind: driver.Malformed, Effect: pawl.EffectNone, Status: got.Status, Why: "the answer is a web page, or says that it is JSON and is not"}
	}
	var tally lines.Tally
	if err := tally.Read(rule, bytes.NewReader(body)); err != nil {
		return driver.Finding{}, &driver.Error{Op: q.Op, On: q.On, Kind: driver.Malformed, Effect: pawl.EffectNone, Err: err}
	}
	return rule.Finding(tally, r.Since, c.env.Now()), nil
}

// isLog tells a log from a page that a gateway has put in its place. What
// says that it is JSON must be, as a whole or line by line.
func isLog(kind string, body []byte) bool {
	switch {
	case strings.Contains(kind, "html"):
		return false
	case !strings.Contains(kind, "json") || json.Valid(body):
		return true
	}
	for line := range bytes.Lines(body) {
		if text := bytes.TrimSpace(line); len(text) > 0 && !json.Valid(text) {
			return false
		}
	}
	return true
}

// moment writes a time as the service wants it.
func moment(format string, t time.Time) string {
	switch format {
	case "unix":
		return strconv.FormatInt(t.Unix(), 10)
	case "unix_ms":
		return strconv.FormatInt(t.UnixMilli(), 10)
	case "unix_ns":
		return strconv.FormatInt(t.UnixNano(), 10)
	default:
		return t.UTC().Format(time.RFC3339)
	}
}

func logKind() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindLog,
		Doc: "Asks a service for its log from the beginning of the check on, one line each, and looks for what must and must not stand there. For Loki: path `/loki/api/v1/query_range?query=...`, since_param `start`, since_format `unix_ns`.",
		Fields: append([]estate.Field{
			pathField("/logs?app=cp"), headersField(),
			{Name: "since_param", Type: estate.String, Default: "since", Doc: "The parameter that says from when on lines are wanted."},
			{Name: "since_format", Type: estate.String, Default: "rfc3339", Enum: []string{"rfc3339", "unix", "unix_ms", "unix_ns"}, Doc: "How it is written."},
			{Name: "back", Type: estate.Duration, Default: time.Duration(0), Example: "1m", Doc: "How far before the beginning of the check lines count, for what a restart before it has logged."},
		}, estate.LogFields()...),
		Identity: []string{"path"},
		Check:    &estate.CheckFacts{Within: logWithin, Observes: estate.ObservesLog},
		Manual:   estate.Manual{"check": "curl {{sh .base .path}}" + typedHeaders + estate.LogManual}}
}

const logWithin = 10 * time.Minute
