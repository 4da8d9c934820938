// Command saas runs the control plane of a small SaaS, or the platform of one
// of its tenants. All that it needs is in its environment: see the README.
//
//	saas control-plane
//	saas tenant-platform
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/pawlhq/pawl/examples/saas/program"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintf(os.Stderr, "usage: saas %s\n", strings.Join(program.Names(), " | "))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stdout, nil))
	if err := program.Run(ctx, os.Args[1], os.Getenv, program.Deps{Log: log}); err != nil {
		fmt.Fprintf(os.Stderr, "saas %s: %v\n", os.Args[1], err) // a line for each thing that is missing
		os.Exit(1)
	}
}
