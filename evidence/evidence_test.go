package evidence_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/evidence"
)

const storeID = "TESTSTORE"

// chain gives n records after prev.
func chain(prev evidence.Head, n int) []evidence.Record {
	var all []evidence.Record
	for range n {
		r := evidence.Next(prev, fmt.Appendf(nil, `{"n":%d, "t":"<é>"}`, prev.Seq+1))
		all, prev = append(all, r), r.Head()
	}
	return all
}

func each(all []evidence.Record) iter.Seq2[evidence.Record, error] {
	return func(yield func(evidence.Record, error) bool) {
		for _, r := range all {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func export(t testing.TB, first int64, all []evidence.Record) string {
	t.Helper()
	var b strings.Builder
	if err := evidence.Write(&b, evidence.Header{Store: storeID, First: first}, each(all)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func verify(text string, o evidence.Options) (evidence.Head, error) {
	return evidence.Verify(strings.NewReader(text), o)
}

func TestVerifyAcceptsWhatWriteWrote(t *testing.T) {
	all := chain(evidence.Start(storeID), 10)
	last := all[9].Head()
	for name, c := range map[string]struct {
		first int64
		all   []evidence.Record
		o     evidence.Options
		want  evidence.Head
	}{
		"whole":                     {1, all, evidence.Options{}, last},
		"whole, of this store":      {1, all, evidence.Options{Store: storeID}, last},
		"whole, to the end":         {1, all, evidence.Options{Expect: last}, last},
		"whole, past a known head":  {1, all, evidence.Options{Expect: all[3].Head()}, last},
		"empty":                     {1, nil, evidence.Options{}, evidence.Start(storeID)},
		"empty, nothing expected":   {1, nil, evidence.Options{Expect: evidence.Start(storeID)}, evidence.Start(storeID)},
		"part":                      {4, all[3:], evidence.Options{After: all[2].Head()}, last},
		"part, to the end":          {4, all[3:], evidence.Options{After: all[2].Head(), Expect: last}, last},
		"part, from the known head": {4, all[3:], evidence.Options{After: all[2].Head(), Expect: all[2].Head()}, last},
		"part without records":      {11, nil, evidence.Options{After: last}, last},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := verify(export(t, c.first, c.all), c.o)
			if err != nil || got != c.want {
				t.Fatalf("got %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// lines edits an export line by line; line 0 is the header.
func lines(text string, edit func(l []string) []string) string {
	return strings.Join(edit(strings.SplitAfter(text, "\n")), "")
}

func TestVerifyFindsFaults(t *testing.T) {
	all := chain(evidence.Start(storeID), 6)
	whole := export(t, 1, all)
	other := chain(evidence.Start("OTHER"), 6)
	forged := append(append([]evidence.Record{}, all[:2]...), chain(all[1].Head(), 4)...)
	forged[2] = evidence.Next(all[1].Head(), []byte(`{"n":"forged"}`))
	anew := append(append([]evidence.Record{}, forged[:3]...), chain(forged[2].Head(), 3)...)

	for name, c := range map[string]struct {
		text string
		o    evidence.Options
		line int
		kind evidence.Kind
		why  string
	}{
		"body changed":    {strings.Replace(whole, `"n":3`, `"n":7`, 1), evidence.Options{}, 4, evidence.Changed, "record 3"},
		"space in a body": {strings.Replace(whole, `{"n":3`, `{ "n":3`, 1), evidence.Options{}, 4, evidence.Changed, "record 3"},
		"hash changed":    {strings.Replace(whole, all[5].Hash, all[4].Hash, 1), evidence.Options{}, 7, evidence.Changed, "record 6"},
		"removed":         {lines(whole, func(l []string) []string { return append(l[:3], l[4:]...) }), evidence.Options{}, 4, evidence.Missing, "record 3 is missing"},
		"several removed": {lines(whole, func(l []string) []string { return append(l[:2], l[5:]...) }), evidence.Options{}, 3, evidence.Missing, "records 2 to 4 are missing"},
		"first removed":   {lines(whole, func(l []string) []string { return append(l[:1], l[2:]...) }), evidence.Options{}, 2, evidence.Missing, "record 1 is missing"},
		"swapped":         {lines(whole, func(l []string) []string { l[2], l[3] = l[3], l[2]; return l }), evidence.Options{}, 3, evidence.Reordered, "record 2 only in line 4"},
		"moved to the end": {lines(whole, func(l []string) []string { return append(append(append([]string{}, l[:2]...), l[3:]...), l[2]) }),
			evidence.Options{}, 3, evidence.Reordered, "record 2 only in line 7"},
		"repeated at once":    {lines(whole, func(l []string) []string { return append(l[:3], append([]string{l[2]}, l[3:]...)...) }), evidence.Options{}, 4, evidence.Repeated, "record 2"},
		"repeated later":      {whole + lines(whole, func(l []string) []string { return l[2:3] }), evidence.Options{}, 8, evidence.Repeated, "record 2"},
		"two files in one":    {whole + whole, evidence.Options{}, 8, evidence.Malformed, "not a record"},
		"cut in a line":       {whole[:len(whole)-10], evidence.Options{}, 7, evidence.CutOff, "middle of a line"},
		"line feed lost":      {whole[:len(whole)-1], evidence.Options{}, 7, evidence.CutOff, "middle of a line"},
		"cut at the end":      {lines(whole, func(l []string) []string { return l[:5] }), evidence.Options{Expect: all[5].Head()}, 6, evidence.CutOff, "ends with record 4"},
		"all cut":             {lines(whole, func(l []string) []string { return l[:1] }), evidence.Options{Expect: all[5].Head()}, 2, evidence.CutOff, "ends with record 0"},
		"empty file":          {"", evidence.Options{}, 1, evidence.CutOff, "empty"},
		"forged and rehashed": {export(t, 1, append(append([]evidence.Record{}, forged[:3]...), all[3:]...)), evidence.Options{}, 5, evidence.Unlinked, "record 4"},
		"written anew":        {export(t, 1, anew), evidence.Options{Expect: all[5].Head()}, 7, evidence.Foreign, "not the expected one"},
		"other store's":       {export(t, 1, other), evidence.Options{}, 2, evidence.Unlinked, "another store's"},
		"other store's id":    {whole, evidence.Options{Store: "OTHER"}, 1, evidence.Foreign, storeID},
		"part, not told":      {export(t, 3, all[2:]), evidence.Options{}, 1, evidence.Foreign, "give the hash of record 2"},
		"part, wrong place":   {export(t, 3, all[2:]), evidence.Options{After: all[2].Head()}, 1, evidence.Foreign, "after record 3 was expected"},
		"part, wrong hash":    {export(t, 3, all[2:]), evidence.Options{After: evidence.Head{Seq: 2, Hash: all[0].Hash}}, 2, evidence.Unlinked, "wrong previous hash"},
		"part, too late":      {export(t, 3, all[2:]), evidence.Options{After: all[1].Head(), Expect: all[0].Head()}, 1, evidence.Foreign, "after the expected record 1"},
		"part, earlier one":   {lines(export(t, 3, all[2:]), func(l []string) []string { return append(l, lines(whole, func(l []string) []string { return l[1:2] })) }), evidence.Options{After: all[1].Head()}, 6, evidence.Reordered, "before the first"},
		"whole for a part":    {whole, evidence.Options{After: all[2].Head()}, 1, evidence.Foreign, "whole export"},
		"blank line":          {strings.Replace(whole, "\n", "\n\n", 1), evidence.Options{}, 2, evidence.Malformed, ""},
		"Windows line ends":   {strings.ReplaceAll(whole, "\n", "\r\n"), evidence.Options{}, 1, evidence.Malformed, "header"},
		"no header":           {lines(whole, func(l []string) []string { return l[1:] }), evidence.Options{}, 1, evidence.Malformed, "header"},
		"header's store":      {strings.Replace(whole, storeID, "OTHER", 1), evidence.Options{}, 2, evidence.Unlinked, "another store's"},
		"space in a header":   {strings.Replace(whole, `:1`, `: 1`, 1), evidence.Options{}, 1, evidence.Malformed, "header"},
		"number with a zero":  {strings.Replace(whole, `"seq":2`, `"seq":02`, 1), evidence.Options{}, 3, evidence.Malformed, "number"},
		"upper-case hash":     {strings.Replace(whole, all[1].Hash, strings.ToUpper(all[1].Hash), 1), evidence.Options{}, 3, evidence.Malformed, "lower-case"},
		"field added":         {strings.Replace(whole, `{"seq":2,`, `{"x":0,"seq":2,`, 1), evidence.Options{}, 3, evidence.Malformed, "not a record"},
		"body is a list":      {strings.Replace(whole, `{"n":2, "t":"<é>"}`, `[1]`, 1), evidence.Options{}, 3, evidence.Malformed, "not a JSON object"},
		"body twice":          {strings.Replace(whole, `"body":{"n":2`, `"body":{},"body":{"n":2`, 1), evidence.Options{}, 3, evidence.Malformed, "not valid JSON"},
		"body not UTF-8":      {strings.Replace(whole, "é", "\xff", 1), evidence.Options{}, 2, evidence.Malformed, "not valid JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify(c.text, c.o)
			var f *evidence.Fault
			if !errors.As(err, &f) || f.Line != c.line || f.Kind != c.kind || !strings.Contains(f.Why, c.why) {
				t.Fatalf("got %v, want line %d: %s: ...%s...", err, c.line, c.kind, c.why)
			}
			if pawl.CodeOf(err) != pawl.CodeCorrupt || pawl.HintOf(err) == "" {
				t.Fatalf("code %s, hint %q", pawl.CodeOf(err), pawl.HintOf(err))
			}
		})
	}
}

func TestWithoutAHeadTheEndIsNotSeen(t *testing.T) {
	all := chain(evidence.Start(storeID), 6)
	o := evidence.Options{}
	if head, err := verify(export(t, 1, all[:4]), o); err != nil || head != all[3].Head() {
		t.Fatalf("got %v, %v: a shorter chain is a right chain", head, err)
	}
	if c := o.Caveat(); !strings.Contains(c, "cut off at the end cannot be seen") {
		t.Fatalf("the caveat says %q", c)
	}
	o.Expect = all[5].Head()
	if c := o.Caveat(); c != "" {
		t.Fatalf("with an expected head there is still the caveat %q", c)
	}
}

func TestVerifyKnowsNewerFormats(t *testing.T) {
	_, err := verify(`{"format":"pawl-evidence","version":2,"more":[]}`+"\n", evidence.Options{})
	if pawl.CodeOf(err) != pawl.CodeUnsupported || !strings.Contains(pawl.HintOf(err), "newer") {
		t.Fatalf("got %v", err)
	}
}

// endless gives a line that never ends.
type endless struct{ given int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.given += len(p)
	return len(p), nil
}

func TestVerifyBoundsALine(t *testing.T) {
	in := &endless{}
	_, err := evidence.Verify(in, evidence.Options{})
	var f *evidence.Fault
	if !errors.As(err, &f) || f.Kind != evidence.Malformed || in.given > 2*evidence.MaxBody {
		t.Fatalf("got %v after %d bytes", err, in.given)
	}
}

func TestVerifyTellsAReadErrorFromAFault(t *testing.T) {
	broken := errors.New("the cable is out")
	_, err := evidence.Verify(io.MultiReader(strings.NewReader(export(t, 1, nil)), failing{broken}), evidence.Options{})
	if !errors.Is(err, broken) || pawl.CodeOf(err) != pawl.CodeFailed {
		t.Fatalf("got %v (%s)", err, pawl.CodeOf(err))
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestWriteRefuses(t *testing.T) {
	all := chain(evidence.Start(storeID), 3)
	good := evidence.Header{Store: storeID, First: 1}
	with := func(body string) []evidence.Record {
		return []evidence.Record{evidence.Next(evidence.Start(storeID), []byte(body))}
	}
	for name, c := range map[string]struct {
		h   evidence.Header
		all []evidence.Record
	}{
		"no store":        {evidence.Header{First: 1}, nil},
		"a quoted store":  {evidence.Header{Store: `a"b`, First: 1}, nil},
		"a long store":    {evidence.Header{Store: strings.Repeat("a", 65), First: 1}, nil},
		"record zero":     {evidence.Header{Store: storeID}, nil},
		"a gap":           {good, []evidence.Record{all[0], all[2]}},
		"a wrong first":   {evidence.Header{Store: storeID, First: 2}, all},
		"no body":         {good, with(``)},
		"two lines":       {good, with("{\n}")},
		"no JSON":         {good, with(`{"a"}`)},
		"a list":          {good, with(`[]`)},
		"spaces around":   {good, with(` {} `)},
		"a long body":     {good, with(`{"a":"` + strings.Repeat("x", evidence.MaxBody) + `"}`)},
		"no hash":         {good, []evidence.Record{{Seq: 1, Prev: all[0].Prev, Body: []byte(`{}`)}}},
		"no hash of prev": {good, []evidence.Record{{Seq: 1, Hash: all[0].Hash, Body: []byte(`{}`)}}},
	} {
		if err := evidence.Write(io.Discard, c.h, each(c.all)); err == nil {
			t.Errorf("%s: was written", name)
		}
	}
	broken := errors.New("the cable is out")
	if err := evidence.Write(failing{broken}, good, each(all)); !errors.Is(err, broken) {
		t.Errorf("got %v, want the writer's error", err)
	}
	spoilt := func(yield func(evidence.Record, error) bool) { yield(evidence.Record{}, broken) }
	if err := evidence.Write(io.Discard, good, spoilt); !errors.Is(err, broken) {
		t.Errorf("got %v, want the records' error", err)
	}
}

// TestNothingHashesAlike moves bytes between neighbouring fields.
func TestNothingHashesAlike(t *testing.T) {
	seen := map[string]string{}
	for _, r := range []evidence.Record{
		evidence.Next(evidence.Head{}, []byte(`ab`)),
		evidence.Next(evidence.Head{Hash: "a"}, []byte(`b`)),
		evidence.Next(evidence.Head{Hash: "ab"}, nil),
		evidence.Next(evidence.Head{Seq: 1}, []byte(`ab`)),
		evidence.Next(evidence.Head{Seq: 255}, []byte(`ab`)),
		{Hash: evidence.Start("").Hash},
		{Hash: evidence.Start("ab").Hash},
	} {
		if other, twice := seen[r.Hash]; twice {
			t.Errorf("%+v hashes like %s", r, other)
		}
		seen[r.Hash] = fmt.Sprintf("%+v", r)
	}
}

// TestVectors keeps the format: files once written must verify for ever.
// docs/formats/evidence.md quotes them.
func TestVectors(t *testing.T) {
	whole, head := vector(t, "whole.jsonl"), evidence.Head{Seq: 3, Hash: "d542d904110e5b4495f1fff556c3527118ded5c2d5265d8acee126a5733fe203"}
	if got, err := evidence.Verify(bytes.NewReader(whole), evidence.Options{Store: "EXAMPLE", Expect: head}); err != nil || got != head {
		t.Fatalf("whole.jsonl: %v, %v", got, err)
	}
	after := evidence.Head{Seq: 2, Hash: "5371522287041e258888a4e0d9cd49bbee6c290aa516ea61f6610874cc77935e"}
	if got, err := evidence.Verify(bytes.NewReader(vector(t, "part.jsonl")), evidence.Options{After: after}); err != nil || got != head {
		t.Fatalf("part.jsonl: %v, %v", got, err)
	}
	for file, want := range map[string]string{
		"changed.jsonl": "line 3: changed", "missing.jsonl": "line 3: missing", "repeated.jsonl": "line 4: repeated",
		"reordered.jsonl": "line 2: reordered", "unlinked.jsonl": "line 4: unlinked", "cut.jsonl": "line 4: cut off",
	} {
		if _, err := evidence.Verify(bytes.NewReader(vector(t, file)), evidence.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", file, err, want)
		}
	}
	var again bytes.Buffer
	records := []evidence.Record{}
	prev := evidence.Start("EXAMPLE")
	for _, body := range []string{`{"kind":"opened"}`, `{"kind": "intent", "note": "spaces stay"}`, `{"kind":"closed","why":"\u003cdone\u003e"}`} {
		r := evidence.Next(prev, []byte(body))
		records, prev = append(records, r), r.Head()
	}
	if err := evidence.Write(&again, evidence.Header{Store: "EXAMPLE", First: 1}, each(records)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(whole), again.String()); d != "" {
		t.Errorf("whole.jsonl is written differently now (-want +got):\n%s", d)
	}
}

func vector(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
