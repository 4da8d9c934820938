package reencrypt

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/internal/mutant"
)

// part is a share of a relation that one worker does: its blocks from first
// up to, and without, end, in so many passes.
type part struct {
	rel        relation
	first, end uint32
	passes     int
}

// page is rows that were read together and are written together.
type page struct {
	tids, xids    array
	keys, columns []array
	asked, read   int  // rows
	cut           bool // there were more rows, but no room for their bytes
	last          tid  // of the rows that were read
	size          int  // bytes of what was read
	values        int64
}

// worker rewrites parts over a session of its own. It is one goroutine.
type worker struct {
	run   *run
	s     *session
	codec Codec
	stmts statements
	rel   string // what the statements are for
	pages [2]page
	limit int   // rows to ask for at once, so that a page has about Options.Bytes
	begun []int // where the columns of the row at hand begin
	text  []byte
	index int // of the part at hand
}

// firstRows is how many rows a worker's first page has: their size is not known.
const firstRows = 50

func (r *run) newWorker(ctx context.Context) (*worker, error) {
	s, err := r.job.open(ctx)
	if err != nil {
		return nil, err
	}
	return r.workerOn(s), nil
}

// workerOn makes a worker with a session that is there.
func (r *run) workerOn(s *session) *worker {
	w := &worker{run: r, s: s, codec: r.job.Target.Codec(), limit: min(firstRows, r.opts.Batch)}
	for i := range w.pages {
		w.pages[i].keys, w.pages[i].columns = make([]array, len(r.v.keys)), make([]array, len(r.v.columns))
	}
	return w
}

// prepare gets the session ready for a part.
func (w *worker) prepare(ctx context.Context, p part) error {
	w.stmts = statementsFor(p.rel, w.run.v, w.run.job.Target.Header(), p.passes, w.run.at.Sweep > patientSweep)
	if w.run.job.Mutant == mutant.OverwriteRows {
		w.stmts.withoutCAS()
	}
	if w.stmts.sel == w.rel {
		return nil
	}
	for _, st := range []struct {
		name, sql string
		types     []uint32
	}{{selName, w.stmts.sel, []uint32{oidTID, oidTID, oidInt8, oidInt4}}, {lockedName, w.stmts.locked, w.stmts.keys}, {updateName, w.stmts.update, w.stmts.types}} {
		if err := w.s.pg.Deallocate(ctx, st.name); err != nil {
			return err
		}
		if _, err := w.s.pg.Prepare(ctx, st.name, st.sql, st.types); err != nil {
			return err
		}
	}
	w.rel = w.stmts.sel
	return nil
}

// do rewrites a part, pass by pass.
func (w *worker) do(ctx context.Context, p part) error {
	if err := w.prepare(ctx, p); err != nil {
		return err
	}
	for pass := range p.passes {
		if err := w.pass(ctx, p, int32(pass)); err != nil {
			return err
		}
		w.run.passed(p, 1/float64(p.passes))
	}
	return nil
}

// pass rewrites page after page. While the server writes one, the next is
// opened and sealed here: reading it was asked for in the same request.
func (w *worker) pass(ctx context.Context, p part, pass int32) error {
	cur, other := &w.pages[0], &w.pages[1]
	cur.ask(w.limit, tid{block: p.first}) // a row's offset is never 0
	if err := w.turn(ctx, p, pass, cur, nil); err != nil {
		return err
	}
	for {
		more := cur.read == cur.asked || cur.cut
		if !more && cur.rows() == 0 {
			return nil
		}
		if err := w.run.pace.wait(ctx, cur.rows()); err != nil {
			return err
		}
		var next *page
		if more {
			next = other
			next.ask(w.limit, cur.last)
		}
		if err := w.turn(ctx, p, pass, next, cur); err != nil {
			return err
		}
		if next == nil {
			return nil
		}
		cur, other = next, cur
	}
}

// ask makes a page ready for the rows after a position.
func (p *page) ask(limit int, after tid) { p.asked, p.read, p.cut, p.last = limit, 0, false, after }

func (p *page) rows() int { return p.tids.n }

