package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

const (
	canaryKey   = "CANARY-credential-0123456789"
	canaryValue = "CANARY-value \"quoted\" \\ & <é>\n\x01end"
)

// fake is a transport whose answer a test writes down.
type fake struct {
	answer func(*http.Request) (*http.Response, error)
	seen   []*http.Request
	bodies [][]byte
	raw    io.ReadCloser
}

func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	f.seen, f.raw = append(f.seen, r), r.Body
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
	}
	f.bodies = append(f.bodies, body)
	return f.answer(r)
}

func wrote(r *http.Request) { httptrace.ContextClientTrace(r.Context()).WroteHeaders() }

func reply(status int, body string, header ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		wrote(r)
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func client(f http.RoundTripper, change ...func(*rest.Config)) *rest.Client {
	cfg := rest.Config{Name: "acme", Base: "https://acme.test/api/", Env: driver.Env{
		Transport:  f,
		Now:        func() time.Time { return epoch },
		Wait:       func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Credential: func(context.Context) (secret.Value, error) { return secret.NewString(canaryKey), nil },
	}}
	for _, c := range change {
		c(&cfg)
	}
	return rest.New(cfg)
}

func post() rest.Request {
	return rest.Request{Op: "put thing", On: "shelf", Method: "POST", Path: "/things/{name}", Params: map[string]string{"name": "a"},
		JSON: map[string]any{"value": secret.NewString(canaryValue)}}
}

func get() rest.Request {
	return rest.Request{Op: "get thing", On: "shelf", Method: "GET", Path: "/things/{name}", Params: map[string]string{"name": "a"}, Safe: true}
}

// failed gives the call's error and searches it for what must not be in it.
func failed(t *testing.T, err error) *driver.Error {
	t.Helper()
	var e *driver.Error
	if !errors.As(err, &e) {
		t.Fatalf("the error is %T, not *driver.Error", err)
	}
	text := fmt.Sprintf("%v\n%+v\n%#v", err, err, err)
	for _, banned := range []string{"CANARY", "acme.test", "/api/", "things"} {
		if strings.Contains(text, banned) {
			t.Errorf("the error holds %q: %s", banned, strings.ReplaceAll(text, "CANARY", "C-A-N-A-R-Y"))
		}
	}
	return e
}

func TestDoSendsWhatIsAskedFor(t *testing.T) {
	f := &fake{answer: reply(200, `{"id":"7"}`)}
	c := client(f, func(c *rest.Config) { c.Header = http.Header{"X-Version": {"1"}} })
	r := post()
	r.Params["name"], r.Query = "a b/ü%", url.Values{"q": {"x y"}}
	var out struct{ ID string }
	got, err := c.Do(t.Context(), r, &out)
	if err != nil || got.Status != 200 || out.ID != "7" {
		t.Fatalf("got %v, %+v, %v", got, out, err)
	}
	req := f.seen[0]
	if want := "https://acme.test/api/things/a%20b%2F%C3%BC%25?q=x+y"; req.URL.String() != want {
		t.Errorf("URL %s, want %s", req.URL, want)
	}
	for name, want := range map[string]string{"Authorization": "Bearer " + canaryKey, "X-Version": "1", "Content-Type": "application/json", "Accept": "application/json", "User-Agent": "pawl"} {
		if req.Header.Get(name) != want {
			t.Errorf("header %s is wrong", name)
		}
	}
	var sent struct{ Value string }
	if err := json.Unmarshal(f.bodies[0], &sent); err != nil || sent.Value != canaryValue || req.ContentLength != int64(len(f.bodies[0])) {
		t.Errorf("the body is not what was asked for")
	}
}

func TestCredentials(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*rest.Config)
		as     secret.Value
		anon   bool
		want   string
	}{
		"connection's": {want: "Bearer " + canaryKey},
		"another":      {as: secret.NewString("other"), want: "Bearer other"},
		"anonymous":    {anon: true},
		"none there":   {change: func(c *rest.Config) { c.Env.Credential = nil }},
		"vendor's style": {change: func(c *rest.Config) {
			c.Authorize = func(h http.Header, b []byte) { h.Set("Authorization", "Key "+string(b)) }
		}, want: "Key " + canaryKey},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{answer: reply(200, "{}")}
			change := tc.change
			if change == nil {
				change = func(*rest.Config) {}
			}
			r := get()
			r.As, r.Anonymous = tc.as, tc.anon
			if _, err := client(f, change).Do(t.Context(), r, nil); err != nil {
				t.Fatal(err)
			}
			if got := f.seen[0].Header.Get("Authorization"); got != tc.want {
				t.Error("the Authorization header is wrong")
			}
		})
	}
}

