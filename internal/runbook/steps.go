package runbook

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// procedure is a numbered list of what a person does, in a plan's order. What
// pawl does for its own sake (trying rights, learning) is left out.
type procedure struct {
	*page
	made   *plan.Plan
	seen   map[string]int // where the usual procedure has commands already
	refers bool           // it is another procedure than the usual one
	bare   bool           // without commands
	n      int
}

// instruction is one item of the list: words, and what is typed or done.
type instruction struct {
	words, manual string
	estate        bool // what is done stands in the estate, and need not be commands
}

func (l *procedure) write(steps []plan.Step) {
	for i := range steps {
		s := &steps[i]
		list := l.instructions(s)
		if s.ID == l.made.NoReturn && len(list) > 0 && !l.bare {
			if l.n > 0 {
				l.line("")
			}
			l.line("**There is no way back from here on.**\n")
		}
		for _, item := range list {
			l.item(item)
		}
	}
}

// item writes one instruction. Commands that the reader has seen are not
// written again.
func (l *procedure) item(it instruction) {
	l.n++
	number := fmt.Sprintf("%d. ", l.n)
	if it.manual == "" || l.bare {
		l.line("%s%s", number, it.words)
		return
	}
	if at, ok := l.seen[it.manual]; ok {
		of := ""
		if l.refers {
			of = " of the usual procedure"
		}
		l.line("%s%s As in step %d%s.", number, it.words, at, of)
		return
	}
	if !l.refers {
		l.seen[it.manual] = l.n
	}
	l.line("%s%s%s", number, it.words, it.done(strings.Repeat(" ", len(number))))
}

// done writes what is typed as a block behind indent, and what is done
// elsewhere as a sentence.
func (it *instruction) done(indent string) string {
	if !estate.IsSentence(it.manual) {
		language := "sh"
		if it.estate {
			language = ""
		}
		return "\n" + fence(it.manual, language, indent)
	}
	text := ""
	for line := range strings.Lines(it.manual) {
		text += " " + ended(prose(capital(line)))
	}
	return text
}

// instructions says a step to a person; none when it is pawl's own business.
func (l *procedure) instructions(s *plan.Step) []instruction {
	switch s.Act {
	case plan.ActDiscover:
		return l.each(s)
	case plan.ActProvide, plan.ActTask, plan.ActApprove:
		return []instruction{l.person(s)}
	case plan.ActStop, plan.ActStart:
		if s.Task != nil {
			return []instruction{l.person(s)}
		}
	}
	if s.Task != nil {
		return []instruction{l.person(s)}
	}
	words := l.words(s)
	if words == "" {
		return nil
	}
	return []instruction{{words: words, manual: l.manual(s, nil)}}
}

// each is what is done at every target that a discovery finds.
func (l *procedure) each(s *plan.Step) []instruction {
	find := "Find " + strings.TrimPrefix(told(s.Title), "find ")
	list := []instruction{{words: ended(prose(find)), manual: l.manual(s, nil)}}
	for _, step := range s.Each {
		step.Found = s.ID
		list = append(list, instruction{words: l.words(&step), manual: l.manual(&step, s)})
	}
	return list
}

