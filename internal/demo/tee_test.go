package demo

import (
	"bytes"
	"testing"
)

func TestALineKeepsWhatCameOfIt(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"✓ short  done", "✓ short  done"},
		{"✓ check a workflow of a very long name in some repository  success", "✓ check a workflow of a very …  success"},
		{"✓ without a note, and longer than the terminal is wide", "✓ without a note, and longer than the …"},
	} {
		if got := shorten(c.line, 39); got != c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
}

func TestAChildsOutputIsShownOnceAndKeptWhole(t *testing.T) {
	var shown, kept bytes.Buffer
	out := &tee{d: &Demo{screen: screen{out: &shown}}, keep: &kept}
	said := "2026-03-01T02:00:00Z 20260301-020000-4k2q7d … load it  0 of 2\n" +
		"2026-03-01T02:00:01Z 20260301-020000-4k2q7d … load it  1 of 2\n" +
		"2026-03-01T02:00:02Z 20260301-020000-4k2q7d ✓ load it  2 of 2\nKEY\tv1\tv2\n"
	if _, err := out.Write([]byte(said)); err != nil {
		t.Fatal(err)
	}
	if want := "  … load it  0 of 2\n  ✓ load it  2 of 2\n  KEY  v1  v2\n"; shown.String() != want {
		t.Errorf("shown:\n%s", shown.String())
	}
	if kept.String() != said {
		t.Errorf("kept:\n%s", kept.String())
	}
}
