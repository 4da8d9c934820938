package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
)

// graphQL is a schema.
type graphQL struct{ schema *ast.Schema }

func loadGraphQL(file string) (*graphQL, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("contract: load a schema: %w", err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: file, Input: string(b)})
	if err != nil {
		return nil, fmt.Errorf("contract: load a schema: %w", err)
	}
	return &graphQL{schema: schema}, nil
}

// answerOf is the form of an answer (GraphQL specification, "Response Format").
type answerOf struct {
	Data   map[string]any `json:"data"`
	Errors []struct {
		Message *string `json:"message"`
	} `json:"errors"`
}

func (g *graphQL) judge(e exchange) (string, []string, error) {
	var asked struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}
	var answer answerOf
	answered := !e.Faulted && e.Status/100 == 2
	if answered && json.Unmarshal(e.Answer, &answer) != nil {
		return e.Method + " " + e.path(), []string{"answer: is no JSON of the form that GraphQL answers have"}, nil
	}
	held := !e.ByHand || answered && len(answer.Errors) == 0
	if err := json.Unmarshal(e.Body, &asked); err != nil {
		return e.Method + " " + e.path(), when(held, "request body: is no JSON with a query"), nil
	}
	query, err := parse(g.schema, asked.Query)
	if err != nil || len(query.Operations) != 1 {
		return e.Method + " " + e.path(), when(held, fmt.Sprintf("request query: %v", err)), nil
	}
	op := query.Operations[0]
	name := strings.ToUpper(string(op.Operation)) + " " + op.Name
	if _, err := validator.VariableValues(g.schema, op, asked.Variables); err != nil && held {
		return name, []string{"request variables: " + err.Error()}, nil
	}
	if !answered {
		return name, nil, nil
	}
	return name, judgeAnswerOf(answer, op), nil
}

// parse keeps a nil list of errors apart from an error.
func parse(schema *ast.Schema, query string) (*ast.QueryDocument, error) {
	doc, errs := gqlparser.LoadQuery(schema, query)
	if len(errs) > 0 {
		return nil, errs
	}
	return doc, nil
}

func when(held bool, what string) []string {
	if held {
		return []string{what}
	}
	return nil
}

// judgeAnswerOf holds an answer to what was selected. A place that is null
// because of an error is as the specification has it.
func judgeAnswerOf(a answerOf, op *ast.OperationDefinition) []string {
	var what []string
	for _, e := range a.Errors {
		if e.Message == nil {
			what = append(what, "answer /errors: an error without a message")
		}
	}
	if a.Data != nil && len(a.Errors) == 0 {
		what = append(what, judgeFields(a.Data, op.SelectionSet, []string{"data"})...)
	}
	return what
}

func judgeFields(v map[string]any, selected ast.SelectionSet, at []string) []string {
	var what []string
	wanted := map[string]bool{}
	for _, s := range selected {
		f, ok := s.(*ast.Field)
		if !ok {
			return []string{"answer " + pointer(at) + ": fragments are not looked at"}
		}
		wanted[f.Alias] = true
		here := append(at[:len(at):len(at)], f.Alias)
		inner, there := v[f.Alias]
		if !there {
			what = append(what, "answer "+pointer(here)+": was asked for and is missing")
			continue
		}
		what = append(what, judgeValue(inner, f.Definition.Type, f.SelectionSet, here)...)
	}
	for name := range v {
		if !wanted[name] {
			what = append(what, "answer "+pointer(append(at, name))+": was not asked for")
		}
	}
	return what
}

func judgeValue(v any, t *ast.Type, selected ast.SelectionSet, at []string) []string {
	if v == nil {
		if t.NonNull {
			return []string{"answer " + pointer(at) + ": null, where the schema has " + t.String()}
		}
		return nil
	}
	if t.Elem != nil {
		list, ok := v.([]any)
		if !ok {
			return []string{"answer " + pointer(at) + ": is no list"}
		}
		var what []string
		for _, item := range list {
			what = append(what, judgeValue(item, t.Elem, selected, append(at[:len(at):len(at)], "0"))...)
		}
		return what
	}
	if len(selected) > 0 {
		object, ok := v.(map[string]any)
		if !ok {
			return []string{"answer " + pointer(at) + ": is no object"}
		}
		return judgeFields(object, selected, at)
	}
	if !scalarFits(t.NamedType, v) {
		return []string{"answer " + pointer(at) + ": does not fit " + t.NamedType}
	}
	return nil
}

// scalarFits knows the scalars of the specification and Fly's time. Others are
// a vendor's own and may be anything.
func scalarFits(name string, v any) bool {
	text, isText := v.(string)
	switch name {
	case "String", "ID":
		return isText
	case "Int":
		n, ok := v.(float64)
		return ok && n == float64(int32(n))
	case "Float":
		_, ok := v.(float64)
		return ok
	case "Boolean":
		_, ok := v.(bool)
		return ok
	case "ISO8601DateTime":
		_, err := time.Parse(time.RFC3339, text)
		return err == nil
	default:
		return true
	}
}