// turn reads one page and writes another, either of which may be nil.
func (w *worker) turn(ctx context.Context, p part, pass int32, read, write *page) error {
	if write != nil && (write.rows() == 0 || w.run.dry) {
		w.run.wrote(write, write.rows(), 0)
		write = nil
	}
	if read == nil && write == nil {
		return nil
	}
	pipe := w.s.pg.StartPipeline(ctx)
	if read != nil {
		pipe.SendQueryPrepared(selName, [][]byte{read.last.binary(), tid{block: p.end}.binary(), binary.BigEndian.AppendUint64(nil, uint64(read.asked)), binary.BigEndian.AppendUint32(nil, uint32(pass))}, binaryFormat, binaryFormat)
		pipe.SendPipelineSync()
	}
	if write != nil {
		pipe.SendQueryPrepared(updateName, write.params(), binaryFormat, nil)
		pipe.SendPipelineSync()
	}
	start := w.run.now()
	err := pipe.Flush()
	if write != nil && !pgconn.SafeToRetry(err) {
		w.run.asked.Add(int64(write.rows()))
	}
	if err == nil && read != nil {
		err = results(pipe, func(rr *pgconn.ResultReader) error { return w.fill(ctx, read, rr) })
	}
	affected := 0
	var busy error
	if err == nil && write != nil {
		busy = results(pipe, func(rr *pgconn.ResultReader) error {
			tag, err := rr.Close()
			affected = int(tag.RowsAffected())
			return err
		})
	}
	if e := pipe.Close(); err == nil && busy == nil {
		err = e
	}
	if err != nil || write == nil {
		return err
	}
	return w.settle(ctx, write, affected, busy, w.run.now().Sub(start))
}

var binaryFormat = []int16{1}

// results hands over the result of one statement, and reads on until the
// server is through with it.
func results(pipe *pgconn.Pipeline, f func(*pgconn.ResultReader) error) error {
	got, err := pipe.GetResults()
	if rr, ok := got.(*pgconn.ResultReader); ok && err == nil {
		err = f(rr)
		if _, e := rr.Close(); err == nil {
			err = e
		}
	}
	for !isSync(got) {
		var e error
		if got, e = pipe.GetResults(); e != nil || got == nil {
			if err == nil {
				err = e
			}
			return err
		}
	}
	return err
}

func isSync(got any) bool { _, ok := got.(*pgconn.PipelineSync); return ok }

// settle counts what a write has done, and does again what somebody else was
// quicker with.
func (w *worker) settle(ctx context.Context, p *page, affected int, busy error, took time.Duration) error {
	w.run.pace.took(took)
	switch state(busy) {
	case "":
		if busy != nil {
			return busy
		}
	case "55P03", "40P01", "40001": // a lock was not to be had, a deadlock, a serialization failure
	default:
		return busy
	}
	w.run.wrote(p, affected, p.rows()-affected)
	if affected == p.rows() || w.run.job.Mutant == mutant.OverwriteRows {
		return nil
	}
	return w.again(ctx, p)
}

// again reads the rows of a page that are still old under a lock, and writes
// them. Rows that somebody holds are left for the next sweep.
func (w *worker) again(ctx context.Context, p *page) error {
	keys := make([][]byte, len(p.keys))
	for i := range p.keys {
		keys[i] = p.keys[i].bytes()
	}
	if err := w.s.exec(ctx, "BEGIN"); err != nil {
		return err
	}
	fresh := &page{keys: make([]array, len(p.keys)), columns: make([]array, len(p.columns))}
	rr := w.s.pg.ExecPrepared(ctx, lockedName, keys, binaryFormat, binaryFormat)
	err := w.fill(ctx, fresh, rr)
	if _, e := rr.Close(); err == nil {
		err = e
	}
	affected := 0
	if err == nil && fresh.rows() > 0 {
		w.run.asked.Add(int64(fresh.rows()))
		result := w.s.pg.ExecPrepared(ctx, updateName, fresh.params(), binaryFormat, nil).Read()
		affected, err = int(result.CommandTag.RowsAffected()), result.Err
	}
	if err != nil {
		if w.s.exec(ctx, "ROLLBACK") == nil && slices.Contains([]string{"55P03", "40P01", "40001"}, state(err)) {
			return nil // the next sweep finds them
		}
		return err
	}
	if err := w.s.exec(ctx, "COMMIT"); err != nil {
		return err
	}
	w.run.wrote(fresh, affected, 0)
	return nil
}

