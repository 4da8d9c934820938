package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// declared gives the calls that a driver says it makes to its vendor by HTTP,
// out of its page, which is generated from them. A call to any path is one to a
// consumer's own address.
func declared(root, driver string) ([]string, error) {
	b, err := os.ReadFile(filepath.Join(root, "docs", "drivers", "zz_"+driver+".md"))
	if err != nil {
		return nil, fmt.Errorf("contract: read a driver's calls: %w", err)
	}
	var calls []string
	for _, found := range callRow.FindAllStringSubmatch(string(b), -1) {
		if method, rest, _ := strings.Cut(found[1], " "); method != "RESP" && rest != "/{path}" {
			calls = append(calls, found[1])
		}
	}
	if len(calls) == 0 {
		return nil, fmt.Errorf("contract: %s's page lists no calls", driver)
	}
	return calls, nil
}

var callRow = regexp.MustCompile("(?m)^\\| `([A-Z]+ [^`]+)` \\|")

// makes reports whether an operation is the declared call. Names in braces may
// differ.
func makes(call, operation string) bool {
	return inBraces.ReplaceAllString(call, "{}") == inBraces.ReplaceAllString(operation, "{}")
}

// makesAt reports whether a call to a path is the declared one.
func makesAt(call string, e exchange) bool {
	method, pattern, _ := strings.Cut(call, " ")
	_, fits := matchPath(pattern, e.path())
	return method == e.Method && fits
}

var inBraces = regexp.MustCompile(`\{[^}]*\}`)
