package resend

import (
	"net/http"
	"strconv"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// window counts the calls of a second.
type window struct {
	used  int
	until time.Time
}

// limited counts a call of the team, whichever key it came with, sets the
// headers of the usage limits page, and answers when there were too many.
func (r *Resend) limited(c *route.Call) bool {
	if r.cfg.PerSecond == 0 {
		return false
	}
	now := r.now()
	if !now.Before(r.calls.until) {
		r.calls = window{until: now.Add(time.Second)}
	}
	r.calls.used++
	h, reset := c.W.Header(), strconv.Itoa(int((r.calls.until.Sub(now)+time.Second-1)/time.Second))
	h.Set("Ratelimit-Limit", strconv.Itoa(r.cfg.PerSecond))
	h.Set("Ratelimit-Remaining", strconv.Itoa(max(0, r.cfg.PerSecond-r.calls.used)))
	h.Set("Ratelimit-Reset", reset)
	if r.calls.used <= r.cfg.PerSecond {
		return false
	}
	h.Set("Retry-After", reset)
	fail(c, http.StatusTooManyRequests, "rate_limit_exceeded", "Too many requests. Please limit the number of requests per second.")
	return true
}
