package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

type approveOptions struct {
	step       string
	decline    bool
	waive      bool
	credential string
	reason     string
}

func approveCommand(a *App) *cobra.Command {
	var o approveOptions
	c := &cobra.Command{
		Use:   "approve ROTATION | SECRET",
		Short: "Answer a question that a rotation waits on, or waive a proof by name",
		Long: `Approve answers the open question of a rotation: an approval, a task that you
have done, or which credential is the old one. With --waive it says that one
proof or wait does not matter; your name and the reason go on the record.

The answer is recorded at once. A process that runs the rotation sees it within
a second; if none runs, pawl resume goes on.`,
		Example: `  pawl approve FLY_API_TOKEN
  pawl approve FLY_API_TOKEN --decline --reason "not on a release day"
  pawl approve FLY_API_TOKEN --credential fm2_id_8213
  pawl approve FLY_API_TOKEN --waive check-3 --reason "status page down, checked by hand"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if waived, err := cmd.Flags().GetString("waive"); err == nil && waived != "" {
				o.waive, o.step = true, waived
				if o.reason == "" {
					return usageError{fmt.Errorf("--waive needs --reason: it goes on the record with your name")}
				}
			}
			return a.approve(cmd.Context(), args[0], o)
		},
	}
	c.Flags().StringVar(&o.step, "step", "", "the step that asks, if several do")
	c.Flags().BoolVar(&o.decline, "decline", false, "say no")
	c.Flags().String("waive", "", "the step that does not matter")
	c.Flags().StringVar(&o.credential, "credential", "", "the id of the credential that is meant")
	c.Flags().StringVar(&o.reason, "reason", "", "why, for the record")
	return c
}

func (a *App) approve(ctx context.Context, arg string, o approveOptions) error {
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
	word := rotation.Entry{Word: rotation.WordApprove, Actor: actor(), Why: o.reason, Step: o.step}
	switch {
	case o.waive:
		word.Word = rotation.WordWaive
	case o.decline:
		word.Word = rotation.WordDecline
	case o.credential != "":
		word.Word, word.Credential = rotation.WordChoose, &driver.Credential{ID: o.credential}
	}
	if word.Step, err = asked(st, o); err != nil {
		return err
	}
	if step, ok := st.Plan.Step(word.Step); ok && !a.JSON {
		a.say("%s", step.Title)
		brief(a.Streams.Err, "  ", st.Plan.Brief(step))
	}
	if err := h.Engine.Say(ctx, id, word, "", nil); err != nil {
		return err
	}
	a.say("recorded: %s %s by %s", word.Word, word.Step, word.Actor)
	a.say("next: pawl resume %s, unless a process runs it", id)
	return a.print(map[string]any{"rotation": id, "step": word.Step, "word": word.Word}, func() error { return nil })
}

// asked checks that the step which is answered asks.
func asked(st *rotation.State, o approveOptions) (string, error) {
	if o.step != "" {
		if _, ok := st.Plan.Step(o.step); !ok {
			return "", &pawl.Error{Code: pawl.CodeNotFound, Op: "approve", On: o.step, Why: "the plan has no such step", Next: fmt.Sprintf("pawl status %s", st.ID)}
		}
		return o.step, nil
	}
	if q, ok := question(st); ok && o.decline {
		if step, _ := st.Plan.Step(q.Step); step.Act == plan.ActName {
			return "", &pawl.Error{Code: pawl.CodeInvalid, Op: "approve", On: q.Step, Why: "it asks which credential is the old one, which a no does not answer", Next: q.Next}
		}
	}
	q, ok := question(st)
	if !ok {
		return "", &pawl.Error{Code: pawl.CodeConflict, Op: "approve", On: string(st.ID), Why: "it asks nothing", Next: fmt.Sprintf("pawl status %s", st.ID)}
	}
	if step, _ := st.Plan.Step(q.Step); step.Act == plan.ActProvide && !o.decline {
		return "", &pawl.Error{Code: pawl.CodeInvalid, Op: "approve", On: q.Step, Why: "it asks for a value", Next: fmt.Sprintf("pawl provide %s", st.ID)}
	}
	return q.Step, nil
}
