package runbook

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/estate"
)

// byHand tells what the commands of the procedures take for granted, as far
// as they do, and where one needs to be logged in.
func (p *page) byHand(procedures string) {
	p.line("\n## By hand\n\n- A value belongs neither on a command line nor in a chat, a ticket or a file that others can read. Commands here ask for it.")
	for _, hint := range []struct{ if_, text string }{
		{"read -rs", "`read -rs VALUE` waits for a value and does not show it: paste it, then press Enter. `unset VALUE` when you are done."},
		{"@credential.header", "`credential.header` is a file of mode 0600 with one line, the header that carries the connection's credential, such as `Authorization: Bearer …`; `value.header` is the same with the new value. Delete both when you are done."},
		{"@body", "`body` is a file of mode 0600 with the text that stands behind the command, and the new value in its place. Delete it when you are done."},
		{"{id}", "`{id}` stands for the id of what a command before it has made, or of each thing that it has found."},
		{"< request", "`request` is a file of mode 0600, as the [protocol](https://github.com/pawlhq/pawl/blob/main/docs/formats/exec-protocol.md) describes it. Delete it when you are done."},
		{"{{", "In a form, `{{.user}}` stands for that part of the value, `{{.value}}` for the whole, and `urlquery` and `json` for escaping it as a URL or JSON has it."},
		{"YYYYMMDD", "`YYYYMMDD` is today."},
		{"NEXT", "`NEXT` is the number of the new version, one more than that of the old one; at first 1."},
	} {
		if strings.Contains(procedures, hint.if_) {
			p.line("- %s", hint.text)
		}
	}
	if names := p.placeholders(procedures); len(names) > 0 {
		p.line("- Words in capitals stand for what you find when you are there: %s.", joined(names, ", ", func(s string) string { return "`" + s + "`" }))
	}
	p.connections()
}

// placeholders lists the words that stand for something: what is found, and
// what drivers write.
func (p *page) placeholders(text string) []string {
	found := slices.Sorted(maps.Keys(p.capitals))
	for _, word := range []string{"ADMIN_KEY", "APIKEY_ID", "ENDPOINT", "EVT_ID", "LOGIN_ROLE", "NAMES", "OLD_ROLE", "TOKEN_ID", "WE_ID"} {
		if strings.Contains(text, word) {
			found = append(found, word)
		}
	}
	slices.Sort(found)
	return found
}

// connections tells where one needs to be logged in, and where pawl finds its
// own credential.
func (p *page) connections() {
	names := slices.Sorted(maps.Keys(p.estate.Connections))
	if len(names) == 0 {
		return
	}
	p.line("\n| Connection | At | Pawl's own credential |\n|---|---|---|")
	for _, name := range names {
		c := p.estate.Connections[name]
		credential := "none"
		if c.Credential.Scheme != "" {
			credential = code(c.Credential.String(), true)
		}
		p.line("| %s | %s | %s |", prose(name), prose(p.at(c)), credential)
	}
}

// at names the account that a connection reaches: its driver, and the
// settings that it cannot be without.
func (p *page) at(c estate.Connection) string {
	spec, ok := p.catalog.Spec(c.Driver)
	if !ok {
		return c.Driver
	}
	text := spec.Title
	for _, f := range spec.Connection {
		if v := c.Settings[f.Name]; f.Required && v != nil {
			text += fmt.Sprintf(", %s %v", f.Name, v)
		}
	}
	return text
}
