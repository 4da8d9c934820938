package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/pawlhq/pawl/internal/system"
)

// What users do: a request of each kind every so often.
const (
	each          = 20 * time.Millisecond
	requestWithin = 30 * time.Second // Fly's proxy holds a request while a machine boots
)

// load is the requests of users.
type load struct {
	s    *system.System
	end  context.CancelFunc
	work sync.WaitGroup

	mu               sync.Mutex
	requests, failed int
	failures         error
}

// startLoad begins it for a tenant.
func startLoad(ctx context.Context, s *system.System, t system.Tenant) *load {
	ctx, end := context.WithCancel(ctx)
	l := &load{s: s, end: end}
	for _, do := range []func(context.Context) error{
		s.DeliverEvent,
		func(ctx context.Context) error {
			return l.says(ctx, "/cp/billing/checkout", "https://checkout.stripe.com/")
		},
		func(ctx context.Context) error {
			_, err := s.Plane(ctx, http.MethodGet, "/cp/orgs/"+t.ID, nil)
			return err
		},
		func(ctx context.Context) error {
			_, err := s.Call(ctx, http.MethodPost, t.URL+"/workspaces/"+t.Workspaces[0]+"/ask", t.Admin, map[string]string{"prompt": "hello"})
			return err
		},
	} {
		l.work.Go(func() { l.run(ctx, do) })
	}
	return l
}

// says makes a call at the control plane whose answer must have a text.
func (l *load) says(ctx context.Context, path, text string) error {
	b, err := l.s.Plane(ctx, http.MethodPost, path, map[string]string{})
	if err == nil && !bytes.Contains(b, []byte(text)) {
		err = errors.New("POST " + path + ": the answer has no " + text)
	}
	return err
}

func (l *load) run(ctx context.Context, do func(context.Context) error) {
	tick := time.NewTicker(each)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := l.one(ctx, do)
		l.mu.Lock()
		l.requests++
		if err != nil {
			l.failed++
			l.failures = errors.Join(l.failures, err)
		}
		l.mu.Unlock()
	}
}

// one makes one request to its end: users do not know that the demo is over.
func (l *load) one(ctx context.Context, do func(context.Context) error) error {
	l.s.Traffic.RLock()
	defer l.s.Traffic.RUnlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestWithin)
	defer cancel()
	return do(ctx)
}

// so gives the numbers so far.
func (l *load) so() (requests, failed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.requests, l.failed
}

// stop ends the load.
func (l *load) stop() {
	l.end()
	l.work.Wait()
}

// String is the line about it.
func (l *load) String() string {
	requests, failed := l.so()
	return fmt.Sprintf("users: %d requests, %d failed", requests, failed)
}
