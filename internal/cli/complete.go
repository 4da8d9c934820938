package cli

import (
	"slices"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// completions lets the shell complete names of the estate: secrets, and for
// doctor connections. Where the estate cannot be read there are none.
func completions(a *App, root *cobra.Command) {
	for _, c := range root.Commands() {
		switch c.Name() {
		case "plan", "rotate", "status", "resume", "undo", "approve", "provide", "history", "drift", "map", "runbook":
			c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
				e, err := a.estate()
				if err != nil {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
				return without(secretNames(e), args), cobra.ShellCompDirectiveNoFileComp
			}
			if c.Flags().Lookup("plan") != nil {
				completePlan(a, c)
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

// completePlan completes the alternatives of the secrets on the command line,
// or of all.
func completePlan(a *App, c *cobra.Command) {
	_ = c.RegisterFlagCompletionFunc("plan", func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		e, err := a.estate()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if len(args) == 0 {
			args = secretNames(e)
		}
		var names []pawl.SecretName
		for _, arg := range args {
			names = append(names, pawl.SecretName(arg))
		}
		return append(alternatives(e, names), estate.UsualPlan), cobra.ShellCompDirectiveNoFileComp
	}) // it fails for a flag that there is not, and the caller has looked
}
