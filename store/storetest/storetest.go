// Package storetest is the conformance suite of stores. Every sentence of the
// contract in package rotation is a test here; a store that passes can carry
// the engine.
package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/evidence"
	"github.com/pawlhq/pawl/rotation"
)

// Store is what the suite tests.
type Store interface {
	rotation.Journal
	rotation.Leases
	rotation.Custody
	Chain
	Keys
}

// Chain is the store's evidence.
type Chain interface {
	ID() string
	Head(ctx context.Context) (evidence.Head, error)
	Export(ctx context.Context, from int64, f func(evidence.Record) error) error
}

// Reopener is met by a durable store under test: Reopen closes the store and
// opens what it left.
type Reopener interface {
	Reopen(t testing.TB) Store
}

// Run runs the suite. open gives a new, empty store for each test and cleans
// up after itself. Tests of durability run for stores that are Reopeners.
func Run(t *testing.T, open func(t testing.TB) Store) {
	for _, group := range [][]check{journalChecks, leaseChecks, custodyChecks, chainChecks, keyChecks, concurrencyChecks} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) { c.run(suite{T: t, Store: open(t)}) })
		}
	}
	if _, durable := open(t).(Reopener); durable {
		for _, c := range durabilityChecks {
			t.Run(c.name, func(t *testing.T) { c.run(suite{T: t, Store: open(t)}) })
		}
	}
}

type check struct {
	name string
	run  func(s suite)
}

// suite is one test's store, with steps that end the test when they fail.
type suite struct {
	*testing.T
	Store
}

// start is the time at which every test begins.
var start = time.Date(2031, 5, 4, 3, 2, 1, 123456789, time.UTC)

const ttl = time.Minute

// opening is a rotation of the named secrets, each to its version 1.
func opening(id pawl.RotationID, secrets ...pawl.SecretName) rotation.Opening {
	o := rotation.Opening{ID: id, Secrets: secrets, Versions: map[pawl.SecretName]pawl.Version{},
		Plan: json.RawMessage(`{"b":1, "a" : "<&>"}`), Holder: "host-a/1", Now: start, Expires: start.Add(ttl),
		Entries: []rotation.Entry{{Time: start, Kind: rotation.KindOpened, Actor: "host-a/1", Digest: "d1"}}}
	for _, s := range secrets {
		o.Versions[s] = 1
	}
	return o
}

// intent is a commit with one entry that announces a step.
func intent(step string) rotation.Commit {
	return rotation.Commit{Expires: start.Add(2 * ttl), Outcome: pawl.Open,
		Entries: []rotation.Entry{{Time: start.Add(time.Second), Kind: rotation.KindIntent, Step: step, Attempt: 1}}}
}

func signal(id pawl.RotationID, sealed map[string][]byte) rotation.Signal {
	return rotation.Signal{Secret: "A", Sealed: sealed, Entry: rotation.Entry{
		Rotation: id, Time: start.Add(time.Second), Kind: rotation.KindSignal, Word: rotation.WordProvide, Actor: "person", Secret: "A"}}
}

func (s suite) create(o rotation.Opening) rotation.Lease {
	s.Helper()
	l, err := s.Create(s.Context(), o)
	if err != nil {
		s.Fatalf("create %s: %v", o.ID, err)
	}
	return l
}

func (s suite) append(l rotation.Lease, c rotation.Commit) {
	s.Helper()
	if err := s.Append(s.Context(), l, c); err != nil {
		s.Fatalf("append to %s: %v", l.Rotation, err)
	}
}

func (s suite) load(id pawl.RotationID) rotation.Account {
	s.Helper()
	a, err := s.Load(s.Context(), id)
	if err != nil {
		s.Fatalf("load %s: %v", id, err)
	}
	return a
}

func (s suite) acquire(id pawl.RotationID, holder string, now time.Time) rotation.Lease {
	s.Helper()
	l, err := s.Acquire(s.Context(), request(id, holder, now))
	if err != nil {
		s.Fatalf("acquire %s: %v", id, err)
	}
	return l
}

func request(id pawl.RotationID, holder string, now time.Time) rotation.LeaseRequest {
	return rotation.LeaseRequest{Rotation: id, Holder: holder, Now: now, Expires: now.Add(ttl)}
}

func (s suite) versions(name pawl.SecretName) []rotation.VersionRow {
	s.Helper()
	rows, err := s.Versions(s.Context(), name)
	if err != nil {
		s.Fatalf("versions of %s: %v", name, err)
	}
	return rows
}

func (s suite) records() []evidence.Record {
	s.Helper()
	var all []evidence.Record
	err := s.Export(s.Context(), 1, func(r evidence.Record) error {
		all = append(all, r)
		return nil
	})
	if err != nil {
		s.Fatalf("export: %v", err)
	}
	return all
}

// steps lists the steps of a rotation's entries, in order.
func (s suite) steps(id pawl.RotationID) []string {
	s.Helper()
	var steps []string
	for _, e := range s.load(id).Entries {
		if e.Step != "" {
			steps = append(steps, e.Step)
		}
	}
	return steps
}

// unchanged runs f and fails the test when anything visible changed by it.
func (s suite) unchanged(f func()) {
	s.Helper()
	before := s.picture()
	f()
	s.same("the store after a refusal", s.picture(), before)
}

// picture is everything that can be read from the store about the rotations
// and the secrets A and B.
func (s suite) picture() map[string]any {
	s.Helper()
	all, err := s.Rotations(s.Context(), rotation.Filter{})
	if err != nil {
		s.Fatal(err)
	}
	p := map[string]any{"rotations": all, "records": s.records(), "keys": s.keys()}
	for _, r := range all {
		p[fmt.Sprintf("account %s", r.ID)] = s.load(r.ID)
	}
	for _, name := range []pawl.SecretName{"A", "B"} {
		rows := s.versions(name)
		p[fmt.Sprintf("versions %s", name)] = rows
		for _, v := range rows {
			sealed, _ := s.Sealed(s.Context(), name, v.Version)
			p[fmt.Sprintf("sealed %s %d", name, v.Version)] = sealed
		}
	}
	return p
}

func (s suite) same(what string, got, want any) {
	s.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		s.Fatalf("%s differs (-want +got):\n%s", what, d)
	}
}
