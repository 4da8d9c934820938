package main

import (
	"slices"
	"strings"
	"testing"
)

func TestJudgesGraphQL(t *testing.T) {
	shop, err := loadGraphQL("testdata/shop.graphql")
	if err != nil {
		t.Fatal(err)
	}
	const query = `{"query":"query K($n: String!) { key(name: $n) { id made uses names } }","variables":{"n":"a"}}`
	const whole = `{"data":{"key":{"id":"1","made":null,"uses":3,"names":["a"]}}}`
	for _, c := range []struct {
		name, sent, answer string
		want               []string
	}{
		{"whole", query, whole, nil},
		{"nothing found", query, `{"data":{"key":null},"errors":[{"message":"no"}]}`, nil},
		{"unknown field", `{"query":"query K { key(name: \"a\") { colour } }"}`, whole, []string{"request query: "}},
		{"wrong variable", strings.Replace(query, `"n":"a"`, `"n":7`, 1), whole, []string{"request variables: "}},
		{"no query", "x", whole, []string{"request body: "}},
		{"null", query, strings.Replace(whole, `"uses":3`, `"uses":null`, 1), []string{"answer /data/key/uses: null"}},
		{"missing", query, strings.Replace(whole, `"uses":3,`, ``, 1), []string{"answer /data/key/uses: was asked for"}},
		{"more", query, strings.Replace(whole, `"uses":3`, `"uses":3,"colour":1`, 1), []string{"answer /data/key/colour: was not asked for"}},
		{"of another type", query, strings.Replace(whole, `"uses":3`, `"uses":3.5`, 1), []string{"answer /data/key/uses: does not fit Int"}},
		{"no time", query, strings.Replace(whole, `"made":null`, `"made":"soon"`, 1), []string{"answer /data/key/made: does not fit ISO8601DateTime"}},
		{"no list", query, strings.Replace(whole, `["a"]`, `"a"`, 1), []string{"answer /data/key/names: is no list"}},
		{"wordless error", query, `{"data":null,"errors":[{}]}`, []string{"answer /errors: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, got, err := shop.judge(call("POST", "/graphql", c.sent, 200, c.answer))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(got, c.want, strings.HasPrefix) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
