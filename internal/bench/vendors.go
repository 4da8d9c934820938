package main

import (
	"net/http"
	"sync"
	"time"
)

// vendors hands requests to simulators in this process and knows for how long
// at least one request was under way. It is safe for concurrent use.
type vendors struct {
	next    http.RoundTripper
	latency time.Duration // of each call, by the real clock

	mu    sync.Mutex
	open  int
	since time.Time
	busy  time.Duration
	calls int
}

// RoundTrip serves a request.
func (v *vendors) RoundTrip(r *http.Request) (*http.Response, error) {
	v.enter()
	defer v.leave()
	if v.latency > 0 {
		t := time.NewTimer(v.latency)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return v.next.RoundTrip(r)
}

func (v *vendors) enter() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	if v.open++; v.open == 1 {
		v.since = time.Now()
	}
}

func (v *vendors) leave() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open--; v.open == 0 {
		v.busy += time.Since(v.since)
	}
}

// taken gives the time with a request under way, and the requests, since it
// was last asked.
func (v *vendors) taken() (time.Duration, int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	busy, calls := v.busy, v.calls
	v.busy, v.calls = 0, 0
	return busy, calls
}
