package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pawlhq/pawl/envelope"
)

// findings is how many rows are not as they must be.
type findings struct {
	lost, undecryptable, oldLeft int
	examples                     []string // of lost rows, a few
}

const maxExamples = 5

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
		for id, what := range c.lost {
			if len(f.examples) < maxExamples {
				f.examples = append(f.examples, fmt.Sprintf("row %d: %s", id, what))
			}
		}
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
