package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/evidence"
)

func evidenceCommand(a *App) *cobra.Command {
	c := &cobra.Command{
		Use:   "evidence",
		Short: "Export and verify the hash-chained account of everything that was done",
		Example: `  pawl evidence export > evidence.jsonl
  pawl evidence head
  pawl evidence verify evidence.jsonl --head 42:9f2c…`,
	}
	c.AddCommand(evidenceExport(a), evidenceHead(a), evidenceVerify(a))
	return c
}

func evidenceExport(a *App) *cobra.Command {
	var from int64
	c := &cobra.Command{
		Use:     "export",
		Short:   "Write the evidence as JSON Lines to standard output",
		Example: "  pawl evidence export > evidence.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.Close()
			return h.Store.WriteEvidence(cmd.Context(), a.Streams.Out, from)
		},
	}
	c.Flags().Int64Var(&from, "from", 1, "the first record")
	return c
}

func evidenceHead(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "head",
		Short: "Print the newest record's number and hash, to be kept somewhere else",
		Long: `Head prints what verify --head needs. Kept outside of this machine, it shows
later that nothing was cut off the end.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.Close()
			head, err := h.Store.Head(cmd.Context())
			if err != nil {
				return err
			}
			return a.print(map[string]any{"seq": head.Seq, "hash": head.Hash}, func() error {
				_, err := fmt.Fprintf(a.Streams.Out, "%d:%s\n", head.Seq, head.Hash)
				return err
			})
		},
	}
}

func evidenceVerify(a *App) *cobra.Command {
	var head string
	c := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Verify an export offline; without a file, the store's own chain",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.verifyStore(cmd.Context())
			}
			return a.verifyFile(args[0], head)
		},
	}
	c.Flags().StringVar(&head, "head", "", "the head that the export must reach, as pawl evidence head printed it")
	return c
}

func (a *App) verifyStore(ctx context.Context) error {
	h, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer h.Close()
	if err := h.Store.Check(ctx); err != nil {
		return err
	}
	head, err := h.Store.Head(ctx)
	if err != nil {
		return err
	}
	return a.verified(head)
}

func (a *App) verifyFile(path, head string) error {
	var r io.Reader = a.Streams.In
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return &pawl.Error{Code: pawl.CodeNotFound, Op: "open evidence", Err: err}
		}
		defer f.Close()
		r = f
	}
	o := evidence.Options{}
	if head != "" {
		if _, err := fmt.Sscanf(head, "%d:%s", &o.Expect.Seq, &o.Expect.Hash); err != nil {
			return usageError{fmt.Errorf("--head is NUMBER:HASH, as pawl evidence head prints it")}
		}
	}
	got, err := evidence.Verify(r, o)
	if err != nil {
		return err
	}
	if caveat := o.Caveat(); caveat != "" {
		a.say("%s", caveat)
	}
	return a.verified(got)
}

func (a *App) verified(head evidence.Head) error {
	return a.print(map[string]any{"verified": true, "records": head.Seq, "hash": head.Hash}, func() error {
		_, err := fmt.Fprintf(a.Streams.Out, "verified: %d records, head %d:%s\n", head.Seq, head.Seq, head.Hash)
		return err
	})
}
