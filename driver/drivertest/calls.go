package drivertest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pawlhq/pawl/driver"
)

// callLog remembers which of the declared calls were made.
type callLog struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (l *callLog) saw(call string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	l.seen[call] = true
}

func (l *callLog) unused(t *testing.T, calls []driver.Call, excuses []Excuse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range calls {
		if name := c.Method + " " + c.Path; !l.seen[name] && !slices.ContainsFunc(excuses, func(e Excuse) bool { return e.Fault == Unused && e.Act == name }) {
			t.Errorf("Info declares the call %s, which no act has made", name)
		}
	}
}

// operationOf names a request as Info does: by its method, or as QUERY or
// MUTATION with the operation's name.
func operationOf(r *http.Request, body []byte) (method, operation string) {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/graphql") {
		return r.Method, ""
	}
	var in struct{ Query string }
	if json.Unmarshal(body, &in) != nil {
		return r.Method, ""
	}
	words := strings.FieldsFunc(in.Query, func(c rune) bool { return strings.ContainsRune(" \n\t({", c) })
	if len(words) < 2 || words[0] != "query" && words[0] != "mutation" {
		return r.Method, ""
	}
	return strings.ToUpper(words[0]), words[1]
}

// match gives the declared call that a request is, "" if it is none.
func match(calls []driver.Call, method, operation, path string) string {
	for _, c := range calls {
		if c.Method == method && (operation != "" && c.Path == operation || operation == "" && fits(c.Path, path)) {
			return c.Method + " " + c.Path
		}
	}
	return ""
}

func fits(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if param := strings.HasPrefix(want[i], "{"); !param && want[i] != got[i] || param && got[i] == "" {
			return false
		}
	}
	return true
}
