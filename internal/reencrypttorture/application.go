package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pawlhq/pawl/envelope"
)

// The keys, as the application's environment has them.
const (
	oldKey = "1111111111111111111111111111111111111111111111111111111111111111"
	newKey = "2222222222222222222222222222222222222222222222222222222222222222"

	table = "orgs"
)

// columns are the encrypted ones; the last is of text.
var columns = [...]string{"a", "b", "c"}

// plaintext is what a row must hold, in its version.
func plaintext(id int64, column string, version int) string {
	return fmt.Sprintf("%s of row %d, version %d: postgres://app:xxxxxxxxxxxxxxxxxxxx@db.example.com/app", column, id, version)
}

// row is what the application knows about a row.
type row struct {
	mu      sync.Mutex
	version int
	maybe   bool // the last write's answer was lost: it may have that version or the one before
	gone    bool
}

// application writes rows, and knows what it wrote.
type application struct {
	dsn     string
	columns [len(columns)]*envelope.Column
	legacy  cipher.AEAD
	rows    []*row // by id - 1
	mu      sync.Mutex
	old     atomic.Bool  // some instances still seal under the old key
	from    atomic.Int64 // what was due before this instant is not timed; unix nanoseconds
	until   atomic.Int64 // nor what was due after this
	timed   latencies
	writes  atomic.Int64
	oldOnes atomic.Int64
	failed  atomic.Int64
}

func newApplication(dsn string, rows int) (*application, error) {
	ring, _, err := keys()
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(oldKey)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, err
	}
	a := &application{dsn: dsn}
	if a.legacy, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	for i, name := range columns {
		a.columns[i] = &envelope.Column{Rings: ring, Table: table, Name: name, Text: name == "c"}
	}
	for range rows {
		a.rows = append(a.rows, &row{version: 1})
	}
	a.old.Store(true)
	return a, nil
}

// sealLegacy seals as an instance does that knows the old key alone.
func (a *application) sealLegacy(i int, plain string) ([]byte, error) {
	nonce := make([]byte, a.legacy.NonceSize(), a.legacy.NonceSize()+len(plain)+a.legacy.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	sealed := a.legacy.Seal(nonce, nonce, []byte(plain), nil)
	if a.columns[i].Text {
		return base64.StdEncoding.AppendEncode(nil, sealed), nil
	}
	return sealed, nil
}

// values seals all columns of a row's version.
func (a *application) values(ctx context.Context, id int64, version int, old bool) ([]any, error) {
	out := make([]any, len(columns))
	for i, name := range columns {
		plain := plaintext(id, name, version)
		var sealed []byte
		var err error
		if old {
			sealed, err = a.sealLegacy(i, plain)
		} else {
			sealed, err = a.columns[i].Seal(ctx, "", strconv.FormatInt(id, 10), []byte(plain))
		}
		if err != nil {
			return nil, err
		}
		out[i] = sealed
		if a.columns[i].Text {
			out[i] = string(sealed)
		}
	}
	return out, nil
}

// fill makes the table, in the legacy format, with four indexes besides its key.
func (a *application) fill(ctx context.Context) error {
	c, err := pgx.Connect(ctx, a.dsn)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, "CREATE TABLE "+table+" (id bigint PRIMARY KEY, tenant int NOT NULL, kind int NOT NULL, note text NOT NULL, touched timestamptz NOT NULL, a bytea, b bytea, c text)"); err != nil {
		return err
	}
	i := 0
	source := pgx.CopyFromFunc(func() ([]any, error) {
		if i++; i > len(a.rows) {
			return nil, nil
		}
		v, err := a.values(ctx, int64(i), 1, true)
		return append([]any{int64(i), int32(i % 5000), int32(i % 97), "row " + strconv.Itoa(i), time.Now()}, v...), err
	})
	if _, err := c.CopyFrom(ctx, pgx.Identifier{table}, []string{"id", "tenant", "kind", "note", "touched", "a", "b", "c"}, source); err != nil {
		return err
	}
	for _, name := range []string{"tenant", "kind", "note", "touched"} {
		if _, err := c.Exec(ctx, "CREATE INDEX ON "+table+" ("+name+")"); err != nil {
			return err
		}
	}
	_, err = c.Exec(ctx, "VACUUM (FREEZE, ANALYZE) "+table)
	return err
}

// clients is how many connections the application has.
const clients = 8

