package document

import (
	"errors"
	"testing"
)

func TestDotenvSet(t *testing.T) {
	set := func(old, value, want string) setCase {
		return setCase{old + " to " + value, "# c\nA=" + old + " # d\nB=$A ${A}\n", "A", value, "# c\nA=" + want + " # d\nB=$A ${A}\n"}
	}
	runSet(t, Dotenv, []setCase{
		set("x", "y", "y"), set("x", "pk_live/+=:@%", "pk_live/+=:@%"), set("x", "a b", "'a b'"), set("x", "a$b", "'a$b'"),
		set("x", "a#b", "'a#b'"), set("x", `a"\b`, `'a"\b'`), set("x", "it's", `"it's"`), set("x", `it's $5`, `"it's \$5"`),
		set("x", "~/x", "'~/x'"), set("x", "é", "'é'"), set("x", "", ""), set("x", " ", "' '"), set("x", "a\tb", "'a\tb'"),
		set(`"x"`, "y", `"y"`), set(`"x"`, "a$b", `'a$b'`), set(`"x"`, "it's", `"it's"`), set(`'x'`, "y", `'y'`), set(`'x'`, "it's", `"it's"`),
		set("`x`", "y'", "`y'`"), set("`x`", "y`", "'y`'"), set("x", "l1\nl2\n", `"l1\nl2\n"`), set("'x'", "l1\nl2", `"l1\nl2"`),
		set(`"l1\nl2"`, pem, `"-----BEGIN KEY-----\nAAAA/+=\nBBBB\n-----END KEY-----\n"`), set("\"l1\nl2\"", pem, "\""+pem+"\""),
		set("'l1\nl2'", pem, "'"+pem+"'"), set("x", "{\n\"k\": 1}", "'{\n\"k\": 1}'"), set("x", "a\r\nb", `"a\r\nb"`), set("'l1\nl2'", "a'\r\nb", "\"a'\\r\nb\""),
	})
	runSet(t, Dotenv, []setCase{
		{"mark, CR LF, no final break", bom + "A=x\r\nB=z", "A", "y", bom + "A=y\r\nB=z"},
		{"lines in CR LF", "A=\"l1\r\nl2\"\r\nB=z\r\n", "A", "x\ny", "A=\"x\r\ny\"\r\nB=z\r\n"},
		{"export and blanks", "  export  A = x\t\n", "A", "y", "  export  A = y\t\n"},
		{"no value", "A=\nB=\n", "A", "y", "A=y\nB=\n"},
		{"no value but a comment", "A= # c\n", "A", "y", "A=y # c\n"},
		{"blanks after the value", "A=x  \n", "A", "y", "A=y  \n"},
		{"other keys occur twice", "A=x\nB=1\nB=2\n", "A", "y", "A=y\nB=1\nB=2\n"},
		{"key in a comment", "#A=1\nA=x\n", "A", "y", "#A=1\nA=y\n"},
		{"key in a value", "B=\"\nA=1\n\"\nA=x\n", "A", "y", "B=\"\nA=1\n\"\nA=y\n"},
		{"key with dots", "a.b-c=x\n", "a.b-c", "y", "a.b-c=y\n"},
		{"add", "B=1\n", "A", "v", "B=1\nA=v\n"},
		{"add without a final break", "B=1", "A", "v", "B=1\nA=v"},
		{"add with export", "export B=1\nexport C=\"2\"\n", "A", "v", "export B=1\nexport C=\"2\"\nexport A=\"v\"\n"},
		{"add in CR LF", "B=1\r\n", "A", "v", "B=1\r\nA=v\r\n"},
		{"new document", "", "A", "v w", "A='v w'\n"},
	})
}

