package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

func statusCommand(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "status [ROTATION | SECRET]",
		Short: "Where everything stands: open rotations, what waits for a person, ages",
		Example: `  pawl status
  pawl status FLY_API_TOKEN
  pawl status 20260301-020000-4k2q7d --json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.Close()
			if len(args) == 1 {
				return h.one(cmd.Context(), args[0])
			}
			return h.overview(cmd.Context())
		},
	}
}

// one shows a rotation step by step.
func (h *Home) one(ctx context.Context, arg string) error {
	id, err := h.find(ctx, arg, false)
	if err != nil {
		return err
	}
	st, err := h.Engine.State(ctx, id)
	if err != nil {
		return err
	}
	return h.App.print(stateDoc(st, true, h.App.now()), func() error { return h.steps(st) })
}

func (h *Home) steps(st *rotation.State) error {
	out := h.App.Streams.Out
	d := stateDoc(st, true, h.App.now())
	fmt.Fprintf(out, "%s  %s\n", d.ID, d.Outcome)
	for i := range st.Plan.Subjects {
		fmt.Fprintln(out, about(&st.Plan.Subjects[i]))
	}
	rows := [][]string{{"STEP", "STATUS", "WHAT", "PROOF"}}
	for _, s := range d.Steps {
		note := s.Detail
		if s.Strength != "" {
			note = "by " + s.Strength
		}
		if s.Status == rotation.StatusFailed {
			note = s.Why
		}
		if s.Status == rotation.StatusWaiting && !s.Until.IsZero() {
			note = "until " + s.Until.Local().Format("2 Jan 15:04:05")
		}
		if s.Status == rotation.StatusPending && (d.Outcome == pawl.Done || d.Outcome == pawl.Undone) {
			s.Status = "not needed" // it ended before, or there was nothing to put back
		}
		rows = append(rows, []string{s.ID, string(s.Status), s.Title, note})
	}
	if err := table(out, h.App.Streams.OutTTY, rows); err != nil {
		return err
	}
	if d.Why != "" {
		fmt.Fprintf(out, "why:  %s\n", d.Why)
	}
	for i := range d.Deadlines {
		fmt.Fprintln(out, d.Deadlines[i].line(h.App.now()))
	}
	for i := range d.Stopped {
		fmt.Fprintln(out, d.Stopped[i].line(h.App.now()))
	}
	if d.Ask != nil {
		brief(out, "      ", d.Ask.Brief)
	}
	if d.Next == "" && d.Outcome == pawl.Open {
		d.Next = "pawl resume " + string(d.ID)
	}
	if d.Next != "" {
		fmt.Fprintf(out, "next: %s\n", d.Next)
	}
	return nil
}

// brief writes what somebody who is asked to act has to know.
func brief(w io.Writer, indent string, b plan.Brief) {
	for _, line := range b.Lines() {
		fmt.Fprintf(w, "%s%s\n", indent, line)
	}
}

// about says what a secret is for and whom to ask.
func about(s *plan.Subject) string {
	text := fmt.Sprintf("%s  v%d to v%d", s.Secret, s.From, s.To)
	if s.Purpose != "" {
		text += "  for: " + s.Purpose
	}
	if s.Owner != "" {
		text += "  owner: " + s.Owner
	}
	return text
}

type overviewDoc struct {
	Estate    string          `json:"estate"`
	Secrets   []secretLineDoc `json:"secrets"`
	Rotations []rotationDoc   `json:"rotations"` // open ones
}

type secretLineDoc struct {
	Name      pawl.SecretName `json:"name"`
	Version   pawl.Version    `json:"version"`
	RotatedAt time.Time       `json:"rotated_at,omitzero"`
	DueAt     time.Time       `json:"due_at,omitzero"`
	Never     string          `json:"never,omitempty"`
	Note      string          `json:"note,omitempty"`
}

// overview shows all secrets of the estate and all open rotations.
func (h *Home) overview(ctx context.Context) error {
	e, err := h.App.estate()
	if err != nil {
		return err
	}
	doc := overviewDoc{Estate: e.Name, Rotations: []rotationDoc{}}
	open, err := h.Store.Rotations(ctx, rotation.Filter{OpenOnly: true})
	if err != nil {
		return err
	}
	busy := map[pawl.SecretName]pawl.RotationID{}
	for _, s := range open {
		st, err := h.Engine.State(ctx, s.ID)
		if err != nil {
			return err
		}
		doc.Rotations = append(doc.Rotations, stateDoc(st, false, h.App.now()))
		for _, name := range s.Secrets {
			busy[name] = s.ID
		}
	}
	for i := range e.Secrets {
		line, err := h.secretLine(ctx, &e.Secrets[i])
		if err != nil {
			return err
		}
		if id, ok := busy[line.Name]; ok {
			line.Note = "rotating: " + string(id)
		}
		doc.Secrets = append(doc.Secrets, line)
	}
	return h.App.print(doc, func() error { return h.overviewText(doc) })
}

func (h *Home) secretLine(ctx context.Context, s *estate.Secret) (secretLineDoc, error) {
	o, err := rotation.Observe(ctx, h.Store, []pawl.SecretName{s.Name})
	if err != nil {
		return secretLineDoc{}, err
	}
	k := o.Secrets[s.Name]
	line := secretLineDoc{Name: s.Name, Version: k.Current, RotatedAt: k.RotatedAt, Never: s.Never}
	if s.Policy.Every > 0 && k.Current > 0 {
		line.DueAt = k.RotatedAt.Add(s.Policy.Every)
	}
	switch {
	case s.Never != "":
		line.Note = "never: " + s.Never
	case k.Current == 0 && s.Config:
		line.Note = "configuration, not set by pawl yet"
	case k.Current == 0:
		line.Note = "not rotated by pawl yet"
	case s.Config:
		line.Note = "configuration"
	case !line.DueAt.IsZero() && h.App.now().After(line.DueAt):
		line.Note = "due"
	}
	return line, nil
}

func (h *Home) overviewText(doc overviewDoc) error {
	rows := [][]string{{"SECRET", "VERSION", "SINCE", "DUE", "NOTE"}}
	for _, s := range doc.Secrets {
		version, since, due := "-", "-", "-"
		if s.Version > 0 {
			version, since = fmt.Sprintf("v%d", s.Version), age(h.App.now().Sub(s.RotatedAt))
		}
		if !s.DueAt.IsZero() {
			due = s.DueAt.Local().Format("2006-01-02")
		}
		rows = append(rows, []string{string(s.Name), version, since, due, s.Note})
	}
	if err := table(h.App.Streams.Out, h.App.Streams.OutTTY, rows); err != nil {
		return err
	}
	for _, r := range doc.Rotations {
		fmt.Fprintf(h.App.Streams.Out, "\n%s  %s  %s\n", r.ID, r.Outcome, joined(names(r.Secrets)))
		if r.Why != "" {
			fmt.Fprintf(h.App.Streams.Out, "  why:  %s\n", r.Why)
		}
		for i := range r.Deadlines {
			fmt.Fprintf(h.App.Streams.Out, "  %s\n", r.Deadlines[i].line(h.App.now()))
		}
		for i := range r.Stopped {
			fmt.Fprintf(h.App.Streams.Out, "  %s\n", r.Stopped[i].line(h.App.now()))
		}
		if r.Ask != nil {
			brief(h.App.Streams.Out, "        ", r.Ask.Brief)
		}
		if r.Next == "" {
			r.Next = "pawl resume " + string(r.ID)
		}
		fmt.Fprintf(h.App.Streams.Out, "  next: %s\n", r.Next)
	}
	return nil
}

func names(docs []secretDoc) []pawl.SecretName {
	list := make([]pawl.SecretName, len(docs))
	for i, d := range docs {
		list[i] = d.Name
	}
	return list
}

func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return plan.Span(d.Truncate(time.Minute)) + " ago"
	case d < 48*time.Hour:
		return plan.Span(d.Truncate(time.Hour)) + " ago"
	default:
		return fmt.Sprintf("%dd ago", d/(24*time.Hour))
	}
}
