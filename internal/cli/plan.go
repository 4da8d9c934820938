package cli

import (
	"bufio"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
)

// selection is which secrets a command is about, and how they are planned.
type selection struct {
	names       []string
	all         bool
	due         bool
	compromised bool
	plan        string // an alternative by name
	now         bool   // of all, those alone that may begin now
}

func (s *selection) flags(c *cobra.Command) {
	c.Flags().BoolVar(&s.all, "all", false, "every secret that is not marked never and is no configuration")
	c.Flags().BoolVar(&s.due, "due", false, "every secret whose policy says that it is time")
	c.Flags().BoolVar(&s.compromised, "compromised", false, "the old value has leaked: contain it, nothing soaks, nothing is undone")
	c.Flags().StringVar(&s.plan, "plan", "", "the alternative by this name, or usual, where the estate has one for a leak")
}

func (s *selection) check() error {
	if len(s.names) == 0 && !s.all && !s.due {
		return usageError{fmt.Errorf("name at least one secret, or use --all or --due")}
	}
	if len(s.names) > 0 && (s.all || s.due) {
		return usageError{fmt.Errorf("name secrets, or use --all or --due, not both")}
	}
	return nil
}

// planned is a plan and its place in the order.
type planned struct {
	batch plan.Batch
	plan  *plan.Plan
}

func planCommand(a *App) *cobra.Command {
	var s selection
	c := &cobra.Command{
		Use:   "plan [SECRET ...]",
		Short: "Show every step of a rotation before anything is touched",
		Example: `  pawl plan FLY_API_TOKEN
  pawl plan --all
  pawl plan FLY_API_TOKEN --compromised
  pawl plan FLY_API_TOKEN --json | jq .plans[0].digest`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.names = args
			if err := s.check(); err != nil {
				return err
			}
			return a.plan(cmd.Context(), s)
		},
	}
	s.flags(c)
	return c
}

func (a *App) plan(ctx context.Context, s selection) error {
	e, err := a.estate()
	if err != nil {
		return err
	}
	h, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer h.Close()
	plans, err := makePlans(ctx, e, h.Store, s, a.now())
	if err != nil {
		return err
	}
	return a.showPlans(plans)
}

func (a *App) showPlans(plans []planned) error {
	list := make([]*plan.Plan, len(plans))
	for i := range plans {
		list[i] = plans[i].plan
	}
	return a.print(map[string]any{"plans": list}, func() error {
		out := bufio.NewWriter(a.Streams.Out)
		for i, p := range list {
			if i > 0 {
				fmt.Fprintln(out)
			}
			if err := p.Text(out); err != nil {
				return err
			}
		}
		return out.Flush()
	})
}

// makePlans plans a selection against what the store knows.
func makePlans(ctx context.Context, e *estate.Estate, c rotation.Custody, s selection, now time.Time) ([]planned, error) {
	names, err := s.resolve(ctx, e, c, now)
	if err != nil {
		return nil, err
	}
	batches, err := plan.Batches(e, names)
	if err != nil {
		return nil, err
	}
	mode := plan.Normal
	if s.compromised {
		mode = plan.Compromised
	}
	var members []pawl.SecretName
	for _, b := range batches {
		members = append(members, b.Secrets...)
	}
	observed, err := rotation.Observe(ctx, c, members)
	if err != nil {
		return nil, err
	}
	if err := s.offered(e, batches); err != nil {
		return nil, err
	}
	plans, problems := make([]planned, len(batches)), make([]error, len(batches))
	share(len(batches), func(i int) {
		p, err := plan.Make(e, plan.Request{Secrets: batches[i].Secrets, Mode: mode, Plan: s.plan}, observed, now)
		plans[i], problems[i] = planned{batch: batches[i], plan: p}, err
	})
	for _, err := range problems {
		if err != nil {
			return nil, err
		}
	}
	return plans, nil
}

