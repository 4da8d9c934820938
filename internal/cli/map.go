package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/internal/runbook"
)

// mapFormats are the forms in which the map is written.
func mapFormats() []string { return []string{"table", "mermaid", "dot", "json"} }

func mapCommand(a *App) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "map [SECRET ...]",
		Short: "Show the secret map: where each secret comes from and where it lives",
		Long: `Show the map of all secrets, or of those that are named: when each rotates, who
issues it, and every place that holds a copy, in the order in which they are
written. As a graph it also has what loads a place and what wins over it.`,
		Example: `  pawl map
  pawl map FLY_API_TOKEN
  pawl map --format mermaid > map.mmd
  pawl map --format dot | dot -Tsvg > map.svg
  pawl map --json | jq -r '.secrets[] | select(.every == null) | .secret'`,
		RunE: func(_ *cobra.Command, args []string) error {
			if !slices.Contains(mapFormats(), format) {
				return usageError{fmt.Errorf("there is no format %q: choose one of %s", format, strings.Join(mapFormats(), ", "))}
			}
			return a.showMap(format, args)
		},
	}
	c.Flags().StringVar(&format, "format", "table", "table, mermaid, dot or json")
	_ = c.RegisterFlagCompletionFunc("format", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return mapFormats(), cobra.ShellCompDirectiveNoFileComp
	}) // it fails for a flag that there is not
	return c
}

func (a *App) showMap(format string, args []string) error {
	e, err := a.estate()
	if err != nil {
		return err
	}
	var only []pawl.SecretName
	for _, arg := range args {
		if err := known(e, pawl.SecretName(arg)); err != nil {
			return err
		}
		only = append(only, pawl.SecretName(arg))
	}
	m := runbook.NewMap(e, only...)
	a.JSON = a.JSON || format == "json"
	return a.print(m, func() error {
		switch {
		case format == "mermaid":
			return m.Mermaid(a.Streams.Out)
		case format == "dot":
			return m.Dot(a.Streams.Out)
		case a.Streams.OutTTY:
			return m.Table(a.Streams.Out, a.Streams.Width())
		default:
			return m.Lines(a.Streams.Out)
		}
	})
}
