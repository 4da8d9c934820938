package reencrypt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pawlhq/pawl"
)

// patientSweep is the last sweep that passes over rows which somebody holds
// locked: they are most likely free when the next one comes.
const patientSweep = 3

// partBlocks is how many blocks a worker takes at once, in order: 8 MiB.
const partBlocks = 1024

// run is a job at work.
type run struct {
	job   *Job
	opts  Options
	v     *Survey
	now   pawl.Clock
	dry   bool
	bind  string
	binds []string // of the columns
	pace  *pace

	at       Position // set between parts, with mu held: where the sweep or the count began, or is
	parts    []part   // of this sweep
	low      int      // the first part that is not through
	done     []bool   // the parts that are
	counting bool

	total int64
	rest  int64 // rows that are not as they should be, after the sweep

	workers []*worker // as many as there was work for

	rows, values, conflicts atomic.Int64
	asked                   atomic.Int64 // rows of updates that have left
	sinceVacuum             atomic.Int64

	mu       sync.Mutex
	seed     maphash.Seed
	told     map[uint64]seen // unreadable values, by a hash of column and row
	lost     map[uint64]int  // rows of this sweep that have one, and the part that had them
	part     float64         // of this sweep
	report   time.Time
	started  time.Time
	rate     speed
	vacuumed chan struct{}
}

// seen is where an unreadable value was last seen.
type seen struct{ sweep, part int }

// Run does the job: sweeps until one finds nothing to do, makes what it has
// written durable, and counts what is left. It is safe to stop at any instant
// and to start again, also twice at the same time.
//
// It fails with CodeUnsupported and all reasons, before anything is written,
// when the table is one that it cannot safely rewrite, and with CodePending
// when somebody goes on writing old values. Result.At says how far it came, also
// with an error.
func (j *Job) Run(ctx context.Context) (Result, error) { return j.start(ctx, false) }

// DryRun reads and opens every value that Run would rewrite, and writes
// nothing. Rows and Values of its result are those that Run would write.
func (j *Job) DryRun(ctx context.Context) (Result, error) { return j.start(ctx, true) }

func (j *Job) start(ctx context.Context, dry bool) (res Result, err error) {
	r := &run{job: j, opts: j.Options.WithDefaults(), now: j.Now, dry: dry, bind: cmp.Or(j.Table.Bind, j.Table.Name),
		seed: maphash.MakeSeed(), told: map[uint64]seen{}, lost: map[uint64]int{}, vacuumed: make(chan struct{}, 1)}
	if r.now == nil {
		r.now = time.Now
	}
	for _, c := range j.Table.Columns {
		r.binds = append(r.binds, cmp.Or(c.Bind, c.Name))
	}
	r.started = r.now()
	control, err := j.open(ctx)
	if err != nil {
		return res, err
	}
	defer control.close(ctx)
	if err := control.exec(ctx, counting); err != nil {
		return res, failed("set up the session for", j.Table.Name, err)
	}
	if r.v, err = j.survey(ctx, control); err != nil {
		return res, failed("look at", j.Table.Name, err)
	}
	if err := r.v.refusal(); err != nil {
		return res, err
	}
	r.total = r.v.Rows
	if !dry {
		r.resume(j.From)
	}
	r.pace = newPace(r.opts, r.now, dry)
	err = r.all(ctx, control)
	res = Result{Rows: r.rows.Load(), Values: r.values.Load(), Conflicts: r.conflicts.Load(), Unreadable: r.at.Unreadable + int64(len(r.told)), Sweeps: r.at.Sweep, Left: r.rest, At: r.position(),
		Asked: r.asked.Load(), Took: r.now().Sub(r.started), Paused: r.pace.paused()}
	if err != nil {
		return res, failed("re-encrypt", j.Table.Name, err)
	}
	return res, nil
}

// counting is how the control session differs from the workers': it counts.
const counting = "SET statement_timeout = 0; SET enable_seqscan = on; SET max_parallel_workers_per_gather = 2"

