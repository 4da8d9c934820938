package estate_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pawlhq/pawl/estate"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

const want = "# want: "

// expectations are the lines at the end of a bad file that say what is wrong
// with it: all of it, in order.
func expectations(data []byte) []string {
	var list []string
	for line := range strings.SplitSeq(string(data), "\n") {
		if text, ok := strings.CutPrefix(line, want); ok {
			list = append(list, text)
		}
	}
	return list
}

func problems(t *testing.T, file string, data []byte) estate.Problems {
	t.Helper()
	e, err := estate.Parse(file, data, drivers())
	var list estate.Problems
	if e != nil || !errors.As(err, &list) {
		t.Fatalf("Parse gave %v, %v; want problems", e, err)
	}
	return list
}

func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("bad files: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range problems(t, file, data) {
				if p.Pos.File != file {
					t.Errorf("file is %q", p.Pos.File)
				}
				got = append(got, strings.TrimPrefix(p.String(), file+":"))
			}
			if *update {
				rewrite(t, file, data, got)
			}
			if diff := cmp.Diff(expectations(data), got); diff != "" && !*update {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func rewrite(t *testing.T, file string, data []byte, got []string) {
	t.Helper()
	if i := bytes.Index(data, []byte(want)); i >= 0 {
		data = data[:i]
	}
	var b bytes.Buffer
	b.Write(data)
	for _, line := range got {
		fmt.Fprintf(&b, "%s%s\n", want, line)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
