package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/vendorsim/postgres"
)

// torture runs the three trials and judges them.
func torture(ctx context.Context, c config) error {
	server, err := postgres.Start(ctx, postgres.Options{Default: true})
	if err != nil {
		return err
	}
	defer server.Close()
	s, err := newSite(server, c.rows)
	if err != nil {
		return err
	}
	t := &trials{config: c, site: s, dice: rand.New(rand.NewPCG(c.seed, 0))}
	calm, err := t.trial(ctx, "throttled", t.throttled)
	if err != nil {
		return err
	}
	hard, err := t.trial(ctx, "killed", t.killed)
	if err != nil {
		return err
	}
	broken, err := t.trial(ctx, "without compare-and-swap", t.broken)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, "without compare-and-swap: lost=%d\n", broken.lost)
	all := findings{calm.lost + hard.lost, calm.undecryptable + hard.undecryptable, calm.oldLeft + hard.oldLeft}
	fmt.Fprintf(c.out, "reencrypt-torture: lost=%d undecryptable=%d old_left=%d\n", all.lost, all.undecryptable, all.oldLeft)
	switch {
	case all != findings{}:
		return errors.New("rows do not have what was committed last, under the new key alone")
	case broken.lost == 0:
		return errors.New("the job without compare-and-swap lost nothing: this test would not notice lost writes")
	}
	return nil
}

type trials struct {
	config
	site   *site
	dice   *rand.Rand
	events string
}

// trial runs a job beside the writer on a fresh table, and reads the table.
func (t *trials) trial(ctx context.Context, name string, run func(context.Context, *writer) error) (findings, error) {
	if err := t.site.fresh(ctx); err != nil {
		return findings{}, err
	}
	w := t.site.write(ctx, t.tx, t.seed)
	clean, stopped := make(chan error, 1), make(chan struct{})
	go func() { clean <- t.site.vacuum(ctx, stopped) }()
	err := run(ctx, w)
	close(stopped)
	if err = errors.Join(err, w.stop(), <-clean); err != nil {
		return findings{}, fmt.Errorf("%s: %w", name, err)
	}
	f, err := t.site.read(ctx, w)
	if err != nil {
		return f, fmt.Errorf("%s: read the table: %w", name, err)
	}
	unsure := 0
	for _, c := range w.clients {
		unsure += c.unsure
	}
	fmt.Fprintf(t.out, "%s: %d transactions beside it, %d without an answer; lost=%d undecryptable=%d old_left=%d\n", name, len(w.samples()), unsure, f.lost, f.undecryptable, f.oldLeft)
	return f, nil
}

// throttled measures the writer alone, then with the job.
func (t *trials) throttled(ctx context.Context, w *writer) error {
	warm := time.Now().Add(t.quiet / 5)
	waitUntil(ctx, warm.Add(t.quiet))
	began := time.Now()
	p, err := t.site.start(t.job(ctx, t.rate))
	if err != nil {
		return err
	}
	length := time.Duration(float64(t.rows) / float64(t.rate) * float64(time.Second))
	waitUntil(ctx, began.Add(length*2/3))
	w.old.Store(false)
	if err := p.finish(false); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "writer at %d tx/s alone: %s\n", t.tx, w.latency(warm, began))
	fmt.Fprintf(t.out, "writer at %d tx/s with the job at %d rows/s: %s\n", t.tx, t.rate, w.latency(began, time.Now()))
	return nil
}

// killed kills the job again and again, and crashes the server once.
func (t *trials) killed(ctx context.Context, w *writer) error {
	length := float64(t.rows) / float64(t.rate) * float64(time.Second)
	crashAt := t.dice.IntN(t.kills)
	for n := 0; n < t.kills; {
		p, err := t.site.start(t.job(ctx, t.rate))
		if err != nil {
			return err
		}
		after := startsIn + time.Duration(length*(0.03+0.12*t.dice.Float64()))
		if n == crashAt {
			crashAt = -1
			if err := t.crash(ctx, p, after); err != nil {
				return err
			}
			continue
		}
		killed, err := p.kill(after)
		if err != nil {
			return err
		}
		if killed {
			n++
		}
	}
	w.old.Store(false)
	p, err := t.site.start(t.job(ctx, t.rate))
	if err != nil {
		return err
	}
	if err := p.finish(false); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "killed %d times, PostgreSQL crashed once\n", t.kills)
	return nil
}

// startsIn is about how long a job takes to start.
const startsIn = 100 * time.Millisecond

