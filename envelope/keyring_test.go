package envelope_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// keyTable is a table of wrapped keys, which can be away or slow.
type keyTable struct {
	mu    sync.Mutex
	keys  []envelope.DataKey
	down  error
	reads int
	slow  chan struct{} // when not nil, a read waits for it, or for its context
	begun chan struct{} // is told when such a read waits
}

func (s *keyTable) DataKeys(ctx context.Context, _ string) ([]envelope.DataKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	if s.slow != nil {
		slow := s.slow
		s.mu.Unlock()
		defer s.mu.Lock()
		select {
		case s.begun <- struct{}{}:
		default: // nobody asked
		}
		select {
		case <-slow:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return slices.Clone(s.keys), nil
	}
	return slices.Clone(s.keys), s.down
}

func (s *keyTable) set(down error, keys ...envelope.DataKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = down
	if keys != nil {
		s.keys = keys
	}
}

func (s *keyTable) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

// counted counts what a keeper is asked.
type counted struct {
	envelope.Keeper
	unwraps atomic.Int64
}

func (c *counted) Unwrap(ctx context.Context, wrapped []byte, b envelope.KeyBinding) ([]byte, error) {
	c.unwraps.Add(1)
	return c.Keeper.Unwrap(ctx, wrapped, b)
}

// watch is a clock that is set by hand.
type watch struct{ ns atomic.Int64 }

func (w *watch) now() time.Time           { return now.Add(time.Duration(w.ns.Load())) }
func (w *watch) advance(by time.Duration) { w.ns.Add(int64(by)) }

const fresh5m = 5 * time.Minute // for as long a ring is used

// keyringBench is a keyring of the scope "pawl" with what it stands on. Its
// table has the first key alone.
type keyringBench struct {
	*envelope.Keyring
	keeper        *counted
	table         *keyTable
	clock         *watch
	first, second envelope.DataKey
}

func newKeyring(t testing.TB) *keyringBench {
	t.Helper()
	k := &keyringBench{keeper: &counted{Keeper: newKeeper(t, 7)}, table: &keyTable{}, clock: &watch{}}
	k.first, k.second = newKey(t, k.keeper, 1), newKey(t, k.keeper, 2)
	k.table.set(nil, k.first)
	k.Keyring = envelope.NewKeyring([]envelope.Keeper{k.keeper}, k.table, fresh5m, k.clock.now)
	return k
}

// promote makes the second key primary in the table.
func (k *keyringBench) promote() {
	old := k.first
	old.State = envelope.KeyRetiring
	k.table.set(nil, old, k.second)
}

// column gives a column whose keys the keyring has, and one of a process that
// has seen the second key.
func (k *keyringBench) columns(t testing.TB) (reader, writer *envelope.Column) {
	t.Helper()
	old := k.first
	old.State = envelope.KeyRetiring
	writer = &envelope.Column{Rings: newRing(t, newKeeper(t, 7), old, k.second), Table: "orgs", Name: "c"}
	return &envelope.Column{Rings: k, Table: "orgs", Name: "c"}, writer
}

func (k *keyringBench) primary(t testing.TB) uint32 {
	t.Helper()
	r, err := k.Ring(t.Context(), "pawl")
	if err != nil {
		t.Fatal(err)
	}
	return r.Primary()
}

func TestKeyringReadsAgainWhenItIsOld(t *testing.T) {
	k := newKeyring(t)
	k.primary(t)
	k.promote()
	k.clock.advance(fresh5m - 1)
	if got, n := k.primary(t), k.table.count(); got != 1 || n != 1 {
		t.Errorf("a fresh ring: key %d is primary after %d reads", got, n)
	}
	k.clock.advance(1)
	if got, n := k.primary(t), k.table.count(); got != 2 || n != 2 {
		t.Errorf("an old ring: key %d is primary after %d reads", got, n)
	}
}

// TestKeyringLearnsAKeyByItsValue: a reader that has not seen the new key
// opens its values all the same.
func TestKeyringLearnsAKeyByItsValue(t *testing.T) {
	k := newKeyring(t)
	reader, writer := k.columns(t)
	k.primary(t)
	s := put(t, writer, "pawl", "42", plain)
	k.promote()
	k.clock.advance(time.Second)
	mustGive(t, reader, "pawl", "42", s, plain)
	if got := k.primary(t); got != 2 {
		t.Errorf("key %d is primary", got)
	}
	if n := k.table.count(); n != 2 {
		t.Errorf("the table was read %d times", n)
	}
}

// TestKeyringIsNotDrivenByValues: values under keys that there are not have
// the keys read once a second, not once each.
func TestKeyringIsNotDrivenByValues(t *testing.T) {
	k := newKeyring(t)
	reader, writer := k.columns(t)
	k.primary(t)
	s := put(t, writer, "pawl", "42", plain) // its key is not in the table
	for range 10 {
		for range 100 {
			mustNotGive(t, reader, "pawl", "42", s, "a value under an unknown key")
		}
		k.clock.advance(time.Second / 2)
	}
	if n := k.table.count(); n > 1+5 {
		t.Errorf("the table was read %d times in five seconds", n)
	}
}

func TestAnOutageKeepsTheRing(t *testing.T) {
	k := newKeyring(t)
	reader, writer := k.columns(t)
	old := put(t, reader, "pawl", "42", plain)
	unseen := put(t, writer, "pawl", "42", plain)
	down := errors.New("no route to host")
	k.table.set(down)
	k.clock.advance(fresh5m)
	for range 100 {
		mustGive(t, reader, "pawl", "42", old, plain)
	}
	if n := k.table.count(); n != 2 {
		t.Errorf("%d reads in one instant of an outage, want one more than before", n)
	}
	if err := k.Err("pawl"); !errors.Is(err, down) || pawl.CodeOf(err) != pawl.CodeStore {
		t.Errorf("the health check sees %v", err)
	}
	_, err := reader.Open(t.Context(), "pawl", "42", unseen)
	if !errors.Is(err, down) || pawl.CodeOf(err) != pawl.CodeStore || pawl.HintOf(err) == "" {
		t.Errorf("a value under a key that cannot be looked for, code %q: %v", pawl.CodeOf(err), err)
	}
	k.promote()
	k.clock.advance(time.Second)
	mustGive(t, reader, "pawl", "42", unseen, plain)
	if err := k.Err("pawl"); err != nil {
		t.Errorf("after the outage the health check sees %v", err)
	}
}

func TestAnOutageAtTheStartIsTriedAgain(t *testing.T) {
	k := newKeyring(t)
	k.table.set(errors.New("no route to host"))
	for range 100 {
		if r, err := k.Ring(t.Context(), "pawl"); r != nil || pawl.CodeOf(err) != pawl.CodeStore {
			t.Fatalf("there is a ring: %t, %v", r != nil, err)
		}
	}
	if n := k.table.count(); n != 1 {
		t.Errorf("%d reads in one instant", n)
	}
	k.table.set(nil)
	k.clock.advance(time.Second)
	if got := k.primary(t); got != 1 {
		t.Errorf("key %d is primary", got)
	}
}

// TestManyFirstUsersAskTheKeeperOnce: an application that starts under load
// must not ask once for each request.
func TestManyFirstUsersAskTheKeeperOnce(t *testing.T) {
	k := newKeyring(t)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, err := k.Ring(t.Context(), "pawl"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n, reads := k.keeper.unwraps.Load(), k.table.count(); n != 1 || reads != 1 {
		t.Errorf("the keeper was asked %d times, the table %d times", n, reads)
	}
}

// TestNobodyWaitsForAnotherWhoReads: while one goroutine reads old keys anew,
// the others go on with the ring that is there.
func TestNobodyWaitsForAnotherWhoReads(t *testing.T) {
	k := newKeyring(t)
	k.primary(t)
	k.promote()
	slow := make(chan struct{})
	k.table.slow, k.table.begun = slow, make(chan struct{}, 1)
	k.clock.advance(fresh5m)
	read := make(chan uint32)
	go func() { read <- k.primary(t) }()
	select {
	case <-k.table.begun:
	case got := <-read:
		t.Fatalf("it did not read: %d", got)
	}
	if got := k.primary(t); got != 1 {
		t.Errorf("meanwhile key %d is primary", got)
	}
	close(slow)
	if got := <-read; got != 2 {
		t.Errorf("who read has key %d", got)
	}
}

// TestWhoGivesUpTakesNobodyAlong: a request that is cancelled while it reads
// the keys is no outage for the next.
func TestWhoGivesUpTakesNobodyAlong(t *testing.T) {
	k := newKeyring(t)
	k.table.slow = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Ring(ctx, "pawl"); !errors.Is(err, context.Canceled) {
		t.Fatalf("a cancelled request: %v", err)
	}
	close(k.table.slow)
	if got := k.primary(t); got != 1 {
		t.Errorf("key %d is primary", got)
	}
}

func TestKeyringRefusesKeysOfAnotherScope(t *testing.T) {
	k := newKeyring(t) // its table has keys of the scope "pawl", whatever is asked
	r, err := k.Ring(t.Context(), "globex")
	if r != nil || pawl.CodeOf(err) != pawl.CodeCorrupt || pawl.HintOf(err) == "" {
		t.Errorf("there is a ring: %t, %v", r != nil, err)
	}
}

func TestAScopeWithoutKeysIsNotFound(t *testing.T) {
	k := newKeyring(t)
	k.table.keys = nil
	r, err := k.Ring(t.Context(), "pawl")
	if r != nil || pawl.CodeOf(err) != pawl.CodeNotFound || pawl.HintOf(err) == "" {
		t.Errorf("there is a ring: %t, %v", r != nil, err)
	}
}

// TestWhoComesSecondReadsNothing: two find that the ring is old, and the first
// has read by the time that the second may.
func TestWhoComesSecondReadsNothing(t *testing.T) {
	k := newKeyring(t)
	first, look := true, k.clock.now
	k.Keyring = envelope.NewKeyring([]envelope.Keeper{k.keeper}, k.table, fresh5m, func() time.Time { return look() })
	k.primary(t)
	k.promote()
	k.clock.advance(fresh5m)
	look = func() time.Time { // it is asked after the old ring was seen
		if first {
			first = false
			k.primary(t)
		}
		return k.clock.now()
	}
	if got, n := k.primary(t), k.table.count(); got != 2 || n != 2 {
		t.Errorf("key %d is primary after %d reads", got, n)
	}
}
