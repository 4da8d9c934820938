package main

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// watch holds P1: at no instant is a consumer without a version that works. It
// asks the truth, not pawl.
type watch struct {
	w *world

	mu     sync.Mutex
	broken []string
}

// look asks every consumer. Each kind of failure counts once.
func (l *watch) look(when string) {
	for _, what := range l.w.Failing() {
		what = "P1: " + what
		l.mu.Lock()
		if !slices.ContainsFunc(l.broken, func(s string) bool { return strings.HasPrefix(s, what) }) {
			l.broken = append(l.broken, what+" after "+when)
		}
		l.mu.Unlock()
	}
}

// take gives what was broken since the last time.
func (l *watch) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.broken
	l.broken = nil
	return list
}

// Wrong lists what is not as it must be once a rotation is done, as the system
// and the database tell it.
func (w *world) Wrong(name string) []string {
	return append(w.SaaS.Wrong(name), w.servers.Wrong(name, w.Stored(name))...)
}

// leaks searches for every value that was ever made.
func (w *world) leaks(p *pawl) ([]string, error) {
	_, found, err := w.Leaks(p.said.Bytes(), filepath.Join(w.dir, ".pawl"), w.servers.Secrets()...)
	return found, err
}
