package plan_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pawlhq/pawl/plan"
)

var update = flag.Bool("update", false, "write the golden files of what the plans are now")

// TestGolden holds what people approve and what the engine is given, word for
// word. After a change that is meant: go test ./plan -update, and read the
// difference.
func TestGolden(t *testing.T) {
	each(t, func(t *testing.T, s scenario, p *plan.Plan) {
		golden(t, s.name+".txt", []byte(text(t, p)))
		b, err := json.MarshalIndent(p, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, s.name+".json", append(b, '\n'))
	})
}

// TestGoldenFilesAreUsed holds that no golden file outlives its scenario.
func TestGoldenFilesAreUsed(t *testing.T) {
	known := map[string]bool{"never": true}
	for _, s := range scenarios() {
		known[s.name], known[s.file] = true, true
	}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(f.Name(), filepath.Ext(f.Name())); !known[name] {
			t.Errorf("testdata/%s belongs to no scenario", f.Name())
		}
	}
}

// TestJSONComesBack holds that a pinned plan that is read again is the plan
// that was pinned.
func TestJSONComesBack(t *testing.T) {
	each(t, func(t *testing.T, _ scenario, p *plan.Plan) {
		first, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var again plan.Plan
		if err := json.Unmarshal(first, &again); err != nil {
			t.Fatal(err)
		}
		second, err := json.Marshal(&again)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Errorf("a plan changes when it is read back:\n%s", cmp.Diff(string(first), string(second)))
		}
		if was, is := text(t, p), text(t, &again); was != is {
			t.Errorf("its text changes when it is read back:\n%s", cmp.Diff(was, is))
		}
	})
}

func text(t testing.TB, p *plan.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Text(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
