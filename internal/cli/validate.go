package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl/estate"
)

func validateCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check the estate; say every problem at once",
		Example: `  pawl validate
  pawl validate infra/pawl.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.File = args[0]
			}
			e, err := a.estate()
			if err != nil {
				return err
			}
			return a.print(summary(e), func() error {
				s := summary(e)
				_, err := fmt.Fprintf(a.Streams.Out, "%s: %d secrets, %d locations, %d checks, %d connections: valid\n", e.Name, s.Secrets, s.Locations, s.Checks, s.Connections)
				return err
			})
		},
	}
}

type summaryDoc struct {
	Estate      string `json:"estate"`
	Valid       bool   `json:"valid"`
	Secrets     int    `json:"secrets"`
	Locations   int    `json:"locations"`
	Checks      int    `json:"checks"`
	Connections int    `json:"connections"`
}

func summary(e *estate.Estate) summaryDoc {
	s := summaryDoc{Estate: e.Name, Valid: true, Secrets: len(e.Secrets), Connections: len(e.Connections)}
	for i := range e.Secrets {
		s.Locations += len(e.Secrets[i].Locations)
		s.Checks += len(e.Secrets[i].Checks)
	}
	return s
}

func schemaCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of pawl.yaml, for editors",
		Example: `  pawl schema > pawl.schema.json
  # then, as the first line of pawl.yaml:
  # yaml-language-server: $schema=pawl.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b, err := estate.Schema(a.Registry)
			if err != nil {
				return err
			}
			a.printed = true
			_, err = a.Streams.Out.Write(b)
			return err
		},
	}
}
