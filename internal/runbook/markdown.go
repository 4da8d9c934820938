package runbook

import (
	"net/url"
	"strings"
	"unicode"
)

// prose writes text of the estate as GitHub Flavored Markdown on one line, so
// that it shows as it was written: nothing of it is markup, HTML, or the end
// of a table's cell. Addresses in it become links by themselves.
func prose(text string) string {
	runes := []rune(oneLine(text))
	var b strings.Builder
	for i, r := range runes {
		switch r {
		case '<':
			b.WriteString("&lt;")
		case '&':
			b.WriteString(ampersand(runes[i:]))
		case '\\', '`', '*', '[', ']', '|', '~', '$': // between two dollars GitHub reads mathematics
			b.WriteString(`\` + string(r))
		case '_': // within a word it means nothing
			if i == 0 || i == len(runes)-1 || !lettered(runes[i-1]) || !lettered(runes[i+1]) {
				b.WriteByte('\\')
			}
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// block is prose at the beginning of a line, where a mark or a number would
// begin a heading, a quote, a list or an underline.
func block(text string) string {
	text = prose(text)
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	switch {
	case text != "" && strings.ContainsRune("#>+-=", rune(text[0])):
		return `\` + text
	case digits > 0 && digits < len(text) && strings.ContainsRune(".)", rune(text[digits])):
		return text[:digits] + `\` + text[digits:]
	default:
		return text
	}
}

// ampersand writes the one that a text goes on with. Where it would begin an
// entity it is written as one.
func ampersand(text []rune) string {
	for i, r := range text[1:] {
		switch {
		case r == ';' && i > 0:
			return "&amp;"
		case r != '#' && !wordly(r):
			return "&"
		}
	}
	return "&"
}

func wordly(r rune) bool { return lettered(r) || r == '_' }

func lettered(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// code writes text as a code span: between more backticks than it has in a
// row. A pipe is escaped, which a table needs and GitHub takes back there.
func code(text string, inTable bool) string {
	text = oneLine(text)
	if inTable {
		text = strings.ReplaceAll(text, "|", `\|`)
	}
	ticks := strings.Repeat("`", longestRun(text)+1)
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return ticks + text + ticks
}

// fence writes lines as a code block of a language, each behind indent.
func fence(commands, language, indent string) string {
	ticks := strings.Repeat("`", max(3, longestRun(commands)+1))
	lines := append([]string{ticks + language}, strings.Split(strings.TrimRight(commands, "\n"), "\n")...)
	return indent + strings.Join(append(lines, ticks), "\n"+indent)
}

func longestRun(text string) int {
	longest, run := 0, 0
	for _, r := range text {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// link writes an address so that it can be followed, and as text where it is
// none of the web.
func link(address string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return prose(address)
	}
	return "<" + strings.NewReplacer("<", "%3C", ">", "%3E", " ", "%20").Replace(u.String()) + ">" // a query is kept as it was written
}

// slug is the anchor that GitHub gives a heading: lower case, without marks,
// hyphens for spaces.
func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || wordly(r):
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, heading)
}

// capital begins a text with a capital letter.
func capital(text string) string {
	runes := []rune(text)
	if len(runes) > 0 {
		runes[0] = unicode.ToUpper(runes[0])
	}
	return string(runes)
}

// ended ends a text with a full stop, unless it has its own end.
func ended(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?:") {
		return text
	}
	return text + "."
}