// run writes so many transactions a second until ctx ends: each has an instant
// at which it is due, whether the one before is done or not.
func (a *application) run(ctx context.Context, perSecond int) {
	due := make(chan time.Time, perSecond*120) // two minutes' worth: nothing that is due is left out
	var group sync.WaitGroup
	for n := range clients {
		group.Go(func() { a.client(ctx, due, uint64(n)) })
	}
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case at := <-tick.C:
			due <- at
		case <-ctx.Done():
		}
	}
	close(due)
	group.Wait()
}

// client makes what is due, over one connection, which it makes anew whenever
// it breaks.
func (a *application) client(ctx context.Context, due <-chan time.Time, seed uint64) {
	dice := mathrand.New(mathrand.NewPCG(seed, 1))
	var c *pgx.Conn
	for at := range due {
		if ctx.Err() != nil {
			continue
		}
		for c == nil || c.IsClosed() {
			var err error
			if c, err = pgx.Connect(ctx, a.dsn); err != nil {
				select {
				case <-ctx.Done():
					return
				case <-time.After(20 * time.Millisecond): // the server is starting
				}
			}
		}
		// What is begun is finished: a write that was cut off here would not be
		// known to have happened.
		if a.write(context.WithoutCancel(ctx), c, dice) {
			a.writes.Add(1)
			if n := at.UnixNano(); n >= a.from.Load() && n < a.until.Load() {
				a.timed.add(time.Since(at))
			}
		} else {
			a.failed.Add(1)
		}
	}
	if c != nil {
		_ = c.Close(context.WithoutCancel(ctx))
	}
}

// write makes one transaction and notes what came of it.
func (a *application) write(ctx context.Context, c *pgx.Conn, dice *mathrand.Rand) bool {
	kind := dice.IntN(60)
	if kind == 0 {
		return a.insert(ctx, c)
	}
	id, r := a.pick(dice)
	defer r.mu.Unlock()
	switch {
	case kind == 1:
		_, err := c.Exec(ctx, "DELETE FROM "+table+" WHERE id = $1", id)
		r.gone, r.maybe = err == nil, err != nil
		return err == nil
	case kind < 20:
		_, err := c.Exec(ctx, "UPDATE "+table+" SET touched = now(), kind = kind + 1 WHERE id = $1", id)
		return err == nil
	}
	old := a.old.Load() && dice.IntN(4) == 0
	v, err := a.values(ctx, id, r.version+1, old)
	if err == nil {
		_, err = c.Exec(ctx, "UPDATE "+table+" SET a = $2, b = $3, c = $4, touched = now() WHERE id = $1", append([]any{id}, v...)...)
	}
	r.version++
	r.maybe = err != nil
	if err == nil && old {
		a.oldOnes.Add(1)
	}
	return err == nil
}

// pick finds a row that nobody else is at and whose content is certain, and
// locks it.
func (a *application) pick(dice *mathrand.Rand) (int64, *row) {
	for {
		a.mu.Lock()
		i := dice.IntN(len(a.rows))
		r := a.rows[i]
		a.mu.Unlock()
		if !r.mu.TryLock() {
			continue
		}
		if !r.gone && !r.maybe {
			return int64(i + 1), r
		}
		r.mu.Unlock()
	}
}

func (a *application) insert(ctx context.Context, c *pgx.Conn) bool {
	r := &row{version: 1}
	r.mu.Lock()
	defer r.mu.Unlock()
	a.mu.Lock()
	a.rows = append(a.rows, r)
	id := int64(len(a.rows))
	a.mu.Unlock()
	v, err := a.values(ctx, id, 1, false)
	if err == nil {
		_, err = c.Exec(ctx, "INSERT INTO "+table+" (id, tenant, kind, note, touched, a, b, c) VALUES ($1, 1, 1, 'new', now(), $2, $3, $4)", append([]any{id}, v...)...)
	}
	r.maybe = err != nil
	r.gone = err != nil // it may be there, and may not
	return err == nil
}

// latencies are how long transactions took from when they were due.
type latencies struct {
	mu  sync.Mutex
	all []time.Duration
}

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, d)
}

// take gives what was measured, and forgets it.
func (l *latencies) take() percentiles {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := percentiles(l.all)
	l.all = nil
	slices.Sort(out)
	return out
}

// percentiles are sorted durations.
type percentiles []time.Duration

func (p percentiles) at(percent int) time.Duration {
	if len(p) == 0 {
		return 0
	}
	return p[min(len(p)-1, len(p)*percent/100)]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }
