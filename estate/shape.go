package estate

import (
	"bytes"
	"encoding/json"
)

// member is one member of a JSON object.
type member struct {
	name  string
	value any
}

// ordered is a JSON object that keeps its order, so that the schema reads
// like the documentation and is the same every time.
type ordered []member

// MarshalJSON writes the members in their order.
func (o ordered) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := e.Encode(m.name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := e.Encode(m.value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// with gives a copy that has one more member.
func (o ordered) with(name string, value any) ordered {
	return append(o[:len(o):len(o)], member{name, value})
}

// The shapes of values. Texts that a driver declares may be written without
// quotes when they look like numbers.

func textSchema() ordered   { return ordered{{"type", "string"}} }
func scalarSchema() ordered { return ordered{{"type", []string{"string", "number"}}} }

func nameSchema() ordered {
	return ordered{{"type", "string"}, {"pattern", "^[A-Za-z][A-Za-z0-9_.-]*$"}}
}

func durationSchema() ordered {
	return ordered{{"type", "string"}, {"pattern", `^(\d+w)?(\d+d)?(\d+(\.\d+)?(ns|us|ms|s|m|h))*$|\$\{`}}
}

func enumSchema(words []string) ordered { return ordered{{"enum", words}} }

func refSchema(name string) ordered { return ordered{{"$ref", "#/$defs/" + name}} }

func listSchema(of ordered) ordered { return ordered{{"type", "array"}, {"items", of}} }

func mapSchema(of ordered) ordered {
	return ordered{{"type", []string{"object", "null"}}, {"additionalProperties", of}}
}

func anySchema(of ...ordered) ordered { return ordered{{"anyOf", of}} }

// looseSchema is one or a list of them.
func looseSchema(of ordered) ordered { return anySchema(of, listSchema(of)) }

func listOrNoneSchema(name string) ordered {
	return anySchema(listSchema(refSchema(name)).with("minItems", 1), ordered{{"type", "string"}, {"pattern", `^none:\s*\S`}})
}

// schema describes an object by its table.
func (t *table[T]) schema() ordered {
	var required []string
	for _, k := range t.keys {
		if k.required {
			required = append(required, k.name)
		}
	}
	return objectSchema(t.doc, t.properties(), required)
}

func (t *table[T]) properties() ordered {
	var properties ordered
	for _, k := range t.keys {
		properties = append(properties, member{k.name, described(k.doc, k.schema)})
	}
	return properties
}

func objectSchema(doc string, properties ordered, required []string) ordered {
	o := ordered{{"description", doc}, {"type", "object"}, {"properties", properties}}
	if len(required) > 0 {
		o = o.with("required", required)
	}
	return o.with("additionalProperties", false)
}

func described(doc string, schema ordered) ordered {
	if doc == "" {
		return schema
	}
	return append(ordered{{"description", doc}}, schema...)
}
