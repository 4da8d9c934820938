// Package reencrypt writes the encrypted columns of a PostgreSQL table anew
// under another key, while the application goes on reading and writing.
//
// The rows are the state: whoever starts the job again, after a crash or on
// another machine, does what is left. A row is only written if nobody has
// changed it since it was read (compare-and-swap on its position, version and
// key), all its columns in one UPDATE; a row that somebody did change is read
// again under a lock. Sweeps go on until one finds nothing to do.
//
// What cannot be opened stays as it is and is reported. PostgreSQL 14 or later
// is needed, for scans by position.
package reencrypt

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/internal/mutant"
)

// Table says what to write anew.
type Table struct {
	Name    string   // "orgs" or "schema.orgs"
	Columns []Column // of type bytea, text or varchar
	// Key is the columns that are a row's key in its values' binding; the
	// primary key when empty. They are smallint, integer, bigint, uuid, text
	// or varchar, and unique together.
	Key []string
	// Bind is the table's name in the binding; Name when empty.
	Bind string
	// Scope is the scope of every row's keys. When ScopeColumn is set, that
	// column has each row's own.
	Scope, ScopeColumn string
	// Unbound leaves the row's key out of the binding, for values that move
	// between rows: whoever can write to the table can then move them too.
	Unbound bool
}

// Column is an encrypted column.
type Column struct {
	Name string
	Bind string // the column's name in the binding; Name when empty
}

// Job is one table to be written anew. Its fields are set before Run.
type Job struct {
	Table  Table
	Target Target
	// Connect opens a session. Its role must be able to read and update the
	// table and must not be subject to its row security.
	Connect func(ctx context.Context) (*pgconn.PgConn, error)
	Options Options
	From    Position     // where to begin, by the Result.At of a job that was stopped; DryRun always begins at the beginning
	Log     *slog.Logger // what went wrong and was survived; may be nil
	Now     pawl.Clock   // time.Now when nil
	// Progress is called at most once a second and at each turn, from one
	// goroutine at a time; may be nil.
	Progress func(Progress)
	// Unreadable is called for each value that no key opens, from one
	// goroutine at a time; may be nil.
	Unreadable func(Unreadable)

	Mutant mutant.Kind // breaks the job on purpose, for tests of the tests
}

// Options are the limits of a job. The zero Options are good defaults.
type Options struct {
	Workers int // sessions that write; 2 when 0
	Batch   int // rows in one statement, at most; 1000 when 0, and under Rate a hundredth of that. Their locks are held until it commits
	Bytes   int // of values in one statement, at most about; 256 KiB when 0
	Rate    int // rows a second, at most; no limit when 0

	MaxLag      time.Duration // of the slowest replica: above it the job slows down, above twice it pauses; 10 s when 0
	MaxLatency  time.Duration // of one statement with its commit: above it the job slows down; 250 ms when 0
	MaxSnapshot time.Duration // age of the oldest snapshot, which keeps old rows from being reused: above it the job pauses; 15 min when 0

	Passes int // strided passes over each part of the table: 1 is in order; 0 chooses by the number of indexes
	Vacuum int // rows that are written between two VACUUM; a tenth of the table when 0, never when negative
	Sweeps int // at most; 20 when 0

	Triggers []string // that may run for each row

	// Measure is how long the job may measure columns with a limit of characters,
	// which takes a scan; no limit when 0. A column that it could not measure is
	// refused.
	Measure time.Duration
}

// Result is what a job has done.
type Result struct {
	Rows       int64 // that were written anew
	Values     int64
	Asked      int64 // rows of statements that were sent: with an error, what may have been written
	Conflicts  int64 // rows that somebody else changed in between, and that were done again
	Unreadable int64 // values that no key opens; they are as they were
	Left       int64 // rows that are not as they should be, by the last count; those with unreadable values are among them
	Sweeps     int
	At         Position // where the job was when it ended
	Took       time.Duration
	Paused     time.Duration // of it, because of the limits
}

// Progress is where a job stands.
type Progress struct {
	Sweep                 int
	Counting              bool          // the sweep is over, and what it has left is counted
	Done                  int64         // rows written, of all sweeps
	Total                 int64         // rows of the table, as the server estimates
	Part                  float64       // of this sweep, 0 to 1
	Rate                  float64       // rows a second, of the last seconds
	Left                  time.Duration // until this sweep's end, by the rate; 0 when unknown
	Held                  string        // what the job waits for or is slowed down by; "" when nothing
	Unreadable, Conflicts int64
}

// Unreadable is a value that no key opens.
type Unreadable struct {
	Table, Column, Row string
	Why                string
}

const (
	defaultWorkers  = 2
	defaultBatch    = 1000
	leastBatch      = 50
	defaultBytes    = 256 << 10
	defaultSweeps   = 20
	defaultLag      = 10 * time.Second
	defaultLatency  = 250 * time.Millisecond
	defaultSnapshot = 15 * time.Minute
	vacuumAtLeast   = 100_000
	stridedPasses   = 10
	stridedAtLeast  = 20_000 // rows, below which order does not matter
)

// WithDefaults gives the options with defaults in place of zeros.
func (o Options) WithDefaults() Options {
	set(&o.Workers, defaultWorkers)
	if o.Rate > 0 { // whoever bounds the rate wants the application to be served before
		set(&o.Batch, max(leastBatch, min(defaultBatch, o.Rate/100)))
	}
	set(&o.Batch, defaultBatch)
	set(&o.Bytes, defaultBytes)
	set(&o.Sweeps, defaultSweeps)
	set(&o.MaxLag, defaultLag)
	set(&o.MaxLatency, defaultLatency)
	set(&o.MaxSnapshot, defaultSnapshot)
	return o
}

func set[T comparable](field *T, v T) {
	var zero T
	if *field == zero {
		*field = v
	}
}
