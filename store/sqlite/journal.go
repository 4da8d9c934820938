package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/evidence"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/store/internal/ledger"
)

// Create opens a rotation: see rotation.Journal.
func (s *Store) Create(ctx context.Context, o rotation.Opening) (rotation.Lease, error) {
	if err := ledger.CheckOpening(o); err != nil {
		return rotation.Lease{}, cmp.Or(ctx.Err(), err)
	}
	err := s.submit(ctx, "open rotation "+string(o.ID), func(t *tx) error { return t.create(o) })
	if err != nil {
		return rotation.Lease{}, err
	}
	return rotation.Lease{Rotation: o.ID, Holder: o.Holder, Fence: 1, Expires: fromNanos(nanos(o.Expires))}, nil
}

func (t *tx) create(o rotation.Opening) error {
	if err := t.mayOpen(o); err != nil {
		return err
	}
	last := o.Now
	if n := len(o.Entries); n > 0 && !o.Entries[n-1].Time.IsZero() {
		last = o.Entries[n-1].Time
	}
	_, err := t.change(`INSERT INTO rotations (id, plan, outcome, opened_at, last_at, fence, holder, expires) VALUES (?, ?, 'open', ?, ?, 1, ?, ?)`,
		string(o.ID), blob(o.Plan), nanos(o.Now), nanos(last), o.Holder, nanos(o.Expires))
	if err != nil {
		return err
	}
	for i, name := range o.Secrets {
		if _, err := t.change(`INSERT INTO rotation_secrets (rotation, position, secret, busy) VALUES (?, ?, ?, 1)`, string(o.ID), i, string(name)); err != nil {
			return err
		}
	}
	for name, v := range o.Versions {
		row := rotation.VersionRow{Secret: name, Version: v, State: rotation.VersionReserved, Rotation: o.ID, At: o.Now}
		if err := t.addVersion(row); err != nil {
			return err
		}
	}
	_, err = t.write(o.ID, 1, o.Entries)
	return err
}

