package system

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Kind is a kind of request that users make.
type Kind struct {
	Name string
	Do   func(ctx context.Context) error // fails where the answer is not as it must be
}

// requestWithin is the longest that a request may take: Fly's proxy holds it
// while a machine boots.
const requestWithin = 30 * time.Second

// Load is the requests of users: of each kind one after the other. It is safe
// for concurrent use.
type Load struct {
	s     *System
	every time.Duration
	told  func(kind string, why error)
	end   context.CancelFunc
	work  sync.WaitGroup

	mu               sync.Mutex // guards what follows
	requests, failed int
	first            error
}

// Load begins a load: a request of each kind at once, and then one at each tick
// of every, or as soon as the last one is answered where every is 0. told is told of each failure, by one
// caller at a time; nil is not.
func (s *System) Load(ctx context.Context, every time.Duration, told func(kind string, why error), kinds ...Kind) *Load {
	ctx, end := context.WithCancel(ctx)
	l := &Load{s: s, every: every, told: told, end: end}
	for _, k := range kinds {
		l.work.Go(func() { l.run(ctx, k) })
	}
	return l
}

func (l *Load) run(ctx context.Context, k Kind) {
	var tick <-chan time.Time // nil never comes
	if l.every > 0 {
		t := time.NewTicker(l.every)
		defer t.Stop()
		tick = t.C
	}
	for ctx.Err() == nil {
		l.count(k, l.one(ctx, k))
		if tick == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-tick:
		}
	}
}

// one makes one request to its end: users do not know that the load is over.
// Time is not skipped under it.
func (l *Load) one(ctx context.Context, k Kind) error {
	l.s.Traffic.RLock()
	defer l.s.Traffic.RUnlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestWithin)
	defer cancel()
	return k.Do(ctx)
}

func (l *Load) count(k Kind, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests++
	if err == nil {
		return
	}
	if l.failed++; l.failed == 1 {
		l.first = fmt.Errorf("%s: %w", k.Name, err)
	}
	if l.told != nil {
		l.told(k.Name, err)
	}
}

// SoFar gives the numbers so far.
func (l *Load) SoFar() (requests, failed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests, l.failed
}

// First is the first failure; nil is none so far.
func (l *Load) First() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// Stop ends the load, when what is under way is answered, and gives its numbers.
// Stopping twice is harmless.
func (l *Load) Stop() (requests, failed int) {
	l.end()
	l.work.Wait()
	return l.SoFar()
}

// Checkout asks for a page to pay at.
func (s *System) Checkout(ctx context.Context) error {
	b, err := s.Plane(ctx, http.MethodPost, "/cp/billing/checkout", map[string]string{})
	if err == nil && !bytes.Contains(b, []byte("https://checkout.stripe.com/")) {
		err = fmt.Errorf("there is no page of Stripe's: %s", b)
	}
	return err
}

// ReadOrg reads a tenant, who must be ready.
func (s *System) ReadOrg(ctx context.Context, t Tenant) error {
	var org struct{ Status string }
	b, err := s.Plane(ctx, http.MethodGet, "/cp/orgs/"+t.ID, nil)
	if err == nil {
		err = json.Unmarshal(b, &org)
	}
	if err == nil && org.Status != "ready" {
		err = fmt.Errorf("%s is %s", t.Slug, org.Status)
	}
	return err
}

// Ask has a workspace ask its language model.
func (s *System) Ask(ctx context.Context, t Tenant, workspace string) error {
	_, err := s.Call(ctx, http.MethodPost, t.URL+"/workspaces/"+workspace+"/ask", t.Admin, map[string]string{"prompt": "hello"})
	return err
}
