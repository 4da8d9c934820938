package reencrypt

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/pawlhq/pawl"
)

// pace keeps the job within its limits. Its speed is a share of what is
// possible: halved at each look at which something suffers, and raised again when
// nothing does.
type pace struct {
	opts    Options
	now     pawl.Clock
	limiter *rate.Limiter

	mu     sync.Mutex
	share  float64       // of the time that is worked, above 0, at most 1
	last   time.Duration // a statement with its commit took, on average
	slow   string        // why the share is below 1
	stop   string        // why nothing is done
	rows   string        // why there is nothing to do
	resume chan struct{}
	waited time.Duration
}

const (
	leastShare = 0.02
	faster     = 1.5 // each look at which nothing suffers
	lookEach   = time.Second
)

func newPace(o Options, now pawl.Clock, dry bool) *pace {
	p := &pace{opts: o, now: now, share: 1, resume: make(chan struct{})}
	if o.Rate > 0 && !dry {
		p.limiter = rate.NewLimiter(rate.Limit(o.Rate), max(o.Batch, o.Rate/20))
	}
	return p
}

// wait waits until so many rows may be written.
func (p *pace) wait(ctx context.Context, rows int) error {
	if rows == 0 {
		return ctx.Err()
	}
	start := p.now()
	defer func() { p.add(p.now().Sub(start)) }()
	if p.limiter != nil {
		if err := p.limiter.WaitN(ctx, min(rows, p.limiter.Burst())); err != nil {
			return err
		}
	}
	p.mu.Lock()
	pause := time.Duration(float64(p.last) * (1 - p.share) / p.share)
	p.mu.Unlock()
	if pause > 0 {
		if err := sleep(ctx, min(pause, lookEach)); err != nil {
			return err
		}
	}
	for {
		p.mu.Lock()
		stop, resume := p.stop, p.resume
		p.mu.Unlock()
		if stop == "" {
			return ctx.Err()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-resume:
		}
	}
}

func (p *pace) add(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waited += d
}

func (p *pace) paused() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waited
}

// held says what the job waits for, or is slowed down by.
func (p *pace) held() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if why := cmp.Or(p.stop, p.rows); why != "" {
		return "waits: " + why
	}
	if p.share < 1 {
		return fmt.Sprintf("at %d %%: %s", int(p.share*100), p.slow)
	}
	return ""
}

// beHeld notes why there is nothing to do; "" when there is.
func (p *pace) beHeld(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows = why
}

// latencyOver is over how many statements the average is.
const latencyOver = 16

// took tells how long a statement took with its commit.
func (p *pace) took(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == 0 {
		p.last = d
	}
	p.last += (d - p.last) / latencyOver
}

// slower is called with mu held.
func (p *pace) slower(why string) { p.share, p.slow = max(leastShare, p.share/2), why }

// saw tells what a look at the server has seen.
func (p *pace) saw(lag, snapshot time.Duration, pid string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	stop := ""
	switch {
	case lag > 2*p.opts.MaxLag:
		stop = fmt.Sprintf("a replica is %s behind", lag.Round(time.Second))
	case snapshot > p.opts.MaxSnapshot:
		stop = fmt.Sprintf("the session %s has been in a transaction for %s, and no space can be reused", pid, snapshot.Round(time.Second))
	case lag > p.opts.MaxLag:
		p.slower(fmt.Sprintf("a replica is %s behind", lag.Round(time.Second)))
	case p.last > p.opts.MaxLatency:
		p.slower(fmt.Sprintf("a statement takes %s", p.last.Round(time.Millisecond)))
	default:
		p.share = min(1, p.share*faster)
	}
	if p.stop != "" && stop == "" {
		close(p.resume)
		p.resume = make(chan struct{})
	}
	p.stop = stop
}

// looks asks for the lag of the slowest replica and for the oldest transaction
// of others that keeps old rows of this database from being reused, in seconds:
// one with a snapshot, or one that has written. A role that may not see other
// sessions sees none.
const looks = `SELECT coalesce((SELECT extract(epoch FROM max(replay_lag)) FROM pg_catalog.pg_stat_replication), 0)::float8,
  coalesce(extract(epoch FROM now() - oldest.xact_start), 0)::float8, coalesce(oldest.who, '')
FROM (SELECT) one LEFT JOIN LATERAL (SELECT xact_start, who FROM (
  SELECT xact_start, pid::text AS who FROM pg_catalog.pg_stat_activity
  WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND datname = current_database() AND application_name <> 'pawl reencrypt' AND backend_type = 'client backend'
  UNION ALL SELECT prepared, 'of the prepared transaction ' || gid FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()) s ORDER BY xact_start LIMIT 1) oldest ON true`

// watch looks at the server each second, until ctx ends. A session that is
// lost is opened again.
func (r *run) watch(ctx context.Context) {
	tick := time.NewTicker(lookEach)
	defer tick.Stop()
	var s *session
	var told bool
	for {
		select {
		case <-ctx.Done():
			if s != nil {
				s.close(ctx)
			}
			return
		case <-tick.C:
		}
		err := r.look(ctx, &s)
		if err != nil && !told && ctx.Err() == nil {
			told = true
			r.log("replicas and snapshots could not be looked at", "error", err)
		}
		r.progress(true)
	}
}

// look looks once, over a session that it opens where there is none.
func (r *run) look(ctx context.Context, s **session) (err error) {
	if *s == nil {
		if *s, err = r.job.open(ctx); err != nil {
			*s = nil
			return err
		}
	}
	rows, err := (*s).rows(ctx, looks)
	if err != nil {
		(*s).close(ctx)
		*s = nil
		return failed("watch", r.job.Table.Name, err)
	}
	r.pace.saw(seconds(rows[0][0]), seconds(rows[0][1]), rows[0][2])
	return nil
}

func seconds(text string) time.Duration {
	f, _ := strconv.ParseFloat(text, 64) // the query casts it
	return time.Duration(f * float64(time.Second))
}
