package estate_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// planted is a value that must never come back in an error, wherever in a
// file it stands.
var planted = likely("sk_live_", "CANARY0123456789abcdef")

// FuzzParse plants a value somewhere in a file and parses it. Whatever the
// file is, the parser ends in time, places each problem inside the file, and
// does not repeat the value.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/good/*.yaml", "testdata/bad/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data, uint16(len(data)/2))
			f.Add(data, uint16(0xffff))
		}
	}
	c := drivers()
	f.Fuzz(func(t *testing.T, data []byte, at uint16) {
		if int(at) <= len(data) {
			data = append(append(append([]byte{}, data[:at]...), planted...), data[at:]...)
		}
		start := time.Now()
		e, err := estate.Parse("pawl.yaml", data, c)
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("it took %s", took)
		}
		if (e == nil) != (err != nil) {
			t.Fatalf("Parse gave %v, %v", e, err)
		}
		if err == nil {
			return
		}
		var list estate.Problems
		if !errors.As(err, &list) || len(list) == 0 {
			t.Fatalf("the error is not Problems: %T", err)
		}
		inside(t, data, list)
	})
}

func inside(t *testing.T, data []byte, list estate.Problems) {
	t.Helper()
	lines := strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(string(data)), "\n")
	for _, p := range list {
		if strings.Contains(p.String(), "CANARY0123456789") {
			t.Fatalf("the value is in the problem at %s", p.Pos)
		}
		if p.Pos.Line < 1 || p.Pos.Line > len(lines) {
			t.Fatalf("%s: the file has %d lines", p, len(lines))
		}
		if width := utf8.RuneCountInString(lines[p.Pos.Line-1]); p.Pos.Column < 1 || p.Pos.Column > width+2 {
			t.Fatalf("%s: the line has %d columns", p, width)
		}
	}
	for i := 1; i < len(list); i++ {
		if list[i].Pos.Line < list[i-1].Pos.Line {
			t.Fatal("problems are not in the order of their places")
		}
	}
}

// FuzzRender carries out any template. It ends, its result is bounded, and no
// error repeats a value.
func FuzzRender(f *testing.F) {
	for _, template := range []string{"", "{{.value}}", "{{.value | urlquery | json}}", `{{join "," .all}}`, "{{range $i, $v := .all}}{{if $i}};{{end}}{{$v}}{{end}}",
		"{{with .old}}{{.}}{{else}}{{$.new}}{{end}}", `{{index .all 1 | printf "%s"}}`, "{{slice .value 1 3}}{{len .value}}", "{{range 1000000}}{{end}}"} {
		f.Add(template, true)
		f.Add(template, false)
	}
	f.Fuzz(func(t *testing.T, template string, accepts bool) {
		current, accepted := parts("value", planted), []secret.Parts(nil)
		if accepts {
			accepted = []secret.Parts{parts("value", "older"), current}
		}
		v, err := estate.Render(template, current, accepted)
		if err == nil && (v.Len() == 0 || v.Len() > 256<<10) {
			t.Fatalf("a result of %d bytes", v.Len())
		}
		if err != nil && strings.Contains(err.Error(), planted) {
			t.Fatal("the value is in the error")
		}
	})
}
