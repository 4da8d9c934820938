package document

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// corpus is a document of each kind as people keep them.
var corpus = []struct {
	name   string
	format Format
	doc    string
}{
	{"manifest", YAML, `# managed by the platform team
apiVersion: v1
kind: Secret
metadata:
  name: api   # the public one
  annotations: {example.org/owner: "platform", checksum: 'abc'}
type: Opaque
stringData:
  # rotated every 90 days
  DB_PASSWORD: "p4ss: word#1"
  TOKEN: tok_live_abc
  tls.key: |
    -----BEGIN KEY-----
    AAAA
    -----END KEY-----

  note: >-
    folded text
    on two lines
---
apiVersion: apps/v1
kind: Deployment
spec:
  replicas: 3
  paused: false
  template:
    containers:
    - name: app
      args: ["--port", "8080", plain]
      env:
        - {name: A, value: "1"}
        -   name: B
            value: 'two'   # odd indent
`},
	{"compose", YAML, "x-common: &common\r\n  restart: always\r\n  environment: &env\r\n    LEVEL: info\r\nservices:\r\n  web:\r\n    <<: *common\r\n" +
		"    image: \"web:1.2\"\r\n    command:\r\n      - run # now\r\n\r\n      - '--fast'\r\n  db:\r\n    environment:\r\n      POSTGRES_PASSWORD: old"},
	{"settings", JSON, "{\n\t\"name\": \"api\",\n\t\"port\": 5432,\n\t\"db\": {\"user\": \"app\", \"password\": \"p\\u0041ss\\n\", \"tls\": true},\n\n" +
		"\t\"keys\": [\n\t\t{ \"id\": \"k1\", \"secret\": \"s1\" },\n\t\t{ \"id\": \"k2\", \"secret\": null }\n\t]\n}\n"},
	{"manifest", TOML, `# top
title = "api" # the name
port = 5432
since = 1979-05-27T07:32:00Z

[database]
user = 'app'
password = "p\"ss"   # rotated
ports = [ 8000, 8001,
  8002 ] # all of them
pool = { size = 5, "idle time" = 1.5 }
log.level = "info"
key = """
-----BEGIN KEY-----
AAAA
-----END KEY-----
"""

  [database.replica]
  host = '''C:\hosts'''

[[users]]
name = "a"
[[users]] # second
name = "b"
active = true
`},
	{"environment", Dotenv, "# app\r\nexport APP_ENV=production\r\nDATABASE_URL=postgres://app:old@db/app # main\r\n\r\nSECRET=\"s$x\"\r\nOTHER='it is # one'\r\n" +
		"KEY=\"-----BEGIN KEY-----\r\nAAAA\r\n-----END KEY-----\r\n\"\r\nEMPTY=\r\nLAST=x"},
	{"application", Properties, "# main\nspring.datasource.url = jdbc:postgresql://db/app\nspring.datasource.password=old\\u00e9\n! other\nlogging.level:INFO\n" +
		"key=-----BEGIN KEY-----\\n\\\n    AAAA\\n\\\n    -----END KEY-----\n\nlast value\n"},
}

// hostile holds values that are hard to write somewhere.
var hostile = []string{
	"Zk8mQ2", "7", "-1.5", "true", "null", "~", "", " ", " lead", "trail ", "a\tb", "it's", `say "x"`, `back\slash`, `\n`, "a#b", "a #b", "a: b", "a=b", "=", ":",
	"$HOME ${X} `id`", "{x}", "[x]", "- x", "&a", "*a", "!t", "%x", "@x", "|", ">", "---", "...", "<<", "0x1F", "1_0", "12:30:45", "2020-01-01", "yes", "NaN",
	"two\nlines", "two\nlines\n", "\nfirst", "last\n\n", "  deep\nless\n", "a\n\n\nb\n", "a\r\nb\r\n", "'''", `"""`, `'''"""`, "\\", "\\\n", "é🔑", "\u0085\u2028\ufeff", "\x01\x7f",
	pem, strings.Repeat("long", 3000),
}

// leafPaths gives a path for every scalar of a document that Set may change.
func leafPaths(n *node, prefix string, out map[string]*node) {
	if n.shared != "" {
		return
	}
	if n.kind == scalar {
		out[prefix] = n
	}
	for i, e := range n.entries {
		name := strings.NewReplacer("~", "~0", "/", "~1").Replace(e.key)
		if n.kind == list {
			name = fmt.Sprint(i)
		}
		leafPaths(e.value, prefix+"/"+name, out)
	}
}