func TestDotenvSetFails(t *testing.T) {
	runSetFails(t, Dotenv, []failCase{
		{"twice", "A=hunter2\nexport A=hunter2\n", "A", ErrAmbiguous, 2, 1},
		{"name alone", "export A\n", "A", ErrShared, 1, 9},
		{"no name", "# c\n=hunter2\n", "A", ErrInvalid, 2, 1},
		{"words", "hunter2 hunter2\n", "A", ErrInvalid, 1, 9},
		{"open quote", "A='hunter2\nB=1\n", "A", ErrInvalid, 1, 3},
		{"more after a quote", "A=\"x\"hunter2\n", "A", ErrInvalid, 1, 6},
		{"key that cannot be", "A=1\n", `"B C"`, ErrUnsafe, 0, 0},
		{"key that hides a line", "A=1\n", "\"B=1\nC\"", ErrUnsafe, 0, 0},
	})
}

func TestDotenvGet(t *testing.T) {
	runGet(t, Dotenv, []getCase{
		{"bare", "A= x y # c\n", "A", "x y"}, {"mark inside", "A=x#y\n", "A", "x#y"}, {"only a comment", "A=\t# c\n", "A", ""},
		{"escapes", `A="a\n\t\"\\n\$\x"`, "A", "a\n\t\"\\n$\\x"}, {"single", `A='a\n$B'`, "A", `a\n$B`},
		{"nothing is expanded", "A=${B:-x}\n", "A", "${B:-x}"}, {"missing", "A=1\n", "B", "-"}, {"lone name", "B\nA=1\n", "A", "1"},
	})
}

func TestPropertiesSet(t *testing.T) {
	runSet(t, Properties, []setCase{
		{"equals", "# c\na.b = x\n! d\nc=1\n", "a.b", "y", "# c\na.b = y\n! d\nc=1\n"},
		{"colon", "a:x", "a", "y", "a:y"}, {"blank", "a x\n", "a", "y", "a y\n"}, {"tabs", "\ta\t=\tx\n", "a", "y", "\ta\t=\ty\n"},
		{"no value", "a\nb=1\n", "a", "y", "a=y\nb=1\n"}, {"no value after the sign", "a=\n", "a", "y", "a=y\n"},
		{"mark, CR LF", bom + "a=x\r\nb=1", "a", "y", bom + "a=y\r\nb=1"}, {"old line ends", "a=x\rb=1\r", "a", "y", "a=y\rb=1\r"},
		{"escapes", "a=x\n", "a", " \\\t\n\r\fé🔑#!=:", `a=\ \\\t\n\r\f\u00E9\uD83D\uDD11#!=:` + "\n"},
		{"sign first", "a x\n", "a", "=y", "a \\=y\n"},
		{"blank at the end", "a=x\n", "a", "y ", "a=y \n"},
		{"escaped key", "a\\ b\\=\\u0063=x\n", `"a b=c"`, "y", "a\\ b\\=\\u0063=y\n"},
		{"lines", "a=x\n", "a", pem, `a=-----BEGIN KEY-----\nAAAA/+=\nBBBB\n-----END KEY-----\n` + "\n"},
		{"lines like before", "a=l1\\n\\\n    l2\nb=1\n", "a", pem,
			"a=-----BEGIN KEY-----\\n\\\n    AAAA/+=\\n\\\n    BBBB\\n\\\n    -----END KEY-----\\n\nb=1\n"},
		{"deeper lines like before", "a=l1\\n\\\r\n  l2\r\n", "a", "x\n  y", "a=x\\n\\\r\n  \\  y\r\n"},
		{"value starts on the next line", "a=\\\n  x\n", "a", "y", "a=\\\n  y\n"},
		{"key in a continuation", "b=1\\\na=2\na=x\n", "a", "y", "b=1\\\na=2\na=y\n"},
		{"backslash in a comment", "# c \\\na=x\n", "a", "y", "# c \\\na=y\n"},
		{"two backslashes", "b=1\\\\\na=x\n", "a", "y", "b=1\\\\\na=y\n"},
		{"add", "b = 1\n", "a.x", "v", "b = 1\na.x = v\n"}, {"add without a final break", "b:1", "a", "v", "b:1\na:v"},
		{"add a key with signs", "", `"#a: b"`, "v", "\\#a\\:\\ b=v\n"},
	})
	runSetFails(t, Properties, []failCase{
		{"twice", "a=hunter2\na=hunter2\n", "a", ErrAmbiguous, 2, 1},
		{"twice by an escape", "a=hunter2\n\\u0061=hunter2\n", "a", ErrAmbiguous, 2, 1},
		{"wrong escape", "b=1\na=hunter2\\u00g0\n", "a", ErrInvalid, 2, 10},
		{"open continuation", "b=hunter2\\", "a", ErrUnsafe, 0, 0},
	})
	runGet(t, Properties, []getCase{
		{"blank lines", "\n  \n a = x\n", "a", "x"}, {"unknown escape", `a=\x\é\"`, "a", `xé"`}, {"pair", `a=\uD83D\uDD11`, "a", "🔑"},
		{"joined", "a=x\\\n\t\\\n  y", "a", "xy"}, {"joined key", "a\\\n  b=y", "ab", "y"}, {"missing", "a=1", "b", "-"}, {"raw text", "a=é", "a", "é"},
	})
}

