package github

import (
	"net/http"
	"strconv"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// window counts calls until an instant, then begins anew.
type window struct {
	used  int
	until time.Time
}

// take counts one call and reports whether it was within the limit.
func (w *window) take(now time.Time, span time.Duration, limit int) bool {
	if !now.Before(w.until) {
		*w = window{until: now.Add(span)}
	}
	if w.used >= limit {
		return false
	}
	w.used++
	return true
}

// limitCode is the status of a call over a limit: GitHub's documentation of
// rate limits has both.
func (g *GitHub) limitCode() int {
	if g.cfg.LimitsAs429 {
		return http.StatusTooManyRequests
	}
	return http.StatusForbidden
}

// limited counts a call against the primary and the secondary limit and
// answers when one is exceeded; the second tells how long to wait.
func (g *GitHub) limited(c *route.Call, a *account) bool {
	now := g.now()
	inside := a.calls.take(now, time.Hour, g.cfg.HourlyLimit)
	g.limitHeaders(c.W.Header(), a)
	if !inside {
		fail(c, g.limitCode(), "API rate limit exceeded for user ID "+strconv.FormatInt(a.id, 10)+".")
		return true
	}
	if g.cfg.WritesPerMinute > 0 && c.R.Method != http.MethodGet && !a.writes.take(now, time.Minute, g.cfg.WritesPerMinute) {
		c.W.Header().Set("Retry-After", strconv.Itoa(int(a.writes.until.Sub(now)/time.Second)+1))
		fail(c, g.limitCode(), "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
		return true
	}
	return false
}

func (g *GitHub) limitHeaders(h http.Header, a *account) {
	h.Set("X-Ratelimit-Limit", strconv.Itoa(g.cfg.HourlyLimit))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(g.cfg.HourlyLimit-a.calls.used))
	h.Set("X-Ratelimit-Used", strconv.Itoa(a.calls.used))
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(a.calls.until.Unix(), 10))
	h.Set("X-Ratelimit-Resource", "core")
}

// showLimits is not counted against the limit, also when it is exceeded.
func (g *GitHub) showLimits(c *route.Call) {
	before := g.cfg.HourlyLimit
	g.cfg.HourlyLimit++
	a := g.caller(c)
	g.cfg.HourlyLimit = before
	if a == nil {
		return
	}
	a.calls.used--
	g.limitHeaders(c.W.Header(), a)
	core := map[string]any{"limit": before, "used": a.calls.used, "remaining": before - a.calls.used, "reset": a.calls.until.Unix()}
	search := map[string]any{"limit": 30, "used": 0, "remaining": 30, "reset": g.now().Add(time.Minute).Unix()} // nothing here searches
	c.JSON(http.StatusOK, map[string]any{"resources": map[string]any{"core": core, "search": search}, "rate": core})
}
