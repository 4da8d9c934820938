package leak_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pawlhq/pawl/internal/leak"
)

func TestPlacesNameWhereAValueIs(t *testing.T) {
	const value = "canary-4f1c09d2b7"
	dir := t.TempDir()
	for name, text := range map[string]string{"a": "nothing", "sub/b": "x " + base64.StdEncoding.EncodeToString([]byte(value)), "vault": value, "empty": ""} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var p leak.Places
	p.Add("the output", []byte("before "+value+" after"))
	if err := p.AddFolder("home: ", dir, func(path string) bool { return path == "vault" }); err != nil {
		t.Fatal(err)
	}
	if err := p.AddFolder("", filepath.Join(dir, "none"), nil); err != nil {
		t.Error(err)
	}
	if got := p.Find(value); !slices.Equal(got, []string{"home: sub/b (base64)", "the output (plain)"}) {
		t.Errorf("found %q", got)
	}
	if got := p.Find("something-else"); len(got) != 0 {
		t.Errorf("found %q", got)
	}
	if n, bytes := p.Size(); n != 3 || bytes == 0 {
		t.Errorf("%d places of %d bytes, want 3", n, bytes)
	}
}
