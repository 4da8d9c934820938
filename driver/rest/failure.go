package rest

import (
	"net/http"
	"strconv"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// classify makes the error of an answer that is no success.
func (c *Client) classify(r *Request, status int, h http.Header, body []byte, sent []secret.Value) *driver.Error {
	e := r.fail(kindOf(status, h), pawl.EffectNone, message(body, sent))
	e.Status = status
	if status >= 500 || status < 300 {
		e.Effect = r.lost() // it may have been done before, or instead of, what went wrong
	}
	if e.Kind == driver.Limited || e.Kind == driver.Conflict || status == http.StatusServiceUnavailable {
		e.RetryAfter = retryAfter(h, c.cfg.Env.Now)
	}
	if c.cfg.Refine != nil {
		c.cfg.Refine(e, status, h, body)
		e.Why, e.Next = clean(e.Why, sent), clean(e.Next, sent)
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

// maxRetryAfter bounds what a vendor may ask for.
const maxRetryAfter = time.Hour

// retryAfter reads when to come back: Retry-After in seconds or as a date
// (RFC 9110, 10.2.3), or the reset time in seconds since 1970 that GitHub and
// others give.
func retryAfter(h http.Header, now pawl.Clock) time.Duration {
	var d time.Duration
	if s := h.Get("Retry-After"); s != "" {
		if n, err := strconv.Atoi(s); err == nil {
			d = time.Duration(min(max(n, 0), int(maxRetryAfter/time.Second))) * time.Second
		} else if t, err := http.ParseTime(s); err == nil {
			d = t.Sub(now())
		}
	} else if n, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64); err == nil && n > 1e9 {
		d = time.Unix(n, 0).Sub(now())
	}
	return min(max(d, 0), maxRetryAfter)
}
