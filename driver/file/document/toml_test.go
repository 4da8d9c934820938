package document

import "testing"

func TestTOMLSet(t *testing.T) {
	q3 := `"""`
	runSet(t, TOML, []setCase{
		{"basic", "# c\na = \"x\"   # d\n\n[t]\nb=1\n", "a", "y", "# c\na = \"y\"   # d\n\n[t]\nb=1\n"},
		{"mark, CR LF, no final break", bom + "a = 'x'\r\nb = 1", "a", "y", bom + "a = 'y'\r\nb = 1"},
		{"escapes", `a = "x"`, "a", "\"\\\b\n\r\t\x00é\x7f", `a = "\"\\\u0008\n\r\t\u0000é\u007F"`},
		{"literal", `a = 'x'`, "a", `c:\"d"`, `a = 'c:\"d"'`},
		{"literal that cannot hold it", `a = 'x' # c`, "a", `it's`, `a = "it's" # c`},
		{"literal and lines", `a = 'x'`, "a", "l1\nl2", `a = "l1\nl2"`},
		{"lines", "a = " + q3 + "\nold\n" + q3 + "\nb = 1\n", "a", pem, "a = " + q3 + "\n" + pem + q3 + "\nb = 1\n"},
		{"lines without a first break", "a = " + q3 + "old" + q3, "a", "x\"\"\"\ny\\", "a = " + q3 + `x\"\"\"` + "\n" + `y\\` + q3},
		{"literal lines", "a = '''\nold'''\n", "a", "x\\\ny'\"", "a = '''\nx\\\ny'\"'''\n"},
		{"literal lines that cannot hold it", "a = '''\nold'''\n", "a", "x'''\ny", "a = " + q3 + "\nx'''\ny" + q3 + "\n"},
		{"lines in CR LF", "a = " + q3 + "\r\nold\r\n" + q3 + "\r\n", "a", "x\ny\n", "a = \"x\\ny\\n\"\r\n"},
		{"value starts with a break", "a = " + q3 + "\nold" + q3, "a", "\nx", "a = " + q3 + "\n\nx" + q3},
		{"integer", "a = 1_000", "a", "2000", "a = 2000"},
		{"integer becomes text", "a = 1", "a", "01", `a = "01"`},
		{"float", "a = 1.5", "a", "-2e3", "a = -2e3"},
		{"truth value", "a = true", "a", "false", "a = false"},
		{"text stays text", `a = "1"`, "a", "2", `a = "2"`},
		{"date", "a = 1979-05-27 07:32:00Z # c", "a", "1980-05-27", "a = 1980-05-27 # c"},
		{"table", "a = 'x'\n[t.u]\na = 'x'\n[v]\na = 'x'\n", "t.u.a", "y", "a = 'x'\n[t.u]\na = 'y'\n[v]\na = 'x'\n"},
		{"dotted", "t . \"u v\".a = 'x'\n", `t."u v".a`, "y", "t . \"u v\".a = 'y'\n"},
		{"element of tables", "[[t]]\na='x'\n[t.s]\nb='x'\n[[t]]\na='x'\n[t.s]\nb='x'\n", "t.1.s.b", "y", "[[t]]\na='x'\n[t.s]\nb='x'\n[[t]]\na='x'\n[t.s]\nb='y'\n"},
		{"inline", "a = { b = [ 1, 'x', # c\n {c.d='x'}, ] }\n", "a.b.2.c.d", "y", "a = { b = [ 1, 'x', # c\n {c.d='y'}, ] }\n"},
		{"header in a string", "a = " + q3 + "\n[t]\n# x\n" + q3 + "\n[t]\nb = 'x'\n", "t.b", "y", "a = " + q3 + "\n[t]\n# x\n" + q3 + "\n[t]\nb = 'y'\n"},
		{"five quotes", "a = " + q3 + "x" + q3 + "\"\"\nb = 'x'\n", "b", "y", "a = " + q3 + "x" + q3 + "\"\"\nb = 'y'\n"},
	})
}

