package plan

import (
	"cmp"
	"fmt"
	"strings"
	"text/template"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// nameData is what a credential's name and a task's text may use.
type nameData struct {
	Estate, Secret, Environment, Date, Name string
	Version                                 pawl.Version
}

// names renders the name that the new credential will carry.
func (b *builder) names(s *subject) error {
	text := s.s.Issuer.Settings.String("name")
	if text == "" || !s.Facts.Named {
		return nil
	}
	name, err := b.expand(s, text)
	if err != nil {
		return err
	}
	s.Name = name
	return nil
}

// expand renders a name or a task text. Most have nothing to render.
func (b *builder) expand(s *subject, text string) (string, error) {
	if !strings.Contains(text, "{{") {
		return text, nil
	}
	t, err := template.New("").Option("missingkey=error").Parse(text)
	var out strings.Builder
	if err == nil {
		err = t.Execute(&out, nameData{Estate: b.estate.Name, Secret: string(s.Secret), Environment: s.s.Environment,
			Date: b.now.UTC().Format("20060102"), Name: s.Name, Version: s.To})
	}
	if err != nil {
		return "", &pawl.Error{Code: pawl.CodeInvalid, Op: "plan", On: string(s.Secret), Why: "a text template cannot be rendered: " + err.Error(),
			Next: "use {{.Date}}, {{.Estate}}, {{.Secret}}, {{.Environment}}, {{.Version}} and, in tasks, {{.Name}}"}
	}
	return out.String(), nil
}

// fill renders a task's texts.
func (b *builder) fill(s *subject, t estate.Task) *estate.Task {
	for _, field := range []*string{&t.Title, &t.Do, &t.URL} {
		text, err := b.expand(s, *field)
		if err != nil && b.err == nil {
			b.err = err
		}
		*field = text
	}
	return &t
}

// task adds what a person does and gives the step's id.
func (b *builder) task(s *subject, act Act, t estate.Task) string {
	filled := b.fill(s, t)
	return b.add(Step{Act: act, Secret: s.Secret, Place: s.Issuer, Task: filled, Title: filled.Title})
}

// mintTask is what a person must do to mint.
func (b *builder) mintTask(s *subject) estate.Task {
	if s.Shape == ShapeSet {
		return b.taskOf(s.s.Issuer, fmt.Sprintf("set version %d of %s", s.To, s.Secret))
	}
	if s.s.Issuer.Connection == estate.Person {
		return b.taskOf(s.s.Issuer, fmt.Sprintf("mint version %d of %s", s.To, s.Secret))
	}
	t := estate.Task{Title: fmt.Sprintf("mint version %d of %s at %s", s.To, s.Secret, s.s.Issuer.Connection)}
	t.Do = b.manual(s, s.s.Issuer, "mint")
	if s.Name != "" && !strings.Contains(t.Do, s.Name) {
		t.Do = strings.TrimPrefix(t.Do+fmt.Sprintf("\nname it %s", s.Name), "\n")
	}
	if s.Shape == ShapeWindow && b.compromised() {
		t.Do = strings.TrimPrefix(t.Do+"\nit has leaked: whatever stands above, have the issuer keep the old one only for as long as writing and loading the new one takes", "\n")
	} else if w := s.s.Retire.Window; w > 0 {
		t.Do = strings.TrimPrefix(t.Do+"\nhave the issuer keep the old one for "+Span(w), "\n")
	}
	return t
}

// taskOf is the task that an issuer's settings say, with a title where they
// say none.
func (b *builder) taskOf(u estate.Use, title string) estate.Task {
	t := b.estate.TaskOf(u)
	if t == nil { // configuration whose issuer goes without saying
		t = &estate.Task{}
	}
	t.Title = cmp.Or(t.Title, title)
	return *t
}

// Title names a use for people: the connection, what it is there, and the
// settings that tell it apart.
func Title(u estate.Use) string {
	if u.Connection == estate.Person {
		return "a person"
	}
	var buf [96]byte // most titles fit
	title := append(buf[:0], u.Connection...)
	if u.Kind != "" {
		title = append(title, ' ')
		title = append(title, strings.ReplaceAll(u.Kind, "_", " ")...)
	}
	for _, field := range u.Facts.Identity {
		if v := u.Settings[field]; v != nil {
			if list, ok := v.([]string); ok {
				v = strings.Join(list, ",")
			}
			title = fmt.Append(append(title, ' '), v)
		}
	}
	return string(title)
}

func (b *builder) environment(s *subject) estate.Environment {
	for _, env := range b.estate.Environments {
		if env.Name == s.s.Environment {
			return env
		}
	}
	return estate.Environment{}
}
