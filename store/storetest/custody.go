package storetest

import (
	"errors"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/rotation"
)

var custodyChecks = []check{
	{"VersionChangesAddUp", changesAddUp},
	{"VersionsAreListedOldestFirst", versionsOrder},
	{"OneVersionIsTheOneAskedFor", oneVersion},
	{"AChangeCanAddAVersion", changeAdds},
	{"ForgetDropsTheValue", forget},
	{"SealedFailsForUnknown", sealedUnknown},
	{"SealedGivesACopy", sealedCopies},
	{"AdoptStoresTheCurrentVersion", adopt},
	{"AdoptIsRefusedForAKnownSecret", adoptRefused},
}

func adoption(name pawl.SecretName) rotation.Adoption {
	return rotation.Adoption{
		Row: rotation.VersionRow{Secret: name, Version: 1, State: rotation.VersionCurrent, At: start,
			Credential: &driver.Credential{ID: "c0"}, Fingerprint: "f0"},
		Sealed: map[string][]byte{"value": []byte("sealed-0")},
		Entry:  rotation.Entry{Time: start, Kind: rotation.KindAdopted, Actor: "person", Secret: name, Version: 1, Print: "f0"},
	}
}

func (s suite) change(l rotation.Lease, changes ...rotation.VersionChange) {
	s.Helper()
	s.append(l, rotation.Commit{Versions: changes, Expires: start.Add(ttl)})
}

func (s suite) sealed(name pawl.SecretName, v pawl.Version) map[string][]byte {
	s.Helper()
	parts, err := s.Sealed(s.Context(), name, v)
	if err != nil {
		s.Fatalf("sealed %s %d: %v", name, v, err)
	}
	return parts
}

func changesAddUp(s suite) {
	l := s.create(opening("r1", "A"))
	at := start.Add(time.Second)
	cred := &driver.Credential{ID: "c1", CreatedAt: at}
	parts := map[string][]byte{"user": []byte("u"), "password": []byte("p")}
	s.change(l, rotation.VersionChange{Secret: "A", Version: 1, State: rotation.VersionMinted, Credential: cred, Fingerprint: "f1", Sealed: parts, At: at})
	want := rotation.VersionRow{Secret: "A", Version: 1, State: rotation.VersionMinted, Credential: cred, Fingerprint: "f1", Held: true, Rotation: "r1", At: at}
	s.same("minted", s.versions("A"), []rotation.VersionRow{want})
	s.same("sealed", s.sealed("A", 1), parts)

	want.State, want.At = rotation.VersionCurrent, at.Add(time.Second)
	s.change(l, rotation.VersionChange{Secret: "A", Version: 1, State: rotation.VersionCurrent, At: want.At})
	s.same("current", s.versions("A"), []rotation.VersionRow{want})
	s.same("sealed after a change of state", s.sealed("A", 1), parts)

	s.change(l, rotation.VersionChange{Secret: "A", Version: 1, Sealed: map[string][]byte{"value": []byte("v")}})
	s.same("after a change of value alone", s.versions("A"), []rotation.VersionRow{want})
	s.same("sealed anew", s.sealed("A", 1), map[string][]byte{"value": []byte("v")})
}

func oneVersion(s suite) {
	l := s.create(opening("r1", "A", "B"))
	s.change(l,
		rotation.VersionChange{Secret: "A", Version: 7, State: rotation.VersionMinted, At: start, Credential: &driver.Credential{ID: "c7"},
			Fingerprint: "f7", Sealed: map[string][]byte{"value": []byte("v")}},
		rotation.VersionChange{Secret: "B", Version: 7, State: rotation.VersionCurrent, At: start})
	for _, want := range append(s.versions("A"), s.versions("B")...) {
		got, known, err := s.Version(s.Context(), want.Secret, want.Version)
		if err != nil || !known {
			s.Fatalf("version %d of %s: known %v, %v", want.Version, want.Secret, known, err)
		}
		s.same("one version", got, want)
	}
	for _, name := range []pawl.SecretName{"A", "unknown"} {
		if row, known, err := s.Version(s.Context(), name, 6); known || err != nil {
			s.Fatalf("version 6 of %s, which was never reserved: %v, %v, %v", name, row, known, err)
		}
	}
}

