package estate_test

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// conforms is as much of JSON Schema as the estate's schema uses. A word of
// the schema that it does not know fails the test, so that none goes untried.
type conforms struct {
	t    *testing.T
	root map[string]any
}

// errors gives what is wrong with a value, each with its path.
func (c conforms) errors(schema, value any, path string) []string {
	if allowed, ok := schema.(bool); ok {
		if allowed {
			return nil
		}
		return []string{path + " is not allowed"}
	}
	var list []string
	s := schema.(map[string]any)
	for _, word := range slices.Sorted(maps.Keys(s)) {
		list = append(list, c.word(s, word, value, path)...)
	}
	return list
}

func (c conforms) word(s map[string]any, word string, value any, path string) []string {
	wrong := []string{fmt.Sprintf("%s breaks %s", path, word)}
	switch arg := s[word]; word {
	case "$schema", "$defs", "title", "description", "examples", "default", "then":
	case "$ref":
		return c.errors(c.resolve(arg.(string)), value, path)
	case "type":
		if !typed(arg, value) {
			return wrong
		}
	case "const":
		if fmt.Sprint(arg) != fmt.Sprint(value) {
			return wrong
		}
	case "enum":
		if !slices.Contains(arg.([]any), value) {
			return wrong
		}
	case "pattern":
		if text, ok := value.(string); ok && !regexp.MustCompile(arg.(string)).MatchString(text) {
			return wrong
		}
	case "minimum", "maximum":
		if n, ok := number(value); ok && (word == "minimum" && n < arg.(float64) || word == "maximum" && n > arg.(float64)) {
			return wrong
		}
	case "minItems":
		if items, ok := value.([]any); ok && float64(len(items)) < arg.(float64) {
			return wrong
		}
	case "not":
		if len(c.errors(arg, value, path)) == 0 {
			return wrong
		}
	case "if":
		if len(c.errors(arg, value, path)) == 0 {
			return c.errors(s["then"], value, path)
		}
	default:
		return c.structure(s, word, value, path)
	}
	return nil
}

func (c conforms) structure(s map[string]any, word string, value any, path string) []string {
	object, isObject := value.(map[string]any)
	var list []string
	switch arg := s[word]; word {
	case "anyOf":
		for _, branch := range arg.([]any) {
			branchErrors := c.errors(branch, value, path)
			if len(branchErrors) == 0 {
				return nil
			}
			list = append(list, branchErrors...)
		}
	case "allOf":
		for _, branch := range arg.([]any) {
			list = append(list, c.errors(branch, value, path)...)
		}
	case "required":
		for _, name := range arg.([]any) {
			if _, ok := object[name.(string)]; isObject && !ok {
				list = append(list, fmt.Sprintf("%s lacks %s", path, name))
			}
		}
	case "properties":
		for name, schema := range arg.(map[string]any) {
			if v, ok := object[name]; ok {
				list = append(list, c.errors(schema, v, path+"/"+name)...)
			}
		}
	case "additionalProperties":
		known, _ := s["properties"].(map[string]any)
		for name, v := range object {
			if _, ok := known[name]; !ok {
				list = append(list, c.errors(arg, v, path+"/"+name)...)
			}
		}
	case "items":
		items, _ := value.([]any)
		for i, v := range items {
			list = append(list, c.errors(arg, v, fmt.Sprintf("%s/%d", path, i))...)
		}
	default:
		c.t.Fatalf("the schema uses %q, which the test does not understand", word)
	}
	return list
}

func (c conforms) resolve(ref string) any {
	var at any = c.root
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		next, ok := at.(map[string]any)[name]
		if !ok {
			c.t.Fatalf("the schema refers to %s, which does not exist", ref)
		}
		at = next
	}
	return at
}

func typed(arg, value any) bool {
	names, ok := arg.([]any)
	if !ok {
		names = []any{arg}
	}
	n, isNumber := number(value)
	for _, name := range names {
		switch v := value.(type) {
		case string:
			ok = name == "string"
		case bool:
			ok = name == "boolean"
		case nil:
			ok = name == "null"
		case []any:
			ok = name == "array"
		case map[string]any:
			ok = name == "object"
		default:
			ok = isNumber && (name == "number" || name == "integer" && n == math.Trunc(n))
			_ = v
		}
		if ok {
			return true
		}
	}
	return false
}

func number(value any) (float64, bool) {
	switch v := value.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
