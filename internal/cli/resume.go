package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/runner/local"
)

func resumeCommand(a *App) *cobra.Command {
	var noWait bool
	c := &cobra.Command{
		Use:   "resume [ROTATION | SECRET]",
		Short: "Go on with rotations that were interrupted, wait, or are held",
		Long: `Resume goes on where a rotation stands, on this machine or on another that has
the store. Without a name it goes on with every open rotation. Naming one that
is held lets it try again, and naming one whose journal is ahead of the clock
says that the clock is right.`,
		Example: `  pawl resume
  pawl resume FLY_API_TOKEN`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			patience := time.Duration(0)
			if noWait {
				patience = time.Nanosecond
			}
			return a.resume(cmd.Context(), args, patience)
		},
	}
	c.Flags().BoolVar(&noWait, "no-wait", false, "end at the next planned wait instead of waiting")
	return c
}

func (a *App) resume(ctx context.Context, args []string, patience time.Duration) error {
	h, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer h.Close()
	ids, err := h.toResume(ctx, args)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		a.say("nothing to resume")
	}
	if err := h.announce(ctx, ids); err != nil {
		return err
	}
	results := a.watched(h, patience, func(r *local.Runner) []local.Result { return r.Resume(ctx, ids) })
	return a.finish(ctx, h, results)
}

// announce says where each rotation stands. One that waits for its time would
// otherwise show nothing until then.
func (h *Home) announce(ctx context.Context, ids []pawl.RotationID) error {
	for _, id := range ids {
		st, err := h.Engine.State(ctx, id)
		if err != nil {
			return err
		}
		note := ""
		for i := range st.Plan.Steps {
			step := &st.Plan.Steps[i]
			if s := st.Steps[step.ID]; s != nil && s.Status == rotation.StatusWaiting && !s.Until.IsZero() {
				note = fmt.Sprintf(": %s, until %s", step.Title, s.Until.Local().Format("2 Jan 15:04:05"))
			}
		}
		h.App.say("resuming %s  %s%s", id, joined(names(secretDocs(st.Plan, st.Outcome))), note)
	}
	return nil
}

// toResume gives the rotations to go on with. One that was named and would not
// go on by itself gets the word to go on.
func (h *Home) toResume(ctx context.Context, args []string) ([]pawl.RotationID, error) {
	if len(args) == 0 {
		list, err := h.Store.Rotations(ctx, rotation.Filter{OpenOnly: true})
		ids := make([]pawl.RotationID, len(list))
		for i, s := range list {
			ids[i] = s.ID
		}
		return ids, err
	}
	id, err := h.find(ctx, args[0], true)
	if err != nil {
		return nil, err
	}
	st, err := h.Engine.State(ctx, id)
	if err != nil {
		return nil, err
	}
	if st.Outcome == pawl.Held || st.Behind(h.Engine.Now()) > 0 {
		err = h.Engine.Say(ctx, id, rotation.Entry{Word: rotation.WordResume, Actor: actor(), Why: "resume"}, "", nil)
	}
	return []pawl.RotationID{id}, err
}

func undoCommand(a *App) *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "undo [ROTATION | SECRET]",
		Short: "Turn a rotation back: the old version everywhere, the new one ended",
		Long: `Undo puts the old version back at every place that was written, in reverse
order, proves that it works, and only then ends the new credential. It is
offered until the point of no return that pawl plan shows.`,
		Example: `  pawl undo FLY_API_TOKEN --reason "wrong scope"`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.undo(cmd.Context(), append(args, "")[0], reason)
		},
	}
	c.Flags().StringVar(&reason, "reason", "no reason given", "why, for the record")
	return c
}

func (a *App) undo(ctx context.Context, arg, reason string) error {
	h, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer h.Close()
	id, err := h.find(ctx, arg, true)
	if err != nil {
		return err
	}
	st, err := h.Engine.State(ctx, id)
	if err != nil {
		return err
	}
	if st.PastReturn() {
		return &pawl.Error{Code: pawl.CodeConflict, Op: "undo", On: string(id), Why: fmt.Sprintf("%s was begun, and from there is no way back", st.Plan.NoReturn), Next: fmt.Sprintf("pawl resume %s", id)}
	}
	if err := h.Engine.Say(ctx, id, rotation.Entry{Word: rotation.WordUndo, Actor: actor(), Why: reason}, "", nil); err != nil {
		return err
	}
	results := a.watched(h, 0, func(r *local.Runner) []local.Result { return r.Resume(ctx, []pawl.RotationID{id}) })
	if results[0].Err == nil && results[0].Outcome() == pawl.Undone {
		return a.print(report(results, a.now()), func() error { return resultTable(a.Streams, results) })
	}
	return a.finish(ctx, h, results)
}
