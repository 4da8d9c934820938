// Command cmd runs the crash matrix, or proves by mutants that it sees what
// it should:
//
//	go run ./internal/crash/cmd matrix
//	go run ./internal/crash/cmd runbook
//	go run ./internal/crash/cmd mutants
//	go run ./internal/crash/cmd -only "seed: FLY_API_TOKEN" trace "kill before call 25, 403 at call 27"
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"time"

	"github.com/pawlhq/pawl/internal/crash"
)

func main() {
	sample := flag.Int("sample", 1, "run about one schedule in so many")
	profile := flag.String("cpuprofile", "", "write a profile of the processor's time")
	held := flag.Bool("held", false, "name the schedules that stand still in the end, too")
	only := flag.String("only", "", "run the scenario of this name alone")
	flag.Parse()
	debug.SetGCPercent(400) // worlds are small and short-lived
	var err error
	if *profile != "" {
		f, ferr := os.Create(*profile)
		if ferr != nil {
			fmt.Fprintln(os.Stderr, "crash:", ferr)
			os.Exit(1)
		}
		if perr := pprof.StartCPUProfile(f); perr != nil {
			fmt.Fprintln(os.Stderr, "crash:", perr)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	switch flag.Arg(0) {
	case "matrix":
		err = matrix(*only, *held, part{crash.Scenarios(), *sample}, part{crash.Runbook(), *sample * ofRunbook})
	case "runbook":
		err = matrix(*only, *held, part{crash.Runbook(), *sample})
	case "mutants":
		err = mutants()
	case "trace":
		err = trace(*only, flag.Arg(1))
	default:
		err = fmt.Errorf("say matrix, runbook, mutants or trace")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

// ofRunbook is how many of the runbook's schedules there are for each that runs
// beside all others: the rest is for runbook.
const ofRunbook = 400

// part is some scenarios, of whose schedules about one in so many is run.
type part struct {
	scenarios []*crash.Scenario
	sample    int
}

// matrix runs parts, of which only names the one scenario to run. It names the
// schedules that stand still in the end when held.
func matrix(only string, held bool, parts ...part) error {
	schedules, violations, began := 0, 0, time.Now()
	for _, p := range parts {
		if only != "" {
			p.scenarios = slices.DeleteFunc(p.scenarios, func(s *crash.Scenario) bool { return s.Name != only })
		}
		for _, s := range p.scenarios {
			r, err := (&crash.Matrix{Scenarios: []*crash.Scenario{s}, Sample: p.sample}).Run(context.Background())
			if err != nil {
				return err
			}
			report(r)
			for i := 0; held && i < len(r.Held); i++ {
				fmt.Println("  held:", r.Held[i])
			}
			schedules, violations = schedules+r.Schedules, violations+len(r.Violations)
		}
	}
	fmt.Printf("took %s\n", time.Since(began).Round(100*time.Millisecond))
	fmt.Printf("crash matrix: schedules=%d violations=%d\n", schedules, violations)
	if violations > 0 {
		return fmt.Errorf("promises are broken")
	}
	return nil
}

// trace runs one schedule, by the names that a violation begins with.
func trace(scenario, name string) error {
	list := append(crash.Scenarios(), crash.Runbook()...)
	i := slices.IndexFunc(list, func(s *crash.Scenario) bool { return s.Name == scenario })
	if i < 0 {
		return fmt.Errorf("say by -only which scenario: there is none of the name %q", scenario)
	}
	schedule, err := crash.ParseSchedule(name)
	if err != nil {
		return err
	}
	return crash.Trace(context.Background(), os.Stdout, list[i], schedule)
}

func report(r *crash.Result) {
	for _, s := range r.Scenarios {
		fmt.Printf("%-35s calls=%-3d writes=%-3d schedules=%-6d done=%-6d undone=%-6d held=%d", s.Name, s.Calls, s.Writes, s.Schedules, s.Done, s.Undone, s.Held)
		if s.Refused > 0 {
			fmt.Printf(" refused=%d", s.Refused)
		}
		fmt.Println()
	}
	for i, v := range r.Violations {
		if i == 40 {
			fmt.Printf("… and %d more\n", len(r.Violations)-i)
			break
		}
		fmt.Println(v)
	}
}

func mutants() error {
	broken, caught, err := crash.Mutants(context.Background(), os.Stdout)
	if err != nil {
		return err
	}
	fmt.Printf("mutants: broken=%d caught=%d\n", broken, caught)
	if caught < broken {
		return fmt.Errorf("%d mutants were not caught", broken-caught)
	}
	return nil
}
