package github_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/vendorsim/github"
)

// The two ways to an environment: by the repository's name and by its number.
func environments(w *world) []string {
	const escaped = "/environments/prod%2Feu%20%231/secrets"
	return []string{site + escaped, fmt.Sprintf("/repositories/%d%s", w.repo, escaped)}
}

func TestSecretIsWrittenChangedAndRemoved(t *testing.T) {
	w := newWorld(t, github.Config{})
	for under, scope := range map[string]github.Scope{
		secrets:                      github.Repo("acme/site"),
		site + "/dependabot/secrets": github.DependabotRepo("acme/site"),
		environments(w)[0]:           github.Environment("acme/site", "prod/eu #1"),
		environments(w)[1]:           github.Environment("acme/site", "prod/eu #1"),
	} {
		t.Run(under, func(t *testing.T) {
			c := w.owner()
			c.call("GET", under+"/TOKEN", nil).refused(404)
			if made := c.put(under, "TOKEN", "first").want(201); string(made.raw) != "{}" {
				t.Errorf("a new secret is answered with %d bytes, want {}", len(made.raw))
			}
			first := c.call("GET", under+"/TOKEN", nil).want(200).has(nil, "name", "created_at", "updated_at")
			if len(first.body.(map[string]any)) != 3 {
				t.Errorf("it tells more than its name and times: %v", first.body)
			}
			c.put(under, "token", "second").empty(204) // the same: names know no case
			if got := c.call("GET", under+"/TOKEN", nil); !got.instant("updated_at").Equal(first.instant("updated_at")) {
				t.Error("the time moved within its second")
			}
			w.pass(time.Second)
			c.put(under, "TOKEN", "third").empty(204)
			got := c.call("GET", under+"/TOKEN", nil)
			if !got.instant("updated_at").Equal(first.instant("updated_at").Add(time.Second)) || !got.instant("created_at").Equal(first.instant("created_at")) {
				t.Errorf("times %v after a write", got.body)
			}
			if value, _ := w.SecretValue(scope, "TOKEN"); value != "third" {
				t.Error("the place does not hold what was sealed")
			}
			c.call("DELETE", under+"/TOKEN", nil).empty(204)
			c.call("DELETE", under+"/TOKEN", nil).refused(404)
		})
	}
}

func TestBoxIsReallyOpened(t *testing.T) {
	w := newWorld(t, github.Config{})
	c := w.owner()
	good := c.sealed(secrets, "value")
	other := c.sealed(site+"/dependabot/secrets", "value")
	if good["key_id"] == other["key_id"] {
		t.Error("Actions and Dependabot have one key")
	}
	for name, body := range map[string]map[string]any{
		"sealed for another place": {"key_id": good["key_id"], "encrypted_value": other["encrypted_value"]},
		"another place's key":      other,
		"not sealed":               {"key_id": good["key_id"], "encrypted_value": "dmFsdWU="},
		"not base64":               {"key_id": good["key_id"], "encrypted_value": "%%%"},
		"no value":                 {"key_id": good["key_id"]},
		"no key":                   {"encrypted_value": good["encrypted_value"]},
		"too large":                c.sealed(secrets, strings.Repeat("x", 48<<10+1)),
	} {
		c.call("PUT", secrets+"/TOKEN", body).refused(422).has([]any{"errors", 0}, "resource", "field", "code", "message")
		if _, ok := w.SecretValue(github.Repo("acme/site"), "TOKEN"); ok {
			t.Fatalf("%s: it was stored", name)
		}
	}
	for _, name := range []string{"GITHUB_TOKEN", "1ST", "A-B"} {
		c.call("PUT", secrets+"/"+name, good).refused(422)
	}
	c.call("PUT", secrets+"/TOKEN", c.sealed(secrets, strings.Repeat("x", 48<<10))).want(201)
}

func TestPlaceIsFull(t *testing.T) {
	w := newWorld(t, github.Config{})
	c := w.owner()
	for i := range 100 {
		w.SetSecret(github.Repo("acme/site"), fmt.Sprintf("S%03d", i), "x")
	}
	c.put(secrets, "ONE_MORE", "x").refused(422)
	c.put(secrets, "S000", "y").empty(204)
}