func versionsOrder(s suite) {
	l := s.create(opening("r1", "A"))
	for _, v := range []pawl.Version{11, 3, 2} {
		s.change(l, rotation.VersionChange{Secret: "A", Version: v, State: rotation.VersionMinted, At: start})
	}
	var got []pawl.Version
	for _, r := range s.versions("A") {
		got = append(got, r.Version)
	}
	s.same("order", got, []pawl.Version{1, 2, 3, 11})
	if rows := s.versions("unknown"); len(rows) != 0 {
		s.Fatalf("an unknown secret has versions: %v", rows)
	}
}

func changeAdds(s suite) {
	l := s.create(opening("r1", "A"))
	s.change(l, rotation.VersionChange{Secret: "B", Version: 4, State: rotation.VersionMinted, At: start})
	s.same("added", s.versions("B"), []rotation.VersionRow{{Secret: "B", Version: 4, State: rotation.VersionMinted, Rotation: "r1", At: start}})
	o := opening("r2", "B")
	o.Versions["B"] = 4
	if _, err := s.Create(s.Context(), o); !errors.Is(err, rotation.ErrVersion) {
		s.Fatalf("got %v, want ErrVersion", err)
	}
	o.Versions["B"] = 3
	if _, err := s.Create(s.Context(), o); !errors.Is(err, rotation.ErrVersion) {
		s.Fatalf("a number below the newest: got %v, want ErrVersion, because numbers rise", err)
	}
}

func forget(s suite) {
	l := s.create(opening("r1", "A"))
	s.change(l, rotation.VersionChange{Secret: "A", Version: 1, State: rotation.VersionCurrent, Sealed: map[string][]byte{"value": []byte("x")}, At: start})
	s.change(l, rotation.VersionChange{Secret: "A", Version: 1, State: rotation.VersionRetired, Forget: true, At: start})
	if _, err := s.Sealed(s.Context(), "A", 1); !errors.Is(err, rotation.ErrNotFound) {
		s.Fatalf("got %v, want ErrNotFound", err)
	}
	s.same("what stays", s.versions("A"), []rotation.VersionRow{{Secret: "A", Version: 1, State: rotation.VersionRetired, Rotation: "r1", At: start}})
}

func sealedUnknown(s suite) {
	s.create(opening("r1", "A"))
	for _, v := range []pawl.Version{1, 2} { // reserved without a value; unknown
		if _, err := s.Sealed(s.Context(), "A", v); !errors.Is(err, rotation.ErrNotFound) {
			s.Fatalf("version %d: got %v, want ErrNotFound", v, err)
		}
	}
}

func sealedCopies(s suite) {
	l := s.create(opening("r1", "A"))
	own := map[string][]byte{"value": []byte("abc")}
	s.change(l, rotation.VersionChange{Secret: "A", Version: 1, Sealed: own})
	own["value"][0] = 'X'
	s.sealed("A", 1)["value"][1] = 'X'
	s.same("sealed", s.sealed("A", 1), map[string][]byte{"value": []byte("abc")})
}

func adopt(s suite) {
	a := adoption("A")
	if err := s.Adopt(s.Context(), a); err != nil {
		s.Fatal(err)
	}
	want := a.Row
	want.Held = true
	s.same("version", s.versions("A"), []rotation.VersionRow{want})
	s.same("sealed", s.sealed("A", 1), a.Sealed)
	if n := len(s.records()); n != 1 {
		s.Fatalf("%d records, want the adoption's", n)
	}
	o := opening("r1", "A")
	o.Versions["A"] = 2
	s.create(o)
}

func adoptRefused(s suite) {
	l := s.create(opening("r1", "A"))
	refused := func(why string, a rotation.Adoption) {
		s.unchanged(func() {
			if err := s.Adopt(s.Context(), a); !errors.Is(err, rotation.ErrVersion) {
				s.Fatalf("%s: got %v, want ErrVersion", why, err)
			}
		})
	}
	refused("version 1 is reserved", adoption("A"))
	s.append(l, rotation.Commit{Outcome: pawl.Undone})
	second := adoption("A")
	second.Row.Version = 2
	refused("version 1 was discarded", second)
}
