// Package arch holds the architecture: which package may import which, what
// every package must have, and what none may have. It has tests only.
package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
)

const module = "github.com/pawlhq/pawl"

// layers lists the packages from the bottom up. A package may import those of
// lower layers, and of its own where allowed says so. Longest prefix wins.
var layers = []struct {
	prefix string
	layer  int
}{
	{"", 0},
	{"internal/mutant", 0},
	{"internal/leak", 0},
	{"secret", 1},
	{"envelope", 2},
	{"estate", 2},
	{"vendorsim", 2},
	{"vendorsim/saas", 4}, // it runs examples/saas
	{"plan", 3},
	{"driver", 3},
	{"evidence", 3},
	{"examples/orgs", 3}, // an application: it imports what applications import
	{"examples/saas", 3}, // another
	{"rotation", 4},
	{"driver/all", 5},
	{"store", 5},
	{"runner", 5},
	{"internal/credential", 5},
	{"internal/keepers", 5},
	{"internal/connect", 6},
	{"internal/gen", 6},
	{"internal/runbook", 4},
	{"internal/crash", 6},
	{"internal/rehearsal", 6},
	{"internal/person", 6},
	{"internal/system", 6},
	{"internal/demo", 6},
	{"internal/cli", 7},
	{"internal/system/command", 8},
	{"internal/demorunbook", 8},
	{"internal/demosaas", 9},
	{"internal/kill9", 8},
	{"internal/canary", 8},
	{"internal/bench", 9},
	{"internal/reencryptbench", 8},
	{"internal/reencrypttorture", 8},
	{"cmd", 9},
}

// source is one parsed file of the module.
type source struct {
	pkg  string // folder relative to the module
	name string
	test bool
	file *ast.File
}

func TestImportsPointOneWay(t *testing.T) {
	for _, s := range sources(t) {
		for _, imp := range s.file.Imports {
			target, ours := strings.CutPrefix(strings.Trim(imp.Path.Value, `"`), module)
			target = strings.TrimPrefix(target, "/")
			if !ours || s.test || target == s.pkg {
				continue
			}
			from, to := layer(s.pkg), layer(target)
			if to > from || to == from && !family(s.pkg, target) {
				t.Errorf("%s/%s imports %s: imports point one way (layer %d to %d)", s.pkg, s.name, target, from, to)
			}
		}
	}
}

func layer(pkg string) int {
	best, at := -1, 0
	for _, l := range layers {
		if (l.prefix == "" && pkg == "" || l.prefix != "" && (pkg == l.prefix || strings.HasPrefix(pkg, l.prefix+"/"))) && len(l.prefix) > best {
			best, at = len(l.prefix), l.layer
		}
	}
	return at
}

// family reports whether two packages of one layer are of one noun.
func family(a, b string) bool {
	first := func(p string) string { head, _, _ := strings.Cut(p, "/"); return head }
	return first(a) == first(b)
}

// TestStoresNeverSeeValues holds that a store can only ever have sealed bytes.
func TestStoresNeverSeeValues(t *testing.T) {
	for _, s := range sources(t) {
		if strings.HasPrefix(s.pkg, "store/") && imports(s.file, module+"/secret") {
			t.Errorf("%s/%s imports secret: a store holds sealed bytes only", s.pkg, s.name)
		}
	}
}

// local are the drivers whose purpose is the machine that pawl runs on.
var local = []string{"driver/file", "driver/exec", "driver/file/document"}

// TestDriversHaveNoOtherWayOut holds that a driver reaches the world through
// its Env alone.
func TestDriversHaveNoOtherWayOut(t *testing.T) {
	for _, s := range sources(t) {
		if !strings.HasPrefix(s.pkg, "driver/") || s.test || slices.Contains(local, s.pkg) || slices.Contains([]string{"driver/drivertest", "driver/all"}, s.pkg) {
			continue
		}
		for _, banned := range []string{"os", "os/exec", "net", "syscall"} {
			if imports(s.file, banned) && !(banned == "net" && s.pkg == "driver/tcp") { // it wraps what Env.Dial gives
				t.Errorf("%s/%s imports %s: a driver's ways out are in driver.Env", s.pkg, s.name, banned)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := sel.X.(*ast.Ident); ok && (x.Name == "http" && (sel.Sel.Name == "DefaultClient" || sel.Sel.Name == "DefaultTransport") || x.Name == "time" && sel.Sel.Name == "Now") {
					t.Errorf("%s/%s uses %s.%s: it is in driver.Env", s.pkg, s.name, x.Name, sel.Sel.Name)
				}
			}
			return true
		})
	}
}

