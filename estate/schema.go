package estate

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Schema gives the JSON Schema (draft 2020-12) of an estate file for editors,
// made from the tables that the parser reads by and from what the drivers of
// the catalog declare. The bytes are the same for the same catalog. It
// accepts every file that Parse accepts; Parse refuses more.
func Schema(c Catalog) ([]byte, error) {
	g := &generator{drivers: newDrivers(c), forms: newForms()}
	root := g.forms.document.schema()
	schema := append(ordered{
		{"$schema", "https://json-schema.org/draft/2020-12/schema"},
		{"title", "Pawl estate"},
	}, root...)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(schema.with("$defs", g.definitions()))
	return b.Bytes(), err
}

type generator struct {
	drivers *drivers
	forms   *forms
}

func (g *generator) definitions() ordered {
	f := g.forms
	return ordered{
		{"connection", g.connection()},
		{"environment", nullable(f.environment.schema())},
		{"group", f.group.schema()},
		{"contact", f.contact.schema()},
		{"secret", f.secret.schema()},
		{"issuer", g.uses(RoleIssuer, "issuer", f.issuer.properties())},
		{"format", f.format.schema()},
		{"location", g.uses(RoleLocation, "location", f.location.properties())},
		{"discover", g.uses(RoleDiscovery, "discover", f.discover.properties())},
		{"activation", f.activation.schema()},
		{"consumer", g.uses(RoleActivation, "consumer", f.consumer.properties())},
		{"shadow", g.uses(RoleLocation, "shadow", f.shadow.properties())},
		{"alternative", f.alternative.schema()},
		{"call", g.uses(RoleCheck, "call", f.call.properties())},
		{"fixture", f.fixture.schema()},
		{"pause_call", g.uses(RoleCheck, "pause_call", f.pauseCall.properties())},
		{"pause", f.pause.schema()},
		{"check", g.checks()},
		{"retire", f.retire.schema()},
		{"policy", f.policy.schema()},
		{"compromised", f.compromised.schema()},
		{"task", f.task.schema()},
		{"staged_task", f.stagedTask.schema()},
		{"common", ordered{
			{"issuer", shared(f.issuer.properties())}, {"location", shared(f.location.properties())}, {"discover", shared(f.discover.properties())},
			{"consumer", shared(f.consumer.properties())}, {"shadow", shared(f.shadow.properties())}, {"call", shared(f.call.properties())},
			{"pause_call", shared(f.pauseCall.properties())},
			{"check", shared(f.check.properties())},
		}},
	}
}

func nullable(o ordered) ordered {
	o = slices.Clone(o)
	for i := range o {
		if o[i].name == "type" {
			o[i].value = []string{"object", "null"}
		}
	}
	return o
}

func shared(properties ordered) ordered { return ordered{{"properties", properties}} }

// connection describes connections, with the settings that depend on the driver.
func (g *generator) connection() ordered {
	t := g.forms.connection
	properties := t.properties()
	properties[0].value = described(t.keys[0].doc, enumSchema(g.drivers.names))
	var rules []ordered
	for _, name := range g.drivers.names {
		spec := g.drivers.spec(name)
		if spec == nil {
			continue
		}
		own, required := fieldSchemas(spec.Connection, nil)
		allowed := ordered{{"driver", true}}
		if spec.Credential != NoCredential {
			allowed = allowed.with("credential", true)
		}
		if spec.Credential == NeedsCredential {
			required = append([]string{"credential"}, required...)
		}
		then := ordered{{"properties", append(allowed, own...)}, {"additionalProperties", false}}
		if len(required) > 0 {
			then = then.with("required", required)
		}
		rules = append(rules, ordered{
			{"if", ordered{{"properties", ordered{{"driver", ordered{{"const", name}}}}}, {"required", []string{"driver"}}}},
			{"then", then},
		})
	}
	return ordered{{"description", t.doc}, {"type", "object"}, {"properties", properties}, {"required", []string{"driver"}}, {"allOf", rules}}
}

// uses describes the objects of one role: one alternative for each kind that
// a driver serves, and one for a person. common names the shared keys.
func (g *generator) uses(role Role, common string, keys ordered) ordered {
	var kinds []ordered
	for _, name := range g.drivers.names {
		spec := g.drivers.spec(name)
		if spec == nil {
			continue
		}
		for _, k := range spec.kinds[role] {
			kinds = append(kinds, g.use(spec, k, common, keys))
		}
	}
	if role != RoleDiscovery && common != "call" && common != "shadow" {
		kinds = append(kinds, personSchema(role, common, keys))
	}
	if len(kinds) == 0 {
		return ordered{{"description", "No driver serves this yet."}, {"not", ordered{}}}
	}
	return ordered{{"anyOf", kinds}}
}