func TestUnusableCredentialIsNotSent(t *testing.T) {
	hinted := &pawl.Error{Op: "read", Why: "no such file", Next: "make it"}
	for name, source := range map[string]func(context.Context) (secret.Value, error){
		"line break": func(context.Context) (secret.Value, error) { return secret.NewString("CANARY\n"), nil },
		"empty":      func(context.Context) (secret.Value, error) { return secret.Value{}, nil },
		"failing":    func(context.Context) (secret.Value, error) { return secret.Value{}, hinted },
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{answer: reply(200, "{}")}
			_, err := client(f, func(c *rest.Config) { c.Env.Credential = source }).Do(t.Context(), post(), nil)
			e := failed(t, err)
			if e.Kind != driver.Unauthenticated || e.Effect != pawl.EffectNone || e.Next == "" || len(f.seen) != 0 {
				t.Errorf("got %v, effect %s, next %q, %d calls", e, e.Effect, e.Next, len(f.seen))
			}
		})
	}
}

func TestNamesStayInTheirSegment(t *testing.T) {
	for _, name := range []string{"", ".", "..", "a/../b", `..\..`, "a/.", "a\nb", "a\x00", "\u0085", "x/.."} {
		f := &fake{answer: reply(200, "{}")}
		r := get()
		r.Params["name"] = name
		_, err := client(f).Do(t.Context(), r, nil)
		if e := failed(t, err); e.Kind != driver.Invalid || e.Effect != pawl.EffectNone || len(f.seen) != 0 {
			t.Errorf("%q: got %v and %d calls, want a refusal before any", name, e, len(f.seen))
		}
	}
	for _, name := range []string{"a/b", "%2e%2e", "...", "a b", "é", "a?b#c", "{x}", "a;b"} {
		f := &fake{answer: reply(200, "{}")}
		r := get()
		r.Params["name"] = name
		if _, err := client(f).Do(t.Context(), r, nil); err != nil {
			t.Errorf("%q is refused: %v", name, err)
			continue
		}
		got := f.seen[0].URL.EscapedPath()
		back, err := url.PathUnescape(strings.TrimPrefix(got, "/api/things/"))
		if strings.Count(got, "/") != 3 || err != nil || back != name {
			t.Errorf("%q became %s", name, got)
		}
	}
}

func TestBadBaseShowsWithTheFirstCall(t *testing.T) {
	for _, base := range []string{"", "acme.test", "ftp://acme.test", "https://user:CANARY@acme.test", "https://acme.test/?k=CANARY", "://"} {
		f := &fake{answer: reply(200, "{}")}
		c := client(f, func(c *rest.Config) { c.Base = base })
		_, err := c.Do(t.Context(), get(), nil)
		if e := failed(t, err); e.Kind != driver.Invalid || len(f.seen) != 0 {
			t.Errorf("%q: %v", base, e)
		}
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://acme.test/x", nil)
		if _, err := c.Transport().RoundTrip(req); failed(t, err).Kind != driver.Invalid {
			t.Errorf("%q: the SDK's call went out", base)
		}
	}
}

func TestAnswers(t *testing.T) {
	long := `{"id":"` + strings.Repeat("x", rest.MaxBody) + `"}`
	for name, tc := range map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		out    any
		ok     bool
		raw    string
	}{
		"object":             {answer: reply(200, `{"id":"1"}`), out: &struct{ ID string }{}, ok: true},
		"nothing wanted":     {answer: reply(200, `{"id":"1"}`), ok: true},
		"nothing came":       {answer: reply(200, ""), ok: true},
		"no content":         {answer: reply(204, ""), out: &struct{}{}, ok: true},
		"plain word":         {answer: reply(200, "OK", "Content-Type", "text/plain"), ok: true},
		"raw":                {answer: reply(200, "\x00\x01"), out: new([]byte), ok: true, raw: "\x00\x01"},
		"object missing":     {answer: reply(200, ""), out: &struct{}{}},
		"garbage":            {answer: reply(200, "<html>"), out: &struct{}{}},
		"garbage, unwanted":  {answer: reply(200, "<html>")},
		"web page, unwanted": {answer: reply(200, "<html>", "Content-Type", "text/html; charset=utf-8")},
		"web page of JSON":   {answer: reply(200, "{}", "Content-Type", "text/html"), out: &struct{}{}},
		"cut short":          {answer: reply(200, `{"id":"1`), out: &struct{}{}},
		"too long":           {answer: reply(200, long), out: &struct{ ID string }{}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(&fake{answer: tc.answer}).Do(t.Context(), post(), tc.out)
			if tc.ok {
				if err != nil {
					t.Fatal(err)
				}
				if raw, is := tc.out.(*[]byte); is && string(*raw) != tc.raw {
					t.Errorf("raw body %q", *raw)
				}
				return
			}
			if e := failed(t, err); e.Kind != driver.Malformed || e.Effect != pawl.EffectUnknown {
				t.Errorf("a write: got %v with effect %s", e, e.Effect)
			}
			r := get()
			_, err = client(&fake{answer: tc.answer}).Do(t.Context(), r, tc.out)
			if e := failed(t, err); e.Kind != driver.Malformed || e.Effect != pawl.EffectNone {
				t.Errorf("a read: got %v with effect %s", e, e.Effect)
			}
		})
	}
}

