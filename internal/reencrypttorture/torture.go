package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

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
	all := findings{lost: calm.lost + hard.lost, undecryptable: calm.undecryptable + hard.undecryptable, oldLeft: calm.oldLeft + hard.oldLeft}
	fmt.Fprintf(c.out, "reencrypt-torture: lost=%d undecryptable=%d old_left=%d\n", all.lost, all.undecryptable, all.oldLeft)
	switch {
	case all.lost+all.undecryptable+all.oldLeft > 0:
		return fmt.Errorf("rows do not have what was committed last, under the new key alone: %s", append(calm.examples, hard.examples...))
	case broken.lost == 0:
		return errors.New("the job without compare-and-swap lost nothing: this test would not notice lost writes")
	}
	return nil
}

type trials struct {
	config
	site *site
	dice *rand.Rand
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
	fmt.Fprintf(t.out, "%s: %d transactions of the writer, %d of them without an answer; lost=%d undecryptable=%d old_left=%d\n", name, len(w.samples()), unsure, f.lost, f.undecryptable, f.oldLeft)
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
