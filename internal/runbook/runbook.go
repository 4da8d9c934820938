package runbook

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// Markdown writes the runbook of an estate, of all its secrets or of some: the
// map, what must change together, a procedure for each secret with the
// commands of the day when pawl is down, what breaks, and whom to ask. The
// same estate gives the same text. It fails with the plan's error when a
// secret cannot be planned.
func Markdown(w io.Writer, e *estate.Estate, c estate.Catalog, only ...pawl.SecretName) error {
	p := &page{estate: e, catalog: c, only: only, anchors: map[pawl.SecretName]string{}, capitals: map[string]bool{}}
	if err := p.procedures(); err != nil {
		return err
	}
	var body strings.Builder
	whole := *p
	whole.b = &body
	for _, s := range p.sections {
		if err := whole.section(s); err != nil {
			return err
		}
	}
	p.b = &strings.Builder{}
	p.head()
	p.secretMap()
	p.coupled()
	p.environments()
	p.byHand(body.String())
	p.b.WriteString(body.String())
	p.contacts()
	_, err := io.WriteString(w, p.b.String())
	return err
}

type page struct {
	b        *strings.Builder
	estate   *estate.Estate
	catalog  estate.Catalog
	only     []pawl.SecretName
	sections []section
	anchors  map[pawl.SecretName]string
	capitals map[string]bool // words that stand for what a discovery finds
}

// section is one procedure: of one secret, or of a group.
type section struct {
	title   string
	secrets []*estate.Secret
	group   string
}

func (p *page) line(format string, args ...any) { fmt.Fprintf(p.b, format+"\n", args...) }

// procedures arranges the sections in the order of the file, a group where its
// first secret stands.
func (p *page) procedures() error {
	var names []pawl.SecretName
	for i := range p.estate.Secrets {
		if name := p.estate.Secrets[i].Name; wanted(p.only, name) {
			names = append(names, name)
		}
	}
	batches, err := plan.Batches(p.estate, names)
	if err != nil {
		return err
	}
	if len(p.only) > 0 { // who names one of a group gets the group
		p.only = nil
		for _, b := range batches {
			p.only = append(p.only, b.Secrets...)
		}
	}
	taken := map[string]int{}
	for _, b := range batches {
		s := section{group: b.Group}
		for _, name := range b.Secrets {
			found, _ := p.estate.Secret(name) // the batch is of the estate
			s.secrets = append(s.secrets, found)
		}
		s.title = "Rotation procedure: " + joined(b.Secrets, " + ", func(n pawl.SecretName) string { return string(n) })
		anchor := slug(s.title)
		if n := taken[anchor]; n > 0 { // as GitHub does with headings that are alike
			anchor = fmt.Sprintf("%s-%d", anchor, n)
		}
		taken[slug(s.title)]++
		for _, name := range b.Secrets {
			p.anchors[name] = anchor
		}
		p.sections = append(p.sections, s)
	}
	slices.SortStableFunc(p.sections, func(a, b section) int {
		return slices.Index(names, a.secrets[0].Name) - slices.Index(names, b.secrets[0].Name)
	})
	return nil
}

func joined[T any](list []T, between string, write func(T) string) string {
	words := make([]string, len(list))
	for i := range list {
		words[i] = write(list[i])
	}
	return strings.Join(words, between)
}

// named writes secrets, each with a link to its procedure.
func (p *page) named(names []pawl.SecretName) string {
	return joined(names, ", ", p.ref)
}

func (p *page) ref(name pawl.SecretName) string {
	if anchor, ok := p.anchors[name]; ok {
		return fmt.Sprintf("[`%s`](#%s)", name, anchor)
	}
	return "`" + string(name) + "`"
}

func (p *page) head() {
	p.line("# %s: secret rotation runbook\n", prose(p.estate.Name))
	p.line("Written by `pawl runbook` from the estate, and never by hand: change `pawl.yaml` and write it again. With pawl at hand,")
	p.line("`pawl rotate NAME` does what follows, proves each step, and can be stopped at any instant. On a day without it, do the steps in")
	p.line("this order: a part of a rotation can be worse than none.\n")
}

