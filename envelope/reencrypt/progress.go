package reencrypt

import (
	"context"
	"time"

	"github.com/pawlhq/pawl"
)

// speed is rows a second over the last seconds.
type speed struct {
	at   time.Time
	rows int64
	per  float64
}

// rateOver is how much of the past the rate is of.
const rateOver = 5 * time.Second

func (r *speed) saw(now time.Time, rows int64) {
	d := now.Sub(r.at)
	if r.at.IsZero() || d <= 0 {
		r.at, r.rows = now, rows
		return
	}
	fresh := float64(rows-r.rows) / d.Seconds()
	weight := min(1, d.Seconds()/rateOver.Seconds())
	if r.per == 0 {
		weight = 1
	}
	r.per += (fresh - r.per) * weight
	r.at, r.rows = now, rows
}

// passed notes that a share of a part is through.
func (r *run) passed(p part, share float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance(p, share)
}

// advance is called with mu held.
func (r *run) advance(p part, share float64) {
	all := uint32(0)
	for _, leaf := range r.v.leaves {
		all += max(leaf.pages, 1)
	}
	r.part = min(1, r.part+share*float64(p.end-p.first)/float64(max(all, 1)))
}

// progress tells where the job stands, at most once a second.
func (r *run) progress(always bool) {
	if r.job.Progress == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now.Sub(r.report) < time.Second && !always {
		return
	}
	r.report = now
	p := Progress{Sweep: r.at.Sweep, Counting: r.counting, Done: r.rows.Load(), Total: r.total, Part: r.part, Held: r.pace.held(), Unreadable: int64(len(r.told)), Conflicts: r.conflicts.Load()}
	r.rate.saw(now, p.Done)
	p.Rate = r.rate.per
	if p.Rate > 0 && p.Total > p.Done && p.Sweep == 1 {
		p.Left = time.Duration(float64(p.Total-p.Done) / p.Rate * float64(time.Second))
	}
	r.job.Progress(p)
}

// vacuumEach is after how many rows the table is vacuumed.
func (r *run) vacuumEach() int64 {
	switch {
	case r.opts.Vacuum < 0:
		return 1 << 62
	case r.opts.Vacuum > 0:
		return int64(r.opts.Vacuum)
	}
	return max(vacuumAtLeast, r.total/10)
}

// vacuum frees the space of what was replaced each time that enough was, until
// ctx ends. Without it the table would be twice as large in the end.
func (r *run) vacuum(ctx context.Context) {
	if r.opts.Vacuum < 0 {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.vacuumed:
		}
		if err := r.vacuumOnce(ctx); err != nil {
			if ctx.Err() == nil {
				r.log("the table is not vacuumed on the way", "error", failed("vacuum", r.job.Table.Name, err))
			}
			return
		}
	}
}

func (r *run) vacuumOnce(ctx context.Context) error {
	s, err := r.job.open(ctx)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	if err := s.exec(ctx, "SET statement_timeout = 0"); err != nil {
		return err
	}
	if err := r.mayVacuum(ctx, s); err != nil {
		return err
	}
	for _, leaf := range r.v.leaves {
		if err := s.exec(ctx, "VACUUM (SKIP_LOCKED, TRUNCATE off) "+leaf.name); err != nil {
			return err
		}
	}
	return nil
}

// mayVacuum fails when the role is not allowed to: the server would only warn,
// and skip the table. From 17 on it can also be granted.
func (r *run) mayVacuum(ctx context.Context, s *session) error {
	granted := ""
	if r.v.Server >= 170000 {
		granted = " OR pg_catalog.has_table_privilege(c.oid, 'MAINTAIN')"
	}
	for _, leaf := range r.v.leaves {
		rows, err := s.rows(ctx, `SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') OR pg_catalog.pg_has_role(d.datdba, 'USAGE')`+granted+`
FROM pg_catalog.pg_class c, pg_catalog.pg_database d WHERE c.oid = $1::oid AND d.datname = current_database()`, leaf.oid)
		if err != nil {
			return err
		}
		if len(rows) > 0 && rows[0][0] != "t" {
			return &pawl.Error{Code: pawl.CodeUnauthorised, Op: "vacuum", On: leaf.name, Why: "the role " + r.v.Role + " does not own it", Next: "use the owner's role, or have autovacuum keep up: the table may double"}
		}
	}
	return nil
}
