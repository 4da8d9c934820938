package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/store/internal/ledger"
)

// Acquire takes a lease: see rotation.Leases.
func (s *Store) Acquire(ctx context.Context, q rotation.LeaseRequest) (rotation.Lease, error) {
	if err := ledger.CheckRequest(q); err != nil {
		return rotation.Lease{}, cmp.Or(ctx.Err(), err)
	}
	l := rotation.Lease{Rotation: q.Rotation, Holder: q.Holder, Expires: fromNanos(nanos(q.Expires))}
	err := s.submit(ctx, "take lease of "+string(q.Rotation), func(t *tx) (err error) {
		l.Fence, err = t.acquire(q)
		return err
	})
	if err != nil {
		return rotation.Lease{}, err
	}
	return l, nil
}

func (t *tx) acquire(q rotation.LeaseRequest) (int64, error) {
	now, err := t.standing(q.Rotation)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, ledger.Unknown(q.Rotation)
	}
	if err != nil {
		return 0, err
	}
	if now.holder != "" && now.holder != q.Dead && fromNanos(now.expires).After(q.Now) {
		return 0, &rotation.HeldError{Lease: now.lease(q.Rotation)}
	}
	_, err = t.change(`UPDATE rotations SET fence = ?, holder = ?, expires = ? WHERE id = ?`,
		now.fence+1, q.Holder, nanos(q.Expires), string(q.Rotation))
	return now.fence + 1, err
}

// Release gives a lease back: see rotation.Leases.
func (s *Store) Release(ctx context.Context, l rotation.Lease) error {
	return s.submit(ctx, "give back lease of "+string(l.Rotation), func(t *tx) error {
		if _, err := t.owned(l); errors.Is(err, rotation.ErrLeaseLost) {
			return nil
		} else if err != nil {
			return err
		}
		_, err := t.change(`UPDATE rotations SET holder = '', expires = 0 WHERE id = ?`, string(l.Rotation))
		return err
	})
}

// standing is where a rotation and its lease are now.
type standing struct {
	outcome pawl.Outcome
	fence   int64
	holder  string
	expires int64
}

// standing fails with sql.ErrNoRows for an unknown rotation.
func (t *tx) standing(id pawl.RotationID) (standing, error) {
	var now standing
	err := t.row(`SELECT outcome, fence, holder, expires FROM rotations WHERE id = ?`, string(id)).
		Scan(&now.outcome, &now.fence, &now.holder, &now.expires)
	return now, err
}

// owned gives where a rotation stands if the lease still covers it. A lease
// whose time has run out covers it until somebody else takes it.
func (t *tx) owned(l rotation.Lease) (standing, error) {
	now, err := t.standing(l.Rotation)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return now, ledger.Lost(l.Rotation)
	case err != nil:
		return now, err
	case l.Holder == "" || now.fence != l.Fence || now.holder != l.Holder:
		return now, ledger.Lost(l.Rotation)
	}
	return now, nil
}

func (now standing) lease(id pawl.RotationID) rotation.Lease {
	if now.holder == "" {
		return rotation.Lease{}
	}
	return rotation.Lease{Rotation: id, Holder: now.holder, Fence: now.fence, Expires: fromNanos(now.expires)}
}

// nanos and fromNanos keep a time as nanoseconds since 1970, and the zero
// time as 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// blob keeps an empty value from being taken for NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
