package estate

import (
	"fmt"
	"strings"
	"text/template"
	"time"
	"unicode"

	"github.com/pawlhq/pawl/secret"
)

// Manual says what a person types or does in pawl's place, by act: "mint",
// "revoke", "deactivate", "put", "check", "discover", or the kind of an
// activation. It is shown to whoever acts by hand, and goes into the runbook
// that `pawl runbook` writes for the day when pawl is down; an act that is
// missing there is told in words. It never holds a value.
//
// Each is a text/template over the settings of the kind and of its connection;
// {{.connection.user}} is a connection's where the kind has one of that name
// too, {{.connection.credential}} its reference or nothing, and {{.draw}} a
// command that draws a value by the secret's format. It is either a sentence or
// commands, one a line, and IsSentence tells which. {{sh .path}} writes a setting
// as one word of a shell, several as one word together; {{line .body}} writes
// one as a single line, for a comment.
type Manual map[string]string

// Text gives what a person does for an act, filled with data, as ManualData
// has it; "" where there is nothing. It fails where the text needs what data
// has not.
func (m Manual) Text(act string, data map[string]any) (string, error) {
	if m[act] == "" {
		return "", nil
	}
	t, err := template.New(act).Option("missingkey=error").Funcs(template.FuncMap{"sh": word, "line": oneLine}).Parse(m[act])
	var out strings.Builder
	if err == nil {
		err = t.Execute(&out, data)
	}
	if err != nil {
		return "", fmt.Errorf("what a person does for %q cannot be written: %w", act, err)
	}
	return out.String(), nil
}

// IsSentence reports whether what a person is told is a sentence; anything
// else is commands. A sentence begins with a capital letter and a small one,
// or a space: no command does.
func IsSentence(text string) bool {
	letters := []rune(text)
	return len(letters) > 1 && unicode.IsUpper(letters[0]) && (unicode.IsLower(letters[1]) || letters[1] == ' ')
}

// ManualData is what the texts of a use are filled with: the settings of a
// connection and of the kind, those that are left out as nothing, and how a
// value is drawn by a format.
func ManualData(c Connection, u Use, f secret.Format) map[string]any {
	of := map[string]any{"credential": c.Credential.String()}
	data := map[string]any{"connection": of, "draw": f.Command()}
	for name, v := range c.Settings {
		data[name], of[name] = typed(v), typed(v)
	}
	for _, f := range u.Facts.Fields {
		switch f.Type {
		case List:
			data[f.Name] = []string(nil)
		case Map:
			data[f.Name] = map[string]string(nil)
		default:
			data[f.Name] = ""
		}
	}
	for name, v := range u.Settings {
		data[name] = typed(v)
	}
	return data
}

// typed writes a duration as the vendors' own tools read it: 175200h, 90m.
// Other settings stay as they are.
func typed(v any) any {
	d, ok := v.(time.Duration)
	if !ok {
		return v
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// word writes texts, put together, as one word of a POSIX shell, in quotes
// where it needs them.
func word(texts ...any) string {
	var b strings.Builder
	for _, t := range texts {
		fmt.Fprint(&b, t)
	}
	text := b.String()
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("-_./:@%+,=", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// oneLine writes a text as a single line: a line break would end the comment
// that it stands in.
func oneLine(text any) string { return strings.Join(strings.Fields(fmt.Sprint(text)), " ") }
