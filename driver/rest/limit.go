package rest

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// Limit bounds requests. The zero Limit does not.
type Limit struct {
	PerSecond float64
	Burst     int // how many may be made at once; at least 1
}

// maxLimiters is how many keys are kept before those at rest are dropped.
const maxLimiters = 1024

// limits holds a limiter for each key. The zero value is ready.
type limits struct {
	mu  sync.Mutex
	all map[string]*rate.Limiter
}

// wait lets the call go when its turn has come, by the environment's clock. A
// call that was stopped gives its turn back.
func (l *limits) wait(ctx context.Context, c *Client, r *Request) *driver.Error {
	if err := ctx.Err(); err != nil {
		return r.stopped(err, pawl.EffectNone)
	}
	limit := r.Limit
	if limit == (Limit{}) {
		limit = c.cfg.Limit
	}
	if limit.PerSecond <= 0 || r.LimitKey == "" {
		return nil
	}
	turn, d := l.reserve(r.LimitKey, limit, c.cfg.Env.Now)
	if d <= 0 {
		return nil
	}
	if err := c.cfg.Env.Wait(ctx, d); err != nil {
		turn.CancelAt(c.cfg.Env.Now())
		return r.stopped(err, pawl.EffectNone)
	}
	return nil
}

// reserve takes the next turn, and tells how long it is away. The clock is read
// under the lock: a limiter that is shown an earlier time than before hands the
// turns between the two out again.
func (l *limits) reserve(key string, limit Limit, clock func() time.Time) (*rate.Reservation, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := clock()
	turn := l.limiter(key, limit, now).ReserveN(now, 1)
	return turn, turn.DelayFrom(now)
}

func (l *limits) limiter(key string, limit Limit, now time.Time) *rate.Limiter {
	if found, ok := l.all[key]; ok {
		return found
	}
	if len(l.all) >= maxLimiters {
		for k, old := range l.all {
			if old.TokensAt(now) >= float64(old.Burst()) {
				delete(l.all, k)
			}
		}
	}
	if l.all == nil {
		l.all = map[string]*rate.Limiter{}
	}
	made := rate.NewLimiter(rate.Limit(limit.PerSecond), max(limit.Burst, 1))
	l.all[key] = made
	return made
}
