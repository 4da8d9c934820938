package postgres

import (
	"strings"
	"unicode/utf8"
)

// maxName is the longest name in bytes: NAMEDATALEN - 1. The server cuts
// longer ones off and goes on (documentation, "Identifiers and Key Words").
const maxName = 63

// nameFault says why a text cannot be the name of a role, "" when it can.
func nameFault(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case len(name) > maxName:
		return "the name has more than 63 bytes, and PostgreSQL would cut it off"
	case strings.ContainsRune(name, 0) || !utf8.ValidString(name):
		return "the name has bytes that PostgreSQL does not take"
	case strings.HasPrefix(name, "pg_") || name == "public" || name == "none":
		return "PostgreSQL keeps this name for itself" // documentation, "CREATE ROLE"; RESERVED by IsReservedName and check_rolespec_name
	default:
		return ""
	}
}

// identifier quotes a name. It may hold anything but NUL.
func identifier(name string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(name, "\x00", ""), `"`, `""`) + `"`
}

func identifiers(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = identifier(n)
	}
	return strings.Join(quoted, ", ")
}

// literal quotes a text for statements that take no parameters. With a
// backslash it is an escape string, so that it means the same whatever the
// server's standard_conforming_strings is.
func literal(text string) string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\x00", ""), "'", "''")
	if strings.Contains(text, `\`) {
		return ` E'` + strings.ReplaceAll(text, `\`, `\\`) + `'`
	}
	return "'" + text + "'"
}
