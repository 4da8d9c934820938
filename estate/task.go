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