func TestTOMLAdd(t *testing.T) {
	runSet(t, TOML, []setCase{
		{"root", "a = 1 # c\n# d\n\n[t]\nb = 1\n", "x", "v", "a = 1 # c\nx = \"v\"\n# d\n\n[t]\nb = 1\n"},
		{"root above the first header", "# top\n\n# t\n[t]\nb = 1\n", "x", "v", "# top\n\nx = \"v\"\n\n# t\n[t]\nb = 1\n"},
		{"root of a commented document", "# c", "x", "v", "# c\nx = \"v\""},
		{"empty", "", "x", "v", "x = \"v\"\n"},
		{"empty with parents", "", "t.u.x", "v", "[t.u]\nx = \"v\"\n"},
		{"table", "[t]\n  a = '1'\n\n[u]\n", "t.x", "v", "[t]\n  a = '1'\n  x = 'v'\n\n[u]\n"},
		{"last table without a break", "[t]\na = 1", "t.x", "v", "[t]\na = 1\nx = \"v\""},
		{"empty table", "[t] # c\n\n[u]\n", "t.x", "v", "[t] # c\nx = \"v\"\n\n[u]\n"},
		{"below a long string", "[t]\na = \"\"\"\nx\n\"\"\" # c\n[u]\n", "t.x", "v", "[t]\na = \"\"\"\nx\n\"\"\" # c\nx = \"v\"\n[u]\n"},
		{"new table", "a = 1\n", "t.x", "v", "a = 1\n\n[t]\nx = \"v\"\n"},
		{"new table without a break", "a = 1", "t.x", "v", "a = 1\n\n[t]\nx = \"v\""},
		{"new table in a table", "[t]\na = 1\n[u]\n", "t.s.x", "v", "[t]\na = 1\ns.x = \"v\"\n[u]\n"},
		{"dotted table", "t.a = 1\nb = 1\n[u]\n", "t.x", "v", "t.a = 1\nb = 1\nt.x = \"v\"\n[u]\n"},
		{"implied table", "# c\n[t.u]\na = 1\n", "t.x", "v", "[t]\nx = \"v\"\n\n# c\n[t.u]\na = 1\n"},
		{"element", "[[t]]\na = 1\n[[t]]\na = 2\n", "t.0.x", "v", "[[t]]\na = 1\nx = \"v\"\n[[t]]\na = 2\n"},
		{"implied in an element", "[[t]]\n[t.u.w]\na = 1\n[[t]]\na = 2\n", "t.0.u.x", "v", "[[t]]\n[t.u]\nx = \"v\"\n\n[t.u.w]\na = 1\n[[t]]\na = 2\n"},
		{"inline", "a = { b = 1 }\n", "a.x", "v", "a = { b = 1, x = \"v\" }\n"},
		{"inline with parents", "a = {b = 1}\n", "a.x.y", "v", "a = {b = 1, x = {y = \"v\"}}\n"},
		{"empty inline", "a = {}\n", "a.x", "v", "a = {x = \"v\"}\n"},
		{"key in quotes", "a = 1\n", `"x y"`, "v", "a = 1\n\"x y\" = \"v\"\n"},
		{"CR LF", "a = 1\r\n", "t.x", "v", "a = 1\r\n\r\n[t]\r\nx = \"v\"\r\n"},
	})
}

