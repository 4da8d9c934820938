package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/rotation"
)

var journalChecks = []check{
	{"CreateKeepsPlanAndEntries", createKeeps},
	{"CreateRefusesAnOpenSecret", createRefusesOpen},
	{"CreateRefusesAUsedVersion", createRefusesVersion},
	{"CreateRefusesAnIDTwice", createRefusesID},
	{"CreateRefusesNonsense", createRefusesNonsense},
	{"AppendKeepsEveryField", appendKeeps},
	{"AppendKeepsTheOrder", appendOrder},
	{"AppendStoresNothingWhenRefused", appendAtomic},
	{"AppendMovesTheOutcome", appendOutcome},
	{"AnEndedRotationStaysEnded", endedStays},
	{"AHeldRotationIsOpen", heldIsOpen},
	{"SignalNeedsNoLease", signalNoLease},
	{"SignalIsRefused", signalRefused},
	{"SignalPartsGoWithTheRotation", signalPartsGo},
	{"LoadFailsForUnknown", loadUnknown},
	{"LoadGivesACopy", loadCopies},
	{"RotationsFilters", rotationsFilters},
	{"CancelledContextStoresNothing", cancelled},
}

func createKeeps(s suite) {
	o := opening("r1", "A", "B")
	l := s.create(o)
	s.same("lease", l, rotation.Lease{Rotation: "r1", Holder: o.Holder, Fence: 1, Expires: o.Expires})
	a := s.load("r1")
	s.same("plan", string(a.Plan), string(o.Plan))
	s.same("summary", a.Summary, rotation.Summary{ID: "r1", Secrets: o.Secrets, Outcome: pawl.Open, OpenedAt: start, LastAt: start, Lease: l})
	want := o.Entries[0]
	want.Seq, want.Rotation, want.Fence = 1, "r1", 1
	s.same("entries", a.Entries, []rotation.Entry{want})
	s.same("versions", s.versions("A"), []rotation.VersionRow{
		{Secret: "A", Version: 1, State: rotation.VersionReserved, Rotation: "r1", At: start}})
}

func createRefusesOpen(s suite) {
	s.create(opening("r1", "A"))
	o := opening("r2", "B", "A")
	o.Versions["A"] = 2
	s.unchanged(func() {
		_, err := s.Create(s.Context(), o)
		var open *rotation.OpenError
		if !errors.As(err, &open) || open.Secret != "A" || open.Rotation != "r1" {
			s.Fatalf("got %v, want an *OpenError about A and r1", err)
		}
	})
}

func createRefusesVersion(s suite) {
	l := s.create(opening("r1", "A"))
	s.append(l, rotation.Commit{Outcome: pawl.Undone, Versions: []rotation.VersionChange{{Secret: "A", Version: 1, State: rotation.VersionDiscarded}}})
	s.unchanged(func() {
		if _, err := s.Create(s.Context(), opening("r2", "B", "A")); !errors.Is(err, rotation.ErrVersion) {
			s.Fatalf("version 1 of A was used by a rotation that was undone: got %v, want ErrVersion", err)
		}
	})
	next := opening("r2", "B", "A")
	next.Versions["A"] = 2
	s.create(next)
}

func createRefusesID(s suite) {
	l := s.create(opening("r1", "A"))
	s.append(l, rotation.Commit{Outcome: pawl.Done})
	s.unchanged(func() {
		if _, err := s.Create(s.Context(), opening("r1", "B")); pawl.CodeOf(err) != pawl.CodeConflict {
			s.Fatalf("got %v, want a conflict", err)
		}
	})
}

func createRefusesNonsense(s suite) {
	for name, spoil := range map[string]func(*rotation.Opening){
		"no id":              func(o *rotation.Opening) { o.ID = "" },
		"no secret":          func(o *rotation.Opening) { o.Secrets, o.Versions = nil, nil },
		"a secret twice":     func(o *rotation.Opening) { o.Secrets = []pawl.SecretName{"A", "A"} },
		"no holder":          func(o *rotation.Opening) { o.Holder = "" },
		"version zero":       func(o *rotation.Opening) { o.Versions["A"] = 0 },
		"a foreign version":  func(o *rotation.Opening) { o.Versions["B"] = 1 },
		"an unnamed secret":  func(o *rotation.Opening) { o.Secrets = append(o.Secrets, "") },
		"a negative version": func(o *rotation.Opening) { o.Versions["A"] = -1 },
	} {
		o := opening("r1", "A")
		spoil(&o)
		s.unchanged(func() {
			if _, err := s.Create(s.Context(), o); pawl.CodeOf(err) != pawl.CodeInvalid {
				s.Fatalf("%s: got %v, want it refused as invalid", name, err)
			}
		})
	}
}

