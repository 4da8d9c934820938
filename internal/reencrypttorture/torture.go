package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/vendorsim/postgres"
)

// config is one torture.
type config struct {
	rows, writes, rate int
	kills              int
	crash              bool
	alone              time.Duration // how long the application is watched before the job
	job                func(ctx context.Context, dsn string) *exec.Cmd
}

// seen is what came of it.
type seen struct {
	alone, beside             percentiles
	kills, starts             int
	conflicts                 int64
	took                      time.Duration
	lost, undecryptable, left int64
	examples                  []string
	writes, oldOnes, failed   int64
}

func (s *seen) wrote() string {
	return fmt.Sprintf("%d writes, %d of them under the old key, %d failed while the server was down", s.writes, s.oldOnes, s.failed)
}

// jobWithin bounds all of the job's starts together.
const jobWithin = 3 * time.Minute

func torture(ctx context.Context, c config) (*seen, error) {
	ctx, cancel := context.WithTimeout(ctx, jobWithin)
	defer cancel()
	server, err := postgres.Start(ctx, postgres.Options{Default: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = server.Close() }()
	app, err := newApplication(server.DSN("postgres"), c.rows)
	if err != nil {
		return nil, err
	}
	if err := app.fill(ctx); err != nil {
		return nil, fmt.Errorf("fill the table: %w", err)
	}
	working, rest := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { app.run(working, c.writes) })
	t := &trial{config: c, server: server, app: app}
	err = t.do(ctx)
	rest()
	group.Wait()
	if err != nil {
		return nil, err
	}
	t.seen.writes, t.seen.oldOnes, t.seen.failed = app.writes.Load(), app.oldOnes.Load(), app.failed.Load()
	return &t.seen, t.verify(ctx)
}

// trial is a torture at work.
type trial struct {
	config
	server *postgres.Server
	app    *application
	seen   seen
}

func (t *trial) do(ctx context.Context) error {
	t.app.until.Store(1<<63 - 1)
	if t.alone > 0 {
		if err := pause(ctx, t.alone); err != nil {
			return err
		}
		t.seen.alone = t.app.timed.take()
	}
	began := time.Now()
	t.app.from.Store(began.UnixNano())
	// The kills are spread over the work, so that there is some left for each.
	share := time.Duration(float64(t.rows) / float64(t.rate) * float64(time.Second) / float64(t.kills+2))
	for range t.kills {
		if err := t.killed(ctx, share/2+rand.N(share)); err != nil {
			return err
		}
	}
	if t.crash {
		if err := t.crashed(ctx, share/2); err != nil {
			return err
		}
	}
	// The last old instance is replaced only now, well behind the first pass.
	last := t.job(ctx, t.app.dsn)
	time.AfterFunc(share/2, func() { t.app.old.Store(false) })
	if err := t.finish(ctx, last); err != nil {
		return err
	}
	if !t.crash {
		t.seen.beside = t.app.timed.take()
	}
	t.seen.took = time.Since(began)
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// killed starts the job and kills it.
func (t *trial) killed(ctx context.Context, after time.Duration) error {
	cmd := t.job(ctx, t.app.dsn)
	if err := cmd.Start(); err != nil {
		return err
	}
	t.seen.starts++
	if err := pause(ctx, after); err != nil {
		return err
	}
	if err := cmd.Process.Kill(); err != nil {
		return fmt.Errorf("the job was through before it was killed: %w", err)
	}
	t.seen.kills++
	_ = cmd.Wait() // killed
	return nil
}

// crashed stops the server at once while the job runs, and starts it again.
func (t *trial) crashed(ctx context.Context, after time.Duration) error {
	cmd := t.job(ctx, t.app.dsn)
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		return err
	}
	t.seen.starts++
	if err := pause(ctx, after); err != nil {
		return err
	}
	t.app.until.Store(time.Now().UnixNano()) // what waits for the server is not the job's doing
	t.seen.beside = t.app.timed.take()
	if err := t.server.Crash(); err != nil {
		return err
	}
	if err := cmd.Wait(); err == nil {
		return errors.New("the job says that it is through, and the server was not there")
	}
	return t.server.Restart(ctx)
}

// statusPending is what pawl reencrypt gives while somebody writes old values.
const statusPending = 3

// finish runs the job to its end; while old instances write it is started
// again, as its message says.
func (t *trial) finish(ctx context.Context, cmd *exec.Cmd) error {
	for {
		var out, problems bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problems
		t.seen.starts++
		err := cmd.Run()
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == statusPending {
			cmd = t.job(ctx, t.app.dsn)
			continue
		}
		if err != nil {
			return fmt.Errorf("the job: %w: %s%s", err, out.Bytes(), problems.Bytes())
		}
		var doc struct{ Conflicts int64 }
		if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
			return fmt.Errorf("the job's result: %w: %s", err, out.Bytes())
		}
		t.seen.conflicts += doc.Conflicts
		return nil
	}
}

// verify opens every row under the new key alone, in the new format alone, and
// compares it with what the application knows.
func (t *trial) verify(ctx context.Context) error {
	c, err := pgx.Connect(ctx, t.app.dsn)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	ring, _, err := keys()
	if err != nil {
		return err
	}
	var readers [len(columns)]*envelope.Column
	for i, w := range t.app.columns {
		readers[i] = &envelope.Column{Rings: ring, Table: w.Table, Name: w.Name, Text: w.Text, MinFormat: envelope.Format}
	}
	rows, err := c.Query(ctx, "SELECT id, a, b, c FROM "+table)
	if err != nil {
		return err
	}
	found := make([]bool, len(t.app.rows))
	for rows.Next() {
		var id int64
		var stored [len(columns)][]byte
		var text *string
		if err := rows.Scan(&id, &stored[0], &stored[1], &text); err != nil {
			return err
		}
		if text != nil {
			stored[2] = []byte(*text)
		}
		found[id-1] = true
		for i := range columns {
			t.value(ctx, ring, readers[i], id, stored[i])
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for i, r := range t.app.rows {
		if found[i] == r.gone && !r.maybe {
			t.loses(int64(i+1), "the row is there or not against what was written last")
		}
	}
	return nil
}

// value holds one value to what must be there.
func (t *trial) value(ctx context.Context, ring *envelope.Ring, col *envelope.Column, id int64, stored []byte) {
	raw := envelope.Sealed(stored)
	if col.Text {
		raw, _ = envelope.ParseText(nil, stored)
	}
	if key, ok := envelope.KeyOf(raw); !ok || key != ring.Primary() {
		t.seen.left++
		return
	}
	plain, err := col.Open(ctx, "", strconv.FormatInt(id, 10), stored)
	if err != nil {
		t.seen.undecryptable++
		t.note(err.Error())
		return
	}
	r := t.app.rows[id-1]
	if got := string(plain); got != plaintext(id, col.Name, r.version) && !(r.maybe && got == plaintext(id, col.Name, r.version-1)) {
		t.loses(id, "column "+col.Name+" has another version")
	}
}

func (t *trial) loses(id int64, what string) {
	t.seen.lost++
	t.note(fmt.Sprintf("row %d: %s", id, what))
}

// note keeps the first few.
func (t *trial) note(what string) {
	if len(t.seen.examples) < 5 {
		t.seen.examples = append(t.seen.examples, what)
	}
}
