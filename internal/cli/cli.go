// Package cli is the command line: one file a command. A command parses and
// checks its flags, then calls a function that acts on an opened home; both
// are tested apart.
package cli

import (
	"context"
	"errors"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver/all"
)

// Main runs a command line and gives the process's exit status.
func Main(args []string, s *Streams) int {
	return Run(args, &App{Streams: s, Registry: all.Drivers()})
}

// Run is Main for an app that is put together elsewhere.
func Run(args []string, a *App) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := New(a)
	root.SetArgs(args)
	c, err := root.ExecuteContextC(ctx)
	err = misuse(c, err)
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		err = &pawl.Error{Code: pawl.CodeInterrupted, Op: "stopped", Why: "interrupted; nothing is lost", Next: "pawl resume"}
	}
	var quiet silent
	if err != nil && !errors.As(err, &quiet) {
		printError(a.Streams.Err, err)
		if writeErr := a.printFailure(err); writeErr != nil {
			printError(a.Streams.Err, writeErr)
		}
	}
	return exitStatus(err)
}

// silent is an error that has been reported already.
type silent struct{ error }

func (s silent) Unwrap() error { return s.error }

// New builds the command tree.
func New(a *App) *cobra.Command {
	root := &cobra.Command{
		Use:   "pawl",
		Short: "Rotate a credential everywhere it lives, whole or not at all",
		Long: `Pawl takes the declared map of an organisation's secrets (pawl.yaml) and turns
each of them from one version to the next: mint, write everywhere in order, make
consumers load it, prove it, wait out the overlap, retire the old one, prove
that it is dead. It can be killed at any instant and goes on.

  pawl init                  write a commented pawl.yaml
  pawl validate              check it
  pawl doctor                prove each connection without changing anything
  pawl plan FLY_API_TOKEN    see every step before anything is touched
  pawl rotate FLY_API_TOKEN  do it
  pawl status                where everything stands

Try it without any account: pawl demo`,
		Version:       Version(),
		Args:          unknownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(a.Streams.Out)
	root.SetErr(a.Streams.Err)
	root.SetIn(a.Streams.In)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpCommand(helpCommand())
	root.SetVersionTemplate("pawl {{.Version}}\n")
	f := root.PersistentFlags()
	f.StringVarP(&a.File, "file", "f", "", "the estate (default: pawl.yaml here, or PAWL_FILE)")
	f.StringVar(&a.Dir, "dir", "", "where store and key are kept (default: .pawl beside the estate, or PAWL_DIR)")
	f.StringVar(&a.Keeper, "store-keeper", "", "what wraps the store's keys, such as awskms:ARN (default: the key file, or PAWL_STORE_KEEPER)")
	f.BoolVar(&a.JSON, "json", false, "print one JSON document on standard output")
	root.AddCommand(initCommand(a), validateCommand(a), doctorCommand(a), planCommand(a), rotateCommand(a), statusCommand(a),
		resumeCommand(a), undoCommand(a), approveCommand(a), provideCommand(a), historyCommand(a), driftCommand(a), mapCommand(a), runbookCommand(a), evidenceCommand(a), reencryptCommand(a),
		schemaCommand(a), demoCommand(a), versionCommand(a))
	root.InitDefaultCompletionCmd()
	completionExamples(root)
	completions(a, root)
	for _, c := range root.Commands() {
		wrapArgs(c)
	}
	return root
}

// wrapArgs makes wrong arguments usage errors.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}
