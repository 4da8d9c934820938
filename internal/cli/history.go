package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
)

func historyCommand(a *App) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "history [ROTATION | SECRET]",
		Short: "Past rotations, or every entry of one",
		Example: `  pawl history
  pawl history FLY_API_TOKEN
  pawl history 20260301-020000-4k2q7d --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.Close()
			return h.history(cmd.Context(), append(args, "")[0], limit)
		},
	}
	c.Flags().IntVar(&limit, "limit", 50, "at most so many rotations")
	return c
}

func (h *Home) history(ctx context.Context, arg string, limit int) error {
	f := rotation.Filter{Limit: limit}
	f.Secret = pawl.SecretName(arg)
	list, err := h.Store.Rotations(ctx, f)
	if err != nil {
		return err
	}
	if arg != "" && len(list) == 0 { // not a secret's name: a rotation is meant
		id, err := h.find(ctx, arg, false)
		if err != nil {
			return err
		}
		return h.entries(ctx, id)
	}
	return h.App.print(map[string]any{"rotations": historyDocs(list)}, func() error {
		rows := [][]string{{"ROTATION", "SECRETS", "OUTCOME", "OPENED", "LAST"}}
		for _, s := range list {
			rows = append(rows, []string{string(s.ID), joined(s.Secrets), string(s.Outcome), stamp(s.OpenedAt), stamp(s.LastAt)})
		}
		return table(h.App.Streams.Out, h.App.Streams.OutTTY, rows)
	})
}

type historyDoc struct {
	ID       pawl.RotationID   `json:"id"`
	Secrets  []pawl.SecretName `json:"secrets"`
	Outcome  pawl.Outcome      `json:"outcome"`
	OpenedAt time.Time         `json:"opened_at"`
	LastAt   time.Time         `json:"last_at"`
}

func historyDocs(list []rotation.Summary) []historyDoc {
	docs := make([]historyDoc, len(list))
	for i, s := range list {
		docs[i] = historyDoc{ID: s.ID, Secrets: s.Secrets, Outcome: s.Outcome, OpenedAt: s.OpenedAt, LastAt: s.LastAt}
	}
	return docs
}

func (h *Home) entries(ctx context.Context, id pawl.RotationID) error {
	a, err := h.Store.Load(ctx, id)
	if err != nil {
		return err
	}
	return h.App.print(map[string]any{"rotation": id, "entries": a.Entries}, func() error {
		rows := [][]string{{"SEQ", "TIME", "WHAT", "STEP", "RESULT", "NOTE"}}
		for _, e := range a.Entries {
			note := e.Why
			if note == "" {
				note = proof(e)
			}
			rows = append(rows, []string{fmt.Sprint(e.Seq), e.Time.UTC().Format(time.RFC3339), string(e.Kind), e.Step, string(e.Result) + string(e.Outcome), note})
		}
		return table(h.App.Streams.Out, h.App.Streams.OutTTY, rows)
	})
}

// joined lists secrets for a reader.
func joined(list []pawl.SecretName) string {
	text := make([]string, len(list))
	for i, name := range list {
		text[i] = string(name)
	}
	return strings.Join(text, ", ")
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
