package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"

	"github.com/pawlhq/pawl/envelope"
)

const clients = 8

// state is what a row has.
type state struct {
	version int // of the encrypted columns
	seen    int
	gone    bool
}

// writer is the application: so many clients, each with rows of its own, that
// remember what they wrote. It is an open loop: a transaction begins when it
// is due, and its time runs from then, whether its client is free or not.
type writer struct {
	site    *site
	each    time.Duration // between two transactions of one client
	old     atomic.Bool   // old instances are still there
	clients []*client

	cancel context.CancelFunc
	group  *errgroup.Group
}

// client is one connection of the application.
type client struct {
	w       *writer
	n       int // its rows are those whose id leaves n, divided by the number of clients
	dice    *rand.Rand
	pg      *pgx.Conn
	known   map[int64][]state // what rows may have: more than one thing after an answer was lost
	newest  int64
	version int

	mu      sync.Mutex
	samples []sample
	lost    map[int64]string // rows that had something else, and what
	unsure  int              // transactions without an answer
}

// sample is when a transaction was due and how long after that it was done.
type sample struct {
	due  time.Time
	took time.Duration
}

// write starts the writer, at so many transactions a second.
func (s *site) write(ctx context.Context, tx int, seed uint64) *writer {
	w := &writer{site: s, each: time.Second * clients / time.Duration(tx)}
	w.old.Store(true)
	ctx, w.cancel = context.WithCancel(ctx)
	w.group, ctx = errgroup.WithContext(ctx)
	began := time.Now()
	for n := range clients {
		c := &client{w: w, n: n, dice: rand.New(rand.NewPCG(seed, uint64(n))), known: map[int64][]state{}, lost: map[int64]string{}}
		c.newest = int64(s.rows-s.rows%clients+n) + clients
		w.clients = append(w.clients, c)
		w.group.Go(func() error { return c.loop(ctx, began.Add(w.each/clients*time.Duration(n))) })
	}
	return w
}

// stop ends the writer when what it has begun is done.
func (w *writer) stop() error {
	w.cancel()
	return w.group.Wait()
}

