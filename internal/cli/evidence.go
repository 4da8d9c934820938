package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

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
		Args: unknownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
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
			a.printed = true
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
		Example: "  pawl evidence head | ssh witness 'cat >> pawl-heads'",
		Args:    cobra.NoArgs,
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
	var o evidence.Options
	c := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Verify an export offline; without a file, the store's own chain",
		Long: `Verify checks every byte of an export, without a store. With --head it also
shows that nothing was cut off the end. A part, from pawl evidence export --from,
is tied to its store by the head that it goes on from: give that with --after.`,
		Example: `  pawl evidence verify evidence.jsonl --head 42:9f2c…
  pawl evidence verify part.jsonl --after 42:9f2c…`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && o != (evidence.Options{}) {
				return usageError{errors.New("--head and --after are about a file: pawl evidence verify FILE")}
			}
			if len(args) == 0 {
				return a.verifyStore(cmd.Context())
			}
			return a.verifyFile(args[0], o)
		},
	}
	c.Flags().Var((*headFlag)(&o.Expect), "head", "the head that the export must reach, as pawl evidence head printed it")
	c.Flags().Var((*headFlag)(&o.After), "after", "the head that a part goes on from, as pawl evidence head or verify printed it")
	return c
}

// headFlag is a head on the command line, NUMBER:HASH.
type headFlag evidence.Head

func (h *headFlag) Type() string { return "NUMBER:HASH" }

func (h *headFlag) String() string {
	if *h == (headFlag{}) {
		return ""
	}
	return fmt.Sprintf("%d:%s", h.Seq, h.Hash)
}

// Set reads a head. A hash that was cut short would fail later as if the file
// were wrong, so its form is checked here.
func (h *headFlag) Set(text string) error {
	number, hash, _ := strings.Cut(text, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	sum, hexErr := hex.DecodeString(hash)
	if err != nil || seq < 0 || hexErr != nil || len(sum) != sha256.Size {
		return errors.New("it is NUMBER:HASH with 64 hexadecimal digits, as pawl evidence head prints it")
	}
	*h = headFlag{Seq: seq, Hash: strings.ToLower(hash)}
	return nil
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

func (a *App) verifyFile(path string, o evidence.Options) error {
	var r io.Reader = a.Streams.In
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return &pawl.Error{Code: pawl.CodeNotFound, Op: "read evidence", Err: err, Next: "write one with: pawl evidence export > evidence.jsonl"}
		}
		defer f.Close()
		r = f
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