func TestTOMLSetFails(t *testing.T) {
	runSetFails(t, TOML, []failCase{
		{"twice", "a = 'hunter2'\na = 'hunter2'\n", "a", ErrInvalid, 2, 1},
		{"table twice", "[a]\n[b]\n[a]\n", "a.x", ErrInvalid, 3, 1},
		{"table over a value", "a = 1\n[a]\n", "a.x", ErrInvalid, 2, 1},
		{"table through a value", "a = 1\n[a.b]\n", "a.x", ErrInvalid, 2, 1},
		{"table over dots", "[a]\nb.c = 1\n[a.b]\n", "a.x", ErrInvalid, 3, 1},
		{"dots into a table", "[a.b]\nc = 1\n[a]\nb.d = 1\n", "a.x", ErrInvalid, 4, 1},
		{"dots into braces", "a = {b = 1}\na.c = 2\n", "x", ErrInvalid, 2, 1},
		{"list of tables over a list", "a = []\n[[a]]\n", "x", ErrInvalid, 2, 1},
		{"table over a list of tables", "[[a]]\n[a]\n", "x", ErrInvalid, 2, 1},
		{"through text", "a = 'hunter2'\n", "a.b", ErrPath, 1, 5},
		{"a table", "[a]\nb = 1\n", "a", ErrPath, 1, 1},
		{"no such element", "a = ['hunter2']\n", "a.1", ErrPath, 1, 5},
		{"open string", "a = \"hunter2\n", "a", ErrInvalid, 1, 13},
		{"open long string", "a = '''hunter2\n", "a", ErrInvalid, 1, 5},
		{"wrong escape", `a = "hunter2\x"`, "a", ErrInvalid, 1, 13},
		{"bare word", "a = hunter2\n", "a", ErrInvalid, 1, 5},
		{"leading zero", "a = 01\n", "a", ErrInvalid, 1, 5},
		{"no value", "a =\n", "a", ErrInvalid, 1, 4},
		{"two on a line", "a = 1 b = 2\n", "a", ErrInvalid, 1, 7},
		{"break in braces", "a = {b = 1,\nc = 2}\n", "a.b", ErrInvalid, 1, 12},
		{"control character", "a = 'hunter2\x01'\n", "a", ErrInvalid, 1, 13},
		{"lone CR", "a = 1\rb = 2\n", "a", ErrInvalid, 1, 6},
		{"long key", "\"\"\"a\"\"\" = 1\n", "a", ErrInvalid, 1, 1},
		{"no name", "[]\n", "a", ErrInvalid, 1, 2},
	})
}

func TestTOMLGet(t *testing.T) {
	runGet(t, TOML, []getCase{
		{"hidden break", "a = \"\"\"\\\n   x \\\n\n   y\"\"\"", "a", "x y"}, {"escapes", `a = "\u00e9\U0001F511\t"`, "a", "é🔑\t"},
		{"quotes at the end", `a = """x"""""`, "a", `x""`}, {"CR LF in a string", "a = '''\r\nx\r\ny'''", "a", "x\ny"},
		{"date and time", "a = 1979-05-27 07:32:00.5-07:00", "a", "1979-05-27 07:32:00.5-07:00"}, {"time", "a = 07:32:00", "a", "07:32:00"},
		{"hexadecimal", "a = 0xdead_beef", "a", "0xdead_beef"}, {"infinite", "a = -inf", "a", "-inf"},
		{"missing", "a = 1", "b.c", "-"}, {"empty key", `"" = 'x'`, `""`, "x"}, {"number as a key", "1.2 = 'x'", "1.2", "x"},
	})
}

func TestTOMLUndo(t *testing.T) {
	runUndo(t, TOML, []undoCase{
		{"root", "a = 1\n\n[t]\nb = 1\n", "x", nil}, {"table", "[t]\n  b = 1\n\n[u]\n", "t.x", nil},
		{"no final break", "[t]\nb = 1", "t.x", nil}, {"new table", "a = 1\n", "t.x", []string{"t"}},
		{"new table in CR LF", "a = 1\r\n", "t.x", []string{"t"}}, {"inline", "a = { b = 1 }\n", "a.x", nil},
		{"inline with parents", "a = {b = 1}\n", "a.x.y", []string{"a.x"}}, {"dotted", "t.a = 1\nb = 1\n", "t.x", nil},
		{"element", "[[t]]\na = 1\n[[t]]\n", "t.0.x", nil},
	})
}
