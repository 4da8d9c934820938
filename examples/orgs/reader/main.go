// Command reader opens every organisation again and again and checks what it
// finds. Each second it prints how many reads there were and how many failed.
// It ends on SIGTERM, with status 1 when a read has failed.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pawlhq/pawl/examples/orgs"
)

func main() {
	rate := flag.Float64("rate", 1000, "reads a second, at most; 0 is no limit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, *rate); err != nil {
		fmt.Fprintln(os.Stderr, "reader:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rate float64) error {
	store, err := orgs.Open(os.Getenv)
	if err != nil {
		return err
	}
	defer store.Close()
	t := orgs.Traffic{Store: store, Rate: rate, Every: time.Second, Out: os.Stdout, Errors: os.Stderr}
	return t.Read(ctx)
}
