package envelope

import (
	"context"
	"fmt"
	"sync"
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
// scopes all have the same keys.
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
	mu      sync.Mutex
	rings   map[string]*scopeRing
	direct  map[uint32]*xaes.Key
}

type scopeRing struct {
	mu   sync.Mutex // held while the ring is opened
	ring *Ring
	at   time.Time
}

// leastAge is how old a ring must be before a value under an unknown key may
// have it opened anew: whoever can write values must not be able to have a
// keeper called for each.
const leastAge = time.Second

// NewKeyring makes a keyring. A ring is used for as long as fresh says, which
// is how late a process may learn of another primary key; a value under a key
// that it does not know has it look at once. now is time.Now when nil.
func NewKeyring(keepers []Keeper, source Source, fresh time.Duration, now pawl.Clock) *Keyring {
	if now == nil {
		now = time.Now
	}
	return &Keyring{keepers: keepers, source: source, fresh: fresh, now: now, rings: map[string]*scopeRing{}}
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
// that has its keys.
func (k *Keyring) Ring(ctx context.Context, scope string) (*Ring, error) {
	return k.younger(ctx, scope, k.fresh)
}

// younger gives a scope's ring, opened anew when it is as old as age.
func (k *Keyring) younger(ctx context.Context, scope string, age time.Duration) (*Ring, error) {
	k.mu.Lock()
	s := k.rings[scope]
	if s == nil {
		s = &scopeRing{}
		k.rings[scope] = s
	}
	k.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ring != nil && k.now().Sub(s.at) < age {
		return s.ring, nil
	}
	keys, err := k.source.DataKeys(ctx, scope)
	if err == nil {
		var ring *Ring
		if ring, err = OpenRing(ctx, k.keepers, keys); err == nil {
			err = ring.also(k.direct)
		}
		if err == nil {
			s.ring, s.at = ring, k.now()
		}
	}
	if err != nil && s.ring == nil {
		return nil, err
	}
	return s.ring, nil
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

// reload gives a ring that may know a key which the one at hand does not.
func reload(ctx context.Context, rings Rings, scope string) (*Ring, error) {
	if k, ok := rings.(*Keyring); ok {
		return k.younger(ctx, scope, min(leastAge, k.fresh))
	}
	return rings.Ring(ctx, scope)
}
