package http

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

// listOf answers each path with a body; others are not there.
func listOf(pages map[string]string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		body, ok := pages[r.URL.RequestURI()]
		if !ok {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
		return true
	}
}

func discoverIn(t *testing.T, pages map[string]string, more estate.Settings) ([]string, error) {
	t.Helper()
	s, base := serve(t)
	for path, body := range pages {
		pages[path] = strings.ReplaceAll(body, "BASE", base)
	}
	s.answer = listOf(pages)
	settings := estate.Settings{"path": "/orgs", "items": "orgs", "set": map[string]string{"path": "/orgs/{id}/secrets"}}
	for k, v := range more {
		settings[k] = v
	}
	c := open(t, estate.Settings{"base": base}, admin)
	found, err := c.Discover(context.Background(), driver.Target{Kind: "list", Settings: settings})
	var paths []string
	for _, target := range found {
		paths = append(paths, target.Settings.String("path"))
	}
	return paths, err
}

func TestListFillsSettingsFromItems(t *testing.T) {
	for _, tt := range []struct {
		name  string
		pages map[string]string
		more  estate.Settings
		want  string
	}{
		{"all", map[string]string{"/orgs": `{"orgs":[{"id":1},{"id":"b"}]}`}, nil, "/orgs/1/secrets /orgs/b/secrets"},
		{"none", map[string]string{"/orgs": `{"orgs":[]}`}, nil, ""},
		{"the whole answer", map[string]string{"/orgs": `[{"id":"a"}]`}, estate.Settings{"items": ""}, "/orgs/a/secrets"},
		{"by a place in the item", map[string]string{"/orgs": `{"orgs":[{"id":"a","plan":{"name":"free"}},{"id":"b","plan":{"name":"pro"}},{"id":"c"}]}`},
			estate.Settings{"where": map[string]string{"plan.name": "pro"}}, "/orgs/b/secrets"},
		{"pages by path and URL", map[string]string{"/orgs": `{"orgs":[{"id":"a"}],"next":"/orgs?page=2"}`, "/orgs?page=2": `{"orgs":[{"id":"b"}],"next":"BASE/orgs?page=3"}`, "/orgs?page=3": `{"orgs":[{"id":"c"}]}`},
			estate.Settings{"next": "next"}, "/orgs/a/secrets /orgs/b/secrets /orgs/c/secrets"},
		{"an item that moved to the next page", map[string]string{"/orgs": `{"orgs":[{"id":"a"}],"next":"/orgs?page=2"}`, "/orgs?page=2": `{"orgs":[{"id":"a"},{"id":"b"}]}`},
			estate.Settings{"next": "next"}, "/orgs/a/secrets /orgs/b/secrets"},
		{"a strange id stays in its segment", map[string]string{"/orgs": `{"orgs":[{"id":"../admin?x=1#y"}]}`}, nil, "/orgs/..%2Fadmin%3Fx=1%23y/secrets"},
	} {
		got, err := discoverIn(t, tt.pages, tt.more)
		if err != nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

// A list that cannot be read whole, or whose items cannot be told apart, would
// leave targets with the old value.
func TestListIsWholeOrAnError(t *testing.T) {
	whole := `{"orgs":[{"id":"a","name":"x\"y"}],"next":"/orgs?page=2"}`
	for _, tt := range []struct {
		name string
		body string
		more estate.Settings
		kind driver.ErrorKind
	}{
		{"no list there", `{"tenants":[]}`, nil, driver.Malformed},
		{"an object there", `{"orgs":{"id":"a"}}`, nil, driver.Malformed},
		{"no JSON", `<html>`, nil, driver.Malformed},
		{"an item without the text", `{"orgs":[{"id":"a"},{"name":"b"}]}`, nil, driver.Malformed},
		{"an item with an empty text", `{"orgs":[{"id":""}]}`, nil, driver.Malformed},
		{"two items, one target", `{"orgs":[{"id":"a","n":1},{"id":"a","n":2}]}`, nil, driver.Invalid},
		{"nothing of the item", whole, estate.Settings{"set": map[string]string{"path": "/secrets"}}, driver.Invalid},
		{"a text that ends another", whole, estate.Settings{"set": map[string]string{"body": `{"org":"{name}"}`}}, driver.Malformed},
		{"a next page that is missing", whole, estate.Settings{"next": "next"}, driver.NotFound},
		{"a next page elsewhere", `{"orgs":[],"next":"https://elsewhere.invalid/orgs"}`, estate.Settings{"next": "next"}, driver.Malformed},
		{"a next page in a circle", `{"orgs":[],"next":"/orgs"}`, estate.Settings{"next": "next"}, driver.Malformed},
		{"a path that is none", whole, estate.Settings{"path": "orgs"}, driver.Invalid},
	} {
		got, err := discoverIn(t, map[string]string{"/orgs": tt.body}, tt.more)
		if e := driver.AsError("", err); e == nil || e.Kind != tt.kind || len(got) > 0 {
			t.Errorf("%s: %q, %v; want %s", tt.name, got, err, tt.kind)
		}
	}
}
