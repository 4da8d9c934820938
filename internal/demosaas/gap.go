package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl/internal/system"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// planned is a reset: the old value ends before anybody can have the new one,
// so that what works with it may fail until it has booted with the new one. The
// estate says that this gap is accepted; here it is measured, in a system of its
// own, and its failures are not those of the other rotations.
type planned struct {
	secret  string
	noLists bool                  // there is no second login to make at Redis
	apps    func(*world) []string // whose machines work with it
}

func resets() []planned {
	return []planned{
		{saas.DatabaseURL, false, func(*world) []string { return []string{saas.App} }},
		{saas.RedisURL, true, (*world).apps},
	}
}

// gap is what a reset cost, by the clock of the system.
type gap struct {
	every            time.Duration // between two requests of a kind: the error at either end of length
	requests, failed int           // under way between the old value's end and when every machine was well with the new one
	length           time.Duration // from the first request that failed to the answer of the last one that did
	longest          time.Duration // the longest that a request took which did not fail
	// What no tool can avoid: Fly's own time for writing the secret, and its own
	// for a machine from the update to a check that passes. Of several the
	// longest, as if all were replaced at once and nothing else took any time.
	write, replace time.Duration
}

func (g gap) bound() time.Duration { return g.write + g.replace }

// gapRate is how often each kind of request is made here, in a second.
const gapRate = 25

// gaps measures every reset.
func gaps(ctx context.Context, o options) error {
	o.kills, o.rate = 0, gapRate
	for _, p := range resets() {
		g, err := p.measure(ctx, o)
		if err != nil {
			return fmt.Errorf("%s by a reset: %w", p.secret, err)
		}
		fmt.Println(g.words(p.secret))
		fmt.Printf("saas: %s reset gap_ms=%d lower_bound_ms=%d failed=%d\n", p.secret, g.length.Milliseconds(), g.bound().Milliseconds(), g.failed)
	}
	return nil
}

// words say what the numbers are made of.
func (g gap) words(secret string) string {
	users := fmt.Sprintf("%d of %d requests failed, in %d ms from the first one's start to the last one's answer", g.failed, g.requests, g.length.Milliseconds())
	if g.failed == 0 {
		users = fmt.Sprintf("none of %d requests failed: open sessions go on, and Fly's proxy holds requests while a machine boots", g.requests)
	}
	return fmt.Sprintf("%s by a reset: each kind of request every %d ms; from the old value's end until every machine was well with the new one, %s; the longest that did not fail took %d ms.\n"+
		"    Lower bound: Fly's %.1f ms to write the secret and its %d ms from a machine's update to a check that passes, as if all were replaced at once.",
		secret, g.every.Milliseconds(), users, g.longest.Milliseconds(), g.write.Seconds()*1000, g.replace.Milliseconds())
}

// measure resets a secret under load.
func (p planned) measure(ctx context.Context, o options) (gap, error) {
	var seen sights
	o.saw = seen.call
	w, err := open(ctx, o, p.noLists)
	if err != nil {
		return gap{}, err
	}
	defer w.close()
	trying, stop := context.WithCancel(ctx)
	ends := make(chan time.Time, 1)
	go func() { ends <- w.ends(trying, p.secret) }()
	load := w.start(ctx, seen.watch(w)...)
	r, err := w.person.Rotate(ctx, p.secret, "--plan", "reset")
	load.Stop()
	stop()
	ended := <-ends
	switch {
	case err != nil:
		return gap{}, err
	case ended.IsZero():
		return gap{}, errors.New("the old value was never seen refused")
	}
	if wrong := r.Wrong(p.secret, w.Wrong); len(wrong) > 0 {
		return gap{}, errors.New(strings.Join(wrong, "; "))
	}
	g, err := seen.gap(w, p.apps(w), ended)
	g.every = o.every()
	return g, err
}

// ends tries the first value until it is refused, and gives when it was tried
// last with success: it ended after that. No time is skipped under a try.
func (w *world) ends(ctx context.Context, name string) (last time.Time) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return time.Time{}
		case <-tick.C:
		}
		w.Traffic.RLock()
		at, alive := w.Clock.Now(), w.Accepted(name, w.First[name])
		w.Traffic.RUnlock()
		if !alive {
			return last
		}
		last = at
	}
}

// sights are what is seen of a system: the requests of users, and the calls that
// its vendors got. It is safe for concurrent use.
type sights struct {
	mu       sync.Mutex
	requests []request
	writes   []system.Call // of secrets at Fly
}

// request is one of a user.
type request struct {
	kind       string
	began, end time.Time
	err        error
}

func (s *sights) call(c system.Call) {
	if c.Host == fly.MachinesHost && c.Method == http.MethodPost && strings.Contains(c.Path, "/secrets/") {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.writes = append(s.writes, c)
	}
}

// watch gives all that users do, each request seen. The load counts no failure:
// they are counted here.
func (s *sights) watch(w *world) []system.Kind {
	kinds := w.kinds()
	for i, k := range kinds {
		kinds[i].Do = func(ctx context.Context) error {
			r := request{kind: k.Name, began: w.Clock.Now()}
			r.err = k.Do(ctx)
			r.end = w.Clock.Now()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.requests = append(s.requests, r)
			return nil
		}
	}
	return kinds
}

// gap makes of all that was seen what it cost that a value ended at an instant.
// A request that failed before, or that began when every machine was well with
// the new one, is no part of it, and an error.
func (s *sights) gap(w *world, apps []string, ended time.Time) (g gap, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var well, first, last time.Time
	for _, app := range apps {
		at, err := s.bound(&g, app, w.Fly.Boots(app), ended)
		if err != nil {
			return g, err
		}
		well = latest(well, at)
	}
	for _, r := range s.requests {
		before, after := r.end.Before(ended), r.began.After(well)
		switch {
		case r.err != nil && (before || after):
			return g, fmt.Errorf("a request failed when all had a value that works: %s, %s after the end of the old one: %w", r.kind, r.began.Sub(ended), r.err)
		case before || after:
			continue
		case r.err == nil:
			g.longest = max(g.longest, r.end.Sub(r.began))
		default:
			if g.failed++; first.IsZero() || r.began.Before(first) {
				first = r.began
			}
			last = latest(last, r.end)
		}
		g.requests++
	}
	g.length = last.Sub(first)
	return g, nil
}

// bound takes an app into what no tool can avoid, and gives when the last of its
// machines was well with the new value.
func (s *sights) bound(g *gap, app string, boots []fly.Boot, ended time.Time) (well time.Time, err error) {
	i := slices.IndexFunc(s.writes, func(c system.Call) bool {
		return strings.HasPrefix(c.Path, "/v1/apps/"+app+"/") && c.Ended.After(ended)
	})
	if i < 0 {
		return well, fmt.Errorf("the secret of %s was not written", app)
	}
	write := s.writes[i]
	g.write = max(g.write, write.Ended.Sub(write.Began))
	done := map[string]bool{}
	for _, b := range boots {
		if done[b.Machine] || b.Told.Before(write.Began) {
			continue
		}
		if done[b.Machine] = true; b.Well.IsZero() {
			return well, fmt.Errorf("the machine %s of %s was never well with the new value", b.Machine, app)
		}
		g.replace, well = max(g.replace, b.Well.Sub(b.Told)), latest(well, b.Well)
	}
	if len(done) == 0 {
		return well, fmt.Errorf("no machine of %s was replaced", app)
	}
	return well, nil
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
