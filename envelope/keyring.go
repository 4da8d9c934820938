package envelope

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope/internal/xaes"
)

// Source is where wrapped data keys are kept, by scope.
type Source interface {
	// DataKeys gives all data keys of a scope, in any order.
	DataKeys(ctx context.Context, scope string) ([]DataKey, error)
}

// Rings gives the ring of a scope. *Keyring is one, and *Ring is one whose
// scopes all have the same keys. Where it has a method Reload, as *Keyring
// does, a Column calls it for a value under a key that the ring does not have.
type Rings interface {
	Ring(ctx context.Context, scope string) (*Ring, error)
}

// Ring gives the ring itself, whatever the scope.
func (r *Ring) Ring(context.Context, string) (*Ring, error) { return r, nil }

// Keyring opens the rings of scopes when they are first asked for, and again
// when they may have changed. It is safe for concurrent use.
type Keyring struct {
	keepers []Keeper
	source  Source
	now     pawl.Clock
	fresh   time.Duration
	mu      sync.RWMutex
	scopes  map[string]*scopeRing
	direct  map[uint32]*xaes.Key
}

// scopeRing is one scope of a keyring.
type scopeRing struct {
	turn chan struct{} // holds one: who puts it in reads the keys
	last atomic.Pointer[reading]
}

// reading is what is known after the keys were read, or were tried to be.
type reading struct {
	ring  *Ring // nil when they never could be read
	at    time.Time
	tried time.Time
	err   error // of the last try; nil when it gave the ring
}

// leastAge is how long ago the keys must have been tried before they are tried
// again, whatever the reason: whoever can write values must not be able to
// have a keeper called for each, and an outage must not cost each value a wait.
const leastAge = time.Second

// NewKeyring makes a keyring. A ring is used for as long as fresh says, which
// is how late a process may learn of another primary key; a value under a key
// that it does not know has it look at once, at most once a second and scope.
// now is time.Now when nil.
func NewKeyring(keepers []Keeper, source Source, fresh time.Duration, now pawl.Clock) *Keyring {
	if now == nil {
		now = time.Now
	}
	return &Keyring{keepers: keepers, source: source, fresh: fresh, now: now, scopes: map[string]*scopeRing{}}
}

// Also has every ring open values that were sealed under keys of a DirectRing,
// for an application that goes from such keys to a key table. It is called
// before the keyring's first use.
func (k *Keyring) Also(direct ...[]byte) error {
	if len(direct) == 0 {
		return nil
	}
	r, err := DirectRing(direct[0], direct[1:]...)
	if err == nil {
		k.direct = r.keys
	}
	return err
}

// Ring gives a scope's ring. When the keys cannot be read again the ring that
// is there stays in use: an outage of the keeper does not stop an application
// that has its keys. Nor does it wait for others that read them.
func (k *Keyring) Ring(ctx context.Context, scope string) (*Ring, error) {
	s := k.scope(scope)
	last := s.last.Load()
	if last.ring == nil {
		return k.Reload(ctx, scope)
	}
	if now := k.now(); now.Sub(last.at) < k.fresh || now.Sub(last.tried) < k.pause() {
		return last.ring, nil
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
		if now := s.last.Load(); now != last { // somebody else was quicker
			return now.ring, nil
		}
		return k.read(ctx, s, scope).ring, nil
	default:
		return last.ring, nil
	}
}

// Err gives the error with which a scope's keys were last tried to be read, or
// nil: for a health check, since Ring hides what it can do without.
func (k *Keyring) Err(scope string) error { return k.scope(scope).last.Load().err }

// Reload gives a scope's ring after its keys were read, unless that was tried
// less than a second ago. With an error there may be an older ring.
func (k *Keyring) Reload(ctx context.Context, scope string) (*Ring, error) {
	s := k.scope(scope)
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return s.last.Load().ring, unread(scope, ctx.Err())
	}
	last := s.last.Load()
	// That somebody else did not want to wait says nothing of the keys.
	gaveUp := errors.Is(last.err, context.Canceled) || errors.Is(last.err, context.DeadlineExceeded)
	if last.tried.IsZero() || gaveUp || k.now().Sub(last.tried) >= k.pause() {
		last = k.read(ctx, s, scope)
	}
	return last.ring, last.err
}

// read reads a scope's keys, in its turn.
func (k *Keyring) read(ctx context.Context, s *scopeRing, scope string) *reading {
	ring, err := k.open(ctx, scope)
	now := k.now()
	next := &reading{ring: ring, at: now, tried: now, err: err}
	if err != nil {
		last := s.last.Load()
		next.ring, next.at = last.ring, last.at
	}
	s.last.Store(next)
	return next
}

func (k *Keyring) open(ctx context.Context, scope string) (*Ring, error) {
	keys, err := k.source.DataKeys(ctx, scope)
	if err != nil {
		return nil, unread(scope, err)
	}
	if len(keys) == 0 {
		return nil, &pawl.Error{Code: pawl.CodeNotFound, Op: "read the data keys", On: scope, Why: "the scope has none", Next: "make its first key"}
	}
	for _, key := range keys {
		// Else whoever can write the key table could give one scope another's keys.
		if key.Scope != scope {
			return nil, &pawl.Error{Code: pawl.CodeCorrupt, Op: "read the data keys", On: scope, Why: fmt.Sprintf("data key %d is of the scope %q", key.ID, key.Scope), Next: "look at the key table"}
		}
	}
	ring, err := OpenRing(ctx, k.keepers, keys)
	if err == nil {
		err = ring.also(k.direct)
	}
	if err != nil {
		return nil, err
	}
	return ring, nil
}

// also adds keys that open.
func (r *Ring) also(keys map[uint32]*xaes.Key) error {
	for id, key := range keys {
		if r.keys[id] != nil {
			return &pawl.Error{Code: pawl.CodeConflict, Op: "open the key ring", On: fmt.Sprint(id), Why: "a data key has the id of a direct key", Next: "make another data key"}
		}
		r.keys[id] = key
	}
	return nil
}

func (k *Keyring) scope(scope string) *scopeRing {
	k.mu.RLock()
	s := k.scopes[scope]
	k.mu.RUnlock()
	if s != nil {
		return s
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if s = k.scopes[scope]; s == nil {
		s = &scopeRing{turn: make(chan struct{}, 1)}
		s.last.Store(&reading{})
		k.scopes[scope] = s
	}
	return s
}

func (k *Keyring) pause() time.Duration { return min(leastAge, k.fresh) }

func unread(scope string, err error) error {
	if own := (*pawl.Error)(nil); errors.As(err, &own) {
		return err
	}
	return &pawl.Error{Code: pawl.CodeStore, Op: "read the data keys", On: scope, Err: err, Next: "make the place where keys are kept reachable, then try again"}
}

// reload gives a ring that may know a key which the one at hand does not. With
// an error there may be an older ring.
func reload(ctx context.Context, rings Rings, scope string) (*Ring, error) {
	if k, ok := rings.(interface {
		Reload(ctx context.Context, scope string) (*Ring, error)
	}); ok {
		return k.Reload(ctx, scope)
	}
	return rings.Ring(ctx, scope)
}
