package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// The seed's rotation is measured as often as a 99th percentile needs, in
// homes of few rotations each: one secret turned 25 times is six years of a
// policy of 90 days.
const (
	homes        = 8
	roundsInHome = 25
)

// ownTime measures the seed's rotation with vendors that answer at once and
// waits that take no time: what is left is pawl's own work and its synced
// writes. The simulators' work is measured apart and taken off.
func ownTime(ctx context.Context, b *bench) error {
	var t tally
	for i := range homes {
		if err := t.home(ctx, filepath.Join(b.dir, fmt.Sprintf("own-%d", i))); err != nil {
			return err
		}
	}
	commits := float64(t.commits) / float64(len(t.own))
	show("seed_rotation_own_p50", median(t.own), "ms")
	show("seed_rotation_own_p99", quantile(t.own, 0.99), "ms")
	show("seed_rotation_simulators_p50", median(t.vendor), "ms")
	show("seed_rotation_vendor_calls", float64(t.calls), "calls")
	show("seed_rotation_synced_commits", commits, "commits")
	return fsync(b, median(t.own), commits)
}

// tally adds up rotations.
type tally struct {
	own, vendor []float64 // milliseconds of each rotation
	calls       int       // of the last rotation
	commits     int64     // of all
}

// home measures the rotations of one fresh home.
func (t *tally) home(ctx context.Context, dir string) error {
	s, err := newSite(ctx, dir, 1, 0, &clock{})
	if err != nil {
		return err
	}
	before := s.store.Stats().Commits
	for range roundsInHome {
		began := time.Now()
		if err := s.rotate(ctx, 1); err != nil {
			return err
		}
		took := time.Since(began)
		busy, n := s.vendors.taken()
		t.calls = n
		t.own, t.vendor = append(t.own, milliseconds(took-busy)), append(t.vendor, milliseconds(busy))
	}
	t.commits += s.store.Stats().Commits - before
	return s.close()
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
