// Package memory is a store that lives in the process: for rehearsals, for
// tests, and as the plainest statement of what a store does. It keeps the
// same hash chain as a durable one, but hashes only when asked for it, so
// that a store costs next to nothing to make and to write.
package memory

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/evidence"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/store/internal/ledger"
)

// Store is a store in memory. It is safe for concurrent use.
type Store struct {
	mu        sync.Mutex
	id        string
	rotations map[pawl.RotationID]*row
	open      map[pawl.SecretName]pawl.RotationID
	versions  map[pawl.SecretName][]*version // oldest first
	entries   []rotation.Entry               // entry n has number n+1
	records   []evidence.Record              // of the entries that were hashed so far
	keys      []envelope.DataKey             // by scope and id
}

type row struct {
	summary rotation.Summary
	plan    json.RawMessage
	fence   int64
	seqs    []int64
	signals map[int64]map[string][]byte
}

type version struct {
	rotation.VersionRow
	sealed map[string][]byte
}

// New gives an empty store.
func New() *Store {
	return &Store{
		id:        rand.Text(),
		rotations: map[pawl.RotationID]*row{},
		open:      map[pawl.SecretName]pawl.RotationID{},
		versions:  map[pawl.SecretName][]*version{},
	}
}

// Create opens a rotation: see rotation.Journal.
func (s *Store) Create(ctx context.Context, o rotation.Opening) (rotation.Lease, error) {
	if err := cmp.Or(ctx.Err(), ledger.CheckOpening(o), ledger.CheckEntries(o.Entries...)); err != nil {
		return rotation.Lease{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mayOpen(o); err != nil {
		return rotation.Lease{}, err
	}
	r := &row{plan: slices.Clone(o.Plan), fence: 1, summary: rotation.Summary{
		ID: o.ID, Secrets: slices.Clone(o.Secrets), Outcome: pawl.Open, OpenedAt: utc(o.Now), LastAt: utc(o.Now),
		Lease: rotation.Lease{Rotation: o.ID, Holder: o.Holder, Fence: 1, Expires: utc(o.Expires)},
	}}
	s.rotations[o.ID] = r
	for _, name := range o.Secrets {
		s.open[name] = o.ID
	}
	for name, v := range o.Versions {
		s.add(rotation.VersionRow{Secret: name, Version: v, State: rotation.VersionReserved, Rotation: o.ID, At: o.Now})
	}
	s.write(r, 1, o.Entries)
	return r.summary.Lease, nil
}

func (s *Store) mayOpen(o rotation.Opening) error {
	for _, name := range o.Secrets {
		if id, busy := s.open[name]; busy {
			return &rotation.OpenError{Secret: name, Rotation: id}
		}
	}
	if s.rotations[o.ID] != nil {
		return ledger.Exists(o.ID)
	}
	for name, v := range o.Versions {
		if known := s.versions[name]; len(known) > 0 && v <= known[len(known)-1].Version {
			return ledger.Used(name, v)
		}
	}
	return nil
}

// Append stores a commit: see rotation.Journal.
func (s *Store) Append(ctx context.Context, l rotation.Lease, c rotation.Commit) error {
	if err := cmp.Or(ctx.Err(), ledger.CheckEntries(c.Entries...)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.owned(l)
	if r == nil {
		return ledger.Lost(l.Rotation)
	}
	if err := ledger.CheckOutcome(l.Rotation, r.summary.Outcome, c.Outcome); err != nil {
		return err
	}
	for _, change := range c.Versions {
		if err := ledger.CheckVersion(change.Secret, change.Version); err != nil {
			return err
		}
	}
	for _, change := range c.Versions {
		s.change(l.Rotation, change)
	}
	s.write(r, l.Fence, c.Entries)
	r.summary.Lease.Expires = utc(c.Expires)
	s.settle(r, c.Outcome)
	if c.Release || ledger.Ended(r.summary.Outcome) {
		r.summary.Lease = rotation.Lease{}
	}
	return nil
}

// settle moves a rotation to an outcome. One that ends frees its secrets and
// drops the values that people gave on the way: they are versions by now.
func (s *Store) settle(r *row, o pawl.Outcome) {
	if o == "" {
		return
	}
	if ledger.Ended(o) && !ledger.Ended(r.summary.Outcome) {
		for _, name := range r.summary.Secrets {
			delete(s.open, name)
		}
		r.signals = nil
	}
	r.summary.Outcome = o
}

// owned gives the rotation that a lease still covers, or nil.
func (s *Store) owned(l rotation.Lease) *row {
	r := s.rotations[l.Rotation]
	if r == nil || l.Holder == "" || r.fence != l.Fence || r.summary.Lease.Holder != l.Holder {
		return nil
	}
	return r
}

// write extends the chain. Whose rotation and which fence is not the
// caller's to say.
func (s *Store) write(r *row, fence int64, entries []rotation.Entry) {
	for _, e := range entries {
		e.Rotation, e.Fence = r.summary.ID, fence
		r.seqs = append(r.seqs, s.chain(e))
		if !e.Time.IsZero() {
			r.summary.LastAt = utc(e.Time)
		}
	}
}

func (s *Store) chain(e rotation.Entry) int64 {
	e = ledger.Copy(e)
	e.Seq = int64(len(s.entries)) + 1
	s.entries = append(s.entries, e)
	return e.Seq
}

// Signal stores a person's word: see rotation.Journal. A word on a rotation
// that has ended is refused, because nobody would ever read it.
func (s *Store) Signal(ctx context.Context, sig rotation.Signal) error {
	if err := cmp.Or(ctx.Err(), ledger.CheckSignal(sig.Entry), ledger.CheckEntries(sig.Entry)); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rotations[sig.Entry.Rotation]
	if r == nil {
		return ledger.Unknown(sig.Entry.Rotation)
	}
	if ledger.Ended(r.summary.Outcome) {
		return ledger.Over("signal", r.summary.ID, r.summary.Outcome)
	}
	s.write(r, 0, []rotation.Entry{sig.Entry})
	if len(sig.Sealed) > 0 {
		if r.signals == nil {
			r.signals = map[int64]map[string][]byte{}
		}
		r.signals[r.seqs[len(r.seqs)-1]] = cloneParts(sig.Sealed)
	}
	return nil
}

// Load gives a rotation's plan and entries: see rotation.Journal.
func (s *Store) Load(ctx context.Context, id pawl.RotationID) (rotation.Account, error) {
	if err := ctx.Err(); err != nil {
		return rotation.Account{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rotations[id]
	if r == nil {
		return rotation.Account{}, ledger.Unknown(id)
	}
	a := rotation.Account{Summary: r.list(), Plan: slices.Clone(r.plan), Signals: map[int64]map[string][]byte{}}
	a.Entries = make([]rotation.Entry, len(r.seqs))
	for i, seq := range r.seqs {
		a.Entries[i] = ledger.Copy(s.entries[seq-1])
	}
	for seq, parts := range r.signals {
		a.Signals[seq] = cloneParts(parts)
	}
	return a, nil
}

// Rotations lists rotations: see rotation.Journal.
func (s *Store) Rotations(ctx context.Context, f rotation.Filter) ([]rotation.Summary, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []rotation.Summary
	for _, r := range s.rotations {
		if f.OpenOnly && ledger.Ended(r.summary.Outcome) || f.Secret != "" && !slices.Contains(r.summary.Secrets, f.Secret) {
			continue
		}
		list = append(list, r.list())
	}
	slices.SortFunc(list, func(a, b rotation.Summary) int {
		return cmp.Or(b.OpenedAt.Compare(a.OpenedAt), cmp.Compare(b.ID, a.ID))
	})
	if f.Limit > 0 && len(list) > f.Limit {
		list = list[:f.Limit]
	}
	return list, nil
}

func (r *row) list() rotation.Summary {
	sum := r.summary
	sum.Secrets = slices.Clone(sum.Secrets)
	return sum
}

// Acquire takes a lease: see rotation.Leases.
func (s *Store) Acquire(ctx context.Context, q rotation.LeaseRequest) (rotation.Lease, error) {
	if err := cmp.Or(ctx.Err(), ledger.CheckRequest(q)); err != nil {
		return rotation.Lease{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rotations[q.Rotation]
	if r == nil {
		return rotation.Lease{}, ledger.Unknown(q.Rotation)
	}
	if old := r.summary.Lease; old.Holder != "" && old.Holder != q.Dead && old.Expires.After(q.Now) {
		return rotation.Lease{}, &rotation.HeldError{Lease: old}
	}
	r.fence++
	r.summary.Lease = rotation.Lease{Rotation: q.Rotation, Holder: q.Holder, Fence: r.fence, Expires: utc(q.Expires)}
	return r.summary.Lease, nil
}

// Release gives a lease back: see rotation.Leases.
func (s *Store) Release(ctx context.Context, l rotation.Lease) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.owned(l); r != nil {
		r.summary.Lease = rotation.Lease{}
	}
	return nil
}

func utc(t time.Time) time.Time { return t.UTC().Round(0) }

func cloneParts(parts map[string][]byte) map[string][]byte {
	out := maps.Clone(parts)
	for name, b := range out {
		out[name] = slices.Clone(b)
	}
	return out
}