// words says a step as an instruction; "" when it is pawl's own business.
func (l *procedure) words(s *plan.Step) string {
	place := prose(l.where(s))
	if s.Found != "" {
		place = "each " + place
	}
	switch s.Act {
	case plan.ActCheck:
		return l.check(s)
	case plan.ActMint:
		return fmt.Sprintf("Mint a new %s at %s%s.", l.one(s), place, l.called(s))
	case plan.ActPut:
		return fmt.Sprintf("Write %s%s to %s%s.", content(s.Content), l.of(s), place, form(s.Render))
	case plan.ActActivate:
		return l.load(s, place)
	case plan.ActWait:
		return fmt.Sprintf("Wait %s: %s.", plan.Span(s.Wait), prose(told(s.Title)))
	case plan.ActDeactivate:
		return fmt.Sprintf("Disable the old %s at %s. It can still be enabled again.", l.one(s), place)
	case plan.ActReactivate:
		return fmt.Sprintf("Enable the old %s again at %s.", l.one(s), place)
	case plan.ActRevoke:
		return fmt.Sprintf("End the old %s at %s.", l.one(s), place)
	case plan.ActDiscard:
		return fmt.Sprintf("End the new %s at %s.", l.one(s), place)
	case plan.ActRefused:
		return fmt.Sprintf("Try it: %s. Give it %s.", prose(told(s.Title)), plan.Span(s.Within))
	case plan.ActAccepted, plan.ActWrong:
		return fmt.Sprintf("Try it: %s.", prose(told(s.Title)))
	case plan.ActUnused:
		return fmt.Sprintf("Look at %s until %s.", place, prose(told(s.Title)))
	case plan.ActShadow:
		return fmt.Sprintf("Look at %s.", prose(told(s.Title)))
	case plan.ActName:
		return fmt.Sprintf("Find out %s at %s.", prose(told(s.Title)), place)
	case plan.ActQuota, plan.ActClean:
		return ended(prose("See to it: " + told(s.Title)))
	case plan.ActProbe, plan.ActLearn: // for pawl alone
		return ""
	default:
		return ended(prose(capital(told(s.Title))))
	}
}

func (l *procedure) check(s *plan.Step) string {
	title := prose(strings.TrimPrefix(told(s.Title), "check "))
	switch {
	case s.Phase == pawl.Preflight:
		return fmt.Sprintf("Before anything is changed, this must pass: %s.", title)
	case s.Phase == pawl.Migrate:
		return fmt.Sprintf("%s, until nothing of the old is left.", capital(title))
	case s.Gates != "":
		return fmt.Sprintf("Before anything else is written, this must pass: %s. Give it %s.", title, plan.Span(s.Within))
	default:
		return fmt.Sprintf("This must pass: %s. Give it %s.", title, plan.Span(s.Within))
	}
}

// load makes consumers load what was written, or waits until somebody did.
func (l *procedure) load(s *plan.Step, place string) string {
	how := strings.ReplaceAll(s.Activate, "_", " ")
	switch {
	case s.Consumer:
		return fmt.Sprintf("Have it loaded: %s.", place)
	case !s.Acts:
		return fmt.Sprintf("The consumers of %s load it with the %s: wait for it, at most %s, or do it.", place, how, plan.Span(s.Within))
	default:
		return fmt.Sprintf("Have the consumers of %s load it (%s).", place, how)
	}
}

// one names a version's secret where there are several.
func (l *procedure) one(s *plan.Step) string {
	if len(l.made.Subjects) > 1 {
		return code(string(s.Secret), false)
	}
	return "one"
}

func (l *procedure) of(s *plan.Step) string {
	if len(l.made.Subjects) > 1 {
		return " of " + code(string(s.Secret), false)
	}
	return ""
}

func (l *procedure) called(s *plan.Step) string {
	if sub, ok := l.made.Subject(s.Secret); ok && sub.Name != "" {
		return ", named " + code(told(sub.Name), false)
	}
	return ""
}

func content(c plan.Content) string {
	switch c {
	case plan.ContentBoth:
		return "both the old and the new value"
	case plan.ContentOld:
		return "the old value"
	default:
		return "the new value"
	}
}

// form says how a value is written where it is not as it is.
func form(render string) string {
	if render == "" {
		return ""
	}
	return ", in the form " + code(render, false)
}

