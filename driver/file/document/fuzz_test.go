package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
)

// canary stands in for VALUE in fuzzed documents and values; no error may
// hold it.
const canary = "c4nary7e3f"

// fuzzSet holds the promises of Set and Remove against one input. same
// compares two documents with the eyes of another reader, but for one field.
func fuzzSet(f *testing.F, format Format, same func(t *testing.T, before, after []byte, r route, had bool)) {
	f.Fuzz(func(t *testing.T, doc, path, value string) {
		doc = strings.ReplaceAll(doc, "VALUE", canary)
		value = strings.ReplaceAll(value, "VALUE", canary)
		if strings.Contains(path, canary) {
			return
		}
		_, had, getErr := Get(format, []byte(doc), path)
		noCanary(t, getErr)
		got, err := Set(format, []byte(doc), path, []byte(value))
		noCanary(t, err)
		if err != nil {
			return
		}
		if getErr != nil {
			t.Fatalf("Set worked where Get failed: %v", getErr)
		}
		back, found, err := Get(format, got, path)
		if err != nil || !found || string(back) != value {
			t.Fatalf("Get after Set = %q, %v, %v; want %q\n%q", back, found, err, value, got)
		}
		r, err := parseRoute(format, path)
		if err != nil {
			t.Fatal(err)
		}
		if same != nil {
			same(t, []byte(doc), got, r, had)
		}
		if !had {
			undone, err := Remove(format, got, path)
			noCanary(t, err)
			if _, found, _ := Get(format, undone, path); err == nil && found {
				t.Fatalf("the field is still there: %q", undone)
			}
		}
	})
}

func noCanary(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), canary) {
		t.Fatalf("the error holds a value: %v", err)
	}
}

// flatten gives the leaves of a decoded document by path.
func flatten(prefix string, v any, out map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			flatten(prefix+"\x01"+key, v[key], out)
		}
	case []any:
		for i, below := range v {
			flatten(fmt.Sprintf("%s\x01%d", prefix, i), below, out)
		}
	default:
		out[prefix] = fmt.Sprintf("%T %v", v, v)
	}
}

// without drops the field of a route and everything on the way to it.
func without(leaves map[string]string, r route) map[string]string {
	field := "\x01" + strings.Join(r.segments, "\x01")
	maps.DeleteFunc(leaves, func(path, _ string) bool { return strings.HasPrefix(field, path) })
	return leaves
}

func FuzzSetJSON(f *testing.F) {
	for _, doc := range []string{
		`{"a": "VALUE", "b": [1, {"c": null}], "d": {}}`, "{\r\n\t\"a\": 1\r\n}", ` [ "x" , true ] `, "", `{"\u0061":"x","a":"y"}`,
		`{"a":{"b":{"c":-1.5e+3}}}`, `{"a": "\ud800"}`, `{"": {"": ""}}`, `{"a"`, "{\n}\n",
	} {
		f.Add(doc, "a", "VALUE\n\"\\")
		f.Add(doc, "/b/1/c", "2")
		f.Add(doc, "d.e.f", "x")
	}
	fuzzSet(f, JSON, func(t *testing.T, before, after []byte, r route, _ bool) {
		if len(bytes.TrimSpace(bytes.TrimPrefix(before, []byte(bom)))) == 0 {
			before = []byte("{}")
		}
		if diff := cmp.Diff(without(jsonLeaves(t, before), r), without(jsonLeaves(t, after), r)); diff != "" {
			t.Fatalf("other fields changed:\n%s", diff)
		}
	})
}

func jsonLeaves(t *testing.T, doc []byte) map[string]string {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(doc, []byte(bom))))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("not JSON: %v: %q", err, doc)
	}
	leaves := map[string]string{}
	flatten("", v, leaves)
	return leaves
}

// FuzzParseJSON holds the scanner against encoding/json.
func FuzzParseJSON(f *testing.F) {
	for _, doc := range []string{`{"a":[1,2.5e-3,"x\u00e9",true,null]}`, `[01]`, `"\x"`, `[1,]`, `{"a":1}x`, "\"\t\"", `-`, `[[]`} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		if strings.TrimSpace(doc) == "" || !utf8.ValidString(doc) || strings.Contains(doc, "\x00") || strings.Count(doc, "[")+strings.Count(doc, "{") > maxDepth {
			return
		}
		_, err := jsonSyntax{}.parse([]byte(doc))
		if want := json.Valid([]byte(doc)); want != (err == nil) {
			t.Fatalf("parse(%q) = %v, encoding/json says %v", doc, err, want)
		}
	})
}

