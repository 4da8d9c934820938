package document

import "testing"

func TestJSONSet(t *testing.T) {
	runSet(t, JSON, []setCase{
		{"string", "{\n  \"a\": \"x\",\n  \"b\": [1, 2]\n}\n", "a", "y", "{\n  \"a\": \"y\",\n  \"b\": [1, 2]\n}\n"},
		{"odd white space stays", "{ \"a\"\t:\"x\" ,\"b\" : 1}", "a", "y", "{ \"a\"\t:\"y\" ,\"b\" : 1}"},
		{"mark, CR LF, no final break", bom + "{\r\n\t\"a\": \"x\"\r\n}", "a", "y", bom + "{\r\n\t\"a\": \"y\"\r\n}"},
		{"many lines", `{"a": "x"}`, "a", "l1\nl2\n", `{"a": "l1\nl2\n"}`},
		{"escapes", `{"a": "x"}`, "a", "\"\\\b\x00<é\u2028", `{"a": "\"\\\b\u0000<é\u2028"}`},
		{"escaped key", `{"\u0061": "x"}`, "a", "y", `{"\u0061": "y"}`},
		{"number stays a number", `{"a": 10}`, "a", "-2.5e3", `{"a": -2.5e3}`},
		{"number becomes text", `{"a": 10}`, "a", "010", `{"a": "010"}`},
		{"text stays text", `{"a": "x"}`, "a", "10", `{"a": "10"}`},
		{"truth value", `{"a": true}`, "a", "false", `{"a": false}`},
		{"null becomes text", `{"a": null}`, "a", "null!", `{"a": "null!"}`},
		{"element", `{"a": [{"b": "x"}, {"b": "x"}]}`, "a.1.b", "y", `{"a": [{"b": "x"}, {"b": "y"}]}`},
		{"root list", `["x", "x"]`, "/0", "y", `["y", "x"]`},
		{"dots in a key", `{"a.b": "x", "a": {"b": "x"}}`, `"a.b"`, "y", `{"a.b": "y", "a": {"b": "x"}}`},
		{"other keys occur twice", `{"a": "x", "b": 1, "b": 2}`, "a", "y", `{"a": "y", "b": 1, "b": 2}`},
		{"add on lines", "{\n    \"a\": 1,\n\n    \"b\": 2\n}\n", "c", "v", "{\n    \"a\": 1,\n\n    \"b\": 2,\n    \"c\": \"v\"\n}\n"},
		{"add on one line", `{"a": 1, "b": 2}`, "c", "v", `{"a": 1, "b": 2, "c": "v"}`},
		{"add to one", `{"a": 1}`, "c", "v", `{"a": 1, "c": "v"}`},
		{"add without blanks", `{"a":1}`, "c", "v", `{"a":1,"c":"v"}`},
		{"add with CR LF", "{\r\n  \"a\": 1\r\n}\r\n", "c", "v", "{\r\n  \"a\": 1,\r\n  \"c\": \"v\"\r\n}\r\n"},
		{"add to empty", "{}", "c", "v", `{"c": "v"}`},
		{"add to empty on lines", "{\n  \"a\": {}\n}\n", "a.c", "v", "{\n  \"a\": {\n    \"c\": \"v\"\n  }\n}\n"},
		{"add to empty with a break", "{\n}\n", "c", "v", "{\n  \"c\": \"v\"\n}\n"},
		{"add with parents", "{\n  \"a\": 1\n}\n", "b.c.d", "v",
			"{\n  \"a\": 1,\n  \"b\": {\n    \"c\": {\n      \"d\": \"v\"\n    }\n  }\n}\n"},
		{"add with parents on one line", `{"a":1}`, "b.c", "v", `{"a":1,"b":{"c":"v"}}`},
		{"new document", "", "a.b", "v", "{\n  \"a\": {\n    \"b\": \"v\"\n  }\n}\n"},
	})
}

func TestJSONSetFails(t *testing.T) {
	runSetFails(t, JSON, []failCase{
		{"twice", "{\"a\": \"hunter2\",\n \"a\": \"hunter2\"}", "a", ErrAmbiguous, 2, 2},
		{"twice on the way", `{"a": {"b": 1}, "a": {}}`, "a.b", ErrAmbiguous, 1, 17},
		{"through text", `{"a": "hunter2"}`, "a.b", ErrPath, 1, 7},
		{"through null", `{"a": null}`, "a.b", ErrPath, 1, 7},
		{"an object", `{"a": {}}`, "a", ErrPath, 1, 7},
		{"no such element", `{"a": ["hunter2"]}`, "a.1", ErrPath, 1, 7},
		{"no index", `{"a": ["hunter2"]}`, "a.b", ErrPath, 1, 7},
		{"would make a list", `{}`, "a.0.b", ErrPath, 0, 0},
		{"comment", "{\n// hunter2\n}", "a", ErrInvalid, 2, 1},
		{"final comma", `{"a": "hunter2",}`, "a", ErrInvalid, 1, 17},
		{"open string", `{"a": "hunter2`, "a", ErrInvalid, 1, 7},
		{"line break in a string", "{\"a\": \"hunter2\n\"}", "a", ErrInvalid, 1, 15},
		{"wrong escape", `{"a": "hunter2\x"}`, "a", ErrInvalid, 1, 7},
		{"bare word", `{"a": hunter2}`, "a", ErrInvalid, 1, 7},
		{"rest", `{"a": 1} hunter2`, "a", ErrInvalid, 1, 10},
		{"leading zero", `{"é": 01}`, "a", ErrInvalid, 1, 7},
		{"no colon", `{"hunter2" 1}`, "a", ErrInvalid, 1, 12},
		{"no comma", `[1 2]`, "0", ErrInvalid, 1, 4},
	})
}

func TestJSONGet(t *testing.T) {
	runGet(t, JSON, []getCase{
		{"text", `{"a": "x\n\u00e9"}`, "a", "x\né"}, {"number", `{"a": 1.50}`, "a", "1.50"}, {"null", `{"a": null}`, "a", "null"},
		{"missing", `{"a": 1}`, "b", "-"}, {"missing parent", `{"a": 1}`, "b.c", "-"}, {"empty document", "", "b", "-"},
	})
}

func TestJSONUndo(t *testing.T) {
	runUndo(t, JSON, []undoCase{
		{"lines", "{\n  \"a\": 1\n}\n", "b", nil},
		{"one line", `{"a":1, "b":2}`, "c", nil},
		{"empty", "{\n  \"a\": {}\n}", "a.b", nil},
		{"with parents", "{\n  \"a\": 1\n}", "b.c.d", []string{"b.c", "b"}},
	})
}
