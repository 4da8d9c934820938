package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/store/internal/ledger"
)

// view is a reading transaction: all that it reads is of one instant.
type view struct {
	ctx context.Context
	tx  *sql.Tx
}

func (s *Store) view(ctx context.Context, op string, read func(v *view) error) error {
	t, err := s.read.BeginTx(ctx, nil)
	if err == nil {
		err = read(&view{ctx: ctx, tx: t})
		t.Rollback() // nothing was written; it only ends the view
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return s.failure(op, err)
}

// each calls read for every row of a query.
func (v *view) each(read func(row scanner) error, query string, args ...any) error {
	rows, err := v.tx.QueryContext(v.ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := read(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// summary reads a rotation's line and, when plan is not nil, its plan.
func (v *view) summary(id pawl.RotationID, plan *[]byte) (rotation.Summary, error) {
	sum := rotation.Summary{ID: id}
	var now standing
	var opened, last int64
	var body []byte
	err := v.tx.QueryRowContext(v.ctx, `SELECT outcome, fence, holder, expires, opened_at, last_at, CASE WHEN ? THEN plan END FROM rotations WHERE id = ?`,
		plan != nil, string(id)).Scan(&now.outcome, &now.fence, &now.holder, &now.expires, &opened, &last, &body)
	if errors.Is(err, sql.ErrNoRows) {
		return sum, ledger.Unknown(id)
	}
	if err != nil {
		return sum, err
	}
	if plan != nil {
		*plan = body
	}
	sum.Outcome, sum.Lease, sum.OpenedAt, sum.LastAt = now.outcome, now.lease(id), fromNanos(opened), fromNanos(last)
	err = v.each(func(row scanner) error {
		var name pawl.SecretName
		err := row.Scan(&name)
		sum.Secrets = append(sum.Secrets, name)
		return err
	}, `SELECT secret FROM rotation_secrets WHERE rotation = ? ORDER BY position`, string(id))
	return sum, err
}

func (v *view) entries(id pawl.RotationID) ([]rotation.Entry, error) {
	var list []rotation.Entry
	err := v.each(func(row scanner) error {
		var seq int64
		var body []byte
		if err := row.Scan(&seq, &body); err != nil {
			return err
		}
		e, err := ledger.Decode(seq, body)
		list = append(list, e)
		return err
	}, `SELECT seq, body FROM records WHERE rotation = ? ORDER BY seq`, string(id))
	return list, err
}

func (v *view) signals(id pawl.RotationID, into map[int64]map[string][]byte) error {
	return v.each(func(row scanner) error {
		var seq int64
		var part string
		var b []byte
		if err := row.Scan(&seq, &part, &b); err != nil {
			return err
		}
		if into[seq] == nil {
			into[seq] = map[string][]byte{}
		}
		into[seq][part] = b
		return nil
	}, `SELECT seq, part, bytes FROM signal_parts WHERE rotation = ?`, string(id))
}

func (v *view) ids(f rotation.Filter) ([]pawl.RotationID, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = -1 // all
	}
	var ids []pawl.RotationID
	err := v.each(func(row scanner) error {
		var id pawl.RotationID
		err := row.Scan(&id)
		ids = append(ids, id)
		return err
	}, `SELECT id FROM rotations WHERE (NOT ? OR outcome IN ('open', 'held'))
		AND (? = '' OR id IN (SELECT rotation FROM rotation_secrets WHERE secret = ?))
		ORDER BY opened_at DESC, id DESC LIMIT ?`, f.OpenOnly, string(f.Secret), string(f.Secret), limit)
	return ids, err
}