// fill takes rows into a page, rewritten. Once it has its bytes the rest is
// left for the next page: how large rows are shows when they come.
func (w *worker) fill(ctx context.Context, p *page, rr *pgconn.ResultReader) error {
	if err := w.codec.Renew(ctx); err != nil {
		return err
	}
	w.reset(p)
	for rr.NextRow() {
		if p.cut = p.size >= w.run.opts.Bytes; p.cut {
			continue
		}
		row := rr.Values()
		p.last = parseTID(row[0])
		p.read++
		if err := w.add(ctx, p, row); err != nil {
			return err
		}
	}
	if p.read > 0 {
		w.limit = max(1, min(w.run.opts.Batch, w.run.opts.Bytes/max(1, p.size/p.read)))
	}
	return nil
}

func (w *worker) reset(p *page) {
	p.tids.reset(oidTID)
	p.xids.reset(oidXID)
	for i, k := range w.run.v.keys {
		p.keys[i].reset(k.oid)
	}
	for i, c := range w.run.v.columns {
		p.columns[i].reset(c.oid)
	}
	p.size, p.values = 0, 0
}

// add rewrites a row into the page, unless all of it is as it should be.
func (w *worker) add(ctx context.Context, p *page, row [][]byte) error {
	v := w.run.v
	keys, stored := row[2:2+len(v.keys)], row[2+len(v.keys):2+len(v.keys)+len(v.columns)]
	at, err := w.place(row)
	if err != nil {
		return err
	}
	changed, values := false, int64(0)
	w.begun = w.begun[:0]
	for i := range v.columns {
		p.size += len(stored[i])
		col := &p.columns[i]
		w.begun = append(w.begun, len(col.buf))
		if len(stored[i]) == 0 { // NULL and the empty value stay as they are
			col.add(stored[i])
			continue
		}
		begin := col.begin()
		at.Column = w.run.binds[i]
		out, current, err := w.codec.Rewrite(ctx, col.buf, Value{Stored: stored[i], Text: v.columns[i].text(), At: at})
		if err != nil {
			if pawl.CodeOf(err) != pawl.CodeCorrupt {
				return err
			}
			w.run.unreadable(seen{w.run.at.Sweep, w.index}, w.relName(), v.columns[i].name, at.Row, err)
		}
		if err != nil || current {
			out = append(col.buf, stored[i]...)
		} else {
			changed = true
			values++
		}
		col.buf = out
		col.end(begin)
	}
	if !changed {
		for i := range v.columns {
			p.columns[i].undo(w.begun[i])
		}
		return nil
	}
	p.values += values
	p.tids.add(row[0])
	p.xids.add(row[1])
	for i := range keys {
		p.keys[i].add(keys[i])
	}
	return nil
}

// place is what a row's values are bound to.
func (w *worker) place(row [][]byte) (envelope.Binding, error) {
	v, t := w.run.v, w.run.job.Table
	at := envelope.Binding{Scope: t.Scope, Table: w.run.bind}
	var err error
	if v.scope != nil {
		if w.text, err = keyText(w.text[:0], v.scope.oid, row[len(row)-1]); err != nil {
			return at, err
		}
		at.Scope = string(w.text)
	}
	if t.Unbound {
		return at, nil
	}
	if len(v.keys) == 1 {
		if w.text, err = keyText(w.text[:0], v.keys[0].oid, row[2]); err != nil {
			return at, err
		}
		at.Row = string(w.text)
		return at, nil
	}
	parts := make([]string, len(v.keys))
	for i, k := range v.keys {
		if w.text, err = keyText(w.text[:0], k.oid, row[2+i]); err != nil {
			return at, err
		}
		parts[i] = string(w.text)
	}
	at.Row = envelope.RowKey(parts...)
	return at, nil
}

func (w *worker) relName() string { return w.run.job.Table.Name }

// params are the parameters of the update.
func (p *page) params() [][]byte {
	out := [][]byte{p.tids.bytes(), p.xids.bytes()}
	for i := range p.keys {
		out = append(out, p.keys[i].bytes())
	}
	for i := range p.columns {
		out = append(out, p.columns[i].bytes())
	}
	return out
}

func (t tid) binary() []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint32(nil, t.block), t.offset)
}
