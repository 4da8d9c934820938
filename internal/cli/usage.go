package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// usageError wraps what is wrong with a command line.
type usageError struct{ err error }

func (u usageError) Error() string { return u.err.Error() }
func (u usageError) Unwrap() error { return u.err }

// misused is a usage error and the command that explains the right use.
type misused struct {
	usage usageError
	next  string
}

func (m misused) Error() string { return m.usage.Error() }
func (m misused) Unwrap() error { return m.usage }

// misuse makes a usage error of c say where the right use is explained.
func misuse(c *cobra.Command, err error) error {
	var usage usageError
	if !errors.As(err, &usage) {
		return err
	}
	return misused{usage, c.CommandPath() + " --help"}
}

// unknownCommand refuses words after a command that has only sub-commands, and
// says which may have been meant.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2
	return usageError{fmt.Errorf("unknown command %q for %q%s", args[0], c.CommandPath(), meant("", c.SuggestionsFor(args[0])))}
}

// flagError is a usage error that says which flag may have been meant.
func flagError(c *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return usageError{err}
	}
	var flags []string
	c.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, f.Name) })
	return usageError{fmt.Errorf("%w%s", err, meant("--", near(unknown.GetSpecifiedName(), flags)))}
}

// near gives the names that are at most two letters away from a word, or begin
// with it.
func near(word string, names []string) []string {
	list := &cobra.Command{SuggestionsMinimumDistance: 2} // cobra compares names of commands only
	for _, name := range names {
		list.AddCommand(&cobra.Command{Use: name, Run: func(*cobra.Command, []string) {}})
	}
	return list.SuggestionsFor(word)
}

// helpCommand is cobra's help, but for a command that there is not.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Explain a command",
		Example: "  pawl help rotate",
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err == nil && len(rest) == 0 {
				return found.Help()
			}
			if err != nil || found == nil {
				found, rest = c.Root(), args
			}
			return unknownCommand(found, rest)
		},
	}
}

// completionExamples adds what cobra's own completion commands lack.
func completionExamples(root *cobra.Command) {
	c, _, err := root.Find([]string{"completion"})
	if err != nil {
		return // cobra was built without them
	}
	c.Example = "  source <(pawl completion bash)"
	for _, shell := range c.Commands() {
		shell.Example = "  pawl completion " + shell.Name()
	}
}

// meant asks whether one of some names was meant; "" when there is none.
func meant(prefix string, names []string) string {
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("; did you mean %s%s?", prefix, strings.Join(names, ", "+prefix))
}