func (p *page) secretMap() {
	p.line("## Secret map\n\n| Secret | Location(s) | Purpose |\n|---|---|---|")
	for i, m := 0, NewMap(p.estate, p.only...); i < len(m.Secrets); i++ {
		r := &m.Secrets[i]
		places := joined(r.places(), "<br>", prose)
		if len(r.Locations) == 0 && r.Never != "" {
			places = "none"
		}
		about := ended(prose(r.Purpose))
		if r.Never != "" {
			about = strings.TrimSpace(about + " **Never rotated:** " + ended(prose(r.Never)))
		}
		p.line("| %s | %s | %s |", p.ref(r.Secret), places, about)
	}
}

// coupled tells which secrets and copies must change together, and what a
// partial change breaks.
func (p *page) coupled() {
	var lines []string
	for _, g := range NewMap(p.estate, p.only...).Groups {
		lines = append(lines, fmt.Sprintf("- **%s**: %s rotate together. %s", prose(g.Name), p.named(g.Secrets), ended(prose(g.Why))))
	}
	for i := range p.estate.Secrets {
		s := &p.estate.Secrets[i]
		if !wanted(p.only, s.Name) {
			continue
		}
		found := slices.ContainsFunc(s.Locations, func(l estate.Location) bool { return l.Discover != nil })
		if n := len(s.Locations); n > 1 || found {
			r := row(s)
			lines = append(lines, fmt.Sprintf("- %s is kept in several places, which must all change: %s. **If only a part is done:** %s",
				p.ref(s.Name), prose(strings.Join(r.places(), "; ")), ended(prose(dashed(s.IfHalfDone)))))
		}
		if len(s.After) > 0 {
			lines = append(lines, fmt.Sprintf("- %s rotates after %s.", p.ref(s.Name), p.named(s.After)))
		}
	}
	if len(lines) > 0 {
		p.line("\n## Coupled secrets: must rotate together\n\n%s", strings.Join(lines, "\n"))
	}
}

func dashed(s string) string {
	if s == "" {
		return "the estate does not say"
	}
	return s
}

func (p *page) environments() {
	if len(p.estate.Environments) == 0 {
		return
	}
	p.line("\n## Environments\n")
	for _, env := range p.estate.Environments {
		text := "- **" + prose(env.Name) + "**"
		if env.After != "" {
			text += ": after " + prose(env.After)
			if env.Delay > 0 {
				text += ", at least " + plan.Span(env.Delay) + " later"
			}
		}
		if env.Approve {
			text += "; a person approves before anything is minted"
		}
		p.line("%s", text)
	}
}

func (p *page) contacts() {
	if len(p.estate.Contacts) == 0 {
		return
	}
	p.line("\n## Emergency contacts\n")
	for _, c := range p.estate.Contacts {
		about := ""
		if len(c.For) > 0 {
			about = " (" + joined(c.For, ", ", prose) + ")"
		}
		p.line("- **%s**%s: %s", prose(c.Name), about, prose(c.How))
	}
}

// The version numbers and the day that plans are made for: no estate has them,
// so they can be found in a plan's texts and told in words.
const (
	oldVersion pawl.Version = 770077007700770
	newVersion              = oldVersion + 1
)

func someDay() time.Time { return time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC) }

// plan plans secrets as if pawl held what is in place, which a person who
// follows the runbook does.
func (p *page) plan(s section, mode plan.Mode, by string) (*plan.Plan, error) {
	observed := plan.Observed{Secrets: map[pawl.SecretName]plan.Known{}}
	request := plan.Request{Mode: mode, Plan: by}
	for _, secret := range s.secrets {
		request.Secrets = append(request.Secrets, secret.Name)
		known := plan.Known{Last: oldVersion, Current: oldVersion, Held: true, Identified: true, Source: plan.Title(secret.Issuer)}
		observed.Secrets[secret.Name] = known
	}
	return plan.Make(p.estate, request, observed, someDay())
}

// typed is told for commands, which find out the day by themselves unless it
// may stand in quotes.
func typed(commands string) string {
	if day := someDay().Format("20060102"); !estate.IsSentence(commands) && !strings.Contains(commands, "'") {
		commands = strings.ReplaceAll(commands, day, "$(date +%Y%m%d)")
	}
	return told(commands)
}

// told writes the versions and the day of a plan's text in words.
func told(text string) string {
	return strings.NewReplacer(
		fmt.Sprintf("version %d", oldVersion), "the old version", fmt.Sprintf("version %d", newVersion), "the new version",
		fmt.Sprint(int64(newVersion)), "NEXT", fmt.Sprint(int64(oldVersion)), "LAST", someDay().Format("20060102"), "YYYYMMDD").Replace(text)
}
