package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"sync/atomic"

	"github.com/pawlhq/pawl/evidence"
)

// Stats count what a Store did since it was opened.
type Stats struct {
	Requests int64 // writes that were asked for and answered
	Commits  int64 // transactions that were synced to disk
	Largest  int   // most requests in one transaction
}

// Stats gives the counts so far.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// request is one write. Exactly one side takes it: the committer, which then
// answers, or the caller that stops waiting, and then it is never done.
type request struct {
	apply func(t *tx) error
	taken atomic.Bool
	done  chan error
}

// submit hands a write to the committer and waits for it to be on disk. Once
// the write has begun it waits for the answer even when ctx ends: an error
// always means that nothing was stored.
func (s *Store) submit(ctx context.Context, op string, apply func(t *tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := &request{apply: apply, done: make(chan error, 1)}
	if err := s.enqueue(op, r); err != nil {
		return err
	}
	select {
	case err := <-r.done:
		return s.failure(op, err)
	case <-ctx.Done():
	}
	if r.taken.CompareAndSwap(false, true) {
		return ctx.Err()
	}
	return s.failure(op, <-r.done)
}

func (s *Store) enqueue(op string, r *request) error {
	if s.write == nil {
		return s.shut(op, "it was opened for reading only", "open it for writing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return s.shut(op, "it is closed", "")
	}
	s.queue = append(s.queue, r)
	s.nudge()
	return nil
}

func (s *Store) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // the committer has a wake-up to come already
	}
}

// commitAll is the committer: the one goroutine that writes. It ends when the
// store is closed and every request has its answer.
func (s *Store) commitAll(t *tx) {
	defer close(s.idle)
	defer t.close()
	for {
		<-s.wake
		for s.pending() {
			s.commit(t)
		}
		if s.ended() {
			t.scrub()
			return
		}
	}
}

func (s *Store) pending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) > 0
}

func (s *Store) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed && len(s.queue) == 0
}

// take gives the requests that wait now and are still wanted. It is called
// with the file locked for writing, so that all who came while another
// process wrote are served together.
func (s *Store) take() []*request {
	runtime.Gosched() // lets those who are about to ask do so; costs nothing when there are none
	s.mu.Lock()
	defer s.mu.Unlock()
	var batch []*request
	for _, r := range s.queue {
		if r.taken.CompareAndSwap(false, true) {
			batch = append(batch, r)
		}
	}
	clear(s.queue)
	s.queue = s.queue[:0]
	return batch
}

// commit serves the waiting requests in one transaction. Answers are given
// only after it is on disk, refusals too: they may rest on what a neighbour
// wrote. When it fails, everybody is told so and nothing is stored.
func (s *Store) commit(t *tx) {
	err := t.begin()
	batch := s.take()
	answers := make([]error, len(batch))
	for i, r := range batch {
		if err == nil {
			answers[i], err = t.attempt(r.apply)
		}
	}
	if err = t.end(err); err == nil {
		t.scrub()
	}
	s.count(len(batch), err == nil && t.wrote)
	for i, r := range batch {
		if err != nil {
			answers[i] = err
		}
		r.done <- answers[i]
	}
}

func (s *Store) count(requests int, synced bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requests += int64(requests)
	s.stats.Largest = max(s.stats.Largest, requests)
	if synced {
		s.stats.Commits++
	}
}

// tx is the committer's connection and the transaction under way.
type tx struct {
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	head   evidence.Head // of the chain within this transaction
	wrote  bool
	forgot bool // values were deleted that the log file may still hold
}

func (t *tx) begin() error {
	t.wrote = false
	if _, err := t.exec(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	// Other processes extend the chain too: nothing is kept between
	// transactions.
	var err error
	t.head, err = headOf(t.row(selectHead))
	return err
}

// attempt runs one request so that its refusal leaves no trace. broken means
// that the transaction itself can no longer be used.
func (t *tx) attempt(apply func(*tx) error) (refused, broken error) {
	if _, err := t.exec(`SAVEPOINT request`); err != nil {
		return nil, err
	}
	head, wrote := t.head, t.wrote
	if err := apply(t); err != nil {
		t.head, t.wrote, refused = head, wrote, err
		if _, lost := t.exec(`ROLLBACK TO request`); lost != nil {
			return err, err // the reason was such that all was rolled back
		}
	}
	_, err := t.exec(`RELEASE request`)
	return refused, err
}

// end commits, or gives up everything when err is set.
func (t *tx) end(err error) error {
	if err == nil && t.wrote {
		if _, err = t.exec(`COMMIT`); err == nil {
			return nil
		}
	}
	t.exec(`ROLLBACK`) // fails when the file's own error has rolled back already
	return err
}

// scrub empties the log file after values were deleted: the table no longer
// holds them, but old pages in the log would. When another process is reading
// it cannot be done now and is done after a later write, or on closing.
func (t *tx) scrub() {
	if !t.forgot {
		return
	}
	var busy, inLog, moved, before int
	if t.row(`PRAGMA busy_timeout`).Scan(&before) != nil {
		return
	}
	t.exec(`PRAGMA busy_timeout = 100`) // milliseconds: others wait for this
	if err := t.row(`PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &inLog, &moved); err == nil && busy == 0 {
		t.forgot = false
	}
	t.conn.ExecContext(context.Background(), fmt.Sprintf(`PRAGMA busy_timeout = %d`, before))
}

// change is exec for what alters the file.
func (t *tx) change(query string, args ...any) (int64, error) {
	t.wrote = true
	return t.exec(query, args...)
}

// exec and row run a statement that is prepared once. They use no context:
// a write that has begun is not to be cut short.
func (t *tx) exec(query string, args ...any) (int64, error) {
	stmt, err := t.stmt(query)
	if err != nil {
		return 0, err
	}
	res, err := stmt.Exec(args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (t *tx) row(query string, args ...any) scanner {
	stmt, err := t.stmt(query)
	if err != nil {
		return failed{err}
	}
	return stmt.QueryRow(args...)
}

func (t *tx) stmt(query string) (*sql.Stmt, error) {
	if stmt := t.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := t.conn.PrepareContext(context.Background(), query)
	if err == nil {
		t.stmts[query] = stmt
	}
	return stmt, err
}

func (t *tx) close() {
	for _, stmt := range t.stmts {
		stmt.Close()
	}
	t.conn.Close()
}

// scanner is a row to be read.
type scanner interface {
	Scan(dest ...any) error
}

type failed struct{ err error }

func (f failed) Scan(...any) error { return f.err }
