package rest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// reason says why there is no answer. The transport's own text is not used:
// it names URLs.
func reason(err error, written bool) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "stopped by us"
	case errors.As(err, &dns):
		return "the host's name cannot be resolved"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), written:
		return "the connection was cut before the answer"
	default:
		return "the host cannot be reached"
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// Error classes an answer by its status, for those who make calls through
// Transport. body is looked at for the vendor's short message only.
func (c *Client) Error(op, on string, resp *http.Response, body []byte, safe bool) *driver.Error {
	return c.classify(op, on, resp.StatusCode, resp.Header, body, safe)
}

func (c *Client) classify(op, on string, status int, h http.Header, body []byte, safe bool) *driver.Error {
	e := &driver.Error{Op: op, On: on, Status: status, Kind: kindOf(status, h), Effect: pawl.EffectNone, Why: message(body)}
	if status >= 500 && !safe || status >= 200 && status < 300 && !safe {
		e.Effect = pawl.EffectUnknown
	}
	if e.Kind == driver.Limited || status == http.StatusServiceUnavailable || e.Kind == driver.Conflict {
		e.RetryAfter = c.retryAfter(h)
	}
	if c.cfg.Refine != nil {
		c.cfg.Refine(e, status, h, body)
	}
	return e
}

func kindOf(status int, h http.Header) driver.ErrorKind {
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusForbidden && (h.Get("X-Ratelimit-Remaining") == "0" || h.Get("Retry-After") != ""):
		return driver.Limited
	case status == http.StatusUnauthorized:
		return driver.Unauthenticated
	case status == http.StatusForbidden:
		return driver.Denied
	case status == http.StatusNotFound, status == http.StatusGone:
		return driver.NotFound
	case status == http.StatusConflict, status == http.StatusLocked:
		return driver.Conflict
	case status == http.StatusRequestTimeout, status >= 500:
		return driver.Unavailable
	case status >= 400:
		return driver.Invalid
	default:
		return driver.Malformed
	}
}

// retryAfter reads when to come back: Retry-After in seconds or as a date
// (RFC 9110, 10.2.3), or the reset time that GitHub and others give.
func (c *Client) retryAfter(h http.Header) time.Duration {
	now := c.cfg.Env.Now()
	var d time.Duration
	if s := h.Get("Retry-After"); s != "" {
		if n, err := strconv.Atoi(s); err == nil {
			d = time.Duration(n) * time.Second
		} else if t, err := http.ParseTime(s); err == nil {
			d = t.Sub(now)
		}
	} else if n, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64); err == nil && n > 1e9 {
		d = time.Unix(n, 0).Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// maxMessage bounds what is taken of a vendor's message.
const maxMessage = 200

// message finds the short text by which vendors explain a failure. A body
// that is not such JSON gives nothing.
func message(body []byte) string {
	var m struct {
		Message, Error, Detail any
		Errors                 []struct{ Message string }
	}
	if len(body) == 0 || body[0] != '{' || json.Unmarshal(body, &m) != nil {
		return ""
	}
	for _, v := range []any{m.Message, m.Error, m.Detail} {
		if nested, ok := v.(map[string]any); ok {
			v = nested["message"]
		}
		if s, ok := v.(string); ok && s != "" {
			return short(s)
		}
	}
	if len(m.Errors) > 0 {
		return short(m.Errors[0].Message)
	}
	return ""
}

func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxMessage {
		s = string(r[:maxMessage]) + "…"
	}
	return s
}

// Transport is for vendors' SDKs: the same credential, limits, and classes of
// failures. Its errors are *driver.Error, found by errors.As.
func (c *Client) Transport() http.RoundTripper { return transport{c} }

type transport struct{ c *Client }

// RoundTrip makes a call for an SDK.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	r := &Request{Op: "call", On: t.c.cfg.Name, Safe: req.Method == http.MethodGet || req.Method == http.MethodHead}
	req = req.Clone(req.Context())
	if _, e := t.c.authorize(req.Context(), r, req.Header); e != nil {
		return nil, e
	}
	if req.URL.Host != t.c.base.Host {
		return nil, t.c.failure(r, driver.Invalid, pawl.EffectNone, "the SDK wants to call another host")
	}
	if err := t.c.slow(req.Context(), t.c.cfg.Name); err != nil {
		return nil, t.c.failure(r, driver.Unavailable, pawl.EffectNone, "stopped while waiting for the rate limit")
	}
	resp, e := t.c.send(req, r)
	if e != nil {
		return nil, e
	}
	return resp, nil
}
