package cli

import (
	"slices"

	"github.com/spf13/cobra"
)

// completions lets the shell complete names of the estate: secrets, and for
// doctor connections. Where the estate cannot be read there are none.
func completions(a *App, root *cobra.Command) {
	for _, c := range root.Commands() {
		switch c.Name() {
		case "plan", "rotate", "status", "resume", "undo", "approve", "provide", "history", "drift":
			c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
				e, err := a.estate()
				if err != nil {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				return without(secretNames(e), args), cobra.ShellCompDirectiveNoFileComp
			}
		case "doctor":
			c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
				e, err := a.estate()
				if err != nil {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				return without(connections(e), args), cobra.ShellCompDirectiveNoFileComp
			}
		}
	}
}

// without leaves out what is on the command line already.
func without(names, args []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(args, name) })
}
