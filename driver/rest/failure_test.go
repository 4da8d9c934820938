package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

func TestStatuses(t *testing.T) {
	later := epoch.Add(90 * time.Second)
	for _, tc := range []struct {
		status int
		header []string
		kind   driver.ErrorKind
		effect pawl.Effect // of a write
		after  time.Duration
	}{
		{status: 400, kind: driver.Invalid, effect: pawl.EffectNone},
		{status: 401, kind: driver.Unauthenticated, effect: pawl.EffectNone},
		{status: 403, kind: driver.Denied, effect: pawl.EffectNone},
		{status: 403, header: []string{"X-RateLimit-Remaining", "0", "X-RateLimit-Reset", fmt.Sprint(later.Unix())}, kind: driver.Limited, effect: pawl.EffectNone, after: 90 * time.Second},
		{status: 403, header: []string{"Retry-After", "7"}, kind: driver.Limited, effect: pawl.EffectNone, after: 7 * time.Second},
		{status: 404, kind: driver.NotFound, effect: pawl.EffectNone},
		{status: 408, kind: driver.Unavailable, effect: pawl.EffectNone},
		{status: 409, kind: driver.Conflict, effect: pawl.EffectNone},
		{status: 410, kind: driver.NotFound, effect: pawl.EffectNone},
		{status: 422, kind: driver.Invalid, effect: pawl.EffectNone},
		{status: 423, header: []string{"Retry-After", "5"}, kind: driver.Conflict, effect: pawl.EffectNone, after: 5 * time.Second},
		{status: 429, kind: driver.Limited, effect: pawl.EffectNone},
		{status: 429, header: []string{"Retry-After", later.Format(http.TimeFormat)}, kind: driver.Limited, effect: pawl.EffectNone, after: 90 * time.Second},
		{status: 429, header: []string{"Retry-After", "999999999999999999"}, kind: driver.Limited, effect: pawl.EffectNone, after: time.Hour},
		{status: 429, header: []string{"Retry-After", "-5"}, kind: driver.Limited, effect: pawl.EffectNone},
		{status: 429, header: []string{"Retry-After", "soon"}, kind: driver.Limited, effect: pawl.EffectNone},
		{status: 500, kind: driver.Unavailable, effect: pawl.EffectUnknown},
		{status: 503, header: []string{"Retry-After", "30"}, kind: driver.Unavailable, effect: pawl.EffectUnknown, after: 30 * time.Second},
		{status: 304, kind: driver.Malformed, effect: pawl.EffectNone},
		{status: 302, header: []string{"Location", "https://elsewhere.test/CANARY"}, kind: driver.Malformed, effect: pawl.EffectUnknown},
	} {
		for _, r := range []rest.Request{post(), get()} {
			f := &fake{answer: reply(tc.status, `{"message":"no"}`, tc.header...)}
			_, err := client(f).Do(t.Context(), r, nil)
			e, want := failed(t, err), tc.effect
			if r.Safe {
				want = pawl.EffectNone
			}
			if e.Kind != tc.kind || e.Effect != want || e.RetryAfter != tc.after || e.Status != tc.status || len(f.seen) != 1 {
				t.Errorf("%s %d %v: got %s, %s, after %s, status %d, %d calls", r.Method, tc.status, tc.header, e.Kind, e.Effect, e.RetryAfter, e.Status, len(f.seen))
			}
		}
	}
}

type timeout struct{}

func (timeout) Error() string { return "https://acme.test timed out CANARY" }
func (timeout) Timeout() bool { return true }

func TestNoAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		err   error
		wrote bool
		why   string
	}{
		"refused":       {err: errors.New("dial CANARY: connection refused"), why: "cannot be reached"},
		"reset":         {err: errors.New("read: connection reset"), wrote: true, why: "cut"},
		"end":           {err: io.EOF, why: "cut"},
		"slow to reach": {err: timeout{}, why: "in time"},
		"slow":          {err: timeout{}, wrote: true, why: "in time"},
	} {
		t.Run(name, func(t *testing.T) {
			answer := func(r *http.Request) (*http.Response, error) {
				if tc.wrote {
					wrote(r)
				}
				return nil, fmt.Errorf("Post https://acme.test/api/things: %w", tc.err)
			}
			want := map[bool]pawl.Effect{false: pawl.EffectNone, true: pawl.EffectUnknown}[tc.wrote]
			_, err := client(&fake{answer: answer}).Do(t.Context(), post(), nil)
			if e := failed(t, err); e.Kind != driver.Unavailable || e.Effect != want || !strings.Contains(e.Why, tc.why) {
				t.Errorf("a write: got %v with effect %s", e, e.Effect)
			}
			_, err = client(&fake{answer: answer}).Do(t.Context(), get(), nil)
			if e := failed(t, err); e.Effect != pawl.EffectNone {
				t.Errorf("a read has effect %s", e.Effect)
			}
		})
	}
}