// full is an entry with every field set, with text that is awkward to encode.
func full() rotation.Entry {
	at := start.Add(3 * time.Second)
	return rotation.Entry{Time: at, Kind: rotation.KindOutcome, Actor: "host-a/1", Secret: "A", Version: 1, Step: "mint", Attempt: 2,
		Result: rotation.ResultRetry, Effect: pawl.EffectUnknown, ErrorKind: "unavailable", Why: "line\nbreak \"q\" <&> \u2028 ü", Next: "pawl resume r1",
		Detail: "2 of 3", Before: &driver.Receipt{Exists: true, Revision: "7", Digest: "x", UpdatedAt: at}, Receipt: &driver.Receipt{},
		Strength: "digest", Credential: &driver.Credential{ID: "c1", Name: "n", CreatedAt: at, ExpiresAt: at, Inactive: true},
		Known: []string{"k1", "k2"}, Print: "f1", Until: at.Add(time.Hour), Resume: "{}", Word: rotation.WordChoose, Digest: "d", Outcome: pawl.Held}
}

func appendKeeps(s suite) {
	l := s.create(opening("r1", "A"))
	e := full()
	e.Time = e.Time.In(time.FixedZone("", 3600))
	s.append(l, rotation.Commit{Entries: []rotation.Entry{e}, Expires: start.Add(5 * ttl)})
	a := s.load("r1")
	want := full()
	want.Seq, want.Rotation, want.Fence = 2, "r1", l.Fence
	s.same("entry", a.Entries[1], want)
	s.same("last change", a.LastAt, want.Time)
	s.same("lease", a.Lease.Expires, start.Add(5*ttl))
	s.same("outcome that was left out", a.Outcome, pawl.Open)
}

func appendOrder(s suite) {
	la, lb := s.create(opening("r1", "A")), s.create(opening("r2", "B"))
	var want []string
	for i := range 20 {
		c := intent(fmt.Sprintf("a%d", i))
		c.Entries[0].Time = start.Add(-time.Duration(i) * time.Second) // a clock that runs back changes nothing
		c.Entries = append(c.Entries, intent(fmt.Sprintf("b%d", i)).Entries...)
		s.append(la, c)
		s.append(lb, intent("other"))
		want = append(want, fmt.Sprintf("a%d", i), fmt.Sprintf("b%d", i))
	}
	s.same("steps", s.steps("r1"), want)
	last := int64(0)
	for _, e := range s.load("r1").Entries {
		if e.Seq <= last {
			s.Fatalf("entry %d comes after entry %d", e.Seq, last)
		}
		last = e.Seq
	}
}

func appendAtomic(s suite) {
	l := s.create(opening("r1", "A"))
	good := rotation.VersionChange{Secret: "A", Version: 1, State: rotation.VersionMinted, Sealed: map[string][]byte{"value": []byte("x")}}
	for name, c := range map[string]rotation.Commit{
		"a bad version": {Entries: intent("x").Entries, Versions: []rotation.VersionChange{good, {Secret: "A"}}},
		"a bad outcome": {Entries: intent("x").Entries, Versions: []rotation.VersionChange{good}, Outcome: "lost"},
		"a bad entry":   {Entries: append(intent("x").Entries, unencodable()), Versions: []rotation.VersionChange{good}},
	} {
		s.unchanged(func() {
			if err := s.Append(s.Context(), l, c); pawl.CodeOf(err) != pawl.CodeInvalid {
				s.Fatalf("%s: got %v, want it refused as invalid", name, err)
			}
		})
	}
	stale := l
	stale.Fence--
	s.unchanged(func() {
		err := s.Append(s.Context(), stale, rotation.Commit{Entries: intent("x").Entries, Versions: []rotation.VersionChange{good}, Outcome: pawl.Done})
		if !errors.Is(err, rotation.ErrLeaseLost) {
			s.Fatalf("got %v, want ErrLeaseLost", err)
		}
	})
}

