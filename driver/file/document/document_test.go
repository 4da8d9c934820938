package document

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const pem = "-----BEGIN KEY-----\nAAAA/+=\nBBBB\n-----END KEY-----\n"

// setCase is one Set and the whole document that must come out of it.
type setCase struct {
	name, doc, path, value, want string
}

// runSet also reads the value back, sets it again, and expects that nothing
// changes then.
func runSet(t *testing.T, f Format, cases []setCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := strings.Clone(c.doc)
			got, err := Set(f, []byte(c.doc), c.path, []byte(c.value))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Fatalf("document (-want +got):\n%s", diff)
			}
			if c.doc != before {
				t.Error("the given document was changed")
			}
			back, found, err := Get(f, got, c.path)
			if err != nil || !found || string(back) != c.value {
				t.Errorf("Get = %q, %v, %v; want %q", back, found, err, c.value)
			}
			again, err := Set(f, got, c.path, []byte(c.value))
			if err != nil || string(again) != c.want {
				t.Errorf("a second Set gave %q, %v", again, err)
			}
		})
	}
}

// failCase is one Set that must be refused.
type failCase struct {
	name, doc, path string
	kind            error
	line, column    int
}

func runSetFails(t *testing.T, f Format, cases []failCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Set(f, []byte(c.doc), c.path, []byte("new"))
			if !errors.Is(err, c.kind) {
				t.Fatalf("Set = %q, %v; want an error: %v", got, err, c.kind)
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T is no *Error", err)
			}
			if e.Line != c.line || e.Column != c.column {
				t.Errorf("position %d:%d, want %d:%d", e.Line, e.Column, c.line, c.column)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error holds a value: %v", err)
			}
		})
	}
}

// getCase is one Get; a nil-like want of "-" means not found.
type getCase struct{ name, doc, path, want string }

func runGet(t *testing.T, f Format, cases []getCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, found, err := Get(f, []byte(c.doc), c.path)
			if err != nil {
				t.Fatal(err)
			}
			if !found {
				got = []byte("-")
			}
			if string(got) != c.want {
				t.Errorf("Get = %q, want %q", got, c.want)
			}
		})
	}
}

// runUndo adds a field, removes it, and expects the former document. parents
// are removed after it, innermost first.
func runUndo(t *testing.T, f Format, cases []undoCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			with, err := Set(f, []byte(c.doc), c.path, []byte("v1"))
			if err != nil {
				t.Fatal(err)
			}
			if string(with) == c.doc {
				t.Fatal("Set added nothing")
			}
			for _, path := range append([]string{c.path}, c.parents...) {
				if with, err = Remove(f, with, path); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.doc, string(with)); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
		})
	}
}

type undoCase struct {
	name, doc, path string
	parents         []string
}

func TestDetect(t *testing.T) {
	for path, want := range map[string]Format{
		"/srv/app/.env": Dotenv, ".env.production": Dotenv, "prod.env": Dotenv, "config.JSON": JSON,
		"a/b.yaml": YAML, "b.yml": YAML, "Cargo.toml": TOML, "application.properties": Properties,
	} {
		if got, ok := Detect(path); !ok || got != want {
			t.Errorf("Detect(%q) = %q, %v; want %q", path, got, ok, want)
		}
	}
	for _, path := range []string{"id_rsa", "token.txt", "env", ".envrc", "json", ""} {
		if got, ok := Detect(path); ok {
			t.Errorf("Detect(%q) = %q, want none", path, got)
		}
	}
}

