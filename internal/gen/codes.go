package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
)

// constant is one named text of the sources, with the comment behind it.
type constant struct{ value, doc string }

// codes makes the tables of what errors say to programs, from the sources.
func codes(root string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(generated + "# Error codes\n\nWhat stands in the JSON that pawl writes, for programs. The exit statuses are in [exit-codes.md](exit-codes.md).\n")
	for _, group := range []struct{ title, intro, file, kind string }{
		{"Codes", "The `code` of an error.", "errors.go", "Code"},
		{"Kinds", "The `kind` of a failed call at a vendor. Those that say \"may pass\" or \"passes by itself\" are tried again.", "driver/error.go", "ErrorKind"},
		{"Effects", "The `effect` of a call: what it has done.", "pawl.go", "Effect"},
		{"Phases", "The `phase` of a step, in order.", "pawl.go", "Phase"},
	} {
		list, err := constants(filepath.Join(root, group.file), group.kind)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| | meaning |\n|---|---|\n", group.title, group.intro)
		for _, c := range list {
			fmt.Fprintf(&b, "| `%s` | %s |\n", c.value, cell(c.doc))
		}
	}
	return b.Bytes(), nil
}

// constants lists the constants of a type in a file.
func constants(path, kind string) ([]constant, error) {
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var list []constant
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			if c, ok := constantOf(s.(*ast.ValueSpec), kind); ok {
				list = append(list, c)
			}
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s has no constants of type %s", path, kind)
	}
	return list, nil
}

func constantOf(s *ast.ValueSpec, kind string) (constant, bool) {
	t, ok := s.Type.(*ast.Ident)
	if !ok || t.Name != kind || len(s.Values) != 1 {
		return constant{}, false
	}
	lit, ok := s.Values[0].(*ast.BasicLit)
	if !ok {
		return constant{}, false
	}
	value, err := strconv.Unquote(lit.Value)
	return constant{value, strings.TrimSpace(s.Comment.Text())}, err == nil
}
