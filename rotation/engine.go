package rotation

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/internal/mutant"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
)

// Store is what the engine needs of a store.
type Store interface {
	Journal
	Leases
	Custody
}

// Ports opens connections as a plan has pinned them. Ports may be shared
// between rotations.
type Ports interface {
	Port(ctx context.Context, name string, c plan.Connection) (*driver.Port, error)
}

// Vault seals and opens values. *envelope.Ring is one.
type Vault interface {
	Seal(v secret.Value, b envelope.Binding) (envelope.Sealed, error)
	Open(s envelope.Sealed, b envelope.Binding) (secret.Value, error)
	Fingerprint(v secret.Value) pawl.Fingerprint
}

// Engine moves rotations. Its fields must not change once it is in use; an
// Engine is safe for concurrent use, and any number of engines in any number
// of processes may share a store.
type Engine struct {
	Store    Store
	Ports    Ports
	Vault    Vault
	Now      pawl.Clock
	Holder   string                                           // names this process in leases: see package runner
	Dead     func(holder string) bool                         // whether a holder is known to be dead; nil is never
	Rand     io.Reader                                        // nil is crypto/rand
	TTL      time.Duration                                    // of a lease; 0 is DefaultTTL
	Parallel int                                              // steps of one stage that act at once; 0 is DefaultParallel
	Sleep    func(ctx context.Context, until time.Time) error // how Run waits; nil sleeps by the real clock
	Observe  func(Entry, *State)                              // sees each entry once it is on record; may be nil
	Patience time.Duration                                    // Run gives up waiting for time longer than this; 0 is for ever
	Mutant   mutant.Kind                                      // breaks a promise, to prove that tests see it; zero in every product
}

// Defaults of an Engine.
const (
	DefaultTTL      = 3 * time.Minute
	DefaultParallel = 16
	maxClockStep    = 5 * time.Minute // a clock this far behind the journal is not trusted
)

// Wait says what a rotation waits for.
type Wait struct {
	For   For
	Until time.Time // with ForTime
	Step  string    // the step that waits
}

// For is the kind of a wait.
type For string

// The kinds of waits.
const (
	ForNothing For = "now"    // the next step is due
	ForTime    For = "time"   // nothing is due before Until
	ForPerson  For = "person" // a person must act: approve, provide, resume or undo
	ForEver    For = "ended"  // the rotation is done or undone
)

// Open pins a plan and opens its rotation. Nothing outside is touched. It
// fails with *OpenError when one of the secrets is being rotated already.
func (e *Engine) Open(ctx context.Context, p *plan.Plan, actor string) (pawl.RotationID, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("encode the plan: %w", err)
	}
	now := e.Now()
	id, err := e.newID(now)
	if err != nil {
		return "", err
	}
	o := Opening{ID: id, Versions: map[pawl.SecretName]pawl.Version{}, Plan: raw, Holder: e.Holder, Now: now, Expires: now.Add(e.ttl())}
	for i := range p.Subjects {
		sub := &p.Subjects[i]
		o.Secrets = append(o.Secrets, sub.Secret)
		o.Versions[sub.Secret] = sub.To
	}
	o.Entries = []Entry{{Rotation: id, Time: now, Kind: KindOpened, Actor: actor, Digest: p.Digest, Detail: string(p.Mode)}}
	lease, err := e.Store.Create(ctx, o)
	if err != nil {
		return "", err
	}
	return id, e.Store.Release(ctx, lease)
}

// newID makes an id that sorts by time and is short enough to type.
func (e *Engine) newID(now time.Time) (pawl.RotationID, error) {
	var b [5]byte
	if _, err := io.ReadFull(e.rand(), b[:]); err != nil {
		return "", fmt.Errorf("make a rotation id: %w", err)
	}
	tail := strings.ToLower(base32.HexEncoding.EncodeToString(b[:]))
	return pawl.RotationID(now.UTC().Format("20060102-150405-") + tail[:6]), nil
}

