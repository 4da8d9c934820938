package rehearsal

import (
	"net/http"
	"sync"
)

// blow kills a process at the moment when a vendor has carried out a call and
// has not answered yet.
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
	b.happened = nil
	return b.struck
}

// front stands before a vendor. What the vendor wrote is still in the server's
// buffer when it returns, so an aborted handler answers nothing.
func (b *blow) front(vendor http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		vendor.ServeHTTP(w, r)
		if b.strike() {
			panic(http.ErrAbortHandler)
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
