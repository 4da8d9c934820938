package plan

import (
	"strings"
	"text/template"
	"time"

	"github.com/pawlhq/pawl/estate"
)

// manual tells what a person types or does at an issuer in pawl's place, as the
// issuer's driver has it; "" where that says nothing, or not all of it can be
// filled in.
func (b *builder) manual(s *subject, u estate.Use, act string) string {
	text := u.Facts.Manual[act]
	if text == "" {
		return ""
	}
	t, err := template.New("").Parse(text)
	var out strings.Builder
	if err == nil {
		err = t.Execute(&out, b.manualData(s, u))
	}
	if err != nil || strings.Contains(out.String(), "<no value>") {
		return ""
	}
	return out.String()
}

// manualData is the settings of a connection and of a kind, what is left out
// as nothing, and the name that the new credential will carry.
func (b *builder) manualData(s *subject, u estate.Use) map[string]any {
	data := map[string]any{}
	for _, f := range u.Facts.Fields {
		switch f.Type {
		case estate.List:
			data[f.Name] = []string(nil)
		case estate.Map:
			data[f.Name] = map[string]string(nil)
		default:
			data[f.Name] = ""
		}
	}
	for _, settings := range []estate.Settings{b.estate.Connections[u.Connection].Settings, u.Settings} {
		for name, v := range settings {
			if span, ok := v.(time.Duration); ok {
				v = typed(span)
			}
			data[name] = v
		}
	}
	if s.Name != "" {
		data["name"] = s.Name
	}
	return data
}

// typed writes a duration as the vendors' own tools read it: 175200h, 90m.
func typed(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
