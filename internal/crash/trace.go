package crash

import (
	"context"
	"fmt"
	"io"
)

// Trace runs one schedule of a scenario and writes its journal, its calls and
// what it breaks.
func Trace(ctx context.Context, w io.Writer, s *Scenario, schedule Schedule) error {
	m := &Matrix{Tracing: true}
	r, err := m.one(ctx, s, schedule)
	if err != nil {
		return err
	}
	a, err := r.store.Load(ctx, r.id)
	if err != nil {
		return err
	}
	for _, e := range a.Entries {
		fmt.Fprintf(w, "%s f%d %-8s %-12s %-7s %-8s %s %s\n", e.Time.Format("15:04:05"), e.Fence, e.Kind, e.Step, e.Result, e.Effect, e.Why, e.Detail)
	}
	for _, c := range r.trace {
		fmt.Fprintln(w, c)
	}
	fmt.Fprintln(w, r.describe())
	return nil
}
