package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/pawlhq/pawl/internal/system"
)

// requestWithin is the longest that a request may take: Fly's proxy holds it
// while a machine boots.
const requestWithin = 30 * time.Second

// keptFailures is how many failures are told in words.
const keptFailures = 20

// load is the requests of users, one after the other of each kind.
type load struct {
	w    *world
	end  context.CancelFunc
	work sync.WaitGroup

	mu       sync.Mutex
	requests int
	kinds    map[string]int
	failures []failure
}

// failure is a request that was not answered as it must be.
type failure struct {
	kind string
	why  error
	at   time.Time // of the real clock
}

// kind is a kind of request.
type kind struct {
	name string
	do   func(ctx context.Context) error
}

// start begins the load.
func (w *world) start(ctx context.Context, kinds ...kind) *load {
	if len(kinds) == 0 {
		kinds = w.kinds()
	}
	ctx, end := context.WithCancel(ctx)
	l := &load{w: w, end: end, kinds: map[string]int{}}
	for _, k := range kinds {
		l.work.Go(func() { l.run(ctx, k) })
	}
	return l
}

// kinds are all that users do: each tenant's calls and each workspace's are
// kinds of their own.
func (w *world) kinds() []kind {
	kinds := []kind{{"checkout", w.checkout}, {"webhook", w.DeliverEvent}, {"orgs", w.orgs}}
	for _, t := range w.tenants {
		kinds = append(kinds, kind{"tenant", func(ctx context.Context) error {
			_, err := w.Call(ctx, http.MethodPost, t.URL+"/visits", t.Admin, nil)
			return err
		}}, kind{"org", func(ctx context.Context) error { return w.readOrg(ctx, t) }})
		for _, id := range t.Workspaces {
			if id == pausedWorkspace {
				continue
			}
			kinds = append(kinds, kind{"model", func(ctx context.Context) error {
				_, err := w.Call(ctx, http.MethodPost, t.URL+"/workspaces/"+id+"/ask", t.Admin, map[string]string{"prompt": "hello"})
				return err
			}})
		}
	}
	return kinds
}

const pausedWorkspace = "ws-cove-3"

func (l *load) run(ctx context.Context, k kind) {
	limit := rate.NewLimiter(rate.Limit(l.w.opts.rate), 1)
	for limit.Wait(ctx) == nil {
		began := time.Now()
		err := l.one(ctx, k)
		l.mu.Lock()
		l.requests++
		l.kinds[k.name]++
		if err != nil {
			l.failures = append(l.failures, failure{k.name, err, began})
			if len(l.failures) <= keptFailures {
				fmt.Printf("    FAILED %s: %v\n", k.name, err)
			}
		}
		l.mu.Unlock()
	}
}

// one makes one request. One that has begun is ended: users do not know that
// the load is over.
func (l *load) one(ctx context.Context, k kind) error {
	l.w.Traffic.RLock()
	defer l.w.Traffic.RUnlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestWithin)
	defer cancel()
	return k.do(ctx)
}

// stop ends the load and gives its numbers.
func (l *load) stop() (requests, failed int) {
	l.end()
	l.work.Wait()
	return l.requests, len(l.failures)
}

// so gives the numbers so far.
func (l *load) so() (requests, failed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests, len(l.failures)
}

// checkout asks for a page to pay at.
func (w *world) checkout(ctx context.Context) error {
	b, err := w.Plane(ctx, http.MethodPost, "/cp/billing/checkout", map[string]string{})
	if err == nil && !bytes.Contains(b, []byte("https://checkout.stripe.com/")) {
		err = fmt.Errorf("checkout: no page of Stripe's: %s", b)
	}
	return err
}

func (w *world) orgs(ctx context.Context) error {
	b, err := w.Plane(ctx, http.MethodGet, "/cp/orgs", nil)
	if err == nil && bytes.Count(b, []byte(`"ready"`)) < len(w.tenants) {
		err = fmt.Errorf("orgs: not all are ready: %s", b)
	}
	return err
}

func (w *world) readOrg(ctx context.Context, t system.Tenant) error {
	var org struct{ Status string }
	b, err := w.Plane(ctx, http.MethodGet, "/cp/orgs/"+t.ID, nil)
	if err == nil {
		err = json.Unmarshal(b, &org)
	}
	if err == nil && org.Status != "ready" {
		err = fmt.Errorf("org %s is %s", t.Slug, org.Status)
	}
	return err
}
