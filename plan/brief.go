package plan

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/pawlhq/pawl/estate"
)

// Brief is what somebody who is asked to act has to know besides the question:
// what the step says of it, and otherwise what is known of the secret.
type Brief struct {
	Do          string           `json:"do,omitempty"`
	URL         string           `json:"url,omitempty"`
	Who         string           `json:"who,omitempty"`
	Contacts    []estate.Contact `json:"contacts,omitempty"`
	Links       []string         `json:"links,omitempty"`
	BlastRadius string           `json:"blast_radius,omitempty"`
}

// Brief tells what is known for a step of the plan.
func (p *Plan) Brief(step *Step) Brief {
	b := taskBrief(step.Task)
	if sub, ok := p.Subject(step.Secret); ok {
		b.Who, b.BlastRadius = cmp.Or(b.Who, sub.Owner), cmp.Or(b.BlastRadius, sub.BlastRadius)
		if len(b.Contacts) == 0 {
			b.Contacts = sub.Contacts
		}
		if len(b.Links) == 0 {
			b.Links = sub.Links
		}
	}
	return b
}

func taskBrief(t *estate.Task) Brief {
	if t == nil {
		return Brief{}
	}
	return Brief{Do: t.Do, URL: t.URL, Who: t.Who, Contacts: t.Contacts, Links: t.Links, BlastRadius: t.BlastRadius}
}

// Lines gives it as lines of text, "name: what", none for what is not known.
// What goes on over several lines is indented.
func (b Brief) Lines() []string {
	var lines []string
	say := func(name, text string) {
		if text != "" {
			lines = append(lines, strings.Split(name+": "+strings.ReplaceAll(text, "\n", "\n    "), "\n")...)
		}
	}
	say("do", b.Do)
	say("at", b.URL)
	say("who", b.Who)
	for _, c := range b.Contacts {
		say("ask", fmt.Sprintf("%s, %s", c.Name, c.How))
	}
	for _, link := range b.Links {
		say("read", link)
	}
	say("blast radius", b.BlastRadius)
	return lines
}
