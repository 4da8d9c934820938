package estate

import (
	"time"

	"go.yaml.in/yaml/v4"
)

// document is the sections of a file.
type document struct {
	connections, environments, secrets, groups, contacts *yaml.Node
}

// forms are the tables of all objects. The parser reads by them and the
// schema is made from them.
type forms struct {
	document    *table[document]
	connection  *table[link]
	environment *table[Environment]
	group       *table[band]
	contact     *table[Contact]
	secret      *table[draft]
	issuer      *table[Use]
	location    *table[spot]
	discover    *table[Discovery]
	activation  *table[activation]
	consumer    *table[Consumer]
	shadow      *table[Shadow]
	alternative *table[option]
	call        *table[Use]
	fixture     *table[fixture]
	pauseCall   *table[Use]
	pause       *table[stoppage]
	check       *table[proof]
	builtin     *table[proof]
	migrate     *table[Use]
	format      *table[format]
	retire      *table[Retire]
	policy      *table[Policy]
	compromised *table[leak]
	task        *table[Task]
	stagedTask  *table[Task]
}

func newForms() *forms {
	self := func(u *Use) *Use { return u }
	f := &forms{document: documentTable(), connection: connectionTable(), environment: environmentTable(), group: groupTable(), contact: contactTable(),
		secret: secretTable(), location: locationTable(), discover: discoverTable(), activation: activationTable(), consumer: consumerTable(), shadow: shadowTable(),
		call: callTable(), pauseCall: pauseCallTable(), check: checkTable(), builtin: builtinTable(), format: formatTable(), policy: policyTable(),
		compromised: compromisedTable(), task: taskTable(), stagedTask: stagedTaskTable(),
		issuer:  issuerTable(),
		migrate: newTable("a migration", "Rewrites data until none of the old is left.", target(self)...)}
	f.retire = retireTable(f.task)
	f.alternative, f.fixture, f.pause = alternativeTable(f.retire), fixtureTable(f.call), pauseTable(f.pauseCall)
	return f
}

func documentTable() *table[document] {
	section := func(name, doc string, schema ordered, at func(*document) **yaml.Node) key[document] {
		return custom(name, doc, schema, func(_ *decoder, n *yaml.Node, t *document) {
			if n.Tag != "!!null" {
				*at(t) = n
			}
		})
	}
	return newTable("an estate", "The declared secret map. It holds references, never values.",
		custom("pawl", "The version of this format.", ordered{{"const", formatVersion}}, (*decoder).readVersion).needed(),
		custom("estate", "The estate's name. It must stay the same, since records are kept under it.", nameSchema(), (*decoder).readName).needed(),
		section("connections", "How pawl reaches each vendor account.", mapSchema(refSchema("connection")), func(t *document) **yaml.Node { return &t.connections }),
		section("environments", "The places in which the same secrets exist with different values, first ones first.", mapSchema(refSchema("environment")),
			func(t *document) **yaml.Node { return &t.environments }),
		section("secrets", "The secrets, by name.", mapSchema(refSchema("secret")), func(t *document) **yaml.Node { return &t.secrets }).needed(),
		section("groups", "Secrets that must match and so rotate together.", mapSchema(refSchema("group")), func(t *document) **yaml.Node { return &t.groups }),
		section("contacts", "Whom to ask, shown where a person must act.", mapSchema(anySchema(textSchema(), refSchema("contact"))),
			func(t *document) **yaml.Node { return &t.contacts }))
}

func (d *decoder) readVersion(n *yaml.Node, _ *document) {
	if v, ok := d.integer(n); ok && v != formatVersion {
		d.fail(n, "a newer pawl may read it", "this pawl reads estates of format %d, and this one is of format %d", formatVersion, v)
	}
}

func (d *decoder) readName(n *yaml.Node, _ *document) {
	if d.filled(n, &d.estate.Name) && !isName(d.estate.Name, "_.-") {
		d.fail(n, "a letter, then letters, digits, _, . and -", "%s is not the name of an estate", shown(d.estate.Name))
	}
}

func environmentTable() *table[Environment] {
	return newTable("an environment", "One of the places in which the same secrets exist with different values.",
		custom("vars", "What ${name} stands for in the secrets of this environment. ${env} is the environment's own name.", mapSchema(scalarSchema()),
			func(d *decoder, n *yaml.Node, e *Environment) { e.Vars = d.vars(n) }),
		text("after", "Secrets rotate here only after they did in that environment.", func(e *Environment) *string { return &e.After }),
		span("delay", "At least this long after that environment did.", func(e *Environment) *time.Duration { return &e.Delay }).like("24h"),
		flag("approve", "A person approves before anything is minted here.", func(e *Environment) *bool { return &e.Approve }))
}

func (d *decoder) vars(n *yaml.Node) map[string]string {
	vars := map[string]string{}
	if !d.expect(n, yaml.MappingNode, "a mapping of names to texts") {
		return vars
	}
	d.named(n, func(k, v *yaml.Node) {
		switch {
		case k.Value == "env":
			d.fail(k, "remove it", "${env} is the environment's own name")
		case !isName(k.Value, "_-"):
			d.fail(k, "a letter, then letters, digits, _ and -", "%s is not the name of a variable", shown(k.Value))
		}
		vars[k.Value], _ = d.text(v)
	})
	return vars
}

func (d *decoder) readEnvironments(n *yaml.Node) {
	if !d.expect(n, yaml.MappingNode, "a mapping of names to environments") {
		return
	}
	after := map[string]*yaml.Node{}
	d.named(n, func(k, v *yaml.Node) {
		e := Environment{Name: k.Value, Pos: d.at(k)}
		if !isName(k.Value, "_.-") {
			d.fail(k, "a letter, then letters, digits, _, . and -", "%s is not the name of an environment", shown(k.Value))
		}
		if v.Tag != "!!null" {
			o := readObject(d, v, d.forms.environment, &e, nil)
			after[e.Name] = o.value("after")
			if o.has("delay") && !o.has("after") {
				d.fail(o.value("delay"), "add after: with the environment that rotates first, or remove it", "%s waits, and does not say for what", e.Name)
			}
		}
		d.estate.Environments = append(d.estate.Environments, e)
		d.scopes[e.Name] = newScope(e)
	})
	d.environmentOrder(after)
}

// environmentOrder checks the after of environments and puts each behind
// those that it waits for.
func (d *decoder) environmentOrder(at map[string]*yaml.Node) {
	list := d.estate.Environments
	index := map[string]int{}
	for i, e := range list {
		index[e.Name] = i
	}
	graph := make([][]int, len(list))
	for i, e := range list {
		if e.After == "" {
			continue
		}
		j, ok := index[e.After]
		if !ok {
			d.fail(at[e.Name], d.meant(e.After, d.environmentNames(), "there are "+oneOf(d.environmentNames())), "there is no environment %s", shown(e.After))
			continue
		}
		graph[i] = append(graph[i], j)
	}
	for _, circle := range circles(graph) {
		d.failAt(list[circle[0]].Pos, "remove one after", "these environments wait for each other: %s", d.path(circle, func(i int) string { return list[i].Name }))
	}
}
