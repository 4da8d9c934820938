package vendorsim

import (
	"slices"
	"sync"
	"time"
)

// LogCap is how many requests a Log keeps: at least the newest half of it.
const LogCap = 4096

// Entry is one request, without headers, query and body. Status is 0 where
// the connection was cut.
type Entry struct {
	At        time.Time
	Method    string
	Host      string
	Operation string
	Status    int
}

// Log keeps the newest requests. The zero value is ready and safe for
// concurrent use.
type Log struct {
	mu      sync.Mutex
	entries []Entry
	total   int
}

// Entries gives a copy of what is kept, oldest first.
func (l *Log) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Total tells how many requests there were, kept or not.
func (l *Log) Total() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

func (l *Log) add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	if len(l.entries) == LogCap {
		l.entries = append(l.entries[:0], l.entries[LogCap/2:]...)
	}
	l.entries = append(l.entries, e)
}
