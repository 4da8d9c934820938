package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testName is a test, or a script of the command line.
var testName = regexp.MustCompile(`^(Test[A-Za-z0-9]+|[a-z_]+\.txtar)$`)

// TestEveryMistakeHasItsTest reads the tables of mistakes and holds that each
// row names tests, and that each of those exists in the package that is named.
func TestEveryMistakeHasItsTest(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "design", "0031-mistakes.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 3 || strings.HasPrefix(line, "| mistake") {
			continue
		}
		rows++
		for group := range strings.SplitSeq(strings.TrimSuffix(cells[2], " |"), "; ") {
			folder, names, ok := strings.Cut(strings.TrimPrefix(group, "`"), "` ")
			if !ok {
				t.Errorf("%s: %q names no package", cells[0], group)
				continue
			}
			for name := range strings.SplitSeq(names, ", ") {
				if !testName.MatchString(name) || !testExists(t, filepath.Join(root, folder), name) {
					t.Errorf("%s: there is no test %q in %s", cells[0], name, folder)
				}
			}
		}
	}
	if rows < 35 {
		t.Errorf("%d mistakes are listed; the page has more", rows)
	}
}

// testExists reports whether a package's folder has a test, or a script.
func testExists(t *testing.T, folder, name string) bool {
	t.Helper()
	if strings.HasSuffix(name, ".txtar") {
		_, err := os.Stat(filepath.Join(folder, "testdata", "script", name))
		return err == nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}
