package document

import (
	"bytes"
	"regexp"
	"strings"
)

// dotenvSyntax reads the common ground of the dotenv dialects. A line is
// blank, a comment that starts with #, or a key, an equals sign and a value;
// the word export may stand in front. Blanks around the equals sign are
// allowed. A value is one of
//
//   - bare: to the end of the line, without blanks at its ends; a # after a
//     blank starts a comment; nothing is an escape;
//   - in single quotes or backticks: as it stands, also over several lines;
//   - in double quotes, also over several lines: \n \r \t \" \\ \$ and \` are
//     escapes, any other backslash is itself.
//
// A $ or ${NAME} is text: nothing is expanded, and what is written is quoted
// so that other readers do not expand it either, wherever that is possible. A
// name alone on its line has no value and is left alone.
type dotenvSyntax struct{}

var (
	dotenvLine = regexp.MustCompile(`^[ \t]*(?:(export)[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*(=?)[ \t]*`)
	dotenvBare = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]*$`) // the same to every reader, shells too
)

func (dotenvSyntax) parse(body []byte) ([]*node, error) {
	root := &node{kind: mapping, end: len(body)}
	for at := 0; at < len(body); {
		line := body[at:lineEnd(body, at)]
		if text := bytes.TrimSpace(line); len(text) == 0 || text[0] == '#' {
			at = nextLine(body, at)
			continue
		}
		e, err := dotenvEntry(body, at)
		if err != nil {
			return nil, err
		}
		root.entries = append(root.entries, e)
		at = nextLine(body, e.value.end)
	}
	return []*node{root}, nil
}

// dotenvEntry reads the field on the line that starts at at.
func dotenvEntry(body []byte, at int) (entry, error) {
	line := body[at:lineEnd(body, at)]
	m := dotenvLine.FindSubmatchIndex(line)
	if m == nil {
		return entry{}, invalid(at, "the line is no comment and has no NAME=value")
	}
	e := entry{key: string(line[m[4]:m[5]]), start: at, value: &node{start: at + m[1]}}
	if m[6] == m[7] {
		if m[1] != len(line) {
			return e, invalid(at+m[1], "an equals sign is expected after the name")
		}
		e.value.kind, e.value.end = opaque, at+m[1]
		e.value.shared = "the name stands without a value"
		return e, nil
	}
	if c := body[at+m[1] : at+len(line)]; len(c) > 0 && strings.IndexByte("\"'`", c[0]) >= 0 {
		return e, dotenvQuoted(body, e.value)
	}
	dotenvUnquoted(line, at, at+m[7], e.value)
	return e, nil
}

// dotenvUnquoted reads a bare value; n starts after the blanks, sign is where
// the equals sign ends. A comment right after blanks leaves the value empty.
func dotenvUnquoted(line []byte, lineAt, sign int, n *node) {
	text := line[sign-lineAt:]
	end := len(text)
	for i := 1; i < len(text); i++ {
		if text[i] == '#' && (text[i-1] == ' ' || text[i-1] == '\t') {
			end = i
			break
		}
	}
	value := bytes.Trim(text[:end], " \t\r")
	if len(value) == 0 {
		n.start, n.end = sign, sign
		return
	}
	n.end = n.start + len(value)
	n.value = string(value)
}

// dotenvQuoted reads a quoted value and wants nothing but a comment after it.
func dotenvQuoted(body []byte, n *node) error {
	quote := body[n.start]
	n.quote = string(quote)
	end := n.start + 1
	for end < len(body) && body[end] != quote {
		if quote == '"' && body[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(body) {
		return invalid(n.start, "a quoted value has no closing quote")
	}
	n.end = end + 1
	rest := bytes.TrimSpace(body[n.end:lineEnd(body, n.end)])
	if len(rest) > 0 && rest[0] != '#' {
		return invalid(n.end, "there is more after a closing quote")
	}
	n.value = strings.ReplaceAll(string(body[n.start+1:end]), "\r\n", "\n")
	if quote == '"' {
		n.value = dotenvUnescape.Replace(n.value)
	}
	return nil
}

var (
	dotenvUnescape = strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", `\"`, `"`, `\\`, `\`, `\$`, `$`, "\\`", "`")
	dotenvEscape   = strings.NewReplacer("\r", `\r`, `"`, `\"`, `\`, `\\`, `$`, `\$`, "`", "\\`")
)

func (dotenvSyntax) rewrite(body []byte, p place, value string) []edit {
	n := p.node
	breaks := bytes.Contains(body[n.start:n.end], []byte("\n"))
	var edits []edit
	for _, text := range dotenvWays(n.quote, breaks, value, eolOf(body)) {
		edits = append(edits, edit{n.start, n.end, text})
	}
	return edits
}

// dotenvWays gives the ways to write a value, best first. Single quotes mean
// the same to nearly every reader. Double quotes are read alike only while
// they hold no escape but \n; so they give way when there is a choice.
func dotenvWays(quote string, breaks bool, value, eol string) []string {
	if strings.Contains(value, "\x00") {
		return nil
	}
	special := strings.ContainsAny(value, "\"\\$`\r")
	lines := strings.ReplaceAll(value, "\n", eol)
	double := `"` + strings.ReplaceAll(dotenvEscape.Replace(value), "\n", `\n`) + `"`
	if breaks {
		double = `"` + strings.ReplaceAll(dotenvEscape.Replace(value), "\n", eol) + `"`
	}
	var ways []string
	if quote == "" && dotenvBare.MatchString(value) {
		ways = append(ways, value)
	}
	if quote == "`" && !strings.ContainsAny(value, "`\r") && (breaks || !strings.Contains(value, "\n")) {
		ways = append(ways, "`"+lines+"`")
	}
	literal := !strings.ContainsAny(value, "'\r")
	oneLine := !strings.Contains(value, "\n")
	if literal && (special || (quote != `"` && (oneLine || (breaks && quote == "'")))) {
		ways = append(ways, "'"+lines+"'")
	}
	return append(ways, double)
}

func (dotenvSyntax) insert(body []byte, p place, value string) []edit {
	root := p.parent()
	export, quote := "", ""
	for i, e := range root.entries {
		m := dotenvLine.FindSubmatchIndex(body[e.start:lineEnd(body, e.start)])
		if i == 0 && m[2] >= 0 {
			export = "export "
		}
		if m[2] < 0 {
			export = ""
		}
		quote = e.value.quote
	}
	var edits []edit
	for _, text := range dotenvWays(quote, false, value, eolOf(body)) {
		edits = append(edits, appendLine(body, export+p.missing[0]+"="+text))
	}
	return edits
}

func (dotenvSyntax) remove(body []byte, p place) []edit {
	e := p.entry()
	return []edit{cutLines(body, e.start, nextLine(body, e.value.end))}
}
