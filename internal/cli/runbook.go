package cli

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/internal/runbook"
)

func runbookCommand(a *App) *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "runbook [SECRET ...]",
		Short: "Write the estate back out as a runbook for people",
		Long: `Write the runbook of all secrets, or of those that are named, as Markdown: the
secret map, what must change together, and for each secret the whole procedure
with the commands of the day when pawl is down, what breaks, how to turn back,
what to do when it has leaked, and whom to ask. It is made of the estate alone:
no store, no vendor and no value is looked at. Keep it in git beside the estate,
and have --check say when it is behind.`,
		Example: `  pawl runbook > RUNBOOK.md
  pawl runbook --check RUNBOOK.md
  pawl runbook FLY_API_TOKEN`,
		RunE: func(_ *cobra.Command, args []string) error {
			text, name, err := a.runbook(args)
			if err != nil {
				return err
			}
			if file != "" {
				return a.checkRunbook(file, text)
			}
			return a.print(runbookDoc{Estate: name, Markdown: string(text)}, func() error {
				_, err := a.Streams.Out.Write(text)
				return err
			})
		},
	}
	c.Flags().StringVar(&file, "check", "", "compare with a file that was written before; fail when it differs")
	return c
}

type runbookDoc struct {
	Estate   string `json:"estate"`
	Markdown string `json:"markdown,omitempty"`
	Current  bool   `json:"current,omitempty"` // with --check
}

// runbook writes the runbook and gives the estate's name with it.
func (a *App) runbook(args []string) (text []byte, name string, err error) {
	e, err := a.estate()
	if err != nil {
		return nil, "", err
	}
	var only []pawl.SecretName
	for _, arg := range args {
		if err := known(e, pawl.SecretName(arg)); err != nil {
			return nil, "", err
		}
		only = append(only, pawl.SecretName(arg))
	}
	var b bytes.Buffer
	err = runbook.Markdown(&b, e, a.Registry, only...)
	return b.Bytes(), e.Name, err
}

// checkRunbook holds a file to what would be written now.
func (a *App) checkRunbook(file string, text []byte) error {
	op := &pawl.Error{Code: pawl.CodeFailed, Op: "check the runbook", On: file}
	old, err := os.ReadFile(file)
	if err != nil {
		op.Err, op.Next = err, "pawl runbook > "+file
		return op
	}
	if !bytes.Equal(old, text) {
		op.Why, op.Next = fmt.Sprintf("it is not what the estate says now, from line %d on", differs(old, text)), "pawl runbook > "+file
		return op
	}
	return a.print(runbookDoc{Current: true}, func() error {
		_, err := fmt.Fprintf(a.Streams.Out, "%s: as the estate says\n", file)
		return err
	})
}

// differs gives the first line, from 1, in which two texts differ.
func differs(a, b []byte) int {
	x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return i + 1
		}
	}
	return min(len(x), len(y)) + 1
}