// use describes one kind of one driver.
func (g *generator) use(spec *driverSpec, k *Kind, common string, keys ordered) ordered {
	waived := k.spared(k.Role == RoleLocation, common == "shadow")
	own, required := fieldSchemas(k.Fields, waived)
	required = append([]string{"use"}, required...)
	if len(spec.kinds[k.Role]) > 1 {
		required = slices.Insert(required, 1, "kind")
	}
	var properties ordered
	for _, m := range keys {
		switch m.name {
		case "kind":
			properties = properties.with("kind", described(k.Doc, ordered{{"const", k.Name}}))
		case "activate":
			if a := activationSchema(k); a != nil {
				properties = properties.with("activate", a)
			}
		default:
			properties = properties.with(m.name, refSchema("common/"+common+"/properties/"+m.name))
		}
	}
	o := ordered{{"title", spec.Title + ": " + k.Name}}
	return append(o, objectSchema(k.Doc, append(properties, own...), required)...)
}

func activationSchema(k *Kind) ordered {
	if k.Location == nil || len(k.Location.Activations) == 0 {
		return nil
	}
	var ways, own []ordered
	for _, a := range k.Location.Activations {
		way := described(a.Doc, ordered{{"const", a.Kind}})
		if ways = append(ways, way); !a.Waits {
			own = append(own, way)
		}
	}
	properties := ordered{{"kind", anySchema(ways...)}, {"within", refSchema("activation/properties/within")}}
	if len(own) > 0 {
		properties = append(properties, ordered{{"undo", anySchema(own...)}, {"gap", anySchema(own...)}}...)
	}
	long := described("With a deadline of its own.", ordered{{"type", "object"}, {"required", []string{"kind"}}, {"additionalProperties", false},
		{"properties", properties}})
	return anySchema(append(ways, long)...)
}

// personSchema describes what a person does in a role.
func personSchema(role Role, common string, keys ordered) ordered {
	k := personKind(role)
	own, required := fieldSchemas(k.Fields, nil)
	properties := ordered{{"use", ordered{{"const", Person}}}}
	for _, m := range keys {
		switch m.name {
		case "role", "parallel", "when", "checks":
			properties = properties.with(m.name, refSchema("common/"+common+"/properties/"+m.name))
		}
	}
	o := ordered{{"title", "A person"}}
	return append(o, objectSchema(k.Doc, append(properties, own...), append([]string{"use"}, required...))...)
}

// checks adds the built-in checks to those of drivers.
func (g *generator) checks() ordered {
	o := g.uses(RoleCheck, "check", g.forms.check.properties())
	builtin := append(ordered{{"title", "Ask the issuer"}}, g.forms.builtin.schema()...)
	kinds, _ := o[0].value.([]ordered)
	return ordered{{"anyOf", append(kinds, builtin)}}
}

// fieldSchemas describes the fields that a driver declares, and says which of
// them must be there.
func fieldSchemas(fields []Field, waived []string) (properties ordered, required []string) {
	for i := range fields {
		f := &fields[i]
		properties = properties.with(f.Name, described(f.Doc, f.schema()))
		if f.Required && f.Default == nil && !slices.Contains(waived, f.Name) {
			required = append(required, f.Name)
		}
	}
	return properties, required
}

// schema describes one field.
func (f *Field) schema() ordered {
	o := f.shape()
	if text, ok := f.Default.(string); ok && text != secretToken || f.Type == Integer && f.Default != nil || f.Type == Boolean && f.Default != nil {
		o = o.with("default", f.Default)
	}
	if f.Example != "" {
		o = o.with("examples", []string{f.Example})
	}
	return o
}

func (f *Field) shape() ordered {
	variable := ordered{{"type", "string"}, {"pattern", `\$\{`}}
	switch f.Type {
	case Integer:
		return anySchema(ordered{{"type", "integer"}}, variable)
	case Boolean:
		return anySchema(ordered{{"type", "boolean"}}, variable)
	case Duration:
		return durationSchema()
	case List:
		return listSchema(scalarSchema())
	case Map:
		return ordered{{"type", "object"}, {"additionalProperties", scalarSchema()}}
	}
	if len(f.Enum) > 0 {
		return anySchema(enumSchema(f.Enum), variable)
	}
	if f.URL {
		return anySchema(ordered{{"type", "string"}, {"pattern", "^https?://[^/]"}}, variable)
	}
	return scalarSchema()
}
