package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/runner/local"
)

// The documents that --json prints. Fields are added, never changed; readers
// ignore those that they do not know (docs/formats/cli-json.md).

type rotationDoc struct {
	ID        pawl.RotationID `json:"id,omitempty"`
	Outcome   pawl.Outcome    `json:"outcome,omitempty"`
	Secrets   []secretDoc     `json:"secrets"`
	OpenedAt  time.Time       `json:"opened_at,omitzero"`
	Undoing   bool            `json:"undoing,omitempty"`
	Why       string          `json:"why,omitempty"`
	Next      string          `json:"next,omitempty"`
	Error     string          `json:"error,omitempty"`
	Deadlines []deadlineDoc   `json:"deadlines,omitempty"`
	Stopped   []stoppedDoc    `json:"stopped,omitempty"`
	Ask       *askDoc         `json:"ask,omitempty"` // the question to a person that it waits for
	Steps     []stepDoc       `json:"steps,omitempty"`
}

type deadlineDoc struct {
	Step   string          `json:"step"`
	Secret pawl.SecretName `json:"secret"`
	What   string          `json:"what"`
	At     time.Time       `json:"at"`
	State  string          `json:"state"` // ahead, near: a quarter of the time is left, or passed
}

// deadlines says where the deadlines of a rotation stand.
func deadlines(st *rotation.State, now time.Time) []deadlineDoc {
	var docs []deadlineDoc
	for _, d := range st.Deadlines() {
		doc := deadlineDoc{Step: d.Step, Secret: d.Secret, What: d.What, At: d.At, State: "ahead"}
		switch {
		case d.Passed(now):
			doc.State = "passed"
		case d.Near(now):
			doc.State = "near"
		}
		docs = append(docs, doc)
	}
	return docs
}

// line is a deadline for people, loud when it is near and louder when it has
// passed.
func (d *deadlineDoc) line(now time.Time) string {
	at, left := d.At.Local().Format("2 Jan 15:04"), plan.Span(d.At.Sub(now).Abs().Truncate(time.Minute))
	switch d.State {
	case "passed":
		return fmt.Sprintf("DEADLINE PASSED %s ago, at %s: %s (%s)", left, at, d.What, d.Step)
	case "near":
		return fmt.Sprintf("DEADLINE NEAR, in %s, at %s: %s (%s)", left, at, d.What, d.Step)
	default:
		return fmt.Sprintf("deadline in %s, at %s: %s (%s)", left, at, d.What, d.Step)
	}
}

// stoppedDoc is other automation that stands still for the rotation.
type stoppedDoc struct {
	Step  string    `json:"step"`
	What  string    `json:"what"`
	Since time.Time `json:"since"`
}

func stopped(st *rotation.State) []stoppedDoc {
	var docs []stoppedDoc
	for _, s := range st.Stopped() {
		docs = append(docs, stoppedDoc{Step: s.Step, What: s.Title, Since: s.Since})
	}
	return docs
}

// line says it to people, who may have forgotten.
func (d *stoppedDoc) line(now time.Time) string {
	return fmt.Sprintf("STOPPED %s: %s (%s)", age(now.Sub(d.Since)), d.What, d.Step)
}

type askDoc struct {
	Step     string `json:"step"`
	Question string `json:"question"`
	plan.Brief
}

type secretDoc struct {
	Name    pawl.SecretName `json:"name"`
	From    pawl.Version    `json:"from"`
	To      pawl.Version    `json:"to"`
	Outcome pawl.Outcome    `json:"outcome,omitempty"`
}

type stepDoc struct {
	ID       string          `json:"id"`
	Phase    pawl.Phase      `json:"phase"`
	Title    string          `json:"title"`
	Status   rotation.Status `json:"status"`
	Strength string          `json:"strength,omitempty"`
	Detail   string          `json:"detail,omitempty"`
	Why      string          `json:"why,omitempty"`
	At       time.Time       `json:"at,omitzero"`
	Until    time.Time       `json:"until,omitzero"`
	Waived   bool            `json:"waived,omitempty"`

	Shadows []rotation.Shadow `json:"shadows,omitempty"` // of a look at what wins over a location
}

func report(results []local.Result, now time.Time) map[string]any {
	docs := make([]rotationDoc, len(results))
	for i := range results {
		r := &results[i]
		docs[i] = rotationDoc{ID: r.ID, Outcome: r.Outcome()}
		if r.Plan != nil {
			docs[i].Secrets = secretDocs(r.Plan, r.Outcome())
		}
		if r.State != nil {
			docs[i] = stateDoc(r.State, false, now)
		}
		if r.Err != nil {
			docs[i].Error, docs[i].Next = r.Err.Error(), nextFor(r.Err)
		}
	}
	return map[string]any{"rotations": docs}
}

func secretDocs(p *plan.Plan, o pawl.Outcome) []secretDoc {
	docs := make([]secretDoc, len(p.Subjects))
	for i := range p.Subjects {
		s := &p.Subjects[i]
		docs[i] = secretDoc{Name: s.Secret, From: s.From, To: s.To, Outcome: o}
	}
	return docs
}

// stateDoc describes where a rotation stands.
func stateDoc(st *rotation.State, steps bool, now time.Time) rotationDoc {
	d := rotationDoc{ID: st.ID, Outcome: st.Outcome, Secrets: secretDocs(st.Plan, st.Outcome), OpenedAt: st.OpenedAt, Undoing: st.Undoing, Why: st.Why, Next: st.Next,
		Deadlines: deadlines(st, now), Stopped: stopped(st)}
	if q, ok := question(st); ok && d.Next == "" {
		d.Why, d.Next = q.Detail, q.Next
		d.Ask = &askDoc{Step: q.Step, Question: q.Detail, Brief: q.Brief}
	}
	if !steps {
		return d
	}
	list := st.Plan.Steps
	if st.Undoing {
		list = append(append([]plan.Step(nil), list...), st.Plan.Undo...)
	}
	for i := range list {
		s, ok := st.Steps[list[i].ID]
		if !ok {
			s = &rotation.StepState{Status: rotation.StatusPending}
		}
		d.Steps = append(d.Steps, stepDoc{ID: list[i].ID, Phase: list[i].Phase, Title: list[i].Title, Status: s.Status, Strength: s.Strength,
			Detail: s.Detail, Why: s.Why, At: s.DoneAt, Until: s.Until, Waived: s.Waived, Shadows: s.Shadows})
	}
	return d
}

// resultTable is the last thing that rotate and resume print.
func resultTable(s *Streams, results []local.Result) error {
	rows := [][]string{{"SECRET", "FROM", "TO", "OUTCOME", "ROTATION"}}
	for i := range results {
		r := &results[i]
		outcome := string(r.Outcome())
		if outcome == "" {
			outcome = "not begun"
		}
		if r.Plan == nil {
			rows = append(rows, []string{"?", "", "", outcome, string(r.ID)})
			continue
		}
		for j := range r.Plan.Subjects {
			sub := &r.Plan.Subjects[j]
			rows = append(rows, []string{string(sub.Secret), fmt.Sprintf("v%d", sub.From), fmt.Sprintf("v%d", sub.To), outcome, string(r.ID)})
		}
	}
	return table(s.Out, s.OutTTY, rows)
}

// table aligns rows for a person; in a pipe it separates with tabs and drops
// the head.
func table(w io.Writer, tty bool, rows [][]string) error {
	if !tty {
		for _, row := range rows[1:] {
			if _, err := fmt.Fprintln(w, strings.Join(row, "\t")); err != nil {
				return err
			}
		}
		return nil
	}
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", width[i]-len([]rune(cell))+2))
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(b.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}
