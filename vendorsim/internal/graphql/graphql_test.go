package graphql_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/vendorsim/internal/graphql"
)

func parse(t *testing.T, document string, variables map[string]any) graphql.Operation {
	t.Helper()
	op, err := graphql.Parse(document, variables)
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	return op
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, document string
		want           graphql.Operation
	}{
		{"the short form", `{ app { id } }`, graphql.Operation{Fields: []graphql.Field{{Alias: "app", Name: "app", Fields: []graphql.Field{{Alias: "id", Name: "id"}}}}}},
		{"a query with a name", `query Q { a }`, graphql.Operation{Fields: []graphql.Field{{Alias: "a", Name: "a"}}}},
		{"a mutation with variables", `mutation M($in: T!, $n: [Int!] = 3) { a(in: $in) { b } }`, graphql.Operation{Mutation: true,
			Fields: []graphql.Field{{Alias: "a", Name: "a", Args: map[string]any{"in": "given"}, Fields: []graphql.Field{{Alias: "b", Name: "b"}}}}}},
		{"an alias, commas and a comment", "{ x: a, # a comment }\n b }", graphql.Operation{Fields: []graphql.Field{{Alias: "x", Name: "a"}, {Alias: "b", Name: "b"}}}},
		{"a byte order mark", "\ufeff{ a }", graphql.Operation{Fields: []graphql.Field{{Alias: "a", Name: "a"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := parse(t, c.document, map[string]any{"in": "given"}); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestValues(t *testing.T) {
	for text, want := range map[string]any{
		`1`: 1.0, `-2.5e3`: -2500.0, `true`: true, `false`: false, `null`: nil, `ENUM`: "ENUM", `Infinity`: "Infinity", `NaN`: "NaN", `inf`: "inf",
		`"a b"`: "a b", `""`: "", `"a\"b\\\/\u00e4\ud83d\ude00"`: `a"b\/ä😀`, `"} # $x"`: "} # $x",
		`[1, "a", [true]]`: []any{1.0, "a", []any{true}}, `[]`: []any{}, `{a: 1, b: {c: $v}}`: map[string]any{"a": 1.0, "b": map[string]any{"c": "given"}},
		`$v`: "given", `$missing`: nil,
	} {
		op := parse(t, `{ f(x: `+text+`) }`, map[string]any{"v": "given"})
		if got := op.Fields[0].Args["x"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v, want %#v", text, got, want)
		}
	}
}

// unreadable are documents that no server takes, or that this one does not
// know.
func unreadable() []string {
	return []string{"", "{", "}", "{ a", "{ a(", "{ a(x", "{ a(x:", "{ a(x: }", `{ a(x: ") }`, `{ a(x: "\q") }`, `{ a(x: """block""") }`, "{ a(x: [1) }", "{ a(x: $) }", "{ a(x: -) }", "{ a(x: 1x) }",
		"{ a: }", "{ : a }", "subscription { a }", "{ a } { b }", "{ a } fragment F on T { b }", "query Q", "{ a(x: 1 }", "{ 'a' }", "{ a @include(if: true) }",
		strings.Repeat("{a", 40) + strings.Repeat("}", 40), "{ a(x: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + ") }"}
}

func TestParseRefuses(t *testing.T) {
	for _, document := range unreadable() {
		if op, err := graphql.Parse(document, nil); err == nil {
			t.Errorf("%q is read as %+v", document, op)
		}
	}
}

// TestErrorsHideValues: a value may stand in a document.
func TestErrorsHideValues(t *testing.T) {
	for _, document := range []string{`{ a(x: "c4n4ry"`, `{ a(x: "c4n4ry\q") }`, `{ a(x: "c4n4ry" "y") }`, `{ a("c4n4ry") }`, `{ "c4n4ry" }`, `{ a } "c4n4ry"`} {
		if _, err := graphql.Parse(document, nil); err == nil || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%s: %v", strings.ReplaceAll(document, "c4n4ry", "…"), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, document := range append(unreadable(), `mutation M($in: T!) { a(in: $in, s: "x\n") { b: c(n: [1, -2.5]) { d } } } # end`) {
		f.Add(document)
	}
	f.Fuzz(func(t *testing.T, document string) {
		op, err := graphql.Parse(document, map[string]any{"v": "given"})
		again, errAgain := graphql.Parse(document, map[string]any{"v": "given"})
		if !reflect.DeepEqual(op, again) || (err == nil) != (errAgain == nil) {
			t.Error("reading twice gives two answers")
		}
		if err != nil {
			return
		}
		if _, err := json.Marshal(op); err != nil {
			t.Errorf("what was read cannot stand in an answer: %v", err)
		}
		graphql.Execute(op, graphql.Object{"a": graphql.Object{"b": 1}})
	})
}

// root is a vendor's world of one app with two secrets.
func root() graphql.Object {
	return graphql.Object{
		"app": graphql.Resolver(func(args map[string]any) (any, error) {
			if args["name"] != "web" {
				return nil, &graphql.Error{Message: "Could not find App", Extensions: map[string]any{"code": "NOT_FOUND"}}
			}
			return graphql.Object{"id": "1", "name": "web", "release": nil, "secrets": []graphql.Object{{"name": "A", "digest": "x"}, {"name": "B", "digest": "y"}}}, nil
		}),
		"viewer": graphql.Object{"email": "a@example.com"},
		"broken": graphql.Resolver(func(map[string]any) (any, error) { return nil, errors.New("boom") }),
		"none":   graphql.Object(nil),
	}
}

func TestExecute(t *testing.T) {
	for _, c := range []struct{ name, document, want string }{
		{"what is selected and no more", `{ app(name: "web") { name secrets { name } } }`, `{"data":{"app":{"name":"web","secrets":[{"name":"A"},{"name":"B"}]}}}`},
		{"aliases", `{ one: app(name: "web") { n: name } two: viewer { email } }`, `{"data":{"one":{"n":"web"},"two":{"email":"a@example.com"}}}`},
		{"null for nothing", `{ app(name: "web") { release { id } } none { id } }`, `{"data":{"app":{"release":null},"none":null}}`},
		{"an error beside an answer", `{ x: app(name: "other") { id } viewer { email } }`,
			`{"data":{"viewer":{"email":"a@example.com"},"x":null},"errors":[{"message":"Could not find App","path":["x"],"extensions":{"code":"NOT_FOUND"}}]}`},
		{"an ordinary error", `{ broken }`, `{"data":{"broken":null},"errors":[{"message":"boom","path":["broken"]}]}`},
		{"a field that is not there", `{ app(name: "web") { colour } }`, `{"data":{"app":null},"errors":[{"message":"Field 'colour' doesn't exist here","path":["app"]}]}`},
		{"an object without selections", `{ viewer }`, `{"data":{"viewer":null},"errors":[{"message":"Field 'viewer' must have selections","path":["viewer"]}]}`},
		{"a list without selections", `{ app(name: "web") { secrets } }`, `{"data":{"app":null},"errors":[{"message":"Field 'secrets' must have selections","path":["app"]}]}`},
		{"a scalar with selections", `{ viewer { email { x } } }`, `{"data":{"viewer":null},"errors":[{"message":"Selections can't be made on scalars (field 'email')","path":["viewer"]}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := json.Marshal(graphql.Execute(parse(t, c.document, nil), root()))
			if err != nil || string(got) != c.want {
				t.Errorf("got %s, want %s: %v", got, c.want, err)
			}
		})
	}
}
