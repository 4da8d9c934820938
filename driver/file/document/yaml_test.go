package document

import (
	"strings"
	"testing"
)

func TestYAMLSetQuoting(t *testing.T) {
	set := func(old, value, want string) setCase {
		return setCase{old + " to " + value, "a: " + old + " # c\nb: 1\n", "a", value, "a: " + want + " # c\nb: 1\n"}
	}
	runSet(t, YAML, []setCase{
		set("x", "y", `"y"`), set("x", "w", "w"), set("x", "two words", "two words"), set("x", "a:b/c@d=", "a:b/c@d="),
		set("x", "10", `"10"`), set("x", "0x1F", `"0x1F"`), set("x", "1_000", `"1_000"`), set("x", "12:30", `"12:30"`),
		set("x", "2001-01-01", `"2001-01-01"`), set("x", "1e3", `"1e3"`), set("x", "1e3k", "1e3k"), set("x", "yes", `"yes"`),
		set("x", "NULL", `"NULL"`), set("x", "", `""`), set("x", "~", `"~"`), set("x", ".inf", `".inf"`), set("x", "-x", `"-x"`),
		set("x", "a: b", `"a: b"`), set("x", "a #b", `"a #b"`), set("x", "a:", `"a:"`), set("x", "*a", `"*a"`), set("x", "{a", `"{a"`),
		set("x", " y", `" y"`), set("x", `a"b\`, `'a"b\'`), set("x", `a'"b`, `'a''"b'`), set("x", "a\tb", `"a\tb"`),
		set("x", "\x00\x1b\u0085\u2028\ufeffé\U0001F511", `"\x00\x1B\x85\u2028\uFEFFé🔑"`), set("x", "é", `"é"`),
		set(`"x"`, "y", `"y"`), set(`"x"`, "a\"\\\nb", `"a\"\\\nb"`), set(`'x'`, "it's", `'it''s'`), set(`'x'`, "a\nb", `"a\nb"`),
		set("10", "20", "20"), set("10", "020", `"020"`), set("10", "x", "x"), set("1.5", "2", `"2"`), set("1.5", "2.5", "2.5"),
		set("true", "false", "false"), set("true", "no", `"no"`), set("null", "x", "x"), set("2001-01-01", "2002-02-02", `"2002-02-02"`),
		set("!!str 10", "20", `!!str "20"`), set("&k x", "w", "&k w"), set("! 10", "x", "! x"),
		set("x\n  y\n\n  z", "v", "v"), set("'x\n\n  y'", "v", "'v'"), set("\"x\\\n  y\"", "v", `"v"`), set("\n  x", "v", "\n  v"),
		set("x#y", "v", "v"), set("x:y", "v", "v"), set("http://h/#f", "v", "v"),
	})
}

func TestYAMLSetLines(t *testing.T) {
	body := "-----BEGIN KEY-----\n    AAAA/+=\n    BBBB\n    -----END KEY-----"
	runSet(t, YAML, []setCase{
		{"plain to block", "a:\n  b: x # c\n  d: 1\n", "a.b", pem, "a:\n  b: | # c\n    " + body + "\n  d: 1\n"},
		{"no break at its end", "a:\n  b: x\n", "a.b", "l1\nl2", "a:\n  b: |-\n    l1\n    l2\n"},
		{"no final break", "a:\n  b: x", "a.b", "l1\nl2", "a:\n  b: |-\n    l1\n    l2"},
		{"no final break but the value's", "a:\n  b: x", "a.b", "l1\nl2\n", "a:\n  b: |\n    l1\n    l2\n"},
		{"block", "a:\n  b: |  # key\n      old\n      old2\n\n  # note\n  c: 1\n", "a.b", pem,
			"a:\n  b: |  # key\n      " + strings.ReplaceAll(body, "\n    ", "\n      ") + "\n\n  # note\n  c: 1\n"},
		{"block to one line", "b: |\n  old\nc: 1\n", "b", "x", "b: |-\n  x\nc: 1\n"},
		{"block strip to clip", "b: |-\n  old\nc: 1\n", "b", "x\n", "b: |\n  x\nc: 1\n"},
		{"block that cannot hold it", "b: | # c\n  old\n\nc: 1\n", "b", " x\n", "b: \" x\\n\" # c\n\nc: 1\n"},
		{"two breaks at the end", "b: |\n  old\n\n\nc: 1\n", "b", "x\n\n", "b: \"x\\n\\n\"\n\n\nc: 1\n"},
		{"keep", "b: |+\n  old\n\n\nc: 1\n", "b", "x\n", "b: |\n  x\nc: 1\n"},
		{"indicator", "b: |2-\n   old\n  y\nc: 1\n", "b", "x\ny", "b: |2-\n  x\n  y\nc: 1\n"},
		{"empty block", "a:\n  b: |\n  c: 1\n", "a.b", "x\n", "a:\n  b: |\n    x\n  c: 1\n"},
		{"block at the end without a break", "b: |\n  old", "b", "x\ny", "b: |-\n  x\n  y"},
		{"header alone", "b: |", "b", "x\ny", "b: |-\n  x\n  y"},
		{"folded to one line", "b: >-\n  old\n  old2\nc: 1\n", "b", "x y", "b: >-\n  x y\nc: 1\n"},
		{"folded to lines", "b: >\n  old\nc: 1\n", "b", "x\ny\n", "b: |\n  x\n  y\nc: 1\n"},
		{"CR LF", "b: |\r\n  old\r\nc: 1\r\n", "b", pem, "b: |\r\n  " + strings.ReplaceAll(strings.ReplaceAll(body, "\n    ", "\n  "), "\n", "\r\n") + "\r\nc: 1\r\n"},
		{"value with CR LF", "b: |\n  old\n", "b", "x\r\ny\r\n", "b: \"x\\r\\ny\\r\\n\"\n"},
		{"in a list", "a:\n- |\n  old\n- x\n", "a.0", "x\ny\n", "a:\n- |\n  x\n  y\n- x\n"},
		{"list element to block", "a:\n- old\n- x\n", "a.0", "x\ny\n", "a:\n- |\n  x\n  y\n- x\n"},
		{"in braces", "a: {b: x}\n", "a.b", "x\ny\n", "a: {b: \"x\\ny\\n\"}\n"},
		{"blank line and deeper lines", "b: |\n  old\n", "b", "x\n\n  y\n\tz\n", "b: |\n  x\n\n    y\n  \tz\n"},
		{"comment after the block", "b: |\n  old\n # note\nc: 1\n", "b", "x\n", "b: |\n  x\n # note\nc: 1\n"},
	})
}

func TestYAMLSetPlaces(t *testing.T) {
	runSet(t, YAML, []setCase{
		{"mark, CR LF, no final break", bom + "# c\r\na: x # d\r\nb: z", "a", "v", bom + "# c\r\na: v # d\r\nb: z"},
		{"nested", "a:\n  - b: x\n    c: {d: [1, \"x\", 'x']}\n", "a.0.c.d.1", "v", "a:\n  - b: x\n    c: {d: [1, \"v\", 'x']}\n"},
		{"JSON", `{"a": {"b": "x"}}`, "a.b", "v", `{"a": {"b": "v"}}`},
		{"plain in braces", "{a: x, b: http://h}", "b", "v", "{a: x, b: v}"},
		{"comma in braces", "{a: x, b: y}", "b", "v,w", `{a: x, b: "v,w"}`},
		{"pair in a list", "a: [b: x, c]\n", "a.0.b", "v", "a: [b: v, c]\n"},
		{"no value", "a:\nb: # c\nc: 1\n", "b", "v", "a:\nb: v # c\nc: 1\n"},
		{"no value and lines", "a:\nb: # c\nc: 1\n", "b", "v\nw", "a:\nb: |- # c\n  v\n  w\nc: 1\n"},
		{"no value in a list", "a:\n-\n- x\n", "a.0", "v", "a:\n- v\n- x\n"},
		{"no value in braces", "a: {b: , c: 1}\n", "a.b", "v", "a: {b: v, c: 1}\n"},
		{"quoted and numeric keys", "\"a.b\":\n  1: x\n", `"a.b".1`, "v", "\"a.b\":\n  1: v\n"},
		{"explicit key", "? a\n: x\n? b\n: z\n", "a", "v", "? a\n: v\n? b\n: z\n"},
		{"anchor nobody uses", "a: &k x\n", "a", "v", "a: &k v\n"},
		{"beside an alias", "a: &k x\nb: *k\nc: x\n", "c", "v", "a: &k x\nb: *k\nc: v\n"},
		{"only one document has it", "a: x\n---\nb: x\n", "b", "v", "a: x\n---\nb: v\n"},
		{"second document", "a: x\n---\na: x\n", "1:a", "v", "a: x\n---\na: v\n"},
		{"other shape in the first document", "a: x\n--- # d\na:\n  b: x\n...\n", "a.b", "v", "a: x\n--- # d\na:\n  b: v\n...\n"},
		{"other keys occur twice", "a: x\nb: 1\nb: 2\n", "a", "v", "a: v\nb: 1\nb: 2\n"},
		{"tagged neighbours", "a: x\nb: !vault |\n  zz\nc: !f [1]\n", "a", "v", "a: v\nb: !vault |\n  zz\nc: !f [1]\n"},
		{"tabs and wide characters", "é: \"é\"\t# c\nb: [ \"日本\",\t'x' ]\n", "b.1", "v", "é: \"é\"\t# c\nb: [ \"日本\",\t'v' ]\n"},
		{"directive", "%YAML 1.2\n---\na: x\n", "a", "v", "%YAML 1.2\n---\na: v\n"},
	})
}

func TestYAMLAdd(t *testing.T) {
	runSet(t, YAML, []setCase{
		{"at the end", "# c\na: 1\n", "b", "v", "# c\na: 1\nb: v\n"},
		{"no final break", "a: 1", "b", "v", "a: 1\nb: v"},
		{"lines, no final break", "a: 1", "b", "v\nw", "a: 1\nb: |-\n  v\n  w"},
		{"quoted like its neighbour", "a: 'x'\n", "b", "v", "a: 'x'\nb: 'v'\n"},
		{"nested, with a comment behind", "a:\n    b: 1 # c\n    # d\ne: 1\n", "a.c", "v", "a:\n    b: 1 # c\n    c: v\n    # d\ne: 1\n"},
		{"below a block", "a:\n  b: |\n    x\n\ne: 1\n", "a.c", "v", "a:\n  b: |\n    x\n  c: v\n\ne: 1\n"},
		{"below a kept block", "a:\n  b: |+\n    x\n\ne: 1\n", "a.c", "v", "a:\n  b: |+\n    x\n\n  c: v\ne: 1\n"},
		{"below deeper ones", "a:\n  b:\n    - x: [1,\n         2]\ne: 1\n", "a.c", "v", "a:\n  b:\n    - x: [1,\n         2]\n  c: v\ne: 1\n"},
		{"in a list element", "a:\n  - b: 1\n  - b: 2\n", "a.0.c", "v", "a:\n  - b: 1\n    c: v\n  - b: 2\n"},
		{"below a key without a value", "a:\n  b:\nc: 1\n", "a.b.d", "v", "a:\n  b:\n    d: v\nc: 1\n"},
		{"parents", "a: 1\n", "b.c.d", "v", "a: 1\nb:\n  c:\n    d: v\n"},
		{"braces", "a: {b: 1}\n", "a.c", "v", "a: {b: 1, c: v}\n"},
		{"braces with parents", "a: {b: 1}\n", "a.c.d", "v", "a: {b: 1, c: {d: v}}\n"},
		{"empty braces", "a: {}\n", "a.c", "v", "a: {c: v}\n"},
		{"JSON", "{\n  \"a\": \"x\"\n}\n", "b", "v", "{\n  \"a\": \"x\",\n  \"b\": \"v\"\n}\n"},
		{"empty", "", "a", "v", "a: v\n"},
		{"only a comment", "# c", "a.b", "v", "# c\na:\n  b: v"},
		{"empty document", "---\n", "a", "v", "---\na: v\n"},
		{"key that needs quotes", "a: 1\n", `"x: y"."on"`, "v", "a: 1\n\"x: y\":\n  \"on\": v\n"},
		{"first of two documents", "a: 1\n---\nb: 1\n", "0:c", "v", "a: 1\nc: v\n---\nb: 1\n"},
		{"CR LF", "a:\r\n  b: 1\r\n", "a.c", "v\nw\n", "a:\r\n  b: 1\r\n  c: |\r\n    v\r\n    w\r\n"},
	})
}

func TestYAMLSetFails(t *testing.T) {
	runSetFails(t, YAML, []failCase{
		{"alias", "a: &k hunter2\nb: *k\n", "b", ErrShared, 2, 4},
		{"through an alias", "a: &k {c: hunter2}\nb: *k\n", "b.c", ErrShared, 2, 4},
		{"used anchor", "a: &k hunter2\nb: *k\n", "a", ErrShared, 1, 7},
		{"used anchor above", "a: &k\n  c: hunter2\nb: *k\n", "a.c", ErrShared, 2, 3},
		{"merged", "a: &k {c: hunter2}\nb:\n  <<: *k\n", "b.c", ErrShared, 3, 3},
		{"merged from a list", "a: &k {c: hunter2}\nb:\n  <<: [*k, {d: 1}]\n", "b.d", ErrShared, 3, 3},
		{"tag", "a: !vault hunter2\n", "a", ErrShared, 1, 11},
		{"binary", "a: !!binary aHVudGVyMg==\n", "a", ErrShared, 1, 13},
		{"twice", "a: hunter2\nb: 1\na: hunter2\n", "a", ErrAmbiguous, 3, 1},
		{"twice by another type", "1: hunter2\n\"1\": hunter2\n", "1", ErrAmbiguous, 2, 1},
		{"in two documents", "a: hunter2\n---\na: hunter2\n", "a", ErrAmbiguous, 0, 0},
		{"in no document of two", "a: hunter2\n---\nb: hunter2\n", "c", ErrAmbiguous, 0, 0},
		{"no such document", "a: hunter2\n", "1:a", ErrPath, 0, 0},
		{"through text", "a: hunter2\n", "a.b", ErrPath, 1, 4},
		{"mapping", "a: {b: hunter2}\n", "a", ErrPath, 1, 4},
		{"no such element", "a: [hunter2]\n", "a.1", ErrPath, 1, 4},
		{"root text", "hunter2", "a", ErrPath, 1, 1},
		{"open quote", "a: \"hunter2\n", "a", ErrInvalid, 2, 1},
		{"colon in text", "a: hunter2: hunter2\n", "a", ErrInvalid, 1, 11},
		{"unknown anchor", "a: *hunter2\n", "a", ErrInvalid, 1, 4},
		{"tab", "a:\n\tb: hunter2\n", "a", ErrInvalid, 2, 1},
	})
}

func TestYAMLGet(t *testing.T) {
	runGet(t, YAML, []getCase{
		{"anchored", "a: &k x\nb: *k\n", "a", "x"}, {"nothing", "a:\n", "a", ""}, {"null", "a: ~\n", "a", "~"},
		{"missing in two documents", "a: 1\n---\nb: 1\n", "c", "-"}, {"number as written", "a: 0o17\n", "a", "0o17"},
		{"own before merged", "a: &k {c: x}\nb:\n  <<: *k\n  c: y\n", "b.c", "y"},
		{"block", "a: |\n  x\n  y\n", "a", "x\ny\n"}, {"folded", "a: >-\n  x\n  y\n", "a", "x y"},
	})
}

func TestYAMLUndo(t *testing.T) {
	runUndo(t, YAML, []undoCase{
		{"end", "# c\na: 1\n", "b", nil}, {"no final break", "a: 1", "b", nil},
		{"middle", "a:\n  b: 1 # c\n\n# d\ne: 1\n", "a.x", nil}, {"braces", "a: {b: 1}\n", "a.x", nil}, {"empty braces", "a: {}\n", "a.x", nil},
		{"no value", "a:\n  b:\nc: 1\n", "a.b.x", nil}, {"list element", "a:\n  - b: 1\n", "a.0.x", nil},
		{"parents", "a: 1\n", "b.c.d", []string{"b.c", "b"}}, {"empty document", "# c\n", "a", nil},
		{"CR LF", "a:\r\n  b: 1\r\n", "x.y", []string{"x"}},
	})
}
