// Package graphql reads one GraphQL operation and gives back those fields of
// a vendor's objects that it selects. It knows operations, aliases,
// arguments, variables and selections; it knows no fragments and directives.
package graphql

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Field is one selected field, with arguments in which variables are filled.
type Field struct {
	Alias, Name string
	Args        map[string]any
	Fields      []Field
}

// Operation is a query or a mutation.
type Operation struct {
	Mutation bool
	Fields   []Field
}

// maxDepth bounds nesting, so that no query can exhaust the stack.
const maxDepth = 32

var errSyntax = errors.New("the query cannot be read")

// Parse reads a document with a single operation. Its errors quote names from
// the document and never a value.
func Parse(document string, variables map[string]any) (Operation, error) {
	p := &parser{words: words(strings.TrimPrefix(document, "\ufeff")), variables: variables}
	op := Operation{Mutation: p.peek() == "mutation"}
	if p.peek() == "query" || p.peek() == "mutation" {
		p.next()
		p.head()
	}
	op.Fields = p.selection(0)
	if p.peek() != "" {
		p.fail("a second operation or a fragment is not supported")
	}
	return op, p.err
}

type parser struct {
	words     []string
	at        int
	variables map[string]any
	err       error
}

func (p *parser) peek() string {
	if p.err != nil || p.at >= len(p.words) {
		return ""
	}
	return p.words[p.at]
}

func (p *parser) next() string {
	w := p.peek()
	p.at++
	return w
}

func (p *parser) fail(why string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: %s", errSyntax, why)
	}
}

func (p *parser) want(word string) {
	if p.next() != word {
		p.fail("expected " + strconv.Quote(word))
	}
}

// head skips the operation's name and the declarations of its variables.
func (p *parser) head() {
	for p.peek() != "{" && p.peek() != "" {
		p.next()
	}
}

func (p *parser) selection(depth int) []Field {
	if depth > maxDepth {
		p.fail("it is nested too deeply")
	}
	p.want("{")
	var fields []Field
	for p.peek() != "}" && p.peek() != "" {
		fields = append(fields, p.field(depth))
	}
	p.want("}")
	return fields
}

func (p *parser) field(depth int) Field {
	f := Field{Name: p.name()}
	f.Alias = f.Name
	if p.peek() == ":" {
		p.next()
		f.Name = p.name()
	}
	if p.peek() == "(" {
		p.next()
		f.Args = p.pairs(")", depth)
	}
	if p.peek() == "{" {
		f.Fields = p.selection(depth + 1)
	}
	return f
}

func (p *parser) name() string {
	w := p.next()
	if w == "" || !isNameByte(w[0]) {
		p.fail("expected a name")
	}
	return w
}

// pairs reads "name: value" up to the closing word.
func (p *parser) pairs(end string, depth int) map[string]any {
	got := map[string]any{}
	for p.peek() != end && p.peek() != "" {
		name := p.name()
		p.want(":")
		got[name] = p.value(depth + 1)
	}
	p.want(end)
	return got
}

func (p *parser) value(depth int) any {
	if depth > maxDepth {
		p.fail("it is nested too deeply")
	}
	w := p.next()
	switch {
	case w == "$":
		return p.variables[p.name()]
	case w == "{":
		return p.pairs("}", depth)
	case w == "[":
		return p.list(depth)
	case strings.HasPrefix(w, `"`):
		return p.text(w)
	case w == "true", w == "false":
		return w == "true"
	case w == "null":
		return nil
	default:
		return p.numberOrEnum(w)
	}
}

func (p *parser) list(depth int) []any {
	list := []any{}
	for p.peek() != "]" && p.peek() != "" {
		list = append(list, p.value(depth+1))
	}
	p.want("]")
	return list
}

func (p *parser) text(w string) string {
	var s string
	if json.Unmarshal([]byte(w), &s) != nil { // its escapes are those of GraphQL
		p.fail("a string is not closed or has a bad escape, or is a block string")
	}
	return s
}

func (p *parser) numberOrEnum(w string) any {
	if w != "" && (w[0] == '-' || w[0] >= '0' && w[0] <= '9') {
		var n float64
		if json.Unmarshal([]byte(w), &n) != nil { // its numbers are those of GraphQL
			p.fail("a number cannot be read")
		}
		return n
	}
	if w == "" || !isNameByte(w[0]) {
		p.fail("expected a value")
	}
	return w
}

// words cuts a document into names, numbers, strings and single signs. Commas
// mean nothing in GraphQL and are dropped.
func words(document string) []string {
	var list []string
	for i := 0; i < len(document); {
		n := wordLen(document[i:])
		if w := document[i : i+n]; strings.Trim(w, " \t\r\n,") != "" && w[0] != '#' {
			list = append(list, w)
		}
		i += n
	}
	return list
}

func wordLen(s string) int {
	switch {
	case s[0] == '#':
		if end := strings.IndexByte(s, '\n'); end >= 0 {
			return end
		}
		return len(s)
	case s[0] == '"':
		return textLen(s)
	case isNameByte(s[0]):
		n := 1
		for n < len(s) && isNameByte(s[n]) {
			n++
		}
		return n
	default:
		return 1
	}
}

func textLen(s string) int {
	if strings.HasPrefix(s, `"""`) {
		return len(s) // a block string, which is not known here
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// isNameByte takes the bytes of names and of numbers: GraphQL never puts one
// directly beside the other.
func isNameByte(b byte) bool {
	return b == '_' || b == '-' || b == '.' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}
