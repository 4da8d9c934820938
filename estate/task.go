package estate

import (
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/pawlhq/pawl"
)

func taskKeys() []key[Task] {
	return []key[Task]{
		text("title", "What to do, in a line.", func(t *Task) *string { return &t.Title }).needed(),
		text("do", "How to do it, with the exact command where there is one.", func(t *Task) *string { return &t.Do }),
		text("url", "Where to do it.", func(t *Task) *string { return &t.URL }),
		text("who", "Who can do it.", func(t *Task) *string { return &t.Who }),
		span("within", "Deadline, shown and alarmed.", func(t *Task) *time.Duration { return &t.Within }).like("24h"),
		custom("contacts", "Whom to ask: names of contacts.", listSchema(textSchema()), func(d *decoder, n *yaml.Node, t *Task) { t.Contacts = d.contactsOf(n) }),
		list("links", "Where to read more.", func(t *Task) *[]string { return &t.Links }),
		text("blast_radius", "What doing it does to others even when it goes well.", func(t *Task) *string { return &t.BlastRadius }),
	}
}

func taskTable() *table[Task] {
	return newTable("a task", "Something that only a person can do.", taskKeys()...)
}

// stagedTaskTable is for tasks that stand at the end of a phase.
func stagedTaskTable() *table[Task] {
	at := choice("at", "The phase at whose end the task stands.", func(t *Task) *pawl.Phase { return &t.At }, pawl.Phases()...).needed()
	return newTable("a task", "Something that only a person can do, at a point of the rotation.", append([]key[Task]{at}, taskKeys()...)...)
}

func (d *decoder) task(n *yaml.Node, t *table[Task]) Task {
	task := Task{Pos: d.at(n)}
	o := readObject(d, n, t, &task, nil)
	for name, s := range map[string]string{"title": task.Title, "do": task.Do, "url": task.URL} {
		d.checkText(o.value(name), s)
	}
	return task
}

func (d *decoder) tasks(n *yaml.Node, t *table[Task]) []Task {
	if !d.expect(n, yaml.SequenceNode, "a list of tasks") {
		return nil
	}
	var tasks []Task
	for _, item := range items(n) {
		tasks = append(tasks, d.task(item, t))
	}
	return tasks
}

// TaskOf makes the task out of the settings of a person, nil for any other use.
func (e *Estate) TaskOf(u Use) *Task {
	if u.Connection != Person {
		return nil
	}
	t := &Task{Title: u.Settings.String("title"), Do: u.Settings.String("do"), URL: u.Settings.String("url"), Who: u.Settings.String("who"),
		Within: u.Settings.Duration("within"), Links: u.Settings.List("links"), BlastRadius: u.Settings.String("blast_radius"), Pos: u.Pos}
	for _, name := range u.Settings.List("contacts") {
		if c, ok := e.contact(name); ok {
			t.Contacts = append(t.Contacts, c)
		}
	}
	return t
}

// taskOf makes a person's task and reports contacts that there are not.
func (d *decoder) taskOf(u Use, o *object) *Task {
	for _, name := range u.Settings.List("contacts") {
		d.contactNamed(o.value("contacts"), name)
	}
	return d.estate.TaskOf(u)
}
