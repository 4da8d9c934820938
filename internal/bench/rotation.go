package main

import (
	"context"
	"path/filepath"
	"time"
)

const rounds = 200 // of one rotation: enough for a 99th percentile

// ownTime measures the seed's rotation with vendors that answer at once and
// waits that take no time: what is left is pawl's own work and its synced
// writes. The simulators' work is measured apart and taken off.
func ownTime(ctx context.Context, b *bench) error {
	s, err := newSite(ctx, filepath.Join(b.dir, "own"), 1, 0, &clock{})
	if err != nil {
		return err
	}
	var own, vendor []float64
	var calls int
	before := s.store.Stats()
	for range rounds {
		began := time.Now()
		if err := s.rotate(ctx, 1); err != nil {
			return err
		}
		took := time.Since(began)
		busy, n := s.vendors.taken()
		calls = n
		own, vendor = append(own, milliseconds(took-busy)), append(vendor, milliseconds(busy))
	}
	after := s.store.Stats()
	show("seed_rotation_own_p50", median(own), "ms")
	show("seed_rotation_own_p99", quantile(own, 0.99), "ms")
	show("seed_rotation_simulators_p50", median(vendor), "ms")
	show("seed_rotation_vendor_calls", float64(calls), "calls")
	show("seed_rotation_synced_commits", float64(after.Commits-before.Commits)/rounds, "commits")
	if err := s.close(); err != nil {
		return err
	}
	return fsync(b, median(own), float64(after.Commits-before.Commits)/rounds)
}

const atOnce = 64

// throughput measures rotations a second with 64 at once in one process on
// one store.
func throughput(ctx context.Context, b *bench) error {
	s, err := newSite(ctx, filepath.Join(b.dir, "throughput"), atOnce, 0, &clock{})
	if err != nil {
		return err
	}
	var rates []float64
	for range 7 {
		began := time.Now()
		if err := s.rotate(ctx, atOnce); err != nil {
			return err
		}
		rates = append(rates, atOnce/time.Since(began).Seconds())
	}
	show("rotations_64_at_once", median(rates), "rotations/s")
	return s.close()
}

const (
	many    = 200
	latency = 100 * time.Millisecond
)

// makespan measures how long 200 independent secrets take together, against
// the longest chain of calls and waits that any of them needs by itself: one
// rotation alone. Vendors take 100 ms a call, by the real clock.
func makespan(ctx context.Context, b *bench) error {
	s, err := newSite(ctx, filepath.Join(b.dir, "makespan"), many, latency, nil)
	if err != nil {
		return err
	}
	var alone, together []float64
	for range 3 {
		one, err := timed(ctx, s, 1)
		if err != nil {
			return err
		}
		all, err := timed(ctx, s, many)
		if err != nil {
			return err
		}
		alone, together = append(alone, one), append(together, all)
	}
	show("one_alone_at_100ms", median(alone), "s")
	show("200_together_at_100ms", median(together), "s")
	show("makespan_to_critical_path", median(together)/median(alone), "ratio")
	return s.close()
}

func timed(ctx context.Context, s *site, n int) (float64, error) {
	began := time.Now()
	err := s.rotate(ctx, n)
	return time.Since(began).Seconds(), err
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
