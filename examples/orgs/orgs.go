// Package orgs keeps organisations in PostgreSQL, their URLs sealed with
// package envelope. It is an example to start from: its keys can be rotated
// while programs read and write.
package orgs

import (
	"context"
	"database/sql"
	_ "embed" // the schema
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/pawlhq/pawl/envelope"
)

// Schema makes the table.
//
//go:embed schema.sql
var Schema string

// Org is an organisation. Its URLs have passwords in them: log neither them
// nor an Org.
type Org struct {
	ID                    string // a UUID
	Name                  string
	DatabaseURL, RedisURL string
}

// Store reads and writes organisations. It is safe for concurrent use.
type Store struct {
	db       *sql.DB
	database *envelope.Column
	redis    *envelope.Column
	seal     sealer
}

// sealer seals a value for a row of a column.
type sealer func(ctx context.Context, c *envelope.Column, row, plain string) ([]byte, error)

// Open makes a store of what the environment says; see Keys for its variables,
// to which comes DATABASE_URL. getenv is os.Getenv. It does not connect yet.
func Open(getenv func(string) string) (*Store, error) {
	keys, err := ReadKeys(getenv)
	if err != nil {
		return nil, err
	}
	// The library's error may quote the URL, which has a password in it.
	config, err := pgx.ParseConfig(getenv("DATABASE_URL"))
	if err != nil || getenv("DATABASE_URL") == "" {
		return nil, fmt.Errorf("DATABASE_URL is not a PostgreSQL URL: give postgres://user:password@host:5432/database")
	}
	s := &Store{db: stdlib.OpenDB(*config)}
	if err := s.columns(keys); err != nil {
		return nil, err
	}
	return s, nil
}

// columns sets up what seals and opens.
func (s *Store) columns(k Keys) error {
	all := k.all()
	ring, err := envelope.DirectRing(all[0], all[1:]...)
	if err != nil {
		return err
	}
	// A value of the legacy format does not say which key it is under, so each
	// key that opens the one format is tried for the other too.
	legacy, err := envelope.NewLegacy(all, nil)
	if err != nil {
		return err
	}
	column := func(name string) *envelope.Column {
		c := &envelope.Column{Rings: ring, Table: "org_instances", Name: name, Legacy: legacy}
		if k.Format == Envelope {
			c.MinFormat = envelope.Format
		}
		return c
	}
	s.database, s.redis = column("database_url"), column("redis_url")
	s.seal, err = k.sealer()
	return err
}

// Put writes an organisation, over the one with its id if there is one.
func (s *Store) Put(ctx context.Context, o Org) error {
	// The id is bound into the values, so it has one spelling, PostgreSQL's own.
	var id pgtype.UUID
	if err := id.Scan(o.ID); err != nil {
		return fmt.Errorf("write an organisation: %q is not a UUID", o.ID)
	}
	row := id.String()
	database, err := s.seal(ctx, s.database, row, o.DatabaseURL)
	if err != nil {
		return fmt.Errorf("write org_instances %s: database_url: %w", row, err)
	}
	redis, err := s.seal(ctx, s.redis, row, o.RedisURL)
	if err != nil {
		return fmt.Errorf("write org_instances %s: redis_url: %w", row, err)
	}
	_, err = s.db.ExecContext(ctx, `
		INSERT INTO org_instances (org_id, name, database_url, redis_url) VALUES ($1, $2, $3, $4)
		ON CONFLICT (org_id) DO UPDATE SET name = excluded.name, database_url = excluded.database_url,
			redis_url = excluded.redis_url, updated_at = now()`, row, o.Name, database, redis)
	if err != nil {
		return fmt.Errorf("write org_instances %s: %w", row, err)
	}
	return nil
}

// Get reads the organisation with an id. Its error is sql.ErrNoRows when there
// is none. A value that does not open is an error that names row and column.
func (s *Store) Get(ctx context.Context, id string) (Org, error) {
	var o Org
	var database, redis []byte
	err := s.db.QueryRowContext(ctx, "SELECT org_id, name, database_url, redis_url FROM org_instances WHERE org_id = $1", id).
		Scan(&o.ID, &o.Name, &database, &redis)
	if err != nil {
		return Org{}, fmt.Errorf("read org_instances %s: %w", id, err)
	}
	for _, v := range []struct {
		column *envelope.Column
		stored []byte
		url    *string
	}{{s.database, database, &o.DatabaseURL}, {s.redis, redis, &o.RedisURL}} {
		plain, err := v.column.Open(ctx, "", o.ID, v.stored)
		if err != nil {
			return Org{}, fmt.Errorf("read an organisation: %w", err) // it says of which row and column
		}
		*v.url = string(plain)
	}
	return o, nil
}

// IDs lists the ids of all organisations.
func (s *Store) IDs(ctx context.Context) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT org_id FROM org_instances ORDER BY org_id")
	if err != nil {
		return nil, fmt.Errorf("list org_instances: %w", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list org_instances: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// Close ends the connections.
func (s *Store) Close() error { return s.db.Close() }