// Advance does the next due stage of one rotation, journals it, and says
// what to wait for. It is the one function that moves a rotation; runners
// differ only in who calls it and when.
//
// An error means that this process can do nothing more on the rotation now:
// its lease is in other hands, the store cannot be written, or ctx ended. It
// never means that a step failed, and nothing is undone because of it.
func (e *Engine) Advance(ctx context.Context, id pawl.RotationID) (Wait, error) {
	s, err := e.begin(ctx, id)
	if err != nil {
		return Wait{}, err
	}
	w, err := s.turn(ctx)
	if err != nil {
		return Wait{}, err
	}
	if w.For == ForNothing {
		w = s.rest()
	}
	return w, s.flush(ctx, true)
}

// Run advances a rotation until it ended or waits for a person, sleeping
// through waits for time. It gives the state reached. Cancelling ctx is safe
// at any instant.
func (e *Engine) Run(ctx context.Context, id pawl.RotationID) (*State, error) {
	s, err := e.begin(ctx, id)
	if err != nil {
		return nil, err
	}
	for {
		w, err := s.turn(ctx)
		if err != nil {
			return s.state, err
		}
		if w.For == ForNothing {
			continue
		}
		patient := w.For == ForTime && (e.Patience == 0 || w.Until.Sub(e.Now()) <= e.Patience)
		long := w.Until.Sub(e.Now()) > e.ttl()/2
		if err := s.flush(ctx, !patient || long); err != nil || !patient {
			return s.state, err
		}
		if err := e.nap(ctx, w.Until); err != nil {
			return s.state, err
		}
		if long { // the lease was given back: others could act meanwhile
			again, err := e.begin(ctx, id)
			if err != nil {
				return s.state, err
			}
			s = again
		}
	}
}

// State reads where a rotation stands.
func (e *Engine) State(ctx context.Context, id pawl.RotationID) (*State, error) {
	a, err := e.Store.Load(ctx, id)
	if err != nil {
		return nil, err
	}
	return Fold(a)
}

// Say records a person's word. Values that come with it are sealed here. A
// word that its step could never use is refused with CodeInvalid.
func (e *Engine) Say(ctx context.Context, id pawl.RotationID, word Entry, subject pawl.SecretName, value secret.Parts) error {
	st, err := e.State(ctx, id)
	if err != nil {
		return err
	}
	if err := fit(st, word, subject, value); err != nil {
		return err
	}
	word.Rotation, word.Time, word.Kind, word.Secret = id, e.Now(), KindSignal, subject
	sig := Signal{Entry: word, Secret: subject}
	if len(value) > 0 {
		sealed, err := e.seal(subject, signalRow(id, word.Step), value)
		if err != nil {
			return err
		}
		sig.Sealed = sealed
	}
	return e.Store.Signal(ctx, sig)
}

func (e *Engine) ttl() time.Duration {
	if e.TTL > 0 {
		return e.TTL
	}
	return DefaultTTL
}

func (e *Engine) rand() io.Reader {
	if e.Rand != nil {
		return e.Rand
	}
	return rand.Reader
}

// nap waits until a time, by the engine's own way of waiting.
func (e *Engine) nap(ctx context.Context, until time.Time) error {
	if e.Sleep != nil {
		return e.Sleep(ctx, until)
	}
	t := time.NewTimer(until.Sub(e.Now()))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// acquire takes the lease, also from a holder that is known to be dead.
func (e *Engine) acquire(ctx context.Context, id pawl.RotationID) (Lease, error) {
	now := e.Now()
	r := LeaseRequest{Rotation: id, Holder: e.Holder, Now: now, Expires: now.Add(e.ttl())}
	lease, err := e.Store.Acquire(ctx, r)
	var held *HeldError
	if errors.As(err, &held) && e.Dead != nil && e.Dead(held.Lease.Holder) {
		r.Dead = held.Lease.Holder
		return e.Store.Acquire(ctx, r)
	}
	return lease, err
}
