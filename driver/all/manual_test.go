package all_test

import (
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/estate"
)

// TestManual holds what a person is told to do in pawl's place: it is about
// acts that the kind has, and is filled by the kind's settings and those of its
// connection, with nothing left open.
func TestManual(t *testing.T) {
	for _, d := range all.Drivers() {
		info := d.Info()
		for _, k := range info.Kinds {
			for act, text := range k.Manual {
				name := info.Name + " " + string(k.Role) + " " + k.Name + " " + act
				if !slices.Contains(actsOf(k), act) {
					t.Errorf("%s: the kind has no such act", name)
				}
				for _, whole := range []bool{true, false} {
					var b strings.Builder
					parsed, err := template.New("").Option("missingkey=error").Parse(text)
					if err == nil {
						err = parsed.Execute(&b, sampleSettings(whole, slices.Concat(info.Connection, k.Fields)))
					}
					if err != nil || b.Len() == 0 || strings.Contains(b.String(), "<no value>") {
						t.Errorf("%s: %v: %s", name, err, b.String())
					}
				}
			}
		}
	}
}

// actsOf lists what can be done at a kind. A person can end a credential where
// no call can.
func actsOf(k estate.Kind) []string {
	acts := map[estate.Role][]string{estate.RoleIssuer: {"mint", "revoke"}, estate.RoleLocation: {"put"}, estate.RoleCheck: {"check"}, estate.RoleDiscovery: {"discover"}, estate.RoleActivation: {k.Name}}[k.Role]
	if k.Issuer != nil && k.Issuer.Deactivates {
		acts = append(acts, "deactivate")
	}
	if k.Location != nil {
		for _, a := range k.Location.Activations {
			acts = append(acts, a.Kind)
		}
	}
	return acts
}

// sampleSettings gives every field a value, or where they are not whole the
// zero of those that an estate may leave out.
func sampleSettings(whole bool, fields []estate.Field) map[string]any {
	data := map[string]any{}
	for _, f := range fields {
		switch given := f.Default != nil || f.Required || whole; {
		case f.Default != nil:
			data[f.Name] = f.Default
		case f.Type == estate.List && given:
			data[f.Name] = []string{f.Example}
		case f.Type == estate.List:
			data[f.Name] = []string(nil)
		case f.Type == estate.Map:
			data[f.Name] = map[string]string{"key": "text"}
		case f.Type == estate.Integer:
			data[f.Name] = 200
		case f.Type == estate.Duration:
			data[f.Name] = time.Hour
		case given:
			data[f.Name] = f.Example
		default:
			data[f.Name] = ""
		}
	}
	return data
}
