package sqlite

import (
	"context"
	"crypto/rand"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/pawlhq/pawl"
)

//go:embed migrations/*.sql
var migrations embed.FS

// latest is the newest schema that this package knows. Each version has an up
// and a down file in migrations; the down files are for going back by hand.
const latest = 1

// applicationID marks the file as ours: "pawl" in ASCII.
const applicationID = 0x7061776c

// querier is what a version can be read from.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// schema reads the file's version and who wrote it; version 0 is a new file.
func (s *Store) schema(ctx context.Context, q querier) (version int, writer string, err error) {
	var app, tables int
	err = q.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_master)`).Scan(&app, &tables)
	switch {
	case err != nil:
		return 0, "", err
	case app == 0 && tables == 0:
		return 0, "", nil
	case app != applicationID:
		return 0, "", s.unusable("it is another program's database", nil)
	}
	err = q.QueryRowContext(ctx, `SELECT version, pawl FROM migrations ORDER BY version DESC LIMIT 1`).Scan(&version, &writer)
	return version, writer, err
}

// newer refuses a file that a newer pawl has changed: this one would write
// what that one cannot trust.
func (s *Store) newer(version int, writer string) error {
	if version <= latest {
		return nil
	}
	return &pawl.Error{Code: pawl.CodeStore, Op: "open store", On: s.path,
		Why:  fmt.Sprintf("its schema is version %d, written by pawl %s, and this pawl %s knows version %d", version, writer, s.o.Pawl, latest),
		Next: fmt.Sprintf("use pawl %s or newer with this store", writer)}
}

// checkSchema is for reading alone, where nothing may be brought up to date.
func (s *Store) checkSchema(ctx context.Context) error {
	version, writer, err := s.schema(ctx, s.read)
	if err != nil {
		return err
	}
	if version < latest {
		return s.shut("open store", fmt.Sprintf("its schema is version %d and reading needs version %d", version, latest),
			"bring it up to date by opening it for writing, with pawl doctor")
	}
	return s.newer(version, writer)
}

// migrate brings the file to a version, up or down, in one transaction.
func (s *Store) migrate(ctx context.Context, conn *sql.Conn, want int) error {
	version, writer, err := s.schema(ctx, conn)
	if err != nil || version == want {
		return err
	}
	if err := s.newer(version, writer); err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	if err := s.step(ctx, conn, want); err != nil {
		_, undo := conn.ExecContext(context.WithoutCancel(ctx), `ROLLBACK`)
		return errors.Join(err, undo)
	}
	_, err = conn.ExecContext(ctx, `COMMIT`)
	return err
}

// step goes version by version. It reads the version again, because another
// process may have migrated while this one waited for its turn.
func (s *Store) step(ctx context.Context, conn *sql.Conn, want int) error {
	version, writer, err := s.schema(ctx, conn)
	if err != nil {
		return err
	}
	if err := s.newer(version, writer); err != nil {
		return err
	}
	for ; version < want; version++ {
		if err := s.up(ctx, conn, version+1); err != nil {
			return err
		}
	}
	for ; version > want; version-- {
		if err := s.down(ctx, conn, version); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) up(ctx context.Context, conn *sql.Conn, version int) error {
	if err := script(ctx, conn, version, "up"); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, `INSERT INTO migrations (version, pawl, at) VALUES (?, ?, ?)`, version, s.o.Pawl, nanos(s.o.Now()))
	if err == nil && version == 1 {
		_, err = conn.ExecContext(ctx, `INSERT INTO store (one, id) VALUES (1, ?)`, rand.Text())
	}
	return err
}

func (s *Store) down(ctx context.Context, conn *sql.Conn, version int) error {
	if _, err := conn.ExecContext(ctx, `DELETE FROM migrations WHERE version = ?`, version); err != nil {
		return err
	}
	return script(ctx, conn, version, "down")
}

func script(ctx context.Context, conn *sql.Conn, version int, way string) error {
	names, err := fs.Glob(migrations, fmt.Sprintf("migrations/%04d_*.%s.sql", version, way))
	if err != nil || len(names) != 1 {
		return fmt.Errorf("schema version %d has %d %s files", version, len(names), way)
	}
	text, err := migrations.ReadFile(names[0])
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, string(text)); err != nil {
		return fmt.Errorf("migration %s: %w", path.Base(names[0]), err)
	}
	return nil
}