// crash stops the server while a job runs. The job must say that it failed.
func (t *trials) crash(ctx context.Context, p *process, after time.Duration) error {
	waitUntil(ctx, time.Now().Add(after))
	if err := t.site.server.Crash(); err != nil {
		return err
	}
	if err := <-p.end; err == nil {
		return fmt.Errorf("the server crashed, and the job took itself for done: %s", p.out.Bytes())
	}
	return t.site.server.Restart(ctx)
}

// broken runs the job that writes over what came in between.
func (t *trials) broken(ctx context.Context, w *writer) error {
	w.old.Store(false)
	p, err := t.site.start(t.config.broken(ctx, t.rate))
	if err != nil {
		return err
	}
	return p.finish(false)
}

// vacuum frees the places of old rows all the time, so that others take them:
// a job that told rows apart by their place alone would mistake them.
func (s *site) vacuum(ctx context.Context, stopped <-chan struct{}) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stopped:
			return nil
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		pg, err := pgx.Connect(ctx, s.server.DSN("postgres"))
		if err != nil {
			continue // it has crashed
		}
		_, _ = pg.Exec(ctx, "VACUUM (TRUNCATE off) orgs")
		_ = pg.Close(ctx)
	}
}

// findings is how many rows are not as they must be.
type findings struct{ lost, undecryptable, oldLeft int }

// read opens every row with the new key alone and compares it with what the
// writer knows.
func (s *site) read(ctx context.Context, w *writer) (findings, error) {
	var f findings
	pg, err := pgx.Connect(ctx, s.server.DSN("postgres"))
	if err != nil {
		return f, err
	}
	defer pg.Close(ctx)
	rows, err := pg.Query(ctx, "SELECT id, seen, a, b, c::bytea FROM orgs")
	if err != nil {
		return f, err
	}
	found := map[int64]bool{}
	for rows.Next() {
		var id int64
		var seen int
		var v [3][]byte
		if err := rows.Scan(&id, &seen, &v[0], &v[1], &v[2]); err != nil {
			return f, err
		}
		found[id] = true
		s.judge(ctx, w, &f, id, seen, v)
	}
	if err := rows.Err(); err != nil {
		return f, err
	}
	for id := range w.ids() {
		if !found[id] && !slices.ContainsFunc(w.of(id).may(id), func(st state) bool { return st.gone }) {
			w.of(id).lose(id, "the row is gone")
		}
	}
	for _, c := range w.clients {
		f.lost += len(c.lost)
	}
	return f, nil
}

func (s *site) judge(ctx context.Context, w *writer, f *findings, id int64, seen int, v [3][]byte) {
	switch {
	case s.old(v):
		f.oldLeft++
		return
	case !s.opens(ctx, id, v):
		f.undecryptable++
		return
	}
	c := w.of(id)
	for _, st := range c.may(id) {
		if !st.gone && st.seen == seen && s.has(ctx, s.after, id, st.version, v) {
			return
		}
	}
	c.lose(id, "the row has another value than was committed last")
}

// old reports whether a row has a value that is not under the new key.
func (s *site) old(v [3][]byte) bool {
	for i, b := range v {
		raw := b
		if s.now[i].Text {
			raw, _ = envelope.ParseText(nil, b)
		}
		if !bytes.HasPrefix(raw, s.header) {
			return true
		}
	}
	return false
}

func (s *site) opens(ctx context.Context, id int64, v [3][]byte) bool {
	for i, col := range s.after {
		if _, err := col.Open(ctx, "", fmt.Sprint(id), v[i]); err != nil {
			return false
		}
	}
	return true
}

// of gives the client whose row it is.
func (w *writer) of(id int64) *client { return w.clients[id%clients] }

// ids gives all rows that ever were.
func (w *writer) ids() map[int64]bool {
	all := map[int64]bool{}
	for id := range int64(w.site.rows) {
		all[id+1] = true
	}
	for _, c := range w.clients {
		for id := range c.known {
			all[id] = true
		}
	}
	return all
}

func (w *writer) samples() []sample {
	var all []sample
	for _, c := range w.clients {
		c.mu.Lock()
		all = append(all, c.samples...)
		c.mu.Unlock()
	}
	return all
}

// latency is the distribution of what was due in a time.
func (w *writer) latency(from, to time.Time) string {
	var took []time.Duration
	for _, s := range w.samples() {
		if s.due.After(from) && s.due.Before(to) {
			took = append(took, s.took)
		}
	}
	if len(took) == 0 {
		return "nothing was due"
	}
	slices.Sort(took)
	var b strings.Builder
	for _, q := range []struct {
		name string
		of   float64
	}{{"p50", 0.5}, {" p99", 0.99}, {" max", 1}} {
		fmt.Fprintf(&b, "%s %.1f ms", q.name, float64(took[min(int(q.of*float64(len(took))), len(took)-1)].Microseconds())/1000)
	}
	return b.String()
}