// offered refuses the name of an alternative that some batch does not have,
// and suggests the one that may be meant.
func (s *selection) offered(e *estate.Estate, batches []plan.Batch) error {
	if s.plan == "" || s.plan == estate.UsualPlan {
		return nil
	}
	for _, b := range batches {
		names := alternatives(e, b.Secrets)
		if !slices.Contains(names, s.plan) {
			next := "leave --plan out: it has the usual plan alone"
			if len(names) > 0 {
				next = fmt.Sprintf("choose one of %v, or %s", names, estate.UsualPlan)
			}
			return &pawl.Error{Code: pawl.CodeInvalid, Op: "plan", On: string(b.Secrets[0]), Why: fmt.Sprintf("it has no alternative %q", s.plan) + meant("--plan ", near(s.plan, names)), Next: next}
		}
	}
	return nil
}

// alternatives lists the names of some secrets' alternatives.
func alternatives(e *estate.Estate, names []pawl.SecretName) []string {
	var list []string
	for _, name := range names {
		if s, ok := e.Secret(name); ok {
			for i := range s.Alternatives {
				if a := s.Alternatives[i].Name; !slices.Contains(list, a) {
					list = append(list, a)
				}
			}
		}
	}
	return list
}

// share does n things on all processors. Planning is pure, and an estate has
// thousands of secrets.
func share(n int, do func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	group.Wait()
}

// resolve gives the names that a selection means.
func (s *selection) resolve(ctx context.Context, e *estate.Estate, c rotation.Custody, now time.Time) ([]pawl.SecretName, error) {
	var names []pawl.SecretName
	for _, n := range s.names {
		names = append(names, pawl.SecretName(n))
	}
	for _, n := range names {
		if err := known(e, n); err != nil {
			return nil, err
		}
	}
	if !s.all && !s.due {
		return names, nil
	}
	for i := range e.Secrets {
		if sec := &e.Secrets[i]; sec.Never == "" && (s.all && !sec.Config || sec.Policy.Every > 0) {
			names = append(names, sec.Name)
		}
	}
	if s.all {
		return s.begin(ctx, e, c, names, now)
	}
	o, err := rotation.Observe(ctx, c, names)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name pawl.SecretName) bool {
		sec, _ := e.Secret(name) // from the estate's own list
		return !isDue(o.Secrets[name], sec, now)
	})
	return s.begin(ctx, e, c, names, now)
}

// isDue reports whether a secret's policy asks for a rotation now.
func isDue(k plan.Known, s *estate.Secret, now time.Time) bool {
	return s.Policy.Every > 0 && (k.Current == 0 || !now.Before(k.RotatedAt.Add(s.Policy.Every)))
}