func (c *client) loop(ctx context.Context, due time.Time) error {
	defer func() {
		if c.pg != nil {
			_ = c.pg.Close(context.WithoutCancel(ctx))
		}
	}()
	for ; waitUntil(ctx, due); due = due.Add(c.w.each) {
		if err := c.connect(ctx); err != nil {
			return nil // it is over
		}
		// What was begun is done to its end: otherwise nobody knew how it went.
		if err := c.transact(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		c.mu.Lock()
		c.samples = append(c.samples, sample{due, time.Since(due)})
		c.mu.Unlock()
	}
	return nil
}

// waitUntil reports whether the time came before the end.
func waitUntil(ctx context.Context, due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

const retryEach = 20 * time.Millisecond

// connect makes sure that there is a connection; it fails only when ctx ends.
func (c *client) connect(ctx context.Context) error {
	for c.pg == nil || c.pg.IsClosed() {
		pg, err := pgx.Connect(ctx, c.w.site.server.DSN("postgres"))
		if err == nil {
			c.pg = pg
		} else if !waitUntil(ctx, time.Now().Add(retryEach)) {
			return ctx.Err()
		}
	}
	return nil
}

// transact does one transaction: a third touches another column and reads the
// encrypted ones, and two thirds write them, a quarter of these as an old
// instance does.
func (c *client) transact(ctx context.Context) error {
	if c.dice.IntN(3) == 0 {
		return c.touch(ctx, c.pick())
	}
	switch c.dice.IntN(10) {
	case 0:
		c.newest += clients
		return c.insert(ctx, c.newest)
	case 1:
		return c.remove(ctx, c.pick())
	}
	return c.rewrite(ctx, c.pick())
}

// pick picks a row of the client's, most likely one that is there.
func (c *client) pick() int64 {
	return c.dice.Int64N(c.newest/clients)*clients + int64(c.n)
}

// may gives what a row may have.
func (c *client) may(id int64) []state {
	if s, ok := c.known[id]; ok {
		return s
	}
	return []state{{gone: id < 1 || id > int64(c.w.site.rows)}}
}

func (c *client) sealed(ctx context.Context, id int64) ([3][]byte, error) {
	c.version++
	return c.w.site.seal(ctx, id, c.version, c.w.old.Load() && c.dice.IntN(4) == 0)
}

func (c *client) rewrite(ctx context.Context, id int64) error {
	v, err := c.sealed(ctx, id)
	if err != nil {
		return err
	}
	version := c.version
	tag, err := c.pg.Exec(ctx, "UPDATE orgs SET a = $2, b = $3, c = $4 WHERE id = $1", id, v[0], v[1], string(v[2]))
	return c.done(id, tag.RowsAffected() == 1, err, func(s state) state { s.version = version; return s })
}

func (c *client) insert(ctx context.Context, id int64) error {
	v, err := c.sealed(ctx, id)
	if err != nil {
		return err
	}
	version := c.version
	_, err = c.pg.Exec(ctx, "INSERT INTO orgs (id, tenant, kind, note, seen, a, b, c) VALUES ($1, $5, $5, 'new', 0, $2, $3, $4)", id, v[0], v[1], string(v[2]), c.n)
	if err == nil {
		c.known[id] = []state{{version: version}}
		return nil
	}
	c.known[id] = []state{{gone: true}, {version: version}}
	return c.failed(err)
}

func (c *client) remove(ctx context.Context, id int64) error {
	tag, err := c.pg.Exec(ctx, "DELETE FROM orgs WHERE id = $1", id)
	return c.done(id, tag.RowsAffected() == 1, err, func(state) state { return state{gone: true} })
}

// touch also reads what the row has, as the application does all the time.
func (c *client) touch(ctx context.Context, id int64) error {
	c.version++
	seen := c.version
	var v [3][]byte
	err := c.pg.QueryRow(ctx, "UPDATE orgs SET seen = $2 WHERE id = $1 RETURNING a, b, c::bytea", id, seen).Scan(&v[0], &v[1], &v[2])
	there := !errors.Is(err, pgx.ErrNoRows)
	if !there {
		err = nil
	}
	if err == nil && there {
		c.check(ctx, id, v)
	}
	return c.done(id, there, err, func(s state) state { s.seen = seen; return s })
}

// check opens what was read, and holds it against what the row may have.
func (c *client) check(ctx context.Context, id int64, v [3][]byte) {
	for _, s := range c.may(id) {
		if !s.gone && c.w.site.has(ctx, c.w.site.now, id, s.version, v) {
			return
		}
	}
	c.lose(id, "a reader found another value than was written")
}

// has reports whether all values of a row open and are of a version.
func (s *site) has(ctx context.Context, columns [3]*envelope.Column, id int64, version int, v [3][]byte) bool {
	for i, col := range columns {
		got, err := col.Open(ctx, "", strconv.FormatInt(id, 10), v[i])
		if err != nil || string(got) != string(plain(i, id, version)) {
			return false
		}
	}
	return true
}

func (c *client) lose(id int64, what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost[id] = what
}

// done notes how a transaction on a row went. Without an answer the row may
// have either.
func (c *client) done(id int64, there bool, err error, change func(state) state) error {
	var next []state
	for _, s := range c.may(id) {
		switch {
		case err != nil:
			next = append(next, s)
			if !s.gone {
				next = append(next, change(s))
			}
		case s.gone != there:
			if there {
				s = change(s)
			}
			next = append(next, s)
		}
	}
	if len(next) == 0 {
		c.lose(id, "a row is gone, or back")
		next = []state{change(state{gone: !there})}
	}
	c.known[id] = slices.Compact(next)
	return c.failed(err)
}

// failed tells an answer that a crash has lost from a statement that the server
// refused, which none should be.
func (c *client) failed(err error) error {
	if err == nil {
		return nil
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code[:2] != "57" { // operator intervention: the server goes down
		return fmt.Errorf("the writer: %w", err)
	}
	c.unsure++
	_ = c.pg.Close(context.Background())
	return nil
}
