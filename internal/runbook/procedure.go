package runbook

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// section writes one procedure, and what else there is to know of its secrets.
func (p *page) section(s section) error {
	p.line("\n## %s\n", prose(s.title))
	for _, secret := range s.secrets {
		p.about(s, secret)
	}
	if never := s.secrets[0].Never; never != "" {
		p.line("**Do not rotate.** %s", ended(prose(never)))
		return nil
	}
	usual, err := p.plan(s, plan.Normal, "")
	if err != nil {
		return err
	}
	p.facts(s, usual)
	list := &procedure{page: p, made: usual, seen: map[string]int{}}
	list.write(usual.Steps)
	p.blast(s, usual)
	p.back(usual)
	for _, secret := range s.secrets {
		for _, a := range secret.Alternatives {
			if err := p.alternative(s, a, list.seen); err != nil {
				return err
			}
		}
	}
	return p.leaked(s, usual, list.seen)
}

// about tells what a secret is for and whom it belongs to.
func (p *page) about(s section, secret *estate.Secret) {
	name := ""
	if len(s.secrets) > 1 {
		name = "**" + string(secret.Name) + "** "
	}
	if about := strings.TrimSpace(name + ended(block(secret.Purpose))); about != "" {
		p.line("%s\n", about)
	}
	var facts []string
	say := func(name, text string) {
		if text != "" {
			facts = append(facts, fmt.Sprintf("- %s: %s", name, text))
		}
	}
	r := row(secret)
	say("Owner", prose(secret.Owner))
	if secret.Never == "" {
		say("Rotates", r.rotates())
		say("May start", joined(r.Windows, ", ", prose))
		say("Never starts", joined(secret.Policy.Forbid, ", ", func(f estate.Forbidden) string { return prose(f.Text) }))
		if secret.NoCheck != "" {
			say("Checks", "none, because "+ended(prose(secret.NoCheck)))
		}
		if secret.NoLocation != "" {
			say("Locations", "none, because "+ended(prose(secret.NoLocation)))
		}
		say("Must not run meanwhile", joined(secret.Pauses, "; ", func(x estate.Pause) string { return prose(plan.Title(x.Stop)) + because(x.Why) }))
	}
	say("Read", joined(secret.Links, ", ", link))
	say("Ask", joined(p.estate.ContactsFor(secret), "; ", func(c estate.Contact) string { return prose(c.Name) + ", " + prose(c.How) }))
	if len(facts) > 0 {
		p.line("%s", strings.Join(facts, "\n"))
	}
	if len(s.secrets) > 1 || secret.Never != "" { // otherwise the list goes on
		p.line("")
	}
}

// facts tells what a person must know before they begin.
func (p *page) facts(s section, made *plan.Plan) {
	for i := range made.Subjects {
		name := ""
		if len(made.Subjects) > 1 {
			name = " of `" + string(made.Subjects[i].Secret) + "`"
		}
		p.line("- Old and new%s: %s", name, relation(made.Subjects[i].Shape))
	}
	p.gap(made)
	if waits := made.Waits(); waits > 0 {
		p.line("- It waits on purpose for %s in all.", plan.Span(waits))
	}
	if len(s.secrets) == 1 {
		p.line("- With pawl: `pawl rotate %s`", s.secrets[0].Name)
	} else {
		p.line("- With pawl: `pawl rotate %s`, which rotates all of them", s.secrets[0].Name)
	}
	p.line("")
}

func (p *page) gap(made *plan.Plan) {
	if made.Gap.Longest == 0 {
		return
	}
	people := ""
	if made.Gap.People {
		people = ", and as long as people take"
	}
	p.line("- **Consumers fail for a while**, up to %s%s: %s", plan.Span(made.Gap.Longest), people, ended(prose(told(made.Gap.Why))))
}

// relation says how the old and the new version relate in time.
func relation(s plan.Shape) string {
	return map[plan.Shape]string{
		plan.ShapeSideBySide: "both work until the old one is ended.",
		plan.ShapeReplaced:   "the old one ends when the new one is minted.",
		plan.ShapeWindow:     "both work until the issuer ends the old one by itself.",
		plan.ShapeAcceptList: "those who check values accept both for a while.",
		plan.ShapeOneSlot:    "who checks values accepts the old one or the new one, never both.",
		plan.ShapeLocal:      "nobody issues them; the old one ends when the last place has the new one.",
		plan.ShapeSet:        "it is configuration: a person sets it, and nothing of it ends.",
	}[s]
}