func imports(f *ast.File, p string) bool {
	return slices.ContainsFunc(f.Imports, func(i *ast.ImportSpec) bool { return strings.Trim(i.Path.Value, `"`) == p })
}

// TestNoInitNoDrawers holds that nothing registers itself, and that folders
// are named for what they hold.
func TestNoInitNoDrawers(t *testing.T) {
	for _, s := range sources(t) {
		for _, part := range strings.Split(s.pkg, "/") {
			if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "shared", "misc", "base"}, part) {
				t.Errorf("%s: name a folder for what it holds", s.pkg)
			}
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s/%s has an init function", s.pkg, s.name)
			}
		}
	}
}

// TestEverythingIsDocumented holds that each package and each exported name
// says what it is.
func TestEverythingIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		documented[s.pkg] = documented[s.pkg] || s.file.Doc != nil
		for _, d := range s.file.Decls {
			for _, name := range bare(d) {
				t.Errorf("%s/%s: %s is exported and has no comment", s.pkg, s.name, name)
			}
		}
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s has no package comment", pkg)
		}
	}
}

// bare lists the exported names of a declaration that have no comment.
func bare(d ast.Decl) []string {
	var names []string
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || receiverExported(d)) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			names = append(names, bareSpec(d, spec)...)
		}
	}
	return names
}

func bareSpec(d *ast.GenDecl, spec ast.Spec) []string {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
			return []string{s.Name.Name}
		}
	case *ast.ValueSpec:
		if s.Names[0].IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
			return []string{s.Names[0].Name}
		}
	}
	return nil
}

func receiverExported(f *ast.FuncDecl) bool {
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	if g, ok := t.(*ast.IndexExpr); ok {
		t = g.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}

// TestDirectDependencies holds the list of direct dependencies: a new one is
// a decision, made here, with its reason.
func TestDirectDependencies(t *testing.T) {
	reasons := map[string]string{
		"github.com/aws/aws-sdk-go-v2":             "AWS KMS: retries, regions and errors as AWS has them",
		"github.com/aws/aws-sdk-go-v2/config":      "AWS: where credentials come from, of which there are a dozen ways",
		"github.com/aws/aws-sdk-go-v2/credentials": "tests: a fixed access key",
		"github.com/aws/aws-sdk-go-v2/service/kms": "AWS KMS's calls, kept by AWS",
		"github.com/aws/smithy-go":                 "AWS: the code of an error",
		"github.com/miekg/pkcs11":                  "hardware tokens; cgo, behind the build tag pkcs11",
		"golang.org/x/oauth2":                      "Google Cloud: where credentials come from",
		"github.com/google/go-cmp":                 "tests: readable differences",
		"github.com/google/go-github":              "GitHub's calls, kept by others",
		"github.com/jackc/pgx":                     "PostgreSQL's protocol; database/sql over it for key tables",
		"github.com/redis/go-redis":                "examples, tests and stand-ins: Redis as applications reach it",
		"github.com/rogpeppe/go-internal":          "tests: scripts of the command line",
		"github.com/tink-crypto/tink-go":           "tests: another implementation of XAES-256-GCM",
		"github.com/spf13/cobra":                   "commands, flags, completion",
		"github.com/spf13/pflag":                   "cobra's flags: the error that names the unknown one",
		"github.com/stripe/stripe-go":              "Stripe's calls and signatures, kept by Stripe",
		"go.yaml.in/yaml":                          "YAML with positions",
		"golang.org/x/crypto":                      "sealed boxes for GitHub's secrets",
		"golang.org/x/sync":                        "bounded concurrency",
		"golang.org/x/sys":                         "file locks",
		"golang.org/x/term":                        "masked prompts",
		"golang.org/x/time":                        "rate limits under virtual time",
		"modernc.org/sqlite":                       "the store, without cgo",
	}
	b, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) != 2 || !strings.HasPrefix(fields[1], "v") || strings.Contains(line, "// indirect") {
			continue
		}
		name := fields[0]
		if dir, last := path.Split(name); strings.HasPrefix(last, "v") && strings.Trim(last[1:], "0123456789") == "" {
			name = strings.TrimSuffix(dir, "/")
		}
		if reasons[name] == "" {
			t.Errorf("%s is a direct dependency without a reason in this test", name)
		}
	}
}

