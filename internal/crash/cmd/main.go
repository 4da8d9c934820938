// Command cmd runs the crash matrix, or proves by mutants that it sees what
// it should:
//
//	go run ./internal/crash/cmd matrix
//	go run ./internal/crash/cmd mutants
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/pawlhq/pawl/internal/crash"
)

func main() {
	sample := flag.Int("sample", 1, "run about one schedule in so many")
	profile := flag.String("cpuprofile", "", "write a profile of the processor's time")
	only := flag.String("only", "", "run the scenario of this name alone")
	flag.Parse()
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
		err = matrix(*sample, *only)
	case "mutants":
		err = mutants()
	default:
		err = fmt.Errorf("say matrix or mutants")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "crash:", err)
		os.Exit(1)
	}
}

func matrix(sample int, only string) error {
	scenarios := crash.Scenarios()
	if only != "" {
		scenarios = crash.Select(only)
	}
	m := &crash.Matrix{Scenarios: scenarios, Sample: sample}
	r, err := m.Run(context.Background())
	if err != nil {
		return err
	}
	for _, s := range r.Scenarios {
		fmt.Printf("%-30s calls=%-3d writes=%-3d schedules=%-6d done=%-6d undone=%-6d held=%d\n", s.Name, s.Calls, s.Writes, s.Schedules, s.Done, s.Undone, s.Held)
	}
	for i, v := range r.Violations {
		if i == 40 {
			fmt.Printf("… and %d more\n", len(r.Violations)-i)
			break
		}
		fmt.Println(v)
	}
	fmt.Printf("took %s\n", r.Took.Round(100_000_000))
	fmt.Printf("crash matrix: schedules=%d violations=%d\n", r.Schedules, len(r.Violations))
	if len(r.Violations) > 0 {
		return fmt.Errorf("promises are broken")
	}
	return nil
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