// blast tells what a mistake breaks and what else to know.
func (p *page) blast(s section, made *plan.Plan) {
	var lines []string
	for _, secret := range s.secrets {
		of := ""
		if len(s.secrets) > 1 {
			of = " (`" + string(secret.Name) + "`)"
		}
		if secret.BlastRadius != "" {
			lines = append(lines, fmt.Sprintf("- Even when it goes well%s: %s", of, ended(prose(secret.BlastRadius))))
		}
		if secret.IfHalfDone != "" {
			lines = append(lines, fmt.Sprintf("- **If only a part is done**%s: %s", of, ended(prose(secret.IfHalfDone))))
		}
	}
	for _, w := range made.Warnings {
		lines = append(lines, "- "+p.warning(w))
	}
	if len(lines) > 0 {
		p.line("\n### Blast radius\n\n%s", strings.Join(lines, "\n"))
	}
}

// warning writes what a plan warns of as a sentence. A connection's name stays
// as it is.
func (p *page) warning(text string) string {
	first, _, _ := strings.Cut(text, " ")
	if _, ok := p.estate.Connections[first]; !ok {
		text = capital(text)
	}
	return ended(block(told(text)))
}

// back tells how to turn back, and until when.
func (p *page) back(made *plan.Plan) {
	if len(undo(made)) == 0 {
		return
	}
	p.line("\n### To turn back\n\nIn this order, with the commands above:\n")
	list := &procedure{page: p, made: made, bare: true}
	list.write(undo(made))
}

// undo is the way back, with what is undone at each target that was found.
func undo(made *plan.Plan) []plan.Step {
	steps := slices.Clone(made.Undo)
	for i := range made.Steps {
		for _, s := range made.Steps[i].Back {
			s.Found = made.Steps[i].ID
			steps = append(steps, s)
		}
	}
	slices.SortStableFunc(steps, func(a, b plan.Step) int { return a.Stage - b.Stage })
	return steps
}

// alternative writes another plan for the same secret, with what differs.
func (p *page) alternative(s section, a estate.Alternative, seen map[string]int) error {
	made, err := p.plan(s, plan.Normal, a.Name)
	if err != nil {
		return err
	}
	p.line("\n### Another way: %s\n", prose(a.Name))
	p.line("%s\n", ended(block(capital(a.Why))))
	p.gap(made)
	p.line("- With pawl: `pawl rotate %s --plan %s`\n", s.secrets[0].Name, a.Name)
	list := &procedure{page: p, made: made, seen: seen, refers: true}
	list.write(made.Steps)
	return nil
}

// leaked tells what to do when a value has leaked.
func (p *page) leaked(s section, usual *plan.Plan, seen map[string]int) error {
	if !slices.ContainsFunc(s.secrets, func(x *estate.Secret) bool { return !x.Config }) {
		return nil // it protects nothing, so it cannot leak
	}
	made, err := p.plan(s, plan.Compromised, "")
	if err != nil {
		return err
	}
	p.line("\n### If it has leaked\n")
	switch {
	case slices.ContainsFunc(made.Steps, func(x plan.Step) bool { return x.Phase == pawl.Contain }):
		p.line("The old one is ended **before** anything else: consumers fail until they have the new one. Nothing waits, and a leaked value is never put back.\n")
	default:
		p.line("Nothing waits, and a leaked value is never put back. Until the old one is ended, the leak stays open.\n")
	}
	p.gap(made)
	p.line("- With pawl: `pawl rotate %s --compromised`", s.secrets[0].Name)
	for _, secret := range s.secrets {
		if len(secret.Compromised.AlsoLeaked) > 0 {
			p.line("- `%s` protected %s: treat them as leaked too.", secret.Name, p.named(secret.Compromised.AlsoLeaked))
		}
	}
	for _, w := range made.Warnings {
		if !slices.Contains(usual.Warnings, w) && !strings.Contains(w, " protected ") {
			p.line("- %s", p.warning(w))
		}
	}
	p.line("")
	list := &procedure{page: p, made: made, seen: seen, refers: true}
	list.write(made.Steps)
	return nil
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " (" + prose(why) + ")"
}
