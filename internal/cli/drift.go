package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/rotation"
)

func driftCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "drift [SECRET ...]",
		Short: "Compare each place with what the last rotation left there, without changing anything",
		Long: `Asks each place of the secrets that pawl has rotated whether it still holds what
the last rotation left there: by its value where it gives that back, else by the
digest or the time that it told of the write. What wins over a place is looked
at too.

  same      it does
  changed   somebody else wrote there since
  gone      nothing is there any more
  shadowed  a place that wins over it holds something else
  untold    nothing tells, or the place could not be asked

The status is 3 when a place is changed, gone or shadowed, and 0 when none is.
When none is but some could not be asked, it is 1, or 4 where pawl was not let in.`,
		Example: `  pawl drift
  pawl drift FLY_API_TOKEN
  pawl drift --json`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.drift(cmd.Context(), args) },
	}
}

type driftDoc struct {
	Places  []rotation.Drift `json:"places"`
	Skipped []skippedDoc     `json:"skipped"` // secrets with nothing to compare now
}

type skippedDoc struct {
	Secret pawl.SecretName `json:"secret"`
	Why    string          `json:"why"`
}

func (a *App) drift(ctx context.Context, args []string) error {
	e, err := a.estate()
	if err != nil {
		return err
	}
	names, err := compared(e, args)
	if err != nil {
		return err
	}
	h, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer h.Close()
	doc := driftDoc{Places: []rotation.Drift{}, Skipped: []skippedDoc{}}
	for _, name := range names {
		places, err := h.Engine.Drift(ctx, name)
		var open *rotation.OpenError
		switch {
		case errors.As(err, &open):
			doc.Skipped = append(doc.Skipped, skippedDoc{name, fmt.Sprintf("%s is under way; next: pawl status %s", open.Rotation, open.Rotation)})
		case errors.Is(err, rotation.ErrNotFound):
			doc.Skipped = append(doc.Skipped, skippedDoc{name, "pawl has not rotated it yet"})
		case err != nil:
			return err
		}
		doc.Places = append(doc.Places, places...)
	}
	if err := a.print(doc, func() error { return a.driftText(doc) }); err != nil {
		return err
	}
	return drifted(doc.Places)
}

// compared gives the secrets that are asked for, or all that may be rotated.
func compared(e *estate.Estate, args []string) ([]pawl.SecretName, error) {
	var names []pawl.SecretName
	for _, arg := range args {
		if err := known(e, pawl.SecretName(arg)); err != nil {
			return nil, err
		}
		names = append(names, pawl.SecretName(arg))
	}
	for i := range e.Secrets {
		if len(args) == 0 && e.Secrets[i].Never == "" {
			names = append(names, e.Secrets[i].Name)
		}
	}
	return names, nil
}

func (a *App) driftText(doc driftDoc) error {
	rows := [][]string{{"SECRET", "PLACE", "STATE", "NOTE"}}
	for _, d := range doc.Places {
		note := d.Detail
		if note == "" && d.Strength != "" {
			note = "by " + string(d.Strength)
		}
		rows = append(rows, []string{string(d.Secret), d.Place, string(d.State), note})
	}
	if len(doc.Places) > 0 {
		if err := table(a.Streams.Out, a.Streams.OutTTY, rows); err != nil {
			return err
		}
	}
	for _, s := range doc.Skipped {
		a.say("%s: not compared: %s", s.Secret, s.Why)
	}
	return nil
}

// drifted is the error of the worst that was found; nil when every place stands
// as it was left, or tells nothing by its nature.
func drifted(places []rotation.Drift) error {
	var moved []rotation.Drift
	var failed error
	for _, d := range places {
		if d.State.Drifted() {
			moved = append(moved, d)
		}
		if d.Err != nil && (failed == nil || exitStatus(d.Err) == exitAuth) {
			failed = d.Err
		}
	}
	if len(moved) == 0 {
		return failed
	}
	first := moved[0]
	why := fmt.Sprintf("%s is %s", first.Place, first.State)
	if len(moved) > 1 {
		why = fmt.Sprintf("%s, and %d more", why, len(moved)-1)
	}
	return &pawl.Error{Code: pawl.CodePending, Op: "compare", On: string(first.Secret), Why: why,
		Next: fmt.Sprintf("find out who wrote there; pawl rotate %s writes every place anew", first.Secret)}
}
