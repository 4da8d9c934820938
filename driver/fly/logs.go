package fly

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/lines"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
)

const opLogs = "read logs"

const (
	maxLogs        = 16 << 20         // bytes of one page
	pagesAtOnce    = 30               // of one look, so that it ends before the port's deadline
	logsWithin     = 15 * time.Minute // the watch of five minutes, and time for what is expected
	pagesPerSecond = 5                // flyctl asks up to 15 times a second
)

// logPage is one answer to flyctl's call for logs, as fly-go reads it. Next is
// the place behind the last entry; "" where there was none.
type logPage struct {
	Data *[]struct {
		Attributes struct {
			Timestamp time.Time `json:"timestamp"`
			Message   string    `json:"message"`
		} `json:"attributes"`
	} `json:"data"`
	Meta struct {
		Next string `json:"next_token"`
	} `json:"meta"`
}

// logPage asks for the lines behind a place, or for the newest ones that Fly
// holds when there is none.
func (c *conn) logPage(ctx context.Context, op, app, after string) (logPage, error) {
	r := with(op, app, http.MethodGet, pathLogs, path(app), nil)
	r.Query = url.Values{"next_token": {after}} // fly-go sends it empty too
	r.Limit = rest.Limit{PerSecond: pagesPerSecond, Burst: pagesPerSecond}
	var page logPage
	if _, err := c.logs.Do(ctx, r, &page); err != nil {
		return page, err
	}
	if page.Data == nil {
		return page, &driver.Error{Op: op, On: app, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the answer has no list of lines"}
	}
	return page, nil
}

// watch is what is kept of a log between two looks: the place up to which it
// was read, and what was counted until there.
type watch struct {
	Next  string      `json:"next,omitempty"`
	First int64       `json:"first,omitempty"` // when the oldest line was written that Fly gave at the first look: Unix seconds
	Tally lines.Tally `json:"tally"`
}

// checkLogs counts the lines that have come since the last look and judges all
// of them.
func (c *conn) checkLogs(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	s := r.Target.Settings
	app := s.String("app")
	rule, why := lines.RuleOf(s)
	w := watch{}
	if r.Resume != "" && json.Unmarshal([]byte(r.Resume), &w) != nil {
		why = "what is on record of the check cannot be read"
	}
	if why != "" {
		return driver.Finding{}, &driver.Error{Op: opLogs, On: app, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: why}
	}
	from := r.Since.Add(-s.Duration("back"))
	more, err := c.readLogs(ctx, app, rule, from, &w)
	if err != nil {
		return driver.Finding{}, err
	}
	f := rule.Finding(w.Tally, r.Since, c.env.Now())
	if more && !f.Final {
		f = driver.Finding{State: driver.Pending, After: time.Second, Detail: fmt.Sprintf("read %d lines so far, and there are more", w.Tally.Lines)}
	}
	if first := time.Unix(w.First, 0).UTC(); w.First > 0 && first.After(from) {
		f.Detail += "; the oldest line that Fly gave is from " + second(first)
	}
	kept, err := json.Marshal(w)
	if err != nil {
		return driver.Finding{}, &driver.Error{Op: opLogs, On: app, Kind: driver.Internal, Effect: pawl.EffectNone, Err: err}
	}
	f.Resume, f.Link = string(kept), "https://fly.io/apps/"+linkable(app)+"/monitoring"
	return f, nil
}

// readLogs reads on from where the watch is, up to the newest line, and
// reports whether it had to stop before that.
func (c *conn) readLogs(ctx context.Context, app string, rule lines.Rule, from time.Time, w *watch) (more bool, err error) {
	for range pagesAtOnce {
		page, err := c.logPage(ctx, opLogs, app, w.Next)
		if err != nil {
			return false, err
		}
		for _, line := range *page.Data {
			at := line.Attributes.Timestamp
			if at.IsZero() {
				return false, &driver.Error{Op: opLogs, On: app, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the answer has a line without its time"}
			}
			if w.First == 0 {
				w.First = at.Unix()
			}
			if at.Before(from) {
				continue
			}
			for text := range strings.Lines(line.Attributes.Message) {
				w.Tally.Add(rule, []byte(text))
			}
		}
		if len(*page.Data) == 0 || page.Meta.Next == "" || page.Meta.Next == w.Next {
			return false, nil
		}
		w.Next = page.Meta.Next
	}
	return true, nil
}

// second writes a time in whole seconds.
func second(t time.Time) string { return t.Format(time.RFC3339) }

func appLogs() estate.Kind {
	return estate.Kind{Role: estate.RoleCheck, Name: kindLogs,
		Doc: "Reads the log of an app from the beginning of the check on and looks for what must and must not stand there: errors of authentication after a switch, for example.",
		Fields: append([]estate.Field{appField(),
			{Name: "back", Type: estate.Duration, Default: time.Duration(0), Example: "2m",
				Doc: "How far before the beginning of the check lines count, for what machines have logged while they were rolled. Fly may not hold all of them any more."},
		}, estate.LogFields()...),
		Identity: []string{"app"},
		Check:    &estate.CheckFacts{Within: logsWithin, Observes: estate.ObservesLog},
		Manual:   estate.Manual{"check": "flyctl logs --app {{.app}}" + estate.LogManual}}
}