func TestMaxBodyCanBeRaised(t *testing.T) {
	long := `{"id":"` + strings.Repeat("x", rest.MaxBody) + `"}`
	var out struct{ ID string }
	_, err := client(&fake{answer: reply(200, long)}, func(c *rest.Config) { c.MaxBody = 2 * rest.MaxBody }).Do(t.Context(), get(), &out)
	if err != nil || len(out.ID) != rest.MaxBody {
		t.Errorf("got %d bytes, %v", len(out.ID), err)
	}
}

func TestExpect(t *testing.T) {
	r := post()
	r.Expect = []int{201, 304}
	for status, want := range map[int]driver.ErrorKind{201: "", 304: "", 200: driver.Malformed, 202: driver.Malformed} {
		_, err := client(&fake{answer: reply(status, "{}")}).Do(t.Context(), r, nil)
		switch {
		case want == "" && err != nil:
			t.Errorf("%d: %v", status, err)
		case want != "":
			if e := failed(t, err); e.Kind != want || e.Effect != pawl.EffectUnknown || e.Status != status {
				t.Errorf("%d: got %v, effect %s", status, e, e.Effect)
			}
		}
	}
}

// TestBodyIsCleared holds that nothing of a value is left in the buffer that
// was sent, once the transport has closed it.
func TestBodyIsCleared(t *testing.T) {
	f := &fake{answer: reply(200, "{}")}
	if _, err := client(f).Do(t.Context(), post(), nil); err != nil {
		t.Fatal(err)
	}
	if n, err := f.raw.Read(make([]byte, 10)); n != 0 || err == nil || errors.Is(err, io.EOF) {
		t.Errorf("after Close the body still reads: %d bytes, %v", n, err)
	}
	if !bytes.Contains(f.bodies[0], []byte("CANARY")) {
		t.Error("the value was never sent")
	}
}

func TestCancelledContextMakesNoCall(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := &fake{answer: reply(200, "{}")}
	_, err := client(f).Do(ctx, post(), nil)
	e := failed(t, err)
	if !errors.Is(err, context.Canceled) || e.Effect != pawl.EffectNone || e.Kind != driver.Unavailable || len(f.seen) != 0 {
		t.Errorf("got %v, effect %s, %d calls", e, e.Effect, len(f.seen))
	}
}

// TestOverARealConnection checks the effects that net/http's own traces give.
func TestOverARealConnection(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/things/cut":
			panic(http.ErrAbortHandler)
		case "/things/short":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"id":`)
		case "/things/hang":
			<-r.Context().Done()
		case "/things/redirect":
			http.Redirect(w, r, "https://elsewhere.test/", http.StatusTemporaryRedirect)
		default:
			_, _ = io.WriteString(w, "{}")
		}
	}))
	transport := &http.Transport{}
	c := client(transport, func(c *rest.Config) { c.Base = s.URL })
	for name, want := range map[string]driver.ErrorKind{"cut": driver.Unavailable, "short": driver.Malformed, "hang": driver.Unavailable, "redirect": driver.Malformed} {
		ctx, cancel := t.Context(), func() {}
		if name == "hang" {
			ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
		}
		r := post()
		r.Params["name"] = name
		_, err := c.Do(ctx, r, &struct{}{})
		cancel()
		if e := failed(t, err); e.Kind != want || e.Effect != pawl.EffectUnknown {
			t.Errorf("%s: got %v with effect %s", name, e, e.Effect)
		}
	}
	r := post()
	if _, err := c.Do(t.Context(), r, &struct{}{}); err != nil {
		t.Errorf("a plain call: %v", err)
	}
	s.Close()
	transport.CloseIdleConnections()
	_, err := c.Do(t.Context(), r, nil)
	if e := failed(t, err); e.Kind != driver.Unavailable || e.Effect != pawl.EffectNone {
		t.Errorf("nobody listens: got %v with effect %s", e, e.Effect)
	}
}