func TestOrgSecretIsSeenByWhomTheWriteSays(t *testing.T) {
	for _, kind := range []string{"actions", "dependabot"} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, github.Config{})
			under, scope := "/orgs/acme/"+kind+"/secrets", github.Org("acme")
			if kind == "dependabot" {
				scope = github.DependabotOrg("acme")
			}
			c := w.owner()
			write := func(more map[string]any) answer {
				body := c.sealed(under, "value")
				for k, v := range more {
					body[k] = v
				}
				return c.call("PUT", under+"/TOKEN", body)
			}
			write(nil).refused(422) // visibility is required
			write(map[string]any{"visibility": "public"}).refused(422)
			write(map[string]any{"visibility": "all", "selected_repository_ids": []any{w.repo}}).refused(422)
			write(map[string]any{"visibility": "selected", "selected_repository_ids": []any{w.repo, fmt.Sprint(w.repo + 1)}}).want(201)
			if visibility, ids := w.SecretAudience(scope, "TOKEN"); visibility != "selected" || len(ids) != 2 {
				t.Errorf("%s by %v: ids may be numbers and texts", visibility, ids)
			}
			got := c.call("GET", under+"/TOKEN", nil).want(200).has(nil, "name", "created_at", "updated_at", "visibility")
			if got.text("visibility") != "selected" || !strings.HasSuffix(got.text("selected_repositories_url"), under+"/TOKEN/repositories") {
				t.Errorf("it shows %v", got.body)
			}
			seen := c.call("GET", under+"/TOKEN/repositories", nil).want(200)
			if seen.number("total_count") != 1 || seen.number("repositories", 0, "id") != w.repo {
				t.Errorf("it is seen by %v", seen.at("total_count"))
			}
			seen.has([]any{"repositories", 0}, minimalRepository()...).has([]any{"repositories", 0, "owner"}, simpleUser()...)
			write(map[string]any{"visibility": "private"}).empty(204) // who forgets it has changed it
			if got := c.call("GET", under+"/TOKEN", nil); got.text("visibility") != "private" || got.at("selected_repositories_url") != nil {
				t.Errorf("after a write with another visibility: %v", got.body)
			}
			list := c.call("GET", under, nil).want(200).has([]any{"secrets", 0}, "name", "created_at", "updated_at", "visibility")
			if list.number("total_count") != 1 {
				t.Errorf("the list has %d", list.number("total_count"))
			}
			c.call("DELETE", under+"/TOKEN", nil).empty(204)
			c.call("GET", "/orgs/none/"+kind+"/secrets/public-key", nil).refused(404)
		})
	}
}

func TestListsComeInPages(t *testing.T) {
	w := newWorld(t, github.Config{})
	for i := range 70 {
		w.SetSecret(github.Repo("acme/site"), fmt.Sprintf("S%03d", i), "x")
	}
	c := w.owner()
	for _, tt := range []struct {
		query string
		n     int
		first string
		rels  []string
	}{
		{"", 30, "S000", []string{"next", "last"}},
		{"?page=3", 10, "S060", []string{"first", "prev"}},
		{"?per_page=50&page=2", 20, "S050", []string{"first", "prev"}},
		{"?per_page=20&page=2", 20, "S020", []string{"first", "prev", "next", "last"}},
		{"?per_page=1000", 70, "S000", nil},
		{"?page=9", 0, "", []string{"first", "prev"}},
	} {
		got := c.call("GET", secrets+tt.query, nil).want(200)
		if got.number("total_count") != 70 || len(got.list("secrets")) != tt.n || got.text("secrets", 0, "name") != tt.first {
			t.Errorf("%q: %d of %d, from %q", tt.query, len(got.list("secrets")), got.number("total_count"), got.text("secrets", 0, "name"))
		}
		link := got.header.Get("Link")
		if strings.Count(link, "rel=") != len(tt.rels) {
			t.Errorf("%q: Link %q, want %v", tt.query, link, tt.rels)
		}
		for _, rel := range tt.rels {
			if !strings.Contains(link, `rel="`+rel+`"`) {
				t.Errorf("%q: Link %q lacks %s", tt.query, link, rel)
			}
		}
	}
}