func FuzzSetYAML(f *testing.F) {
	for _, doc := range []string{
		"a: VALUE # c\nb:\n  - x\n  - c: |\n      l1\n      l2\n\n# d\nd: {e: 'x', g: [1]}\n", "a: &k VALUE\nb: *k\n", "a: >-\r\n  x\r\n  y\r\n",
		"a: x\n---\nb: [1]\n...\n", "? a\n: b\n", "", "# c", "a:\n", "- a: 1\n  b: \"x\\\n    y\"\n", "{a: x, b: [ {c: } ]}", "a: |+\n  x\n\n\nb: 1\n",
		"x: &k {a: 1}\ny:\n  <<: *k\n", "a: !t VALUE\n", "a: x\n  y #c\n", "a: 'it''s'\n", "a: |2\n   x\n", "\ufeffa: x", "a: x\u2028b: 1\n", "a : x\n",
	} {
		f.Add(doc, "a", "VALUE\nx\n")
		f.Add(doc, "b.1.c", "y")
		f.Add(doc, "d.e.f", "0x1")
		f.Add(doc, "0:new", " VALUE: #x")
	}
	f.Add(":", `""`, ":")  // a key that is null
	f.Add("&&:", "R", "0") // an anchor whose name is a sign
	fuzzSet(f, YAML, func(t *testing.T, before, after []byte, r route, had bool) {
		// The parser drops a comment here and there when a field is added.
		if c := yamlComments(t, before); had && strings.Join(c, "\n") != strings.Join(yamlComments(t, after), "\n") {
			t.Fatalf("comments changed:\n%q\n%q", before, after)
		}
		old, now := yamlLeaves(t, before), yamlLeaves(t, after)
		if len(old) != len(now) {
			t.Fatalf("%d documents, were %d", len(now), len(old))
		}
		for i := range old {
			if diff := cmp.Diff(without(old[i], r), without(now[i], r)); diff != "" {
				t.Fatalf("other fields of document %d changed:\n%s\n%q\n%q", i, diff, before, after)
			}
		}
	})
}

// yamlComments gives all comment lines.
func yamlComments(t *testing.T, doc []byte) []string {
	t.Helper()
	var all []string
	var visit func(n *yaml.Node)
	visit = func(n *yaml.Node) {
		for _, c := range []string{n.HeadComment, n.LineComment, n.FootComment} {
			for line := range strings.Lines(c) {
				if line = strings.TrimSpace(line); line != "" {
					all = append(all, line)
				}
			}
		}
		for _, c := range n.Content {
			visit(c)
		}
	}
	documents, err := yamlDocuments(bytes.TrimPrefix(doc, []byte(bom)))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range documents {
		visit(d)
	}
	slices.Sort(all)
	return all
}

// yamlLeaves gives the leaves of all documents as the parser's nodes have
// them, aliases by what they point to.
func yamlLeaves(t *testing.T, doc []byte) []map[string]string {
	t.Helper()
	documents, err := yamlDocuments(bytes.TrimPrefix(doc, []byte(bom)))
	if err != nil {
		t.Fatal(err)
	}
	all := []map[string]string{}
	for _, d := range documents {
		leaves := map[string]string{}
		flattenYAML("", d.Content[0], leaves)
		all = append(all, leaves)
	}
	if len(all) == 0 {
		all = append(all, map[string]string{})
	}
	return all
}

func flattenYAML(prefix string, n *yaml.Node, out map[string]string) {
	step := 1
	switch {
	case n.Kind == yaml.AliasNode:
		out[prefix] = "* " + n.Alias.Value
	case n.Kind == yaml.MappingNode:
		step = 2
	case n.Kind == yaml.ScalarNode:
		out[prefix] = n.Tag + " " + n.Value
	}
	if len(n.Content) == 0 && n.Kind != yaml.ScalarNode {
		out[prefix] += n.Tag
	}
	for i := 0; i+step <= len(n.Content); i += step {
		name := fmt.Sprint(i)
		if step == 2 {
			name = n.Content[i].Value
			if n.Content[i].Kind != yaml.ScalarNode {
				flattenYAML(fmt.Sprintf("%s\x02%d", prefix, i), n.Content[i], out)
			}
		}
		flattenYAML(prefix+"\x01"+name, n.Content[i+step-1], out)
	}
}

func FuzzSetTOML(f *testing.F) {
	for _, doc := range []string{
		"a = \"VALUE\" # c\n[b]\nc.d = 1\n[[e]]\nf = '''\nx'''\n[e.g]\n[[e]]\n", "a = {b = [1, 'x',], c.d = 1979-05-27 07:32:00}\r\n", "", "[a.b]\n",
		"a = \"\"\"\\\n  x\"\"\"\"\"\n", "a.b = 1\na.\"c d\" = 0x1F\n", "[a]\n[b", "a = [\n 1, # c\n]", "a = 'VALUE", "\"\" = inf",
	} {
		f.Add(doc, "a", "VALUE\n'''\"\"\"")
		f.Add(doc, "e.0.f", "y")
		f.Add(doc, "a.b.x", "1")
		f.Add(doc, "b.c.y", "x\r\n")
	}
	fuzzSet(f, TOML, nil)
}

func FuzzSetDotenv(f *testing.F) {
	for _, doc := range []string{
		"# c\nA=VALUE # d\nexport B='x'\n", "A=\"l1\nl2\"\r\nB=`x`", "A\nB=\n", "A= # c\n", "A='VALUE", "", "A=x\rB=y\n", "B=$A\\\n", "\ufeffA=1",
	} {
		f.Add(doc, "A", "VALUE\n")
		f.Add(doc, "B", "it's \"$x\" `y` \\")
		f.Add(doc, "NEW", "v w")
	}
	fuzzSet(f, Dotenv, nil)
}

func FuzzSetProperties(f *testing.F) {
	for _, doc := range []string{
		"# c\na=VALUE\\\n  x\nb : y\n", "a\n", "a b=c\r\n!d\\\n", "\\u0061=\\ud83d\\udd11", "a=\\", "a=x\rb=y\r", "", " \f\ta\\\n b\\ c = x", "a=\\uVALUE",
	} {
		f.Add(doc, "a", " VALUE\nx\n y")
		f.Add(doc, "b", "=é🔑\\")
		f.Add(doc, "new.key", "v")
	}
	fuzzSet(f, Properties, nil)
}
