package mutant_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestEveryMutantIsMadeAndCaught holds that each way to break the engine is
// built into it, or into what the crash matrix puts around it, and tried by the
// matrix, by a test of the engine or by make reencrypt-torture: one that is not
// would prove nothing.
func TestEveryMutantIsMadeAndCaught(t *testing.T) {
	made, tried := map[string]bool{}, map[string]bool{}
	for _, dir := range []string{"../../rotation", "../../envelope/reencrypt", "../crash", torture} {
		uses(t, dir, func(file, name string) {
			if dir == torture || filepath.Base(file) == "mutants.go" || strings.HasSuffix(file, "_test.go") {
				tried[name] = true
			} else {
				made[name] = true
			}
		})
	}
	kinds := kinds(t)
	if len(kinds) < 10 {
		t.Fatalf("%d mutants are declared: they are not read as they are written", len(kinds))
	}
	seen := map[string]string{}
	for name, text := range kinds {
		if other := seen[text]; other != "" || (text == "") != (name == "None") {
			t.Errorf("%s is %q, as is %s", name, text, other)
		}
		seen[text] = name
		if name == "None" {
			continue
		}
		if !made[name] {
			t.Errorf("nothing makes the mutant %s", name)
		}
		if !tried[name] {
			t.Errorf("nothing tries the mutant %s", name)
		}
	}
}

// torture breaks a job as a whole program, to show that it would notice.
const torture = "../reencrypttorture"

// kinds reads the constants of type Kind.
func kinds(t *testing.T) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "mutant.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			text, err := strconv.Unquote(spec.Values[i].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			list[name.Name] = text
		}
		return false
	})
	return list
}

// uses calls f for each use of a name of this package in a folder's files.
func uses(t *testing.T, dir string, f func(file, name string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "mutant" {
					f(path, sel.Sel.Name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