// unencodable is an entry of a time that JSON does not have.
func unencodable() rotation.Entry {
	return rotation.Entry{Time: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC), Kind: rotation.KindIntent}
}

func appendOutcome(s suite) {
	for i, end := range []pawl.Outcome{pawl.Done, pawl.Undone} {
		o := opening(pawl.RotationID(end), "A", "B")
		o.Versions["A"], o.Versions["B"] = pawl.Version(i+1), pawl.Version(i+1)
		l := s.create(o)
		s.append(l, rotation.Commit{Entries: intent("x").Entries, Outcome: end, Expires: start.Add(ttl)})
		a := s.load(o.ID)
		s.same("outcome", a.Outcome, end)
		s.same("lease of an ended rotation", a.Lease, rotation.Lease{})
		if err := s.Append(s.Context(), l, intent("late")); !errors.Is(err, rotation.ErrLeaseLost) {
			s.Fatalf("append after the end: got %v, want ErrLeaseLost", err)
		}
	}
	o := opening("r3", "A", "B") // both secrets are free again
	o.Versions["A"], o.Versions["B"] = 3, 3
	s.create(o)
}

func endedStays(s suite) {
	s.append(s.create(opening("r1", "A")), rotation.Commit{Outcome: pawl.Done})
	l := s.acquire("r1", "host-b/2", start)
	for _, o := range []pawl.Outcome{pawl.Open, pawl.Held, pawl.Undone} {
		c := intent("x")
		c.Outcome = o
		s.unchanged(func() {
			if err := s.Append(s.Context(), l, c); pawl.CodeOf(err) != pawl.CodeConflict {
				s.Fatalf("from done to %s: got %v, want a conflict", o, err)
			}
		})
	}
}

func heldIsOpen(s suite) {
	l := s.create(opening("r1", "A"))
	s.append(l, rotation.Commit{Outcome: pawl.Held, Release: true})
	o := opening("r2", "A")
	o.Versions["A"] = 2
	var open *rotation.OpenError
	if _, err := s.Create(s.Context(), o); !errors.As(err, &open) {
		s.Fatalf("a secret of a held rotation: got %v, want an *OpenError", err)
	}
	list, err := s.Rotations(s.Context(), rotation.Filter{OpenOnly: true})
	if err != nil || len(list) != 1 || list[0].Outcome != pawl.Held {
		s.Fatalf("open rotations: %v, %v; want the held one", list, err)
	}
	l = s.acquire("r1", "host-b/2", start)
	s.append(l, rotation.Commit{Outcome: pawl.Open})
	s.same("outcome", s.load("r1").Outcome, pawl.Open)
}

func signalNoLease(s suite) {
	l := s.create(opening("r1", "A"))
	sealed := map[string][]byte{"user": []byte("sealed-1"), "password": {0, 1, 255}}
	if err := s.Signal(s.Context(), signal("r1", sealed)); err != nil {
		s.Fatal(err)
	}
	if err := s.Signal(s.Context(), signal("r1", nil)); err != nil {
		s.Fatal(err)
	}
	a := s.load("r1")
	if len(a.Entries) != 3 || a.Entries[1].Kind != rotation.KindSignal || a.Entries[1].Fence != 0 {
		s.Fatalf("entries: %+v; want two signals without a fence", a.Entries)
	}
	s.same("sealed parts", a.Signals, map[int64]map[string][]byte{a.Entries[1].Seq: sealed})
	s.append(l, intent("x")) // the lease is untouched
}

func signalRefused(s suite) {
	if err := s.Signal(s.Context(), signal("nope", nil)); !errors.Is(err, rotation.ErrNotFound) {
		s.Fatalf("unknown rotation: got %v, want ErrNotFound", err)
	}
	l := s.create(opening("r1", "A"))
	odd := signal("r1", nil)
	odd.Entry.Kind = rotation.KindClosed
	s.unchanged(func() {
		if err := s.Signal(s.Context(), odd); pawl.CodeOf(err) != pawl.CodeInvalid {
			s.Fatalf("an entry that is no signal: got %v, want it refused", err)
		}
	})
	s.append(l, rotation.Commit{Outcome: pawl.Done})
	s.unchanged(func() {
		if err := s.Signal(s.Context(), signal("r1", nil)); pawl.CodeOf(err) != pawl.CodeConflict {
			s.Fatalf("a word on an ended rotation: got %v, want a conflict", err)
		}
	})
}