// person is what only somebody can do, with everything that is known of it.
func (l *procedure) person(s *plan.Step) instruction {
	if s.Task == nil {
		text := ended(block(capital(told(s.Title))))
		if sub, ok := l.made.Subject(s.Secret); ok && sub.Owner != "" {
			text += " Who: " + ended(prose(sub.Owner))
		}
		return instruction{words: text}
	}
	t := s.Task
	text := ended(block(capital(told(t.Title))))
	say := func(format, what string) {
		if what != "" {
			text += fmt.Sprintf(" "+format, what)
		}
	}
	say("Who: %s.", prose(t.Who))
	if t.Within > 0 {
		say("Within %s.", plan.Span(t.Within))
	}
	if t.URL != "" {
		say("At %s.", link(t.URL))
	}
	say("Read %s.", joined(t.Links, ", ", link))
	say("Ask %s.", joined(t.Contacts, "; ", func(c estate.Contact) string { return prose(c.Name) + ", " + prose(c.How) }))
	say("What it does to others: %s", ended(prose(t.BlastRadius)))
	return instruction{words: text, manual: typed(t.Do), estate: true}
}

// manual gives what a person types for a step, "" when the driver does not
// say. A target that find will find has words in capitals for what is found.
func (l *procedure) manual(s *plan.Step, find *plan.Step) string {
	if s.Place.Connection == "" || s.Place.Connection == estate.Person {
		return ""
	}
	use := estate.Use{Connection: s.Place.Connection, Kind: s.Place.Kind, Settings: s.Place.Settings, Facts: l.kind(s)}
	sub, ok := l.made.Subject(s.Secret)
	if !ok {
		return ""
	}
	data := estate.ManualData(l.estate.Connections[use.Connection], use, sub.Format)
	if sub.Name != "" && use.Facts.Role == estate.RoleIssuer {
		data["name"] = sub.Name
	}
	if find != nil {
		maps.Copy(data, l.found(use, find))
	}
	text, err := use.Facts.Manual.Text(actName(s), data)
	if err != nil {
		return "" // the words stand for themselves
	}
	return typed(text)
}

// found are the settings that a discovery gives: as its own settings say them,
// or their names in capitals.
func (l *procedure) found(u estate.Use, find *plan.Step) map[string]any {
	given := map[string]any{}
	for _, name := range slices.Concat(u.Facts.Identity, u.Facts.Given) {
		if u.Settings[name] == nil {
			given[name] = strings.ToUpper(name)
		}
		for key := range find.Place.Settings {
			if text, ok := find.Place.Settings.Map(key)[name]; ok {
				given[name] = text
			}
		}
		if word, ok := given[name].(string); ok && word == strings.ToUpper(name) {
			l.capitals[word] = true
		}
	}
	return given
}

// actName is the key of a step in the texts of its kind.
func actName(s *plan.Step) string {
	switch s.Act {
	case plan.ActActivate:
		return s.Activate
	case plan.ActDiscard:
		return "revoke"
	case plan.ActStop, plan.ActStart: // calls of kinds that serve checks
		return "check"
	default:
		return string(s.Act)
	}
}

// kind finds the kind of a step's place; zero for a person and for what no
// driver serves.
func (l *procedure) kind(s *plan.Step) estate.Kind {
	spec, ok := l.catalog.Spec(l.made.Connections[s.Place.Connection].Driver)
	if !ok {
		return estate.Kind{}
	}
	kind, _ := spec.Kind(roleOf(s), s.Place.Kind)
	return kind
}

// where names a step's place.
func (l *procedure) where(s *plan.Step) string {
	return plan.Title(estate.Use{Connection: s.Place.Connection, Kind: s.Place.Kind, Settings: s.Place.Settings, Facts: l.kind(s)})
}

func roleOf(s *plan.Step) estate.Role {
	switch s.Act {
	case plan.ActPut, plan.ActShadow:
		return estate.RoleLocation
	case plan.ActActivate:
		if s.Consumer {
			return estate.RoleActivation
		}
		return estate.RoleLocation
	case plan.ActCheck, plan.ActStop, plan.ActStart:
		return estate.RoleCheck
	case plan.ActDiscover:
		return estate.RoleDiscovery
	default:
		return estate.RoleIssuer
	}
}
