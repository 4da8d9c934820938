package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/secret"
)

type provideOptions struct {
	current    bool
	step       string
	credential string
}

func provideCommand(a *App) *cobra.Command {
	var o provideOptions
	c := &cobra.Command{
		Use:   "provide ROTATION | SECRET",
		Short: "Give a value that a person minted, or the value in place before a first rotation",
		Long: `Provide asks for the value without showing it, or reads it from standard input
when that is not a terminal. Values are never taken from the command line.

With --current it is the value that is in place now, before pawl has rotated the
secret for the first time: with it the first rotation can be undone and the old
value proven dead.`,
		Example: `  pawl provide STRIPE_API_KEY
  op read op://prod/stripe/key | pawl provide STRIPE_API_KEY
  pawl provide FLY_API_TOKEN --current`,
		Args: oneSubject,
		RunE: func(cmd *cobra.Command, args []string) error { return a.provide(cmd.Context(), args[0], o) },
	}
	c.Flags().BoolVar(&o.current, "current", false, "it is the value in place now")
	c.Flags().StringVar(&o.step, "step", "", "the step that asks, if several do")
	c.Flags().StringVar(&o.credential, "credential", "", "the credential's id at the issuer, if you know it")
	return c
}

// oneSubject wants one name. Of anything after it, which may be a value, it
// repeats nothing.
func oneSubject(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return errors.New("a value never goes on the command line, where other users and the shell's history see it: if that was one, treat it as leaked")
	}
	return cobra.ExactArgs(1)(c, args)
}

func (a *App) provide(ctx context.Context, arg string, o provideOptions) error {
	h, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer h.Close()
	if o.current {
		return h.adopt(ctx, pawl.SecretName(arg), o.cred())
	}
	id, err := h.find(ctx, arg, true)
	if err != nil {
		return err
	}
	st, err := h.Engine.State(ctx, id)
	if err != nil {
		return err
	}
	step, err := wanted(st, o.step)
	if err != nil {
		return err
	}
	sub, _ := st.Plan.Subject(step.Secret) // a plan's steps name its subjects
	if !a.JSON && a.Streams.InTTY {
		a.say("%s", step.Title)
		brief(a.Streams.Err, "  ", st.Plan.Brief(step))
	}
	value, err := a.read(ctx, string(step.Secret), sub.Parts, derived(sub.Derived), func(v secret.Parts) error { return rotation.Fits(sub, v) })
	if err != nil {
		return err
	}
	word := rotation.Entry{Word: rotation.WordProvide, Actor: actor(), Step: step.ID, Credential: o.cred()}
	if err := h.Engine.Say(ctx, id, word, step.Secret, value); err != nil {
		return err
	}
	a.say("recorded, sealed\nnext: pawl resume %s, unless a process runs it", id)
	return a.print(map[string]any{"rotation": id, "step": step.ID, "word": word.Word}, func() error { return nil })
}

func (o provideOptions) cred() *driver.Credential {
	if o.credential == "" {
		return nil
	}
	return &driver.Credential{ID: o.credential}
}

// wanted finds the step that asks for a value.
func wanted(st *rotation.State, id string) (*plan.Step, error) {
	for i := range st.Plan.Steps {
		step := &st.Plan.Steps[i]
		s := st.Steps[step.ID]
		if step.Act == plan.ActProvide && s != nil && s.Asks() && (id == "" || id == step.ID) {
			return step, nil
		}
	}
	return nil, &pawl.Error{Code: pawl.CodeConflict, Op: "provide", On: string(st.ID), Why: "no step of it asks for a value now", Next: fmt.Sprintf("pawl status %s", st.ID)}
}

// adopt takes the value in place as version 1.
func (h *Home) adopt(ctx context.Context, name pawl.SecretName, c *driver.Credential) error {
	e, err := h.App.estate()
	if err != nil {
		return err
	}
	if err := known(e, name); err != nil {
		return err
	}
	s, _ := e.Secret(name) // it is known
	value, err := h.App.read(ctx, string(name), s.Parts, derived(s.Derived), func(v secret.Parts) error { return fitsInPlace(s, v) })
	if err != nil {
		return err
	}
	if err := h.Engine.Adopt(ctx, name, value, c, actor()); err != nil {
		return err
	}
	h.App.say("recorded, sealed, as version 1 of %s\nnext: pawl plan %s", name, name)
	return h.App.print(map[string]any{"secret": name, "version": 1}, func() error { return nil })
}

