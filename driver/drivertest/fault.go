package drivertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/pawlhq/pawl/driver"
)

// retryAfter is what the 429 fault asks for.
const retryAfter = 7 * time.Second

// fault is a way in which one call goes wrong, and what a driver must make of
// it.
type fault struct {
	name  string
	kind  driver.ErrorKind
	lost  bool          // a writing call may have been done
	idle  bool          // though the stand-in does not do it
	after time.Duration // what the error must give as RetryAfter
	reply func(r *http.Request, sent []byte) (*http.Response, error)
}

// faults is every way in which a call goes wrong.
func faults() []*fault {
	return []*fault{
		{name: "refused", kind: driver.Unavailable, reply: func(*http.Request, []byte) (*http.Response, error) {
			return nil, errors.New("dial tcp: connection refused")
		}},
		{name: "reset", kind: driver.Unavailable, lost: true, reply: func(*http.Request, []byte) (*http.Response, error) {
			return nil, io.ErrUnexpectedEOF
		}},
		{name: "timeout", kind: driver.Unavailable, lost: true, reply: func(*http.Request, []byte) (*http.Response, error) {
			return nil, timedOut{}
		}},
		status(401, driver.Unauthenticated),
		status(403, driver.Denied),
		status(404, driver.NotFound),
		status(409, driver.Conflict),
		status(422, driver.Invalid),
		limited(),
		lost(status(500, driver.Unavailable)),
		lost(status(503, driver.Unavailable)),
		{name: "garbage", kind: driver.Malformed, lost: true, reply: func(r *http.Request, sent []byte) (*http.Response, error) {
			return respond(r, 200, strings.NewReader("<html>\x00 gateway "+echo(r, sent))), nil
		}},
		{name: "truncated", kind: driver.Malformed, lost: true, reply: func(r *http.Request, _ []byte) (*http.Response, error) {
			return respond(r, 200, io.MultiReader(strings.NewReader(`{"id":"`), broken{})), nil
		}},
		{name: "huge", kind: driver.Malformed, lost: true, reply: func(r *http.Request, _ []byte) (*http.Response, error) {
			return respond(r, 200, io.MultiReader(strings.NewReader(`{"id":"`), io.LimitReader(endless{}, 64<<20))), nil
		}},
		{name: "redirect", kind: driver.Malformed, lost: true, idle: true, reply: func(r *http.Request, _ []byte) (*http.Response, error) {
			resp := respond(r, http.StatusTemporaryRedirect, strings.NewReader(""))
			resp.Header.Set("Location", "https://"+elsewhere+r.URL.Path)
			return resp, nil
		}},
	}
}

// answer gives the faulty answer. Where a call may have been done it has been,
// which is the harder half of not knowing; but for redirects, which some
// vendors give instead of acting.
func (f *fault) answer(w *wire, r *http.Request, e exchange) (*http.Response, error) {
	if f.name != "refused" {
		if f.lost && !f.idle && e.writes {
			if resp, err := w.inner.RoundTrip(r); err == nil {
				_ = resp.Body.Close() // the answer is lost
			}
		}
		wrote(r)
	}
	if r.Body != nil {
		_ = r.Body.Close() // transports do
	}
	return f.reply(r, e.sent)
}

func status(code int, kind driver.ErrorKind) *fault {
	return &fault{name: http.StatusText(code), kind: kind, reply: func(r *http.Request, sent []byte) (*http.Response, error) {
		return respond(r, code, strings.NewReader(`{"message":`+echo(r, sent)+`,"error":`+echo(r, sent)+`}`)), nil
	}}
}

func lost(f *fault) *fault {
	f.lost = true
	return f
}

func limited() *fault {
	f := status(http.StatusTooManyRequests, driver.Limited)
	inner := f.reply
	f.after = retryAfter
	f.reply = func(r *http.Request, sent []byte) (*http.Response, error) {
		resp, err := inner(r, sent)
		resp.Header.Set("Retry-After", "7")
		return resp, err
	}
	return f
}

// echo is a vendor's message that quotes what it was sent, as a JSON string.
func echo(r *http.Request, sent []byte) string {
	text := "not with " + r.Header.Get("Authorization")
	if bytes.Contains(sent, []byte(canary)) {
		text += " and not with " + canary
	}
	b, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(b)
}

func respond(r *http.Request, code int, body io.Reader) *http.Response {
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(body), ContentLength: -1, Request: r}
}

type timedOut struct{}

func (timedOut) Error() string { return "net/http: timeout awaiting response headers" }
func (timedOut) Timeout() bool { return true }

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// endless is text without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, strings.Repeat("x", len(p))), nil }
