package fly

import (
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// bucket holds the calls that may still be made at once.
type bucket struct {
	left float64
	at   time.Time
}

// limited takes one call from the bucket of its action and machine or app, and
// reports whether that was empty. Rates are from "Working with the Machines
// API": 1 call a second and bursts of 3; reading one machine 5 and 10.
func (f *Fly) limited(c *route.Call) bool {
	if !f.cfg.RateLimits || !strings.HasPrefix(c.Path, "/v1/apps/") {
		return false
	}
	rate, burst := 1.0, 3.0
	if c.R.Method == "GET" && strings.HasSuffix(c.Path, "/machines/{machine}") {
		rate, burst = 5, 10
	}
	key := c.R.Method + " " + c.Path + " " + c.Arg("app") + " " + c.Arg("machine")
	if f.buckets == nil {
		f.buckets = map[string]*bucket{}
	}
	b, now := f.buckets[key], f.now()
	if b == nil {
		b = &bucket{left: burst, at: now}
		f.buckets[key] = b
	}
	b.left, b.at = min(burst, b.left+rate*now.Sub(b.at).Seconds()), now
	if b.left < 1 {
		return true
	}
	b.left--
	return false
}