// TestUseOfValues holds the list of packages that open secret values.
func TestUseOfValues(t *testing.T) {
	allowed := []string{"secret", "envelope", "estate", "rotation", "driver/rest", "driver/anthropic", "driver/file", "driver/exec", "driver/github", "driver/http", "driver/neon", "driver/postgres", "driver/redis", "driver/resend", "driver/stripe", "driver/upstash",
		"driver/drivertest", "driver/random", "internal/cli", "internal/rehearsal", "internal/crash"}
	var found []string
	for _, s := range sources(t) {
		if s.test || !imports(s.file, module+"/secret") && s.pkg != "secret" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if sel, ok := call.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Use" && len(call.Args) == 1 {
					if _, ok := call.Args[0].(*ast.FuncLit); ok && !slices.Contains(found, s.pkg) {
						found = append(found, s.pkg)
					}
				}
			}
			return true
		})
	}
	sort.Strings(found)
	for _, pkg := range found {
		if !slices.Contains(allowed, pkg) {
			t.Errorf("%s opens secret values: that is a decision, to be made in this test", pkg)
		}
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func sources(t *testing.T) []source {
	t.Helper()
	var list []source
	dir := root(t)
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); p != dir && (strings.HasPrefix(name, ".") || name == "testdata" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		pkg, err := filepath.Rel(dir, filepath.Dir(p))
		if err != nil {
			return err
		}
		if pkg == "." {
			pkg = ""
		}
		list = append(list, source{pkg: filepath.ToSlash(pkg), name: d.Name(), test: strings.HasSuffix(p, "_test.go"), file: f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestEnvelopeStandsAlone: an application that imports envelope compiles the
// standard library and nothing of others. Each keeper adds what it needs and
// no more.
func TestEnvelopeStandsAlone(t *testing.T) {
	const aws = "github.com/aws/"
	for pkg, others := range map[string][]string{
		"envelope": nil, "envelope/keyfile": nil, "envelope/transit": nil, "envelope/gcpkms": nil,
		"envelope/awskms": {aws + "aws-sdk-go-v2/aws", aws + "aws-sdk-go-v2/service/kms", aws + "aws-sdk-go-v2/service/kms/types", aws + "smithy-go"},
		"envelope/pkcs11": {"github.com/miekg/pkcs11"},
	} {
		reached := reach(sources(t), pkg)
		if len(reached) < 3 {
			t.Errorf("%s: %v is not all that it imports", pkg, reached)
		}
		for _, imp := range reached {
			host, _, _ := strings.Cut(imp, "/")
			ours := imp == module || imp == module+"/secret" || imp == module+"/envelope" || strings.HasPrefix(imp, module+"/envelope/internal/") ||
				imp == module+"/internal/mutant"
			if strings.Contains(host, ".") && !ours && !slices.Contains(others, imp) {
				t.Errorf("%s reaches %s: whoever imports it must not compile that", pkg, imp)
			}
		}
	}
}

// TestPawlIsLean holds that the binary has no part of the servers that only its
// tests and the long demonstrations run on: together they make it a quarter
// larger.
func TestPawlIsLean(t *testing.T) {
	reached := reach(sources(t), "cmd/pawl")
	if !slices.Contains(reached, module+"/examples/saas/program") {
		t.Errorf("pawl demo no longer runs examples/saas: look for what this test is to hold")
	}
	for _, imp := range reached {
		for _, heavy := range []string{"github.com/redis/go-redis", module + "/examples/saas/platform/redis", module + "/internal/system/servers", module + "/vendorsim/upstash", module + "/vendorsim/servertest"} {
			if imp == heavy || strings.HasPrefix(imp, heavy+"/") {
				t.Errorf("cmd/pawl reaches %s: have who needs it give it, as internal/system.Config does", imp)
			}
		}
	}
}

// reach gives all that a package's files import, and what those of this module
// import in turn, tests left out.
func reach(all []source, pkg string) []string {
	var found []string
	for next := []string{pkg}; len(next) > 0; next = next[1:] {
		for _, s := range all {
			if s.pkg != next[0] || s.test {
				continue
			}
			for _, imp := range s.file.Imports {
				p := strings.Trim(imp.Path.Value, `"`)
				if slices.Contains(found, p) {
					continue
				}
				found = append(found, p)
				if ours, ok := strings.CutPrefix(p, module); ok {
					next = append(next, strings.TrimPrefix(ours, "/"))
				}
			}
		}
	}
	return found
}
