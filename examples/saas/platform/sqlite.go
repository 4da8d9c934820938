package platform

import (
	"context"
	"database/sql"
	_ "embed" // the schema
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // registers the driver by its name

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keyfile"
	"github.com/pawlhq/pawl/envelope/keytable"
)

// The files on the volume. Whoever has both has the secrets: a backup of the
// one should not lie beside one of the other.
const (
	storeFile = "platform.db"
	keyFile   = "platform.key"
)

// keyScope is the scope of the data keys.
const keyScope = "platform"

// freshKeys is how long the data keys are used before they are read again.
const freshKeys = time.Minute

//go:embed schema.sql
var schema string

// sqlite is a Store in a file. Its data keys are in a table of it, wrapped by
// a key that is in a file of its own.
type sqlite struct {
	db    *sql.DB
	rings *envelope.Keyring
}

// openSQLite opens the store of a folder, and makes it where there is none. It
// never makes another key for a store that has values under one.
func openSQLite(ctx context.Context, dir string, now func() time.Time) (*sqlite, error) {
	if dir == "" {
		return nil, fmt.Errorf("the environment has no %s: set it to the folder where the volume is mounted", EnvData)
	}
	path := filepath.Join(dir, storeFile)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // SQLite's own would be readable to all
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	pragmas := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(1)", "trusted_schema(0)"}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: pragmas.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	db.SetMaxOpenConns(4)
	s := &sqlite{db: db}
	if err := s.setUp(ctx, filepath.Join(dir, keyFile), now); err != nil {
		return nil, errors.Join(fmt.Errorf("open the store: %w", err), db.Close())
	}
	return s, nil
}

func (s *sqlite) setUp(ctx context.Context, key string, now func() time.Time) error {
	keys := keytable.New(s.db, keytable.SQLite, "")
	if err := keys.Create(ctx); err != nil {
		return err
	}
	if _, err := s.db.ExecContext(ctx, schema); err != nil {
		return err
	}
	have, err := keys.DataKeys(ctx, keyScope)
	if err != nil {
		return err
	}
	keeper, err := keyfile.Load(key)
	if errors.Is(err, fs.ErrNotExist) && len(have) == 0 {
		keeper, err = keyfile.Create(key)
	}
	if err != nil {
		return err
	}
	if err := keys.First(ctx, keeper, keyScope); err != nil {
		return err
	}
	s.rings = envelope.NewKeyring([]envelope.Keeper{keeper}, keys, freshKeys, now)
	_, err = s.rings.Ring(ctx, keyScope) // a key that is not the store's shows now
	return err
}

func (s *sqlite) Close() error { return s.db.Close() }

func (s *sqlite) Rings() envelope.Rings { return s.rings }

func (s *sqlite) Secrets(ctx context.Context) ([]Secret, error) {
	return list(ctx, s.db, "list the secrets", func(rows *sql.Rows) (Secret, error) {
		var v Secret
		var at int64
		err := rows.Scan(&v.Workspace, &v.Key, &v.Value, &at)
		v.UpdatedAt = time.Unix(0, at).UTC()
		return v, err
	}, "SELECT workspace, key, value, updated_at FROM secrets ORDER BY workspace, key")
}

func (s *sqlite) PutSecret(ctx context.Context, v Secret) error {
	return s.exec(ctx, "write a secret", `INSERT INTO secrets (workspace, key, value, updated_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (workspace, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at`,
		v.Workspace, v.Key, v.Value, v.UpdatedAt.UnixNano())
}

func (s *sqlite) RemoveSecret(ctx context.Context, workspace, key string) error {
	return s.exec(ctx, "remove a secret", "DELETE FROM secrets WHERE workspace = ? AND key = ?", workspace, key)
}

func (s *sqlite) Workspaces(ctx context.Context) ([]Workspace, error) {
	return list(ctx, s.db, "list the workspaces", func(rows *sql.Rows) (Workspace, error) {
		var w Workspace
		return w, rows.Scan(&w.ID, &w.Paused, &w.Status, &w.Booted)
	}, "SELECT id, paused, status, booted FROM workspaces ORDER BY seq")
}

func (s *sqlite) PutWorkspace(ctx context.Context, w Workspace) error {
	if w.Booted == nil {
		w.Booted = []byte{}
	}
	return s.exec(ctx, "write a workspace", `INSERT INTO workspaces (id, paused, status, booted) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET paused = excluded.paused, status = excluded.status, booted = excluded.booted`,
		w.ID, w.Paused, w.Status, w.Booted)
}

func (s *sqlite) Lines(ctx context.Context, since time.Time) ([]Line, error) {
	return list(ctx, s.db, "read the log", func(rows *sql.Rows) (Line, error) {
		var l Line
		var at int64
		err := rows.Scan(&at, &l.Workspace, &l.Message)
		l.At = time.Unix(0, at).UTC()
		return l, err
	}, "SELECT at, workspace, message FROM lines WHERE at >= ? ORDER BY seq", nanos(since))
}

// nanos is a time as the store has it. The zero time, which has no such number,
// is older than all.
func nanos(t time.Time) int64 {
	if t.Before(time.Unix(0, 0)) {
		return 0
	}
	return t.UnixNano()
}

func (s *sqlite) AddLine(ctx context.Context, l Line) error {
	return s.exec(ctx, "write the log", `INSERT INTO lines (at, workspace, message) VALUES (?1, ?2, ?3);
		DELETE FROM lines WHERE workspace = ?2 AND seq <= (SELECT seq FROM lines WHERE workspace = ?2 ORDER BY seq DESC LIMIT 1 OFFSET ?4)`,
		nanos(l.At), l.Workspace, l.Message, keptLines)
}

func (s *sqlite) exec(ctx context.Context, what, query string, args ...any) error {
	if _, err := s.db.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// list reads all rows of a query.
func list[T any](ctx context.Context, db *sql.DB, what string, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		all = append(all, v)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return all, nil
}
