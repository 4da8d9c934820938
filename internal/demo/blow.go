package demo

import (
	"net/http"
	"sync"
)

// blow kills a process at the moment when a vendor has carried out a call and
// has not answered yet. The zero blow is not armed.
type blow struct {
	mu       sync.Mutex
	happened func() bool // nil is not armed
	kill     func() error
	struck   bool
}

// arm makes the next call after which happened says yes the last one.
func (b *blow) arm(happened func() bool, kill func() error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.happened, b.kill, b.struck = happened, kill, false
}

// disarm ends that and reports whether the process was killed.
func (b *blow) disarm() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	struck := b.struck
	b.happened, b.struck = nil, false
	return struck
}

// front stands before a vendor. Calls that change nothing are let be, and so
// are all that users' requests cause: their answers go through.
func (b *blow) front(vendor http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pawls := r.Method != http.MethodGet && r.Header.Get(mark) != ""
		vendor.ServeHTTP(w, r)
		if pawls && b.strike() {
			panic(http.ErrAbortHandler) // what the vendor wrote is still in the server's buffer
		}
	})
}

// strike kills once. A process that has ended by itself was not killed.
func (b *blow) strike() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.happened == nil || !b.happened() {
		return false
	}
	b.happened = nil
	b.struck = b.kill() == nil
	return b.struck
}

// mark is the header by which calls of pawl's processes are told from those of
// the SaaS.
const mark = "X-Demo-Pawl"

// Marked is a transport that marks the calls of a pawl process.
type Marked struct{ http.RoundTripper }

// RoundTrip makes a call with the mark.
func (m Marked) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(mark, "1")
	return m.RoundTripper.RoundTrip(r)
}
