package cli

import (
	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl/internal/rehearsal"
)

func demoCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Rotate a secret at simulated vendors, killed in the middle and resumed",
		Long: `Demo starts stand-ins of Fly.io and GitHub on this machine, with an app and a
repository that share one token, and rotates it in a child process that is
killed with SIGKILL twice. It needs no account and touches nothing else.`,
		Example: "  pawl demo\n  pawl demo --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := &rehearsal.Demo{Out: a.Streams.Err, Color: a.Streams.Color}
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
