package rest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver/rest"
)

// clock is virtual time: waiting moves it.
type clock struct {
	now    time.Time
	waited time.Duration
}

func (c *clock) set(cfg *rest.Config) {
	cfg.Env.Now = func() time.Time { return c.now }
	cfg.Env.Wait = func(ctx context.Context, d time.Duration) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.now, c.waited = c.now.Add(d), c.waited+d
		return nil
	}
}

func TestLimitCountsByKey(t *testing.T) {
	k := &clock{now: epoch}
	c := client(&fake{answer: reply(200, "{}")}, k.set, func(c *rest.Config) { c.Limit = rest.Limit{PerSecond: 1, Burst: 3} })
	call := func(key string, l rest.Limit) {
		t.Helper()
		r := get()
		r.LimitKey, r.Limit = key, l
		if _, err := c.Do(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		call("a", rest.Limit{})
		call("b", rest.Limit{})
		call("", rest.Limit{})
	}
	if k.waited != 0 {
		t.Fatalf("waited %s within the burst", k.waited)
	}
	for range 5 {
		call("a", rest.Limit{})
	}
	if k.waited != 5*time.Second {
		t.Errorf("waited %s for five calls over the burst, want 5s", k.waited)
	}
	k.waited = 0
	for range 4 {
		call("c", rest.Limit{PerSecond: 4, Burst: 2})
	}
	if k.waited != 500*time.Millisecond {
		t.Errorf("with the request's own limit waited %s, want 500ms", k.waited)
	}
}

func TestStoppedWaitMakesNoCallAndGivesItsTurnBack(t *testing.T) {
	k, f := &clock{now: epoch}, &fake{answer: reply(200, "{}")}
	ctx, cancel := context.WithCancel(t.Context())
	stop := func(cfg *rest.Config) {
		k.set(cfg)
		inner := cfg.Env.Wait
		cfg.Env.Wait = func(ctx context.Context, d time.Duration) error { cancel(); return inner(ctx, d) }
		cfg.Limit = rest.Limit{PerSecond: 1}
	}
	c, r := client(f, stop), get()
	r.LimitKey = "a"
	if _, err := c.Do(ctx, r, nil); err != nil {
		t.Fatal(err)
	}
	_, err := c.Do(ctx, r, nil)
	if e := failed(t, err); e.Effect != pawl.EffectNone || len(f.seen) != 1 {
		t.Errorf("got %v and %d calls", e, len(f.seen))
	}
	k.now = k.now.Add(time.Second)
	if _, err := c.Do(t.Context(), r, nil); err != nil || k.waited != 0 {
		t.Errorf("the next call waited %s: %v", k.waited, err)
	}
}

func TestManyKeysKeepTheirLimits(t *testing.T) {
	k := &clock{now: epoch}
	c := client(&fake{answer: reply(200, "{}")}, k.set, func(c *rest.Config) { c.Limit = rest.Limit{PerSecond: 1} })
	r := get()
	for i := range 3000 {
		r.LimitKey = fmt.Sprint(i)
		if _, err := c.Do(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
	}
	r.LimitKey = "0"
	if _, err := c.Do(t.Context(), r, nil); err != nil || k.waited != time.Second {
		t.Errorf("waited %s, want 1s: the first key's limiter was dropped while in use (%v)", k.waited, err)
	}
}
