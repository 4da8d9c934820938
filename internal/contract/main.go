// Command contract holds all traffic of all drivers and stand-ins to what the
// vendors publish about their APIs. It runs their tests with recording on, and
// validates each request and each answer. Faults that a test injected are not
// a vendor's answers and are left out.
//
//	go run . -specs ../../../shared/specs -root ../..
//
// It ends with status 1 where something differs and no deviation explains it,
// where a deviation explains nothing, or where a declared call was never made.
// Where the descriptions are absent it says so, and validates nothing.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	specs := flag.String("specs", "", "the folder with the published descriptions")
	root := flag.String("root", "../..", "the folder of pawl's module")
	kept := flag.String("records", "", "judge what was recorded in this folder before, in drivers/ and standins/, and run no tests")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	well, err := run(ctx, os.Stdout, *specs, *root, *kept)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !well {
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, specs, root, kept string) (bool, error) {
	if missing := absent(specs, surfaces()); len(missing) > 0 {
		for _, m := range missing {
			fmt.Fprintf(w, "contract: absent: %s\n", filepath.Join(specs, m))
		}
		fmt.Fprintln(w, "contract: SKIPPED: the published descriptions are absent, nothing was validated; give their folder as SPECS=…")
		return true, nil
	}
	dir, err := os.MkdirTemp("", "pawl-contract-")
	if err != nil {
		return false, fmt.Errorf("contract: make a folder for records: %w", err)
	}
	defer os.RemoveAll(dir)
	if kept == "" {
		kept = dir
		if err := recordAll(ctx, root, dir, surfaces()); err != nil {
			return false, err
		}
	}
	return judgeAll(ctx, w, specs, root, kept, dir)
}

// recordAll runs the tests of the drivers that have a surface, and by
// themselves those of their stand-ins, whose calls are written by hand.
func recordAll(ctx context.Context, root, dir string, all []surface) error {
	drivers, standIns := filepath.Join(dir, "drivers"), filepath.Join(dir, "standins")
	for _, folder := range []string{drivers, standIns} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return fmt.Errorf("contract: make a folder for records: %w", err)
		}
	}
	var names, ofDrivers, ofStandIns []string
	for _, s := range all {
		if s.Driver != "" && !slices.Contains(names, s.Driver) {
			names, ofDrivers = append(names, s.Driver), append(ofDrivers, "./driver/"+s.Driver)
		}
		if p := "./vendorsim/" + s.Simulator; !slices.Contains(ofStandIns, p) {
			ofStandIns = append(ofStandIns, p)
		}
	}
	return cmp.Or(
		runTests(ctx, root, drivers, "-run", "^TestDrivers$/^("+strings.Join(names, "|")+")$", "./driver/all"),
		runTests(ctx, root, drivers, ofDrivers...),
		runTests(ctx, root, standIns, ofStandIns...))
}

func judgeAll(ctx context.Context, w io.Writer, specs, root, kept, dir string) (bool, error) {
	mock, err := startMock(ctx, dir)
	if err != nil {
		fmt.Fprintf(w, "contract: WITHOUT stripe-mock: %v\n", err)
	} else {
		defer mock.stop()
	}
	modules, err := moduleCache(ctx)
	if err != nil {
		return false, err
	}
	j, err := load(specs, root, modules, surfaces())
	if err != nil {
		return false, err
	}
	j.mock = mock
	take := func(e exchange) error { return j.take(ctx, e) }
	if err := exchanges(filepath.Join(kept, "drivers"), false, take); err != nil {
		return false, err
	}
	if err := exchanges(filepath.Join(kept, "standins"), true, take); err != nil {
		return false, err
	}
	return j.report(w, j.verdict(deviations())), nil
}
