package controlplane

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

const orgColumns = "CAST(id AS text), slug, name, owner, plan, app, branch, customer, status, created_at, database_url, redis_url, admin_token"

// Ping asks the database for an answer.
func (d *database) Ping(ctx context.Context) error {
	return again(ctx, func() error {
		var one int
		return d.QueryRowContext(ctx, "SELECT 1").Scan(&one)
	})
}

// List gives all tenants, the oldest first.
func (d *database) List(ctx context.Context) (all []Org, err error) {
	err = again(ctx, func() error {
		all, err = d.read(ctx, "SELECT "+orgColumns+" FROM org_instances ORDER BY created_at, id")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list org_instances: %w", err)
	}
	return all, nil
}

// Find gives the tenant with an id or a slug.
func (d *database) Find(ctx context.Context, name string) (Org, error) {
	var found []Org
	err := again(ctx, func() (err error) {
		found, err = d.read(ctx, "SELECT "+orgColumns+" FROM org_instances WHERE slug = $1 OR CAST(id AS text) = $1", name)
		return err
	})
	switch {
	case err != nil:
		return Org{}, fmt.Errorf("read org_instances: %w", err)
	case len(found) == 0:
		return Org{}, ErrNotFound
	}
	return found[0], nil
}

func (d *database) read(ctx context.Context, query string, args ...any) ([]Org, error) {
	rows, err := d.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Org
	for rows.Next() {
		var o Org
		if err := rows.Scan(&o.ID, &o.Slug, &o.Name, &o.Owner, &o.Plan, &o.App, &o.Branch, &o.Customer, &o.Status, &o.CreatedAt,
			&o.DatabaseURL, &o.RedisURL, &o.AdminToken); err != nil {
			return nil, err
		}
		o.CreatedAt = o.CreatedAt.UTC()
		all = append(all, o)
	}
	return all, rows.Err()
}

// Insert adds a tenant. Its row may be there already, from a commit whose
// answer was lost.
func (d *database) Insert(ctx context.Context, o Org) error {
	var n int64
	err := again(ctx, func() (err error) {
		n, err = affected(d.ExecContext(ctx, `
			INSERT INTO org_instances (id, slug, name, owner, plan, app, branch, customer, status, created_at, database_url, redis_url, admin_token)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`,
			o.ID, o.Slug, o.Name, o.Owner, o.Plan, o.App, o.Branch, o.Customer, o.Status, o.CreatedAt.UTC(), o.DatabaseURL, o.RedisURL, o.AdminToken))
		return err
	})
	if err != nil {
		return fmt.Errorf("insert into org_instances: %w", err)
	}
	if n == 0 {
		if have, err := d.Find(ctx, o.Slug); err != nil || have.ID != o.ID {
			return errors.Join(err, ErrTaken)
		}
	}
	return nil
}

// Change changes a tenant, in one statement: a sealed value that is not changed
// stays what it is, also where it is re-encrypted at this instant.
func (d *database) Change(ctx context.Context, id string, c Change) error {
	var n int64
	err := again(ctx, func() (err error) {
		n, err = affected(d.ExecContext(ctx, `
			UPDATE org_instances SET app = COALESCE(NULLIF($2, ''), app), branch = COALESCE(NULLIF($3, ''), branch),
				customer = COALESCE(NULLIF($4, ''), customer), status = COALESCE(NULLIF($5, ''), status),
				database_url = COALESCE($6, database_url), redis_url = COALESCE($7, redis_url), admin_token = COALESCE($8, admin_token)
			WHERE CAST(id AS text) = $1 AND ($9 = '' OR status = $9)`,
			id, c.App, c.Branch, c.Customer, c.Status, orNull(c.DatabaseURL), orNull(c.RedisURL), orNull(c.AdminToken), c.If))
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("update org_instances: %w", err)
	case n == 0:
		return ErrNotFound
	}
	return nil
}

// Remove deletes a tenant's row, and what its events say of it.
func (d *database) Remove(ctx context.Context, id string) (removed bool, err error) {
	err = again(ctx, func() error {
		removed, err = d.remove(ctx, id)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("delete from org_instances: %w", err)
	}
	return removed, nil
}

func (d *database) remove(ctx context.Context, id string) (bool, error) {
	tx, err := d.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() // after a commit it does nothing
	var customer string
	switch err := tx.QueryRowContext(ctx, "DELETE FROM org_instances WHERE CAST(id AS text) = $1 RETURNING customer", id).Scan(&customer); {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE stripe_events SET customer = '', plan = '' WHERE customer = $1 AND customer <> ''", customer); err != nil {
		return false, err
	}
	return true, tx.Commit()
}

// Take keeps an event. Two that come at once wait for each other at the
// insertion, and the second finds the first one's id.
func (d *database) Take(ctx context.Context, e Event) (fresh bool, err error) {
	err = again(ctx, func() error {
		fresh, err = d.take(ctx, e)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("keep event %s: %w", e.ID, err)
	}
	return fresh, nil
}

func (d *database) take(ctx context.Context, e Event) (bool, error) {
	tx, err := d.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback()   // after a commit it does nothing
	if e.Customer != "" { // the row is locked first: of two events at once the second then sees the first
		tenants, err := affected(tx.ExecContext(ctx, "UPDATE org_instances SET plan = plan WHERE customer = $1", e.Customer))
		if err != nil {
			return false, err
		}
		if tenants == 0 {
			e.Customer, e.Plan = "", ""
		}
	}
	n, err := affected(tx.ExecContext(ctx, `
		INSERT INTO stripe_events (id, type, customer, plan, created, taken_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		e.ID, e.Type, e.Customer, e.Plan, e.Created.UTC(), e.TakenAt.UTC()))
	if err != nil || n == 0 {
		return false, err
	}
	if e.Plan != "" && e.Customer != "" {
		_, err = tx.ExecContext(ctx, `
			UPDATE org_instances SET plan = $1 WHERE customer = $2
				AND NOT EXISTS (SELECT 1 FROM stripe_events WHERE customer = $2 AND plan <> '' AND created > $3)`, e.Plan, e.Customer, e.Created.UTC())
		if err != nil {
			return false, err
		}
	}
	return true, tx.Commit()
}

func affected(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// orNull gives NULL for what is not there: to a driver no bytes are an empty
// value.
func orNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}
