package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/internal/demo"
	"github.com/pawlhq/pawl/internal/system"
)

func demoCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Rotate the secrets of a SaaS that runs here, killed in the middle and resumed",
		Long: `Demo runs a small SaaS on this machine (examples/saas), with stand-ins of its
vendors and users that keep calling it, and rotates its secrets by the estate of
examples/runbook, in processes that are killed with SIGKILL at the worst
instants. It needs no account and touches nothing else.`,
		Example: "  pawl demo\n  pawl demo --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &demo.Demo{Role: DemoRole, Out: a.Streams.Err, Color: a.Streams.Color}
			if a.Streams.ErrTTY {
				d.Width = a.Streams.Width()
			}
			if a.JSON {
				d.Out = nil
			}
			result, err := d.Run(cmd.Context())
			if err != nil {
				return err
			}
			if err := a.print(result, func() error { return result.Table(a.Streams.Out) }); err != nil {
				return err
			}
			return result.Err()
		},
	}
}

// DemoRole is the argument of a pawl process that the demo starts.
const DemoRole = "demo-child"

// Program is for main to ask first: whether this process is one that the demo
// has started, a program of the SaaS or pawl in the demo's network and time. If
// so it runs it and gives the exit status.
func Program() (code int, ok bool) {
	if system.IsProgram() {
		return system.RunProgram(), true
	}
	if len(os.Args) < 2 || os.Args[1] != DemoRole {
		return 0, false
	}
	clock, network, err := system.Surroundings()
	if err != nil {
		fmt.Fprintln(os.Stderr, "pawl: the demo starts this itself:", err)
		return 1, true
	}
	client, err := network.Client(0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pawl:", err)
		return 1, true
	}
	return Run(os.Args[2:], &App{Streams: System(), Registry: all.Drivers(), Transport: demo.Marked{RoundTripper: client.Transport}, Dial: network.Dial, Now: clock.Now,
		Sleep: func(ctx context.Context, until time.Time) error { return system.AskToWait(ctx, client, until) }}), true
}
