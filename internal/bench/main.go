// Command bench measures what a rotation costs, on this machine and now:
// medians of several rounds, ratios of things measured side by side. It
// prints lines `bench: NAME VALUE UNIT` and judges nothing.
//
//	go run ./internal/bench -pawl bin/pawl
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/pawlhq/pawl/internal/system"
	"github.com/pawlhq/pawl/internal/system/command"
)

// part is one measurement.
type part struct {
	name string
	run  func(ctx context.Context, b *bench) error
}

// bench is what all parts share.
type bench struct {
	binary string
	dir    string // for homes and estates, on the disk to be measured
}

// parts lists the measurements. Those of other processes come first: on Linux
// a process starts with the largest memory of the one that made it on its
// record.
func parts() []part {
	return []part{
		{"start", start},
		{"memory", memory},
		{"estate", largeEstate},
		{"rotation", ownTime},
		{"throughput", throughput},
		{"makespan", makespan},
		{"webhook", webhooks},
		{"plane", plane},
	}
}

func main() {
	switch {
	case system.IsProgram():
		os.Exit(system.RunProgram())
	case command.Is():
		os.Exit(command.Run())
	}
	binary := flag.String("pawl", "bin/pawl", "the binary to measure")
	only := flag.String("only", "", "names of parts, by comma: start, memory, estate, rotation, throughput, makespan, webhook, plane")
	dir := flag.String("dir", "", "a folder on the disk to measure (default: the system's folder for temporary files)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *binary, *dir, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, binary, dir, only string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	dir, err = os.MkdirTemp(dir, "pawl-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{binary: binary, dir: dir}
	for _, p := range parts() {
		if only != "" && !slices.Contains(strings.Split(only, ","), p.name) {
			continue
		}
		if err := p.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

func show(name string, value float64, unit string) {
	fmt.Printf("bench: %s %.4g %s\n", name, value, unit)
}

// quantile gives the q-quantile of values, by the nearest rank.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func median(values []float64) float64 { return quantile(values, 0.5) }
