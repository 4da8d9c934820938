package document

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// yamlText is a scalar as it is written: what stands behind the key, and for
// a block scalar the lines below.
type yamlText struct {
	inline string
	lines  string // without the last line break
	final  bool   // the value itself ends in the last line break
}

// yamlSpot is where a scalar is to be written.
type yamlSpot struct {
	flow   bool
	indent int    // of the lines of a block scalar, in columns
	digit  string // an explicit indentation indicator that stays
	eol    string
}

// ways gives the ways to write a value as text, best first: as it was quoted,
// and else with the least change.
func (s yamlSpot) ways(quote, value string) []yamlText {
	double := yamlText{inline: yamlDouble(value)}
	single := yamlText{inline: `'` + strings.ReplaceAll(value, `'`, `''`) + `'`}
	oneLine := yamlPrintable(value, false)
	block := !s.flow && yamlBlockable(value)
	var ways []yamlText
	switch {
	case quote == "" && yamlPlain(value, s.flow):
		ways = append(ways, yamlText{inline: value})
	case quote == "'" && oneLine:
		ways = append(ways, single)
	case quote == ">" && block && !strings.Contains(strings.TrimSuffix(value, "\n"), "\n"):
		ways = append(ways, s.block(">", value))
	case (quote == "|" || quote == ">") && block, quote == "" && block && strings.Contains(value, "\n"):
		ways = append(ways, s.block("|", value))
	case quote == "" && oneLine && strings.ContainsAny(value, `"\`):
		ways = append(ways, single)
	}
	return append(ways, double)
}

// block writes a block scalar.
func (s yamlSpot) block(indicator, value string) yamlText {
	t := yamlText{inline: indicator + s.digit + "-"}
	if strings.HasSuffix(value, "\n") {
		t.inline, t.final = indicator+s.digit, true
	}
	lines := strings.Split(strings.TrimSuffix(value, "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = strings.Repeat(" ", s.indent) + line
		}
	}
	t.lines = strings.Join(lines, s.eol)
	return t
}

// yamlBlockable tells whether a block scalar can hold the value without an
// indentation indicator and without blank lines at its end, which would run
// into the blank lines of the document.
func yamlBlockable(value string) bool {
	if !yamlPrintable(value, true) || strings.HasSuffix(value, "\n\n") || strings.Trim(value, "\n") == "" {
		return false
	}
	first := strings.TrimLeft(value, "\n")[0]
	if first == ' ' || first == '\t' {
		return false
	}
	for line := range strings.Lines(value) {
		if strings.TrimSpace(line) == "" && strings.Trim(line, "\n") != "" {
			return false
		}
	}
	return true
}

// yamlPrintable tells whether a value can stand in the document as it is, on
// one line or on several. What YAML 1.1 takes for a line break cannot.
func yamlPrintable(value string, lines bool) bool {
	for _, r := range value {
		if (r == '\n' && lines) || r == '\t' {
			continue
		}
		if !yamlPrints(r) {
			return false
		}
	}
	return true
}

func yamlPrints(r rune) bool {
	return r == ' ' || (r != '\uFEFF' && r != '\uFFFD' && r >= ' ' && unicode.IsPrint(r))
}

// yamlDouble writes a double-quoted scalar on one line.
func yamlDouble(value string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range value {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case yamlPrints(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02X`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			fmt.Fprintf(&b, `\U%08X`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

var (
	// yamlSafe starts with a letter, or with a digit; no indicator is in it
	// that has a meaning at some place.
	yamlSafe = regexp.MustCompile(`^[A-Za-z0-9_/][A-Za-z0-9_./+=@%^~$*!?;()<>|&:-]*$`)
	// yamlTyped is what some reader may take for a number or a date, in the
	// wider syntax of YAML 1.1: 1_000, 0x1F, 12:30:45, 2001-01-01, 1e3.
	yamlTyped = regexp.MustCompile(`^[0-9][0-9A-Fa-f_.:xoXOTtZzEe+-]*$`)
	yamlWord  = regexp.MustCompile(`^(?i:y|n|yes|no|on|off|true|false|null|nan|inf)$`)
)

// yamlPlain tells whether a value is text to every reader without quotes.
func yamlPlain(value string, flow bool) bool {
	for word := range strings.SplitSeq(value, " ") {
		if !yamlSafe.MatchString(word) || strings.HasSuffix(word, ":") {
			return false
		}
	}
	if flow && strings.ContainsAny(value, ":?") {
		return false
	}
	return !yamlTyped.MatchString(value) && !yamlWord.MatchString(value)
}

// yamlBare gives the pattern of values that keep a type without quotes.
func yamlBare(literal, value string) bool {
	switch literal {
	case "int":
		return jsonNumber.MatchString(value) && !strings.ContainsAny(value, ".eE")
	case "float":
		return jsonNumber.MatchString(value)
	case "bool":
		return value == "true" || value == "false"
	}
	return false
}
