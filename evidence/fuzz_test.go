package evidence_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/evidence"
)

// FuzzVerify holds two things. Whatever verifies is exactly what Write would
// write of the records in it, so that no byte of a file is left uncovered.
// And no single byte of a right file can be changed without being noticed.
func FuzzVerify(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.jsonl"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no vectors: %v", err)
	}
	for i, name := range files {
		f.Add(vector(f, filepath.Base(name)), uint(i*100), byte(i))
	}
	whole := []byte(export(f, 1, chain(evidence.Start(storeID), 4)))
	f.Fuzz(func(t *testing.T, text []byte, at uint, b byte) {
		if head, err := evidence.Verify(bytes.NewReader(text), evidence.Options{}); err == nil {
			rewritten(t, text, head)
		}
		broken := bytes.Clone(whole)
		broken[at%uint(len(broken))] = b
		if _, err := evidence.Verify(bytes.NewReader(broken), evidence.Options{}); err == nil && !bytes.Equal(broken, whole) {
			t.Fatalf("byte %d changed unnoticed:\n%s", at%uint(len(broken)), broken)
		}
	})
}

// rewritten reads a verified file with an ordinary JSON decoder and writes it
// again.
func rewritten(t *testing.T, text []byte, head evidence.Head) {
	t.Helper()
	l := strings.SplitAfter(string(text), "\n")
	var h struct {
		Store string
		First int64
	}
	if err := json.Unmarshal([]byte(l[0]), &h); err != nil {
		t.Fatal(err)
	}
	var all []evidence.Record
	for _, line := range l[1 : len(l)-1] {
		var r evidence.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	var again bytes.Buffer
	if err := evidence.Write(&again, evidence.Header{Store: h.Store, First: h.First}, each(all)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Bytes(), text) || head.Seq != int64(len(all)) {
		t.Fatalf("verified, and written again as\n%s", again.Bytes())
	}
}
