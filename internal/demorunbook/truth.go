package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/vendorsim/saas"
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

// known are the answers of a server to a question that is asked again and again,
// and that it answers anew only when its state is another. It is safe for
// concurrent use.
type known[T any] struct {
	state func() string // changes whenever an answer may

	mu      sync.Mutex // guards what follows
	at      string
	answers map[string]T
}

// get gives the answer to a question, which ask asks where it is not known. The
// state is asked for first: what changes while ask asks is asked again.
func (k *known[T]) get(question string, ask func() T) T {
	k.mu.Lock()
	defer k.mu.Unlock()
	if state := k.state(); state != k.at || k.answers == nil {
		k.at, k.answers = state, map[string]T{}
	}
	answer, ok := k.answers[question]
	if !ok {
		answer = ask()
		k.answers[question] = answer
	}
	return answer
}

// logins logs in to a server only where that may end otherwise than before:
// every consumer is looked at after every request.
type logins struct {
	saas.Logins
	known known[error]
}

func (l *logins) Login(url string) error {
	return l.known.get(url, func() error { return l.Logins.Login(url) })
}

// rows reads org_instances only where that may end otherwise than before.
type rows struct {
	controlplane.Store
	known known[table]
}

type table struct {
	orgs []controlplane.Org
	err  error
}

func (r *rows) List(ctx context.Context) ([]controlplane.Org, error) {
	t := r.known.get("", func() (t table) { t.orgs, t.err = r.Store.List(ctx); return t })
	return slices.Clone(t.orgs), t.err
}
