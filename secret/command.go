package secret

import (
	"fmt"
	"strings"
)

// Command gives a line of a POSIX shell that draws a value by the rules, for
// people without pawl. It needs openssl, or for an alphabet nothing. Rules
// that a draw may break are said in a comment; "" means that no line can do
// it, for a PEM block.
func (f Format) Command() string {
	if f.PEM != "" {
		return ""
	}
	var line string
	switch f.Encoding {
	case "hex":
		line = fmt.Sprintf("openssl rand -hex %d", f.bytes())
	case "base64":
		line = fmt.Sprintf("openssl rand -base64 %d | tr -d '\\n'", f.bytes())
	case "alphabet":
		line = fmt.Sprintf("LC_ALL=C tr -dc %s < /dev/urandom | head -c %d", inQuotes(trSet(f.alphabet())), f.length())
	default:
		line = fmt.Sprintf("openssl rand -base64 %d | tr '+/' '-_' | tr -d '=\\n'", f.bytes())
	}
	if f.Prefix != "" || f.Suffix != "" {
		line = fmt.Sprintf(`printf '%%s%%s%%s\n' %s "$(%s)" %s`, inQuotes(f.Prefix), line, inQuotes(f.Suffix))
	}
	if len(f.Require) > 0 || f.Pattern != "" || f.Forbid != "" && f.Encoding != "alphabet" {
		line += "   # again, until it is as the secret's format says"
	}
	return line
}

// trSet writes characters as tr reads them: a hyphen makes a range unless it
// is the last, and a backslash and a bracket mean something.
func trSet(set string) string {
	bare := strings.NewReplacer(`\`, `\\`, "[", `\[`, "-", "").Replace(set)
	if bare != set && strings.Contains(set, "-") {
		bare += "-"
	}
	return bare
}

func inQuotes(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
