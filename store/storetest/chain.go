package storetest

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/evidence"
	"github.com/pawlhq/pawl/rotation"
)

var chainChecks = []check{
	{"AnEmptyChainStartsAtTheStore", emptyChain},
	{"TheChainEqualsTheJournal", chainEqualsJournal},
	{"AnExportVerifies", exportVerifies},
	{"ExportGoesOnFromARecord", exportFrom},
	{"ExportStopsAtAnError", exportStops},
	{"TheChainHoldsNoSealedValue", chainHoldsNoValue},
}

func (s suite) head() evidence.Head {
	s.Helper()
	h, err := s.Head(s.Context())
	if err != nil {
		s.Fatalf("head: %v", err)
	}
	return h
}

// busy fills the store with something of every kind.
func (s suite) busy() {
	s.Helper()
	if err := s.Adopt(s.Context(), adoption("B")); err != nil {
		s.Fatal(err)
	}
	s.addKey(dataKey("pawl", 1))
	l := s.create(opening("r1", "A"))
	s.append(l, intent("mint"))
	if err := s.Signal(s.Context(), signal("r1", map[string][]byte{"value": []byte("sealed-signal")})); err != nil {
		s.Fatal(err)
	}
	s.append(l, rotation.Commit{Entries: []rotation.Entry{full(), full()}, Versions: []rotation.VersionChange{
		{Secret: "A", Version: 1, Sealed: map[string][]byte{"value": []byte("sealed-value")}}}})
	s.create(opening("r2", "C"))
}

func (s suite) exported(from int64) []byte {
	s.Helper()
	var b bytes.Buffer
	w, err := evidence.NewWriter(&b, evidence.Header{Store: s.ID(), First: from})
	if err != nil {
		s.Fatal(err)
	}
	if err := s.Export(s.Context(), from, w.Add); err != nil {
		s.Fatal(err)
	}
	return b.Bytes()
}

func emptyChain(s suite) {
	s.same("head", s.head(), evidence.Start(s.ID()))
	if len(s.records()) != 0 {
		s.Fatal("an empty store has records")
	}
}

func chainEqualsJournal(s suite) {
	s.busy()
	var journal []rotation.Entry
	for _, id := range []pawl.RotationID{"r1", "r2"} {
		journal = append(journal, s.load(id).Entries...)
	}
	records := s.records()
	if len(records) != len(journal)+1 {
		s.Fatalf("%d records for %d entries and one adoption", len(records), len(journal))
	}
	for _, e := range journal {
		s.same("record", decode(s, records[e.Seq-1]), e)
	}
	a := adoption("B").Entry
	a.Seq = 1
	s.same("adoption", decode(s, records[0]), a)
}

func decode(s suite, r evidence.Record) rotation.Entry {
	s.Helper()
	var e rotation.Entry
	if err := json.Unmarshal(r.Body, &e); err != nil {
		s.Fatalf("record %d: %v", r.Seq, err)
	}
	e.Seq = r.Seq
	return e
}

func exportVerifies(s suite) {
	s.busy()
	got, err := evidence.Verify(bytes.NewReader(s.exported(1)), evidence.Options{Expect: s.head(), Store: s.ID()})
	if err != nil {
		s.Fatal(err)
	}
	s.same("head", got, s.head())
}

func exportFrom(s suite) {
	s.busy()
	after := s.records()[1].Head()
	if _, err := evidence.Verify(bytes.NewReader(s.exported(3)), evidence.Options{After: after, Expect: s.head()}); err != nil {
		s.Fatal(err)
	}
	n := 0
	for _, from := range []int64{-1, 0, 1} {
		s.Export(s.Context(), from, func(evidence.Record) error { n++; return nil })
	}
	if n != 3*len(s.records()) {
		s.Fatalf("three exports from the start gave %d records", n)
	}
	if err := s.Export(s.Context(), 1000, func(evidence.Record) error { return errors.New("a record") }); err != nil {
		s.Fatalf("from beyond the end: %v", err)
	}
}

func exportStops(s suite) {
	s.busy()
	stop := errors.New("stop")
	n := 0
	err := s.Export(s.Context(), 1, func(evidence.Record) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		s.Fatalf("got %v after %d records, want the callback's error after one", err, n)
	}
}

func chainHoldsNoValue(s suite) {
	s.busy()
	if out := s.exported(1); bytes.Contains(out, []byte("sealed-")) || !bytes.Contains(out, []byte("pawl resume r1")) {
		s.Fatal("an export holds sealed bytes, or not the entries")
	}
}