// refusal makes one error of all reasons.
func (v *Survey) refusal() error {
	if len(v.Refusals) == 0 {
		return nil
	}
	var all []error
	for _, f := range v.Refusals {
		all = append(all, &pawl.Error{Code: pawl.CodeUnsupported, Op: "re-encrypt", On: v.Table, Why: f.Why, Next: f.Next})
	}
	if len(all) == 1 {
		return all[0]
	}
	return &pawl.Error{Code: pawl.CodeUnsupported, Op: "re-encrypt", On: v.Table, Err: errors.Join(all...), Next: v.Refusals[0].Next}
}

// all sweeps until there is nothing to do.
func (r *run) all(ctx context.Context, control *session) error {
	ctx, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	if !r.dry {
		beside.Go(func() { r.vacuum(ctx) })
		beside.Go(func() { r.watch(ctx) })
	}
	defer func() {
		for _, w := range r.workers {
			w.s.close(ctx)
		}
	}()
	return r.sweeps(ctx, control)
}

// sweeps goes over the table until nothing is left but what cannot be read.
func (r *run) sweeps(ctx context.Context, control *session) error {
	pause := firstPause
	for {
		before := r.rows.Load()
		if !r.at.Zero {
			if err := r.sweepOnce(ctx, control); err != nil || r.dry {
				return err
			}
		}
		if err := r.settled(ctx, control); err != nil || r.rest <= r.lostRows() {
			return err
		}
		held := r.rows.Load() == before
		if r.at.Sweep >= r.opts.Sweeps {
			return r.pending(held)
		}
		r.goTo(Position{Sweep: r.at.Sweep, Rows: r.at.Rows})
		if !held {
			pause = firstPause
			continue
		}
		// All that is left is in the hands of others: they need their time.
		r.pace.beHeld(rowsHeld)
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		r.pace.beHeld("")
		pause = min(2*pause, longestPause)
	}
}

// Between two sweeps of which the first could write nothing.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second

	rowsHeld = "other transactions hold the rows that are left"
)

// pending says why there is no end.
func (r *run) pending(held bool) error {
	e := &pawl.Error{Code: pawl.CodePending, Why: fmt.Sprintf("after %d sweeps %d rows still have old values: somebody still writes them", r.at.Sweep, r.rest), Next: "switch all writers to the new key, then start pawl reencrypt again"}
	if held {
		e.Why, e.Next = fmt.Sprintf("after %d sweeps %d rows still have old values: %s", r.at.Sweep, r.rest, rowsHeld), "end the transactions that hold them (pg_locks, pg_stat_activity), then start pawl reencrypt again"
	}
	return e
}

// goTo takes a position between two sweeps.
func (r *run) goTo(p Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at, r.parts, r.done, r.low = p, nil, nil, 0
}

// begin begins a sweep, or goes on with the one that another job was at.
func (r *run) begin(ctx context.Context, control *session) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at.Leaf == "" {
		r.at = Position{Sweep: r.at.Sweep + 1, Rows: r.at.Rows}
	}
	r.part = 0
	clear(r.lost)
	all, err := r.cut(ctx, control)
	if err != nil {
		return err
	}
	r.parts, r.low = r.at.rest(all), 0
	r.done = make([]bool, len(r.parts))
	for _, p := range all[:len(all)-len(r.parts)] {
		r.advance(p, 1)
	}
	return nil
}