func signalPartsGo(s suite) {
	l := s.create(opening("r1", "A"))
	if err := s.Signal(s.Context(), signal("r1", map[string][]byte{"value": []byte("sealed")})); err != nil {
		s.Fatal(err)
	}
	s.append(l, rotation.Commit{Outcome: pawl.Done})
	a := s.load("r1")
	if len(a.Signals) != 0 || len(a.Entries) != 2 {
		s.Fatalf("after the end there are %d sealed signals and %d entries; want 0 and 2", len(a.Signals), len(a.Entries))
	}
}

func loadUnknown(s suite) {
	if _, err := s.Load(s.Context(), "nope"); !errors.Is(err, rotation.ErrNotFound) || pawl.HintOf(err) == "" {
		s.Fatalf("got %v, want ErrNotFound with a hint", err)
	}
}

func loadCopies(s suite) {
	o := opening("r1", "A")
	l := s.create(o)
	o.Plan[0], o.Secrets[0] = 'X', "X"
	c := rotation.Commit{Entries: []rotation.Entry{full()}}
	s.append(l, c)
	c.Entries[0].Known[0], c.Entries[0].Receipt.Revision = "changed", "changed"
	before := s.load("r1")
	got := s.load("r1")
	got.Plan[1], got.Secrets[0], got.Entries[1].Credential.ID = 'X', "changed", "changed"
	s.same("account after its reader changed a copy", s.load("r1"), before)
	if before.Plan[0] != '{' || before.Secrets[0] != "A" || before.Entries[1].Known[0] != "k1" || before.Entries[1].Receipt.Revision != "" {
		s.Fatal("what was stored changed with the writer's own copy")
	}
}

func rotationsFilters(s suite) {
	for i, id := range []pawl.RotationID{"r1", "r2", "r3"} {
		o := opening(id, "A", pawl.SecretName(id))
		o.Versions["A"], o.Now = pawl.Version(i+1), start.Add(time.Duration(i)*time.Second)
		l := s.create(o)
		if id != "r3" {
			s.append(l, rotation.Commit{Outcome: pawl.Done})
		}
	}
	for name, c := range map[string]struct {
		f    rotation.Filter
		want []pawl.RotationID
	}{
		"all, newest first": {rotation.Filter{}, []pawl.RotationID{"r3", "r2", "r1"}},
		"open":              {rotation.Filter{OpenOnly: true}, []pawl.RotationID{"r3"}},
		"of a secret":       {rotation.Filter{Secret: "r2"}, []pawl.RotationID{"r2"}},
		"of none":           {rotation.Filter{Secret: "r2", OpenOnly: true}, nil},
		"limited":           {rotation.Filter{Secret: "A", Limit: 2}, []pawl.RotationID{"r3", "r2"}},
	} {
		list, err := s.Rotations(s.Context(), c.f)
		if err != nil {
			s.Fatal(err)
		}
		var got []pawl.RotationID
		for _, sum := range list {
			got = append(got, sum.ID)
			s.same("summary of "+string(sum.ID), sum, s.load(sum.ID).Summary)
		}
		s.same(name, got, c.want)
	}
}

func cancelled(s suite) {
	l := s.create(opening("r1", "A"))
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	s.unchanged(func() {
		_, create := s.Create(ctx, opening("r2", "B"))
		_, acquire := s.Acquire(ctx, request("r1", "host-b/2", start.Add(time.Hour)))
		for what, err := range map[string]error{"create": create, "acquire": acquire, "append": s.Append(ctx, l, intent("x")),
			"signal": s.Signal(ctx, signal("r1", nil)), "release": s.Release(ctx, l), "adopt": s.Adopt(ctx, adoption("B")),
			"add key": s.AddDataKey(ctx, dataKey("a", 1)), "replace key": s.ReplaceDataKey(ctx, dataKey("a", 1))} {
			if !errors.Is(err, context.Canceled) {
				s.Errorf("%s: got %v, want context.Canceled", what, err)
			}
		}
	})
}
