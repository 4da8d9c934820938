package main

import (
	"context"
	"slices"
	"sync"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

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