// sweepOnce goes over all of the table once, from where r.at is.
func (r *run) sweepOnce(ctx context.Context, control *session) error {
	if err := r.begin(ctx, control); err != nil {
		return err
	}
	for len(r.workers) < min(r.opts.Workers, len(r.parts)) {
		w, err := r.newWorker(ctx)
		if err != nil {
			return err
		}
		r.workers = append(r.workers, w)
	}
	next := make(chan int)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(next)
		for i := range r.parts {
			select {
			case next <- i:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for _, w := range r.workers {
		group.Go(func() error {
			for i := range next {
				w.index = i
				if err := w.do(ctx, r.parts[i]); err != nil {
					return err
				}
				r.through(i)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.mu.Lock()
	r.part = 1
	r.mu.Unlock()
	r.progress(true)
	r.goTo(Position{Sweep: r.at.Sweep, Zero: true, Rows: r.at.Rows, Lost: r.at.Lost, Unreadable: r.at.Unreadable})
	return nil
}

// through notes that a part is done.
func (r *run) through(i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done[i] = true
	for r.low < len(r.done) && r.done[r.low] {
		r.low++
	}
}

// cut cuts the table for the workers. The first sweep of a table with many
// indexes goes over large parts in several passes.
func (r *run) cut(ctx context.Context, control *session) ([]part, error) {
	var out []part
	for _, leaf := range r.v.leaves {
		rows, err := control.rows(ctx, "SELECT pg_catalog.pg_relation_size($1::oid) / current_setting('block_size')::int", leaf.oid)
		if err != nil {
			return nil, err
		}
		blocks, err := strconv.ParseUint(rows[0][0], 10, 32)
		if err != nil {
			return nil, err
		}
		passes := r.passes(leaf)
		size := uint32(partBlocks)
		if passes > 1 {
			size = r.stridedBlocks(leaf, uint32(blocks), passes)
		}
		for first := uint32(0); first < uint32(blocks); first += size {
			out = append(out, part{rel: leaf, first: first, end: min(first+size, uint32(blocks)), passes: passes})
		}
	}
	return out, nil
}

func (r *run) passes(leaf relation) int {
	switch {
	case r.at.Sweep > 1 || r.dry || len(r.v.keys) == 0:
		return 1
	case r.opts.Passes > 0:
		return r.opts.Passes
	case r.v.Indexes >= 2 && leaf.rows >= stridedAtLeast:
		return stridedPasses
	}
	return 1
}

// stridedBlocks is the size of a part that is done in several passes: so large
// that a pass is some statements long, and what it moved away is past when the
// next pass comes; and so small that each worker has several.
func (r *run) stridedBlocks(leaf relation, blocks uint32, passes int) uint32 {
	perBlock := max(1, leaf.rows/int64(max(1, blocks)))
	want := uint32(int64(r.opts.Batch*passes*10) / perBlock)
	return max(64, min(want, blocks/uint32(2*r.opts.Workers)+1))
}

// wrote counts rows that were written, and those that somebody was quicker
// with.
func (r *run) wrote(p *page, rows, conflicts int) {
	if rows+conflicts == 0 {
		return
	}
	r.rows.Add(int64(rows))
	r.conflicts.Add(int64(conflicts))
	if n := p.rows(); n > 0 {
		r.values.Add(p.values * int64(rows) / int64(n))
	}
	if r.sinceVacuum.Add(int64(rows)) >= r.vacuumEach() && !r.dry {
		r.sinceVacuum.Store(0)
		select {
		case r.vacuumed <- struct{}{}:
		default:
		}
	}
	r.progress(false)
}

// unreadable notes a value that no key opens, once.
func (r *run) unreadable(at seen, table, col, row string, why error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lost[maphash.String(r.seed, row)] = at.part
	id := maphash.Comparable(r.seed, [2]string{col, row})
	_, again := r.told[id]
	r.told[id] = at
	if again {
		return
	}
	if r.job.Unreadable != nil {
		r.job.Unreadable(Unreadable{Table: table, Column: col, Row: row, Why: reason(why)})
	}
}

// lostRows is how many rows of this sweep have a value that no key opens.
func (r *run) lostRows() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at.Lost + int64(len(r.lost))
}

// reason is what an error says besides where it was.
func reason(err error) string {
	var e *pawl.Error
	if errors.As(err, &e) && e.Why != "" {
		return e.Why
	}
	return err.Error()
}

func (r *run) log(msg string, args ...any) {
	if r.job.Log != nil {
		r.job.Log.Log(context.Background(), slog.LevelWarn, msg, args...)
	}
}
