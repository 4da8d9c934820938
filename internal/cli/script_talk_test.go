package cli

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// jsonHas holds that the last command's output is one JSON document, and what
// stands in it: json rotations.0.outcome done. Without a value it must only be
// there; with ! it must not.
func jsonHas(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: json PATH [VALUE]")
	}
	var document any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &document); err != nil {
		ts.Fatalf("the output is not one JSON document: %v", err)
	}
	got, ok := dig(document, strings.Split(args[0], "."))
	switch {
	case ok == neg:
		ts.Fatalf("%s is there: %t", args[0], ok)
	case len(args) == 2 && fmt.Sprint(got) != args[1]:
		ts.Fatalf("%s is %v, want %s", args[0], got, args[1])
	}
}

// dig follows names and indexes into a document.
func dig(document any, path []string) (any, bool) {
	for _, name := range path {
		switch d := document.(type) {
		case map[string]any:
			v, ok := d[name]
			if !ok {
				return nil, false
			}
			document = v
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(d) {
				return nil, false
			}
			document = d[i]
		default:
			return nil, false
		}
	}
	return document, true
}

// keep puts what a pattern finds in the last command's output into a
// variable: keep ID '\d{8}-\d{6}-\w{6}'. With a group, what that finds.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep VARIABLE PATTERN")
	}
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	found := pattern.FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("the output has no %s", args[1])
	}
	ts.Setenv(args[0], found[len(found)-1])
}