func TestPaths(t *testing.T) {
	cases := []struct {
		f    Format
		path string
		doc  int
		want []string
	}{
		{JSON, `a.b.0`, -1, []string{"a", "b", "0"}},
		{JSON, `a."b.c".0.d`, -1, []string{"a", "b.c", "0", "d"}},
		{JSON, `"a\"b\\c"`, -1, []string{`a"b\c`}},
		{JSON, `"".a`, -1, []string{"", "a"}},
		{JSON, `/a/b~1c/~0d/`, -1, []string{"a", "b/c", "~d", ""}},
		{JSON, `1:a`, -1, []string{"1:a"}},
		{YAML, `1:a.b`, 1, []string{"a", "b"}},
		{YAML, `1:/a/b`, 1, []string{"a", "b"}},
		{YAML, `"1:a"`, -1, []string{"1:a"}},
		{YAML, `01:a`, -1, []string{"01:a"}},
		{Properties, `spring.datasource.password`, -1, []string{"spring.datasource.password"}},
		{Properties, `"a..b"`, -1, []string{"a..b"}},
		{Dotenv, `/KEY`, -1, []string{"KEY"}},
	}
	for _, c := range cases {
		got, err := parseRoute(c.f, c.path)
		if err != nil || got.document != c.doc || !cmp.Equal(got.segments, c.want) {
			t.Errorf("parseRoute(%s, %s) = %v, %v", c.f, c.path, got, err)
		}
	}
	for _, path := range []string{"", ".", "a.", ".a", "a..b", `a"b`, `"a`, `"a"b`, `"a\n"`, `"a\`, "/a~2b", "/~"} {
		if got, err := parseRoute(JSON, path); !errors.Is(err, ErrPath) {
			t.Errorf("parseRoute(%s) = %q, %v; want ErrPath", path, got.segments, err)
		}
	}
}

func TestPlain(t *testing.T) {
	cases := []struct{ name, doc, value, want string }{
		{"keeps the final line break", "old\n", "new", "new\n"},
		{"keeps a CR LF", "old\r\n", "new", "new\r\n"},
		{"keeps its absence", "old", "new", "new"},
		{"adds none to a value that has one", "old\n", "new\n", "new\n"},
		{"new file", "", "new", "new"},
		{"bytes are never lengthened", "old\n", "\xff\xfe", "\xff\xfe"},
		{"a chance 0x0A in bytes is no line break", "\xff\n", "new", "new"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := Set(Plain, []byte(c.doc), "", []byte(c.value))
			if err != nil || string(got) != c.want {
				t.Fatalf("Set = %q, %v; want %q", got, err, c.want)
			}
		})
	}
	runGet(t, Plain, []getCase{
		{"text", "secret\n", "", "secret"}, {"CR LF", "secret\r\n", "", "secret"}, {"only one break", "s\n\n", "", "s\n"},
		{"bytes", "\xff\n", "", "\xff\n"}, {"empty", "", "", "-"},
	})
	if _, err := Set(Plain, nil, "a", nil); !errors.Is(err, ErrPath) {
		t.Errorf("a path in a plain document: %v", err)
	}
	if _, err := Remove(Plain, []byte("x"), ""); !errors.Is(err, ErrPath) {
		t.Errorf("Remove from a plain document: %v", err)
	}
}

func TestNotText(t *testing.T) {
	for _, f := range []Format{Dotenv, JSON, YAML, TOML, Properties} {
		for name, doc := range map[string]string{"latin 1": "a = \xe9", "NUL": "a = b\x00", "UTF-16": "\xff\xfea\x00"} {
			if _, err := Set(f, []byte(doc), "a", []byte("v")); !errors.Is(err, ErrInvalid) {
				t.Errorf("%s in %s: %v", name, f, err)
			}
		}
		if _, err := Set(f, nil, "a", []byte("\xff")); !errors.Is(err, ErrValue) {
			t.Errorf("bytes as a value in %s: %v", f, err)
		}
	}
	if _, err := Set("ini", nil, "a", nil); !errors.Is(err, ErrPath) {
		t.Errorf("unknown format: %v", err)
	}
}

func TestErrorText(t *testing.T) {
	_, _, err := Get(JSON, []byte("{\n  \"a\": hunter2\n}"), "a")
	want := `json document, field "a", line 2, column 8: document is not valid: a JSON value is expected here`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
