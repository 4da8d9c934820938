// Package sqlite is the embedded store: one file, written by any number of
// goroutines and processes of one machine. What a method has answered is on
// disk.
//
// Writes that arrive while another is being synced are stored together with
// one sync: two hundred rotations side by side cost little more than one. A
// write that arrives alone waits for nobody.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	_ "modernc.org/sqlite" // registers the driver by its name

	"github.com/pawlhq/pawl"
)

// DefaultPatience is how long a write waits for other processes to finish
// theirs before it gives up.
const DefaultPatience = 10 * time.Second

const readers = 4 // connections for reading; a reader never waits for a writer

// Options say how to open a store. The zero Options are for writing.
type Options struct {
	ReadOnly bool
	Now      pawl.Clock    // nil is time.Now
	Patience time.Duration // at least a millisecond; 0 is DefaultPatience
	Pawl     string        // this program's version, recorded with the schema; "" asks the build
}

// Store is an open store. It is safe for concurrent use.
type Store struct {
	path  string
	id    string
	o     Options
	write *sql.DB // one connection, the committer's; nil when read-only
	read  *sql.DB

	mu     sync.Mutex // guards queue, closed and stats
	queue  []*request
	closed bool
	stats  Stats
	wake   chan struct{}
	idle   chan struct{} // closed when the committer has ended
}

// Open opens the store in the file at path. Unless read-only, it makes the
// file, with mode 0600, if there is none, and brings an older schema up to
// date; the folder must exist. It fails with CodeStore, or with CodeCorrupt
// when the file is damaged.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	o.Patience = cmp.Or(o.Patience, DefaultPatience)
	o.Pawl = cmp.Or(o.Pawl, buildVersion())
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{path: path, o: o, wake: make(chan struct{}, 1), idle: make(chan struct{})}
	if err := s.locate(); err != nil {
		return nil, err
	}
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(s.failure("open store", err), s.disconnect())
	}
	return s, nil
}

func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// locate makes sure of the file. It never opens one that exists: closing a
// file lets go of all locks that this process has on it.
func (s *Store) locate() error {
	abs, err := filepath.Abs(s.path)
	if err != nil {
		return s.unusable("", err)
	}
	s.path = abs
	dir := filepath.Dir(abs)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return s.unusable("there is no folder "+dir, nil)
	}
	if s.o.ReadOnly {
		if _, err := os.Stat(abs); err != nil {
			return s.unusable("there is no such file", nil)
		}
		return nil
	}
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return s.unusable("", err)
	}
	return s.settle(f, dir)
}

// settle makes a new file's name durable, which syncing the file does not.
func (s *Store) settle(f *os.File, dir string) error {
	err := f.Close()
	d, openErr := os.Open(dir)
	if err = errors.Join(err, openErr); err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if err != nil {
		return s.unusable("", err)
	}
	return nil
}

func (s *Store) connect(ctx context.Context) error {
	var err error
	if s.read, err = sql.Open("sqlite", s.dsn(true)); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	if s.o.ReadOnly {
		close(s.idle)
		return cmp.Or(s.checkSchema(ctx), s.identify(ctx))
	}
	if s.write, err = sql.Open("sqlite", s.dsn(false)); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	conn, err := s.firstConn(ctx)
	if err != nil {
		return err
	}
	if err := cmp.Or(s.migrate(ctx, conn, latest), s.identify(ctx)); err != nil {
		return errors.Join(err, conn.Close())
	}
	go s.commitAll(&tx{conn: conn, stmts: map[string]*sql.Stmt{}})
	return nil
}

// firstConn opens the writing connection. Switching a new file to WAL does
// not wait for other processes that do the same, so it is tried again.
func (s *Store) firstConn(ctx context.Context) (*sql.Conn, error) {
	limit := time.NewTimer(s.o.Patience)
	defer limit.Stop()
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		conn, err := s.write.Conn(ctx)
		if !isBusy(err) {
			return conn, err
		}
		select {
		case <-limit.C:
			return nil, err
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// dsn names the file with what every connection needs. The path is escaped,
// so that no name can be read as options.
func (s *Store) dsn(reading bool) string {
	q := url.Values{"_pragma": {
		"busy_timeout(" + strconv.FormatInt(max(s.o.Patience.Milliseconds(), 1), 10) + ")",
		"foreign_keys(1)",
		"trusted_schema(0)",
	}}
	switch {
	case s.o.ReadOnly:
		q.Set("mode", "ro")
		q.Add("_pragma", "query_only(1)")
	case reading:
		q.Set("mode", "rw")
		q.Add("_pragma", "query_only(1)")
	default:
		q.Set("mode", "rw")
		q.Add("_pragma", "journal_mode(WAL)")
		q.Add("_pragma", "synchronous(FULL)")
		q.Add("_pragma", "secure_delete(1)") // deleted values are overwritten
	}
	return (&url.URL{Scheme: "file", Path: s.path, RawQuery: q.Encode()}).String()
}

func (s *Store) identify(ctx context.Context) error {
	return s.read.QueryRowContext(ctx, `SELECT id FROM store`).Scan(&s.id)
}

// ID is the store's identity: random, made with the file.
func (s *Store) ID() string { return s.id }

// Close waits for writes under way and closes the file. Later calls fail.
func (s *Store) Close() error {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return nil
	}
	s.nudge()
	<-s.idle
	if err := s.disconnect(); err != nil {
		return s.failure("close store", err)
	}
	return nil
}

func (s *Store) disconnect() error {
	var err error
	if s.read != nil {
		err = s.read.Close()
	}
	if s.write != nil {
		err = errors.Join(err, s.write.Close())
	}
	return err
}
