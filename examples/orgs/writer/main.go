// Command writer gives organisations at random new URLs, again and again. Each
// second it prints how many writes there were and how many failed. It ends on
// SIGTERM, with status 1 when a write has failed.
//
// With -fill it makes the table and organisations, and ends.
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
	rate := flag.Float64("rate", 50, "writes a second, at most; 0 is no limit")
	fill := flag.Int("fill", 0, "make so many organisations, and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx, *rate, *fill); err != nil {
		fmt.Fprintln(os.Stderr, "writer:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, rate float64, fill int) error {
	store, err := orgs.Open(os.Getenv)
	if err != nil {
		return err
	}
	defer store.Close()
	if fill > 0 {
		return store.Fill(ctx, fill)
	}
	t := orgs.Traffic{Store: store, Rate: rate, Every: time.Second, Out: os.Stdout, Errors: os.Stderr}
	return t.Write(ctx)
}
