package reencrypt

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A sweep that finds nothing proves nothing: a row that somebody updates while
// it goes on may move, with its old value, from a block that is still to come
// to one that is through. So zero is counted, in one of two ways: by the server
// in one statement, which sees the table at one instant; or by key, range after
// range, because a row keeps its key wherever it moves. The second is for
// targets whose values only a key can tell, and for tables that the first takes
// too long for. Both hold as long as nobody writes old values any more.

const (
	// triesWhole is how many counts in one statement may be stopped before the
	// table is counted by key: the first may have begun shortly before the stop.
	triesWhole = 2

	// rangeRows are counted in one statement, or read.
	rangeRows = 20_000
	rangeRead = 2000
)

// settled makes what was written durable, and counts what is left.
func (r *run) settled(ctx context.Context, control *session) error {
	if err := control.barrier(ctx); err != nil {
		return err
	}
	r.counts(true)
	defer r.counts(false)
	header := r.job.Target.Header()
	if header == nil || r.at.Tries >= triesWhole {
		return r.countByKey(ctx, control)
	}
	old := int64(0)
	for _, leaf := range r.v.leaves {
		rows, err := control.rows(ctx, "SELECT count(*) FROM ONLY "+leaf.name+" WHERE "+oldRows(r.v, header))
		if err != nil {
			if ctx.Err() != nil {
				r.mu.Lock()
				r.at.Tries++
				r.mu.Unlock()
			}
			return err
		}
		n, err := strconv.ParseInt(rows[0][0], 10, 64)
		if err != nil {
			return err
		}
		old += n
	}
	r.rest = old
	return nil
}

// counts says that the job counts, or that it is through with that.
func (r *run) counts(now bool) {
	r.mu.Lock()
	r.counting = now
	r.mu.Unlock()
	r.progress(now)
}

// countByKey counts from where r.at is.
func (r *run) countByKey(ctx context.Context, control *session) error {
	if err := control.exec(ctx, "SET enable_seqscan = off"); err != nil {
		return err
	}
	first := max(0, slices.IndexFunc(r.v.leaves, func(l relation) bool { return l.oid == r.at.Leaf }))
	w, header := (*worker)(nil), r.job.Target.Header()
	if header == nil {
		w = r.workerOn(control)
	}
	for _, leaf := range r.v.leaves[first:] {
		for more := true; more; {
			after, old, err := []string(nil), int64(0), error(nil)
			if w != nil {
				after, old, err = w.rangeOf(ctx, leaf, r.at.After)
			} else {
				after, old, err = control.countRange(ctx, rangeCount(leaf, r.v, header, len(r.at.After) > 0), r.at.After)
			}
			if err != nil {
				return err
			}
			more = after != nil
			r.mu.Lock()
			r.at.Leaf, r.at.After, r.at.Old = leaf.oid, after, r.at.Old+old
			r.mu.Unlock()
			r.progress(false)
		}
	}
	if r.rest = r.at.Old; header == nil {
		r.rest += r.lostRows()
	}
	return control.exec(ctx, "SET enable_seqscan = on")
}

// countRange counts the old rows among the next in the order of the key. after
// is the last one's key, nil when there were no more.
func (s *session) countRange(ctx context.Context, query string, from []string) (after []string, old int64, err error) {
	rows, err := s.rows(ctx, query, from...)
	if err != nil || len(rows) == 0 {
		return nil, 0, err
	}
	all, err := strconv.Atoi(rows[0][0])
	if err != nil {
		return nil, 0, err
	}
	if old, err = strconv.ParseInt(rows[0][1], 10, 64); err != nil || all < rangeRows {
		return nil, old, err
	}
	return rows[0][2:], old, nil
}

// rangeOf opens the next rows in the order of the key, and counts those with a
// value that opens and is not as it should be.
func (w *worker) rangeOf(ctx context.Context, leaf relation, from []string) (after []string, old int64, err error) {
	params := make([][]byte, len(from))
	for i, key := range from {
		params[i] = []byte(key)
	}
	p := &w.pages[0]
	w.reset(p)
	if err := w.codec.Renew(ctx); err != nil {
		return nil, 0, err
	}
	rr := w.s.pg.ExecParams(ctx, rangeSelect(leaf, w.run.v, len(from) > 0), params, nil, nil, binaryFormat)
	n := 0
	for err == nil && rr.NextRow() {
		if n++; n == rangeRead {
			after, err = w.run.v.keyOf(rr.Values())
		}
		if err == nil {
			err = w.add(ctx, p, rr.Values())
		}
	}
	if _, e := rr.Close(); err == nil {
		err = e
	}
	return after, int64(p.rows()), err
}

// keyOf gives a row's key as text, in the order of the index.
func (v *Survey) keyOf(row [][]byte) ([]string, error) {
	out := make([]string, len(v.order))
	for i, at := range v.order {
		text, err := keyText(nil, v.keys[at].oid, row[2+at])
		if err != nil {
			return nil, err
		}
		out[i] = string(text)
	}
	return out, nil
}

// orderBy is the key in the order of its index, and the condition that a row
// comes after the one whose key is in the parameters.
func orderBy(v *Survey, further bool) (keys []string, cond string) {
	var params []string
	for i, at := range v.order {
		keys = append(keys, ident(v.keys[at].name))
		params = append(params, "$"+strconv.Itoa(i+1))
	}
	if !further {
		return keys, "true"
	}
	return keys, fmt.Sprintf("(%s) > (%s)", strings.Join(keys, ", "), strings.Join(params, ", "))
}

// rangeCount counts the old rows of a range, and gives its size and last key.
func rangeCount(rel relation, v *Survey, header []byte, further bool) string {
	keys, cond := orderBy(v, further)
	list, down, text := strings.Join(keys, ", "), strings.Join(keys, " DESC, ")+" DESC", strings.Join(keys, "::text, ")+"::text"
	return fmt.Sprintf("WITH part AS MATERIALIZED (SELECT %s, %s AS is_old FROM ONLY %s WHERE %s ORDER BY %s LIMIT %d) SELECT (SELECT count(*) FROM part), (SELECT count(*) FROM part WHERE is_old), %s FROM part ORDER BY %s LIMIT 1",
		list, oldRows(v, header), rel.name, cond, list, rangeRows, text, down)
}

// rangeSelect reads the rows of a range, as a worker takes them.
func rangeSelect(rel relation, v *Survey, further bool) string {
	keys, cond := orderBy(v, further)
	return fmt.Sprintf("SELECT %s FROM ONLY %s WHERE %s ORDER BY %s LIMIT %d", strings.Join(rowList(v), ", "), rel.name, cond, strings.Join(keys, ", "), rangeRead)
}

// sleep waits, unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
