package memory

import (
	"context"

	"github.com/pawlhq/pawl/evidence"
	"github.com/pawlhq/pawl/store/internal/ledger"
)

// ID is the store's identity.
func (s *Store) ID() string { return s.id }

// Head gives the head of the evidence chain.
func (s *Store) Head(ctx context.Context) (evidence.Head, error) {
	records, err := s.hashed(ctx)
	if err != nil || len(records) == 0 {
		return evidence.Start(s.id), err
	}
	return records[len(records)-1].Head(), nil
}

// Export gives the records from number from on to f, in order, until f
// returns an error, which Export returns.
func (s *Store) Export(ctx context.Context, from int64, f func(evidence.Record) error) error {
	records, err := s.hashed(ctx)
	if err != nil {
		return err
	}
	for _, r := range records[min(max(from-1, 0), int64(len(records))):] {
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// hashed brings the chain up to date. A record once made never changes, so
// the slice may be read without the lock.
func (s *Store) hashed(ctx context.Context) ([]evidence.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.records); i < len(s.entries); i++ {
		prev := evidence.Start(s.id)
		if i > 0 {
			prev = s.records[i-1].Head()
		}
		body, err := ledger.Encode(s.entries[i])
		if err != nil {
			return nil, err
		}
		s.records = append(s.records, evidence.Next(prev, body))
	}
	return s.records[:len(s.records):len(s.records)], nil
}