func eachLeaf(t *testing.T, visit func(t *testing.T, f Format, doc, path string, n *node)) {
	for _, c := range corpus {
		s, _ := syntaxOf(c.format)
		roots, err := s.parse([]byte(c.doc))
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for i, root := range roots {
			prefix := ""
			if c.format == YAML {
				prefix = fmt.Sprintf("%d:", i)
			}
			paths := map[string]*node{}
			leafPaths(root, "", paths)
			for path, n := range paths {
				visit(t, c.format, c.doc, prefix+path, n)
				seen++
			}
		}
		if seen < 3 {
			t.Fatalf("only %d leaves in %s %s", seen, c.name, c.format)
		}
	}
}

// TestEveryLeafHostileValue writes every hostile value into every field and
// expects all lines above and below the field as they were.
func TestEveryLeafHostileValue(t *testing.T) {
	eachLeaf(t, func(t *testing.T, f Format, doc, path string, n *node) {
		head := doc[:n.start]
		tail := doc[nextLine([]byte(doc), max(n.end-1, 0)):]
		for _, value := range hostile {
			got, err := Set(f, []byte(doc), path, []byte(value))
			if err != nil {
				t.Errorf("%s %s to %.20q: %v", f, path, value, err)
				continue
			}
			if !strings.HasPrefix(string(got), head) || !strings.HasSuffix(string(got), tail) {
				t.Errorf("%s %s to %.20q touched other lines:\n%s", f, path, value, got)
			}
			if back, _, err := Get(f, got, path); err != nil || string(back) != value {
				t.Errorf("%s %s: Get = %.20q, %v; want %.20q", f, path, back, err, value)
			}
			if f == YAML || f == TOML || f == Dotenv || f == Properties {
				if before, after := strings.Count(doc, " # ")+strings.Count(doc, "\n#"), strings.Count(strings.ReplaceAll(string(got), value, ""), "#"); value != "" && before > after+strings.Count(n.value, "#") {
					t.Errorf("%s %s to %.20q lost a comment:\n%s", f, path, value, got)
				}
			}
		}
	})
}

// TestEveryLeafThereAndBack changes every field to a like value and back, and
// expects the very same bytes.
func TestEveryLeafThereAndBack(t *testing.T) {
	eachLeaf(t, func(t *testing.T, f Format, doc, path string, n *node) {
		like := map[string]string{"": "Zk8mQ2", "int": "7", "number": "7", "float": "2.5", "bool": "true", "date": "2020-01-01"}[n.literal]
		switch {
		case f == Dotenv && strings.Contains(n.value, "$"):
			return // double quotes give way to single ones, on purpose
		case n.literal == "null" || n.quote == ">" || strings.Contains(doc[n.start:n.end], `\u00`):
			return // what it was cannot be known from the value alone
		case strings.Contains(n.value, "\n"):
			like = "other\nlines\n"
		}
		there, err := Set(f, []byte(doc), path, []byte(like))
		if err != nil {
			t.Fatal(err)
		}
		back, err := Set(f, there, path, []byte(n.value))
		if err != nil {
			t.Fatal(err)
		}
		if string(back) != doc {
			t.Errorf("%s %s: not the same bytes:\n%s", f, path, back)
		}
	})
}

// TestCheckOfTheResult gives settle edits that are wrong and expects that
// none of them passes.
func TestCheckOfTheResult(t *testing.T) {
	doc := "a: x\nb: 1\n"
	for name, e := range map[string]edit{
		"neighbour":         {3, 9, "new\nb: 2"},
		"neighbour's type":  {3, 9, "new\nb: \"1\""},
		"neighbour removed": {3, 10, "new\n"},
		"field added":       {3, 4, "new\nc: 1"},
		"wrong value":       {3, 4, "other"},
		"not YAML":          {3, 4, "\"new"},
		"span too long":     {3, 99, "new"},
		"other document":    {3, 4, "new\n---\nz: 1"},
	} {
		op, err := begin(YAML, []byte(doc), "a")
		if err != nil {
			t.Fatal(err)
		}
		got, err := op.settle([]edit{e}, func(after *operation) bool { return op.holds(after, "new") })
		if err == nil {
			t.Errorf("%s: passed as %q", name, got)
		}
	}
}

// TestLargeDocuments expects that the work does not grow with the square of
// the size, also on one line.
func TestLargeDocuments(t *testing.T) {
	var line bytes.Buffer
	line.WriteString(`{"a": "x"`)
	for i := range 20000 {
		fmt.Fprintf(&line, `, "k%d": [%d, "v"]`, i, i)
	}
	line.WriteString("}")
	for _, f := range []Format{JSON, YAML} {
		start := time.Now()
		if _, err := Set(f, line.Bytes(), "a", []byte("new")); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s took %v", f, d)
		}
	}
}