// refuse says why plans may not begin now: outside their window, a gap that
// nobody accepted, or a lower environment that has not gone first.
func refuse(ctx context.Context, e *estate.Estate, c rotation.Custody, plans []planned, o rotateOptions, now time.Time) error {
	inRun := map[pawl.SecretName]bool{}
	for _, p := range plans {
		for _, name := range p.batch.Secrets {
			inRun[name] = true
		}
	}
	for _, p := range plans {
		if p.plan.Mode == plan.Compromised {
			continue
		}
		for _, name := range p.batch.Secrets {
			s, _ := e.Secret(name) // the plan was made of it
			if sub, ok := p.plan.Subject(name); ok {
				s = s.By(sub.Plan)
			}
			if err := o.gate(p.plan, s, now); err != nil {
				return err
			}
			if err := stagedFirst(ctx, c, s, inRun); err != nil {
				return err
			}
			if err := delayed(ctx, e, c, s, inRun, now); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o rotateOptions) gate(p *plan.Plan, s *estate.Secret, now time.Time) error {
	if p.Gap.Longest > 0 && !s.Policy.AcceptGap && !o.acceptGap {
		return &pawl.Error{Code: pawl.CodePending, Op: "rotate", On: string(s.Name), Why: fmt.Sprintf("consumers may fail for up to %s: %s", plan.Span(p.Gap.Longest), p.Gap.Why),
			Next: fmt.Sprintf("pawl rotate %s --accept-gap, or accept_gap: true in its policy", s.Name)}
	}
	if o.outsideWindow || s.Policy.Allowed(now) {
		return nil
	}
	anyway := fmt.Sprintf("pawl rotate %s --outside-window", s.Name)
	next := "change its policy, or: " + anyway
	if t, ok := s.Policy.Next(now); ok {
		next = fmt.Sprintf("wait until %s, or: %s", t.UTC().Format("Mon 2 Jan 15:04 MST"), anyway)
	}
	return &pawl.Error{Code: pawl.CodePending, Op: "rotate", On: string(s.Name), Why: "its policy does not allow a start now", Next: next}
}

// stagedFirst holds that a secret of a higher environment rotates only after
// its own copy in the lower one did.
func stagedFirst(ctx context.Context, c rotation.Custody, s *estate.Secret, inRun map[pawl.SecretName]bool) error {
	base, _, _ := strings.Cut(string(s.Name), "@")
	for _, first := range s.After {
		if inRun[first] || s.Environment == "" || !strings.HasPrefix(string(first), base+"@") {
			continue
		}
		o, err := rotation.Observe(ctx, c, []pawl.SecretName{s.Name, first})
		if err != nil {
			return err
		}
		mine, lower := o.Secrets[s.Name], o.Secrets[first]
		if lower.Current == 0 || lower.RotatedAt.Before(mine.RotatedAt) {
			return &pawl.Error{Code: pawl.CodePending, Op: "rotate", On: string(s.Name), Why: fmt.Sprintf("%s comes first and has not rotated since", first),
				Next: fmt.Sprintf("pawl rotate %s %s", first, s.Name)}
		}
	}
	return nil
}

// begin leaves out what must wait until an environment's delay is over, where
// the selection is to rotate now.
func (s *selection) begin(ctx context.Context, e *estate.Estate, c rotation.Custody, names []pawl.SecretName, now time.Time) ([]pawl.SecretName, error) {
	if !s.now || s.compromised {
		return names, nil
	}
	inRun := map[pawl.SecretName]bool{}
	for _, name := range names {
		inRun[name] = true
	}
	var kept []pawl.SecretName
	for _, name := range names {
		sec, _ := e.Secret(name) // from the estate's own list
		err := delayed(ctx, e, c, sec, inRun, now)
		switch {
		case err == nil:
			kept = append(kept, name)
		case pawl.CodeOf(err) != pawl.CodePending:
			return nil, err
		}
	}
	return kept, nil
}

// delayed holds that a secret rotates only so long after its own copy in the
// lower environment did as the estate wants it. They never rotate in one run.
func delayed(ctx context.Context, e *estate.Estate, c rotation.Custody, s *estate.Secret, inRun map[pawl.SecretName]bool, now time.Time) error {
	i := slices.IndexFunc(e.Environments, func(env estate.Environment) bool { return env.Name == s.Environment })
	if i < 0 || e.Environments[i].Delay == 0 {
		return nil
	}
	env := &e.Environments[i]
	base, _, _ := strings.Cut(string(s.Name), "@")
	lower := pawl.SecretName(base + "@" + env.After)
	if _, ok := e.Secret(lower); !ok {
		return nil
	}
	refused := &pawl.Error{Code: pawl.CodePending, Op: "rotate", On: string(s.Name)}
	if inRun[lower] {
		refused.Why = fmt.Sprintf("it rotates %s after %s, so not in the same run", plan.Span(env.Delay), lower)
		refused.Next = fmt.Sprintf("pawl rotate %s", lower)
		return refused
	}
	o, err := rotation.Observe(ctx, c, []pawl.SecretName{lower})
	if err != nil {
		return err
	}
	if k := o.Secrets[lower]; k.Current > 0 && now.Before(k.RotatedAt.Add(env.Delay)) {
		at := k.RotatedAt.Add(env.Delay)
		refused.Why = fmt.Sprintf("%s rotated at %s, and the environment %s waits %s after that", lower, k.RotatedAt.UTC().Format("2 Jan 15:04 MST"), env.Name, plan.Span(env.Delay))
		refused.Next = fmt.Sprintf("wait until %s; for a leak: pawl rotate %s --compromised", at.UTC().Format("Mon 2 Jan 15:04 MST"), s.Name)
		return refused
	}
	return nil
}
