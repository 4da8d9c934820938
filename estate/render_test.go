package estate_test

import (
	"strings"
	"testing"

	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

func parts(pairs ...string) secret.Parts {
	p := secret.Parts{}
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i]] = secret.NewString(pairs[i+1])
	}
	return p
}

func bytesOf(t *testing.T, v secret.Value) string {
	t.Helper()
	s := ""
	if err := v.Use(func(b []byte) error { s = string(b); return nil }); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRender(t *testing.T) {
	one, other := parts("value", "n3w&"), parts("value", "0ld")
	login := parts("user", "app", "password", "p @/'\"\n")
	before := parts("user", "old", "password", "x")
	for _, c := range []struct {
		name, template string
		current        secret.Parts
		accepted       []secret.Parts
		want           string
	}{
		{"as it is", "", one, nil, "n3w&"},
		{"only part under another name", "", parts("key", "k"), nil, "k"},
		{"the value beside derived parts", "", parts("value", "v", "url", "u"), nil, "v"},
		{"accepted with commas", "", one, []secret.Parts{other, one}, "0ld,n3w&"},
		{"accepted alone", "", one, []secret.Parts{one}, "n3w&"},
		{"no HTML escaping", "<{{.value}}>", one, nil, "<n3w&>"},
		{"urlquery", "{{.password | urlquery}}", login, nil, "p%20%40%2F%27%22%0A"},
		{"base64", "{{base64 .value}}", one, nil, "bjN3Jg=="},
		{"base64url", "{{base64url .value}}", one, nil, "bjN3Jg"},
		{"hex", "{{hex .value}}", one, nil, "6e337726"},
		{"json", "{{json .password}}", login, nil, `"p @/'\"\n"`},
		{"json leaves & alone", "{{json .value}}", one, nil, `"n3w&"`},
		{"quote", "{{quote .password}}", login, nil, "'p @/'\\''\"\n'"},
		{"case and trim", "{{.password | trim | upper}}{{lower .user}}", login, nil, "P @/'\"app"},
		{"all", `{{join ";" .all}}`, one, []secret.Parts{other, one}, "0ld;n3w&"},
		{"all in a pipe", `{{.all | join ";"}}`, one, []secret.Parts{other, one}, "0ld;n3w&"},
		{"old and new", "{{.new}} {{.old}}", one, []secret.Parts{other, one}, "n3w& 0ld"},
		{"old is empty when there is one", "[{{.old}}]{{.new}}", one, []secret.Parts{one}, "[]n3w&"},
		{"parts of accepted versions", "{{range .all}}{{.user}};{{end}}", login, []secret.Parts{before, login}, "old;app;"},
		{"old parts", "{{with .old}}{{.user}} {{end}}{{.new.user}}", login, []secret.Parts{before, login}, "old app"},
		{"no old parts", "{{with .old}}{{.user}} {{end}}{{.new.user}}", login, []secret.Parts{login}, "app"},
		{"loop variables", `{{range $i, $v := .all}}{{if $i}},{{end}}{{$v}}{{end}}`, one, []secret.Parts{other, one}, "0ld,n3w&"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := estate.Render(c.template, c.current, c.accepted)
			if err != nil {
				t.Fatal(err)
			}
			if got := bytesOf(t, v); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// What fails must say so without a word of the values.
func TestRenderErrorsHoldNoValue(t *testing.T) {
	const canary = "canary7f3a"
	value, several := parts("value", canary), parts("user", canary, "password", canary)
	long := parts("value", strings.Repeat(canary, 20_000))
	for _, c := range []struct {
		name, template string
		current        secret.Parts
		accepted       []secret.Parts
		want           string
	}{
		{"several parts", "", several, nil, "several parts"},
		{"several accepted parts", "", several, []secret.Parts{several}, "several parts"},
		{"empty value", "", parts("value", ""), nil, "empty"},
		{"no parts", "", secret.Parts{}, nil, "nothing says how"},
		{"nothing to accept", "", value, []secret.Parts{}, "no version"},
		{"empty result", `{{if eq .value "x"}}{{.value}}{{end}}`, value, nil, "empty"},
		{"unknown part", "{{.valeu}}", value, nil, `no part "valeu"`},
		{"field of a text", "{{.value.x}}", value, nil, "no fields"},
		{"index of a text", `{{index .value .value}}`, value, nil, "carried out"},
		{"a value as a part's name", `{{index .all .new}}`, value, []secret.Parts{value}, "carried out"},
		{"join of a text", `{{join "," .value}}`, value, nil, "carried out"},
		{"wrong comparison", `{{eq .value 3}}`, value, nil, "carried out"},
		{"too long", "{{.value | hex | hex}}", long, nil, "too long"},
		{"too long at the end", "{{.value}}{{.value}}", long, nil, "too long"},
		{"syntax", "{{.value", value, nil, "unclosed action"},
		{"printing", "{{print .value}}", value, nil, "no place"},
		{"loop over a number", "{{range 1000000000}}{{end}}{{.value}}", value, nil, "range"},
		{"recursion", `{{define "a"}}{{template "a"}}{{end}}{{template "a"}}`, value, nil, "no place"},
		{"long template", strings.Repeat("x", 17<<10), value, nil, "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := estate.Render(c.template, c.current, c.accepted)
			if err == nil {
				t.Fatalf("no error, and a value of %d bytes", v.Len())
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %q, want something with %q", err, c.want)
			}
			if strings.Contains(err.Error(), canary) {
				t.Error("the error holds the value")
			}
		})
	}
}

func TestRenderDestroyed(t *testing.T) {
	gone := parts("value", "x")
	gone["value"].Destroy()
	for _, template := range []string{"", "{{.value}}"} {
		if _, err := estate.Render(template, gone, nil); err == nil {
			t.Errorf("template %q made a value of a destroyed one", template)
		}
	}
}