func TestFlatUndo(t *testing.T) {
	for _, f := range []Format{Dotenv, Properties} {
		runUndo(t, f, []undoCase{
			{"end", "# c\nB=1\n", "A", nil}, {"no final break", "B=1", "A", nil}, {"CR LF", "B=1\r\n", "A", nil},
			{"CR LF and no final break", "C=2\r\nB=1", "A", nil}, {"empty", "", "A", nil},
		})
	}
}

func TestRemove(t *testing.T) {
	cases := []struct {
		f               Format
		doc, path, want string
	}{
		{JSON, `{"a": 1, "b": 2}`, "a", `{"b": 2}`},
		{YAML, "a: 1 # c\nb: |\n  x\n\nc: 1\n", "b", "a: 1 # c\n\nc: 1\n"},
		{YAML, "- a: 1\n  b: 2\n", "0.a", "- b: 2\n"},
		{YAML, "a: 1\n---\na: 1\nb: 2\n", "1:a", "a: 1\n---\nb: 2\n"},
		{TOML, "a = 1\nb = '''\n\n''' # c\n[t]\n", "b", "a = 1\n[t]\n"},
		{Dotenv, "A=1\nB=\"x\ny\"\nC=1\n", "B", "A=1\nC=1\n"},
		{Properties, "a=1\nb=x\\\n y\nc=1\n", "b", "a=1\nc=1\n"},
	}
	for _, c := range cases {
		got, err := Remove(c.f, []byte(c.doc), c.path)
		if err != nil || string(got) != c.want {
			t.Errorf("Remove(%s, %q, %s) = %q, %v; want %q", c.f, c.doc, c.path, got, err, c.want)
		}
	}
}

func TestRemoveFails(t *testing.T) {
	cases := []failCase{
		{"missing", "a: 1\n", "b", ErrPath, 0, 0}, {"element", "a: [1]\n", "a.0", ErrPath, 0, 0}, {"with fields", "a: {b: 1}\n", "a", ErrPath, 0, 0},
		{"shared", "a: &k {b: 1}\nc: *k\n", "a.b", ErrShared, 0, 0}, {"comment inside", "a: {b: 1, # x\n  c: 2}\n", "a.c", ErrValue, 0, 0},
	}
	for _, c := range cases {
		runRemoveFail(t, c)
	}
}

func runRemoveFail(t *testing.T, c failCase) {
	t.Helper()
	got, err := Remove(YAML, []byte(c.doc), c.path)
	if !errors.Is(err, c.kind) {
		t.Errorf("%s: Remove = %q, %v; want %v", c.name, got, err, c.kind)
	}
}
