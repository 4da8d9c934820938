package neon

import (
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// bucket holds the calls that may still be made at once.
type bucket struct {
	left float64
	at   time.Time
}

// The limits are those of "Key concepts" in Neon's API documentation: 700
// requests a minute, 40 at once, for each route. That they are counted for
// each key and not for each account is a guess.
const (
	perSecond = 700.0 / 60
	burst     = 40
)

// limited takes one call from the bucket of its key and route, and reports
// whether that was empty.
func (n *Neon) limited(c *route.Call, k *key) bool {
	if !n.cfg.RateLimit {
		return false
	}
	name, now := c.R.Method+" "+c.Path+" "+k.value, n.now()
	b := n.buckets[name]
	if b == nil {
		b = &bucket{left: burst, at: now}
		n.buckets[name] = b
	}
	b.left, b.at = min(burst, b.left+perSecond*now.Sub(b.at).Seconds()), now
	if b.left < 1 {
		return true
	}
	b.left--
	return false
}