func (t *tx) mayOpen(o rotation.Opening) error {
	for _, name := range o.Secrets {
		var id string
		err := t.row(`SELECT rotation FROM rotation_secrets WHERE secret = ? AND busy = 1`, string(name)).Scan(&id)
		if err == nil {
			return &rotation.OpenError{Secret: name, Rotation: pawl.RotationID(id)}
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
	}
	switch _, err := t.standing(o.ID); {
	case err == nil:
		return ledger.Exists(o.ID)
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	for name, v := range o.Versions {
		newest, err := t.newestVersion(name)
		if err != nil {
			return err
		}
		if v <= newest {
			return ledger.Used(name, v)
		}
	}
	return nil
}

// Append stores a commit: see rotation.Journal.
func (s *Store) Append(ctx context.Context, l rotation.Lease, c rotation.Commit) error {
	return s.submit(ctx, "write journal of "+string(l.Rotation), func(t *tx) error { return t.append(l, c) })
}

func (t *tx) append(l rotation.Lease, c rotation.Commit) error {
	now, err := t.owned(l)
	if err != nil {
		return err
	}
	if err := ledger.CheckOutcome(l.Rotation, now.outcome, c.Outcome); err != nil {
		return err
	}
	for _, change := range c.Versions {
		if err := t.changeVersion(l.Rotation, change); err != nil {
			return err
		}
	}
	last, err := t.write(l.Rotation, l.Fence, c.Entries)
	if err != nil {
		return err
	}
	outcome, holder := cmp.Or(c.Outcome, now.outcome), l.Holder
	if ledger.Ended(outcome) && !ledger.Ended(now.outcome) {
		if err := t.finish(l.Rotation); err != nil {
			return err
		}
	}
	expires := nanos(c.Expires)
	if c.Release || ledger.Ended(outcome) {
		holder, expires = "", 0
	}
	_, err = t.change(`UPDATE rotations SET outcome = ?, holder = ?, expires = ?, last_at = coalesce(nullif(?, 0), last_at) WHERE id = ?`,
		string(outcome), holder, expires, last, string(l.Rotation))
	return err
}

// finish frees a rotation's secrets and drops the values that people gave on
// the way: they are versions by now.
func (t *tx) finish(id pawl.RotationID) error {
	if _, err := t.change(`UPDATE rotation_secrets SET busy = 0 WHERE rotation = ?`, string(id)); err != nil {
		return err
	}
	n, err := t.change(`DELETE FROM signal_parts WHERE rotation = ?`, string(id))
	t.forgot = t.forgot || n > 0
	return err
}

// Signal stores a person's word: see rotation.Journal. A word on a rotation
// that has ended is refused, because nobody would ever read it.
func (s *Store) Signal(ctx context.Context, sig rotation.Signal) error {
	if err := ledger.CheckSignal(sig.Entry); err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	return s.submit(ctx, "signal "+string(sig.Entry.Rotation), func(t *tx) error { return t.signal(sig) })
}

func (t *tx) signal(sig rotation.Signal) error {
	id := sig.Entry.Rotation
	now, err := t.standing(id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ledger.Unknown(id)
	case err != nil:
		return err
	case ledger.Ended(now.outcome):
		return ledger.Over("signal", id, now.outcome)
	}
	last, err := t.write(id, 0, []rotation.Entry{sig.Entry})
	if err != nil {
		return err
	}
	if _, err := t.change(`UPDATE rotations SET last_at = coalesce(nullif(?, 0), last_at) WHERE id = ?`, last, string(id)); err != nil {
		return err
	}
	for part, b := range sig.Sealed {
		_, err := t.change(`INSERT INTO signal_parts (rotation, seq, part, bytes) VALUES (?, ?, ?, ?)`, string(id), t.head.Seq, part, blob(b))
		if err != nil {
			return err
		}
	}
	return nil
}

// write extends the chain and the rotation's journal, which are one. Whose
// rotation and which fence is not the caller's to say. It gives the time of
// the last entry, 0 when there is none.
func (t *tx) write(id pawl.RotationID, fence int64, entries []rotation.Entry) (last int64, err error) {
	for _, e := range entries {
		e.Rotation, e.Fence = id, fence
		if err := t.chain(e); err != nil {
			return 0, err
		}
		last = nanos(e.Time)
	}
	return last, nil
}

func (t *tx) chain(e rotation.Entry) error {
	body, err := ledger.Encode(e)
	if err != nil {
		return err
	}
	r := evidence.Next(t.head, body)
	prev, hash, err := rawHashes(r)
	if err != nil {
		return err
	}
	_, err = t.change(`INSERT INTO records (seq, prev, hash, rotation, body) VALUES (?, ?, ?, ?, ?)`, r.Seq, prev, hash, string(e.Rotation), body)
	t.head = r.Head()
	return err
}

// Load gives a rotation's plan and entries: see rotation.Journal.
func (s *Store) Load(ctx context.Context, id pawl.RotationID) (rotation.Account, error) {
	a := rotation.Account{Signals: map[int64]map[string][]byte{}}
	err := s.view(ctx, "load rotation "+string(id), func(v *view) error {
		var plan []byte
		sum, err := v.summary(id, &plan)
		if err != nil {
			return err
		}
		a.Summary, a.Plan = sum, plan
		if a.Entries, err = v.entries(id); err != nil {
			return err
		}
		return v.signals(id, a.Signals)
	})
	return a, err
}

// Rotations lists rotations: see rotation.Journal.
func (s *Store) Rotations(ctx context.Context, f rotation.Filter) ([]rotation.Summary, error) {
	var list []rotation.Summary
	err := s.view(ctx, "list rotations", func(v *view) error {
		ids, err := v.ids(f)
		for _, id := range ids {
			sum, err := v.summary(id, nil)
			if err != nil {
				return err
			}
			list = append(list, sum)
		}
		return err
	})
	return slices.Clip(list), err
}
