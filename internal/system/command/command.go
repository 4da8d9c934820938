// Package command makes a process pawl, in the time and the network of a system
// (internal/system).
package command

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/internal/cli"
	"github.com/pawlhq/pawl/internal/system"
)

// Role is the first argument of a process that is to be pawl. Those of pawl
// follow it.
const Role = "pawl"

// Is reports whether this process is to be pawl.
func Is() bool { return len(os.Args) > 1 && os.Args[1] == Role }

// Run is pawl. It gives the process's exit status.
func Run() int {
	clock, network, err := system.Surroundings()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	client, err := network.Client(0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	a := &cli.App{Streams: cli.System(), Registry: all.Drivers(), Transport: client.Transport, Dial: network.Dial, Now: clock.Now,
		Sleep: func(ctx context.Context, until time.Time) error { return system.AskToWait(ctx, client, until) }}
	return cli.Run(os.Args[2:], a)
}
