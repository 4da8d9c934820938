package main

import (
	"fmt"
	"strings"

	"github.com/pawlhq/pawl/estate"
)

func fenced(text string) string { return "\n```yaml\n" + text + "```\n" }

// connectionExample declares a connection with what it needs.
func connectionExample(s estate.Spec) string {
	var b strings.Builder
	fmt.Fprintf(&b, "connections:\n  %s:\n    driver: %s\n", s.Name, s.Name)
	if s.Credential == estate.NeedsCredential {
		fmt.Fprintf(&b, "    credential: env:%s_CREDENTIAL\n", strings.ToUpper(s.Name))
	}
	needed(&b, "    ", s.Connection)
	return b.String()
}

// kindExample is what a secret says to use the kind.
func kindExample(s estate.Spec, k estate.Kind) string {
	var b strings.Builder
	if k.Role == estate.RoleIssuer {
		fmt.Fprintf(&b, "issuer:\n  use: %s\n  kind: %s\n", s.Name, k.Name)
		needed(&b, "  ", k.Fields)
		return b.String()
	}
	if k.Role == estate.RoleDiscovery {
		fmt.Fprintf(&b, "discover: # of a location\n  use: %s\n  kind: %s\n", s.Name, k.Name)
		needed(&b, "  ", k.Fields)
		return b.String()
	}
	if k.Role == estate.RoleActivation {
		fmt.Fprintf(&b, "consumers: # of a location\n  - use: %s\n    kind: %s\n", s.Name, k.Name)
		needed(&b, "    ", k.Fields)
		return b.String()
	}
	where := map[estate.Role]string{estate.RoleLocation: "locations", estate.RoleCheck: "checks"}[k.Role]
	fmt.Fprintf(&b, "%s:\n  - use: %s\n    kind: %s\n", where, s.Name, k.Name)
	needed(&b, "    ", k.Fields)
	if k.Check != nil && k.Check.Observes == estate.ObservesLog { // one of two must be said, which no field tells
		fmt.Fprintf(&b, "    forbid: '401|invalid signature'\n")
	}
	if f := k.Location; f != nil && !f.Live && len(f.Activations) > 0 {
		fmt.Fprintf(&b, "    activate: %s\n", f.Activations[0].Kind)
	}
	return b.String()
}

// needed writes the fields that must be there.
func needed(b *strings.Builder, indent string, fields []estate.Field) {
	for _, f := range fields {
		if f.Required && f.Default == nil {
			fmt.Fprintf(b, "%s%s: %s\n", indent, f.Name, scalar(f))
		}
	}
}

// scalar writes an example as YAML.
func scalar(f estate.Field) string {
	switch {
	case f.Type == estate.List && !strings.HasPrefix(f.Example, "["):
		return "[" + f.Example + "]"
	case f.Type == estate.String || f.Type == estate.Template:
		return quoted(f.Example)
	default:
		return f.Example
	}
}

// quoted puts text in single quotes where YAML would read it as something else.
func quoted(text string) string {
	if text == "" || strings.ContainsAny(text, "{}[]\"'#&*!|>%@`,") || strings.Contains(text, ": ") {
		return "'" + strings.ReplaceAll(text, "'", "''") + "'"
	}
	return text
}
