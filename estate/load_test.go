package estate_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

func load(t *testing.T, path string) *estate.Estate {
	t.Helper()
	e, err := estate.Load(path, drivers())
	if err != nil {
		t.Fatalf("Load(%s):\n%v", path, err)
	}
	return e
}

func TestCoupledSecret(t *testing.T) {
	e := load(t, "testdata/good/coupled.yaml")
	s, ok := e.Secret("FLY_API_TOKEN")
	if !ok {
		t.Fatal("FLY_API_TOKEN is missing")
	}
	if got := s.Locations[0].Settings.String("name"); got != "FLY_API_TOKEN" {
		t.Errorf("default name of the location is %q", got)
	}
	if got := s.Issuer.Settings.String("name"); got != "acme-cp-rotation-{{.Date}}" {
		t.Errorf("name at the issuer is %q", got)
	}
	if got := s.Checks[1].Within; got != 20*time.Minute {
		t.Errorf("within is %s", got)
	}
	if got := s.Policy.Every; got != 90*24*time.Hour {
		t.Errorf("every is %s", got)
	}
}

func TestLoadRefusesFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	huge := write("huge.yaml", "")
	if err := os.Truncate(huge, 64<<20+1); err != nil { // a file of holes
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, want string
		code             pawl.Code
	}{
		{"missing", filepath.Join(dir, "none.yaml"), "no such file", pawl.CodeNotFound},
		{"folder", dir, "folder", pawl.CodeInvalid},
		{"huge", huge, "at most 67108864", pawl.CodeInvalid},
		{"empty", write("empty.yaml", ""), "1:1: the estate is empty", ""},
		{"spaces", write("spaces.yaml", " \n\n"), "1:1: the estate is empty", ""},
		{"binary", write("binary.yaml", "pawl: 1\nab\x00c"), "2:3: the file is not text: byte 0x00", ""},
		{"not UTF-8", write("latin.yaml", "pawl: 1\nestate: caf\xe9\n"), "2:12: the file is not text: byte 0xe9", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := estate.Load(c.path, drivers())
			if e != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("Load gave %v, %v; want %q", e, err, c.want)
			}
			var failed *pawl.Error
			if errors.As(err, &failed) != (c.code != "") || failed != nil && failed.Code != c.code {
				t.Errorf("error is %T with the code %q", err, pawl.CodeOf(err))
			}
		})
	}
}

func TestLineEndsAndMarks(t *testing.T) {
	file := "\ufeffpawl: 1\r\nestate: acme\r\nsecrets:\r\n  A:\r\n    porpose: x\r\n    never: x\r\n"
	list := problems(t, "pawl.yaml", []byte(file))
	if len(list) != 1 || list[0].Pos.Line != 5 || list[0].Pos.Column != 5 {
		t.Errorf("problems: %v", list)
	}
}

func TestProblemsAreCapped(t *testing.T) {
	var b strings.Builder
	b.WriteString("pawl: 1\nestate: acme\nsecrets:\n")
	for i := range 150 {
		fmt.Fprintf(&b, "  S%d: {porpose: x, never: x}\n", i)
	}
	list := problems(t, "pawl.yaml", []byte(b.String()))
	if len(list) != 150 {
		t.Errorf("%d problems", len(list))
	}
	lines := strings.Split(list.Error(), "\n")
	if len(lines) != 101 || lines[100] != "… and 50 more problems" {
		t.Errorf("%d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
}

// Few bytes must not become much work: environments multiply secrets.
func TestEnvironmentsAreBounded(t *testing.T) {
	var names, environments []string
	for i := range 2000 {
		names = append(names, fmt.Sprintf("e%d", i))
		environments = append(environments, fmt.Sprintf("e%d: ", i))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "pawl: 1\nestate: a\nenvironments: {%s}\nsecrets:\n  A0: {never: x, environments: &all [%s]}\n", strings.Join(environments, ","), strings.Join(names, ","))
	for i := range 300 {
		fmt.Fprintf(&b, "  B%d: {never: x, environments: *all}\n", i)
	}
	list := problems(t, "pawl.yaml", []byte(b.String()))
	if len(list) != 1 || !strings.Contains(list[0].Message, "environments multiply") {
		t.Errorf("problems: %v", list)
	}
}
