// Command reencryptbench measures pawl reencrypt beside the server's own
// rewriting of the same bytes, and beside what people do without it. All arms
// run in turns, each on a fresh table; medians are printed.
//
//	go run ./internal/reencryptbench -pawl bin/pawl -rows 1000000
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/pawlhq/pawl/vendorsim/postgres"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	binary := flag.String("pawl", "bin/pawl", "the binary")
	rows := flag.Int("rows", 200_000, "rows of the table")
	rounds := flag.Int("rounds", 3, "rounds, of which the medians are printed")
	flag.Parse()
	if err := bench(ctx, *binary, *rows, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench-reencrypt:", err)
		os.Exit(1)
	}
}

func bench(ctx context.Context, binary string, rows, rounds int) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	server, err := postgres.Start(ctx, postgres.Options{Default: true})
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	s, err := newSite(ctx, server, binary, rows)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	fmt.Printf("reencrypt: %d rows, two columns of 92 bytes each; default configuration, fsync on; client and server share this machine\n", rows)
	for _, indexes := range []int{0, 4} {
		medians, err := s.measure(ctx, indexes, rounds)
		if err != nil {
			return err
		}
		show(medians, indexes)
	}
	return nil
}

// sample is one run of an arm.
type sample struct {
	rate   float64 // rows a second
	client float64 // processor seconds per million rows
	server float64
	memory int64 // bytes that the job had resident at most
	heap   int64 // bytes of the table afterwards
}

// arm is a way to rewrite the table, or the part of it that it says.
type arm struct {
	name    string
	prepare func(ctx context.Context) error // is not measured
	run     func(ctx context.Context) (rows int, s sample, err error)
}

// measure runs all arms in turns and gives the median of each.
func (s *site) measure(ctx context.Context, indexes, rounds int) (map[string]sample, error) {
	fresh := func(ctx context.Context) error { return s.fresh(ctx, indexes) }
	// The last two each need a part of the table alone, and share one.
	arms := []arm{{"one", fresh, s.one}, {"two", fresh, s.two}, {"pawl", fresh, s.pawl}, {"naive", fresh, s.naive}, {"pgcrypto", s.encrypted, s.pgcrypto}}
	all := map[string][]sample{}
	for range rounds {
		for _, a := range arms {
			if err := a.prepare(ctx); err != nil {
				return nil, fmt.Errorf("prepare the table for %s: %w", a.name, err)
			}
			before, began := s.serverTime(), time.Now()
			rows, got, err := a.run(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a.name, err)
			}
			got.rate = float64(rows) / time.Since(began).Seconds()
			got.server = (s.serverTime() - before).Seconds() / float64(rows) * 1e6
			if got.heap, err = s.size(ctx); err != nil {
				return nil, err
			}
			all[a.name] = append(all[a.name], got)
		}
	}
	medians := map[string]sample{}
	for name, list := range all {
		slices.SortFunc(list, func(a, b sample) int { return cmp.Compare(a.rate, b.rate) })
		medians[name] = list[len(list)/2]
	}
	return medians, nil
}

// show prints the medians of one number of indexes.
func show(m map[string]sample, indexes int) {
	head := "reencrypt:"
	if indexes > 0 {
		head = fmt.Sprintf("reencrypt %d indexes:", indexes)
	}
	floor, how := m["one"], "one session"
	if m["two"].rate > floor.rate {
		floor, how = m["two"], "two sessions"
	}
	fmt.Printf("%s floor %.0f rows/s (UPDATE t SET a = a, b = b in %s; the other way %.0f)\n", head, floor.rate, how, min(m["one"].rate, m["two"].rate))
	p := m["pawl"]
	fmt.Printf("%s pawl %.0f rows/s ratio %.2f\n", head, p.rate, p.rate/floor.rate)
	fmt.Printf("%s naive %.0f rows/s ratio %.4f (select, two updates, each committed; pawl is %.0f times as fast)\n", head, m["naive"].rate, m["naive"].rate/floor.rate, p.rate/m["naive"].rate)
	fmt.Printf("%s pgcrypto %.0f rows/s ratio %.2f (AES-CBC in the server: not authenticated, not bound, the keys in the statement's text)\n", head, m["pgcrypto"].rate, m["pgcrypto"].rate/floor.rate)
	fmt.Printf("%s processor seconds per million rows: floor %.1f; pawl %.1f in the server, %.1f in the client\n", head, floor.server, p.server, p.client)
	fmt.Printf("%s pawl had %.1f MiB resident at most; the table has %d MiB after the floor, %d MiB after pawl\n", head, float64(p.memory)/(1<<20), floor.heap>>20, p.heap>>20)
}
