package controlplane

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // registers itself with database/sql
)

// database is a Store in PostgreSQL or SQLite, which understand the same
// statements.
type database struct {
	*sql.DB
	dialect
}

var _ Store = (*database)(nil)

// dialect is what differs.
type dialect struct {
	exists        string // how a table is looked for, by name
	uuid          string // the type of ids
	bytes         string
	instant       string
	patience      time.Duration // how long opening may take
	connections   int
	describedAs   string
	lastUnusedFor time.Duration // a connection is kept
}

func postgres() dialect {
	return dialect{exists: "SELECT to_regclass($1) IS NOT NULL", uuid: "uuid", bytes: "bytea", instant: "timestamptz",
		patience: 15 * time.Second, connections: 8, describedAs: "PostgreSQL", lastUnusedFor: time.Minute}
}

func sqlite() dialect {
	return dialect{exists: "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1)", uuid: "text", bytes: "blob", instant: "timestamp",
		patience: 15 * time.Second, connections: 4, describedAs: "SQLite"}
}

// OpenStore opens the Store in the database of a DATABASE_URL, as New does, and
// makes the tables that are missing. Nil dials as pgx does. Who opens it closes
// it.
func OpenStore(ctx context.Context, address string, dial func(ctx context.Context, network, address string) (net.Conn, error)) (interface {
	Store
	io.Closer
}, error) {
	return openSQL(ctx, address, dial)
}

// openSQL opens the database of a URL, and makes the tables that are missing.
// Its errors have nothing of the URL in them, which has a password.
func openSQL(ctx context.Context, address string, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*database, error) {
	var d *database
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		q := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(1)"}, "_txlock": {"immediate"}, "_time_format": {"sqlite"}}
		db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String())
		if err != nil {
			return nil, err
		}
		d = &database{db, sqlite()}
	} else {
		config, err := pgx.ParseConfig(address)
		if err != nil || !strings.HasPrefix(address, "postgres") { // the library's error may quote the URL
			return nil, errors.New("DATABASE_URL is neither postgresql://user:password@host/database nor sqlite:PATH")
		}
		if dial != nil {
			config.DialFunc = dial
			config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil } // dial finds it
		}
		config.ConnectTimeout = 5 * time.Second
		d = &database{stdlib.OpenDB(*config), postgres()}
	}
	d.SetMaxOpenConns(d.connections)
	d.SetConnMaxIdleTime(d.lastUnusedFor)
	ctx, cancel := context.WithTimeout(ctx, d.patience)
	defer cancel()
	if err := d.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", d.describedAs, err), d.Close())
	}
	return d, nil
}

// prepare makes the tables that are missing, and touches none that is there:
// the login may own nothing.
func (d *database) prepare(ctx context.Context) error {
	for _, t := range []struct{ name, columns, index string }{
		{"org_instances", `id ` + d.uuid + ` PRIMARY KEY, slug text NOT NULL UNIQUE, name text NOT NULL, owner text NOT NULL, plan text NOT NULL,
			app text NOT NULL, branch text NOT NULL, customer text NOT NULL, status text NOT NULL, created_at ` + d.instant + ` NOT NULL,
			database_url ` + d.bytes + ` NOT NULL, redis_url ` + d.bytes + ` NOT NULL, admin_token ` + d.bytes + ` NOT NULL`, "customer"},
		{"stripe_events", `id text PRIMARY KEY, type text NOT NULL, customer text NOT NULL, plan text NOT NULL, created ` + d.instant + ` NOT NULL, taken_at ` + d.instant + ` NOT NULL`, "customer, created"},
	} {
		there, err := d.has(ctx, t.name)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		_, err = d.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+t.name+" ("+t.columns+")")
		if err == nil {
			_, err = d.ExecContext(ctx, "CREATE INDEX IF NOT EXISTS "+t.name+"_customer ON "+t.name+" ("+t.index+")")
		}
		if err != nil {
			if there, _ := d.has(ctx, t.name); !there { // another machine may have been quicker
				return fmt.Errorf("make table %s: %w", t.name, err)
			}
		}
	}
	return nil
}

func (d *database) has(ctx context.Context, table string) (there bool, err error) {
	err = again(ctx, func() error { return d.QueryRowContext(ctx, d.exists, table).Scan(&there) })
	if err != nil {
		return false, fmt.Errorf("look for table %s: %w", table, err)
	}
	return there, nil
}

// again does something once more where the server has ended the connection:
// Neon ends all of a branch's when its roles change, and a pool notices late.
// Everything that goes through it may be done twice.
func again(ctx context.Context, do func() error) error {
	err := do()
	for tries := 0; tries < 3 && lost(err) && ctx.Err() == nil; tries++ {
		err = do()
	}
	return err
}

// lost reports whether an error is about the connection and not about what was
// asked.
func lost(err error) bool {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return strings.HasPrefix(said.Code, "57P0") || strings.HasPrefix(said.Code, "08") || said.Code == "40P01" || said.Code == "40001"
	}
	return pgconn.SafeToRetry(err) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