func TestStoppedWhileUnderWay(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fake{answer: func(r *http.Request) (*http.Response, error) {
		wrote(r)
		cancel()
		return nil, r.Context().Err()
	}}
	_, err := client(f).Do(ctx, post(), nil)
	if e := failed(t, err); e.Effect != pawl.EffectUnknown || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v with effect %s", e, e.Effect)
	}
}

func TestVendorsMessage(t *testing.T) {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\x01", `\u0001`).Replace(canaryValue)
	for name, tc := range map[string]struct{ body, want string }{
		"message":        {`{"message":"name is taken"}`, "name is taken"},
		"error":          {`{"error":"no such app"}`, "no such app"},
		"nested":         {`{"error":{"message":"bad key","code":1}}`, "bad key"},
		"list":           {`{"errors":[{"message":"first"},{"message":"second"}]}`, "first"},
		"list of texts":  {`{"errors":["first"]}`, "first"},
		"object of list": {`{"errors":{"name":["taken"]}}`, ""},
		"numbers":        {`{"error":404,"message":7}`, ""},
		"no object":      {`["CANARY"]`, ""},
		"no JSON":        {`CANARY <html>`, ""},
		"folded":         {`{"message":"two\n  lines\u001b[31m\u200b"}`, "two lines[31m"},
		"echo":           {`{"message":"bad value ` + quoted + ` given"}`, "bad value [secret] given"},
		"echo of key":    {`{"message":"key ` + canaryKey + ` is bad"}`, "key [secret] is bad"},
		"part of a key":  {`{"message":"key ` + canaryKey[:14] + `... is bad"}`, "the vendor's message is left out: it quotes a value"},
		"late echo":      {`{"message":"` + strings.Repeat("x", 190) + canaryKey + `"}`, strings.Repeat("x", 190) + "[secret]"},
		"long":           {`{"message":"` + strings.Repeat("é", 300) + `"}`, strings.Repeat("é", 200) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(&fake{answer: reply(422, tc.body)}).Do(t.Context(), post(), nil)
			if e := failed(t, err); e.Why != tc.want {
				t.Errorf("why: %q, want %q", strings.ReplaceAll(e.Why, "CANARY", "C-A-N-A-R-Y"), tc.want)
			}
		})
	}
}

func TestRefine(t *testing.T) {
	refine := func(e *driver.Error, status int, h http.Header, body []byte) {
		if status == 422 && strings.Contains(string(body), "limit") {
			e.Kind, e.Next, e.Why = driver.Quota, "delete one at "+h.Get("X-Where"), "quoted: "+canaryKey
		}
	}
	f := &fake{answer: reply(422, `{"error":"limit reached"}`, "X-Where", "the console")}
	_, err := client(f, func(c *rest.Config) { c.Refine = refine }).Do(t.Context(), post(), nil)
	if e := failed(t, err); e.Kind != driver.Quota || e.Next != "delete one at the console" || e.Why != "quoted: [secret]" {
		t.Errorf("got %v, next %q", e, e.Next)
	}
}

func TestBodiesThatCannotBeMade(t *testing.T) {
	destroyed := secret.NewString("CANARY")
	destroyed.Destroy()
	for name, change := range map[string]func(*rest.Request){
		"not text":      func(r *rest.Request) { r.JSON = map[string]any{"v": secret.NewString("CANARY\xff")} },
		"in a struct":   func(r *rest.Request) { r.JSON = struct{ V secret.Value }{secret.NewString("CANARY")} },
		"destroyed":     func(r *rest.Request) { r.JSON = []any{destroyed} },
		"no JSON":       func(r *rest.Request) { r.JSON = map[string]any{"v": func() {}} },
		"no form field": func(r *rest.Request) { r.JSON, r.Form = nil, map[string]any{"v": 1} },
	} {
		t.Run(name, func(t *testing.T) {
			f, r := &fake{answer: reply(200, "{}")}, post()
			change(&r)
			_, err := client(f).Do(t.Context(), r, nil)
			if e := failed(t, err); e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || len(f.seen) != 0 {
				t.Errorf("got %v and %d calls", e, len(f.seen))
			}
		})
	}
}