// fitsInPlace says why a value cannot be the one in place. It may be older than
// the estate's rules; but undo puts it back, so it must be whole.
func fitsInPlace(s *estate.Secret, value secret.Parts) error {
	rules := secret.Format{}
	if s.Format.Pattern != "" || s.Format.PEM != "" { // the estate knows better than the issuer's form
		rules.Pattern = "(?s).*"
	}
	for _, part := range s.Parts {
		form := secret.Form{}
		if f := s.Issuer.Facts.Issuer; f != nil {
			form = f.Forms[part]
		}
		if v, ok := value[part]; ok {
			if err := secret.Pasted(v, rules, form); err != nil {
				return err
			}
		}
	}
	return nil
}

func derived(list []estate.Derived) map[string]bool {
	parts := map[string]bool{}
	for _, d := range list {
		parts[d.Part] = true
	}
	return parts
}

// read reads the parts of a value: from a terminal without echo, each twice
// over; else from standard input, one line a part, or all of it for a single
// part. What does not fit is refused before it is recorded anywhere.
func (a *App) read(ctx context.Context, name string, parts []string, skip map[string]bool, fits func(secret.Parts) error) (secret.Parts, error) {
	value := secret.Parts{}
	var asked []string
	for _, p := range parts {
		if !skip[p] {
			asked = append(asked, p)
		}
	}
	if a.Streams.InTTY {
		for _, p := range asked {
			v, err := a.prompt(ctx, name, p)
			if err != nil {
				return nil, err
			}
			value[p] = v
		}
		return value, refused(name, fits(value))
	}
	b, err := io.ReadAll(io.LimitReader(a.Streams.In, maxValue+1))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	defer clear(b)
	if len(b) > maxValue {
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "provide", On: name, Why: "standard input is longer than 1 MiB", Next: "give the value alone"}
	}
	lines := [][]byte{bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))}
	if len(asked) > 1 {
		lines = bytes.Split(lines[0], []byte("\n"))
	}
	if len(lines) != len(asked) {
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "provide", On: name, Why: fmt.Sprintf("standard input has %d lines; the secret has %d parts", len(lines), len(asked)), Next: fmt.Sprintf("give one line for each of %v", asked)}
	}
	for i, p := range asked {
		value[p] = secret.New(bytes.Clone(lines[i]))
	}
	return value, refused(name, fits(value))
}

const maxValue = 1 << 20

func (a *App) prompt(ctx context.Context, name, part string) (secret.Value, error) {
	label := name
	if part != secret.Single {
		label += " " + part
	}
	first, err := a.Streams.Secret(ctx, fmt.Sprintf("%s (not shown): ", label))
	if err != nil {
		return secret.Value{}, unanswered(label, err)
	}
	again, err := a.Streams.Secret(ctx, fmt.Sprintf("%s again: ", label))
	if err != nil {
		return secret.Value{}, unanswered(label, err)
	}
	v, w := secret.New(first), secret.New(again)
	if !v.Equal(w) {
		return secret.Value{}, &pawl.Error{Code: pawl.CodeInvalid, Op: "provide", On: label, Why: "the two differ", Next: "try again"}
	}
	return v, nil
}

// unanswered is the error of a question that got no answer.
func unanswered(label string, err error) error {
	e := &pawl.Error{Code: pawl.CodeFailed, Op: "read the value of", On: label, Err: err, Next: "the same command again, or give the value on standard input"}
	if errors.Is(err, context.Canceled) {
		e.Code, e.Err, e.Why, e.Next = pawl.CodeInterrupted, nil, "interrupted; nothing was recorded", "the same command again"
	}
	return e
}

// refused is the error of a value that does not fit; nil when it does.
func refused(name string, why error) error {
	if why == nil {
		return nil
	}
	return &pawl.Error{Code: pawl.CodeInvalid, Op: "provide", On: name, Err: why, Next: "copy it once more, whole and alone, and give it again; nothing was recorded"}
}
