// Package keepertest is the conformance suite of key keepers: what a store of
// wrapped data keys relies on, whichever keeper wraps them.
package keepertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log"
	"strings"
	"sync"
	"testing"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/internal/leak"
)

// Outage is a way in which a keeper cannot do its work.
type Outage string

// The outages.
const (
	Gone      Outage = "gone"      // nothing listens, or the token was pulled out
	Failing   Outage = "failing"   // an internal error of the server
	Throttled Outage = "throttled" // too many calls
	Denied    Outage = "denied"    // the credential is refused, or lacks the permission
	Disabled  Outage = "disabled"  // the key is there and may not be used for now
	Garbage   Outage = "garbage"   // an answer that makes no sense
	Hanging   Outage = "hanging"   // no answer; only a cancelled context ends the call
)

// Subject is a keeper under test, and what can be done to its server.
type Subject struct {
	Keeper envelope.Keeper
	Again  envelope.Keeper // opened anew over the same key
	Other  envelope.Keeper // over another key, at the same server where there is one
	// Rotate gives the key a new version, which Wrap then uses. It is nil where
	// keys have no versions.
	Rotate func(t *testing.T)
	// Versions says that Wrap tells the version.
	Versions bool
	// Break makes the server fail until repair is called.
	Break map[Outage]func(t *testing.T) (repair func())
	// Hidden are the values that nothing may show: credentials, raw keys.
	Hidden []string
}

// Harness makes a fresh Subject. The suite does so for each of its tests.
type Harness func(t *testing.T) Subject

// at is the binding that most tests use.
var at = envelope.KeyBinding{ID: 7, Scope: "tenant/a b"}

// Run holds a keeper to the suite.
func Run(t *testing.T, h Harness) {
	for name, test := range map[string]func(*testing.T, Subject){
		"round trip":         roundTrip,
		"binding":            binding,
		"tampering":          tampering,
		"another key":        anotherKey,
		"names":              names,
		"rotation":           rotation,
		"outages":            outages,
		"cancelled":          cancelled,
		"concurrency":        concurrency,
		"data keys of rings": rings,
	} {
		t.Run(name, func(t *testing.T) {
			said := listen(t)
			s := h(t)
			test(t, s)
			quiet(t, "the log", said.String(), s.Hidden...)
		})
	}
}

// listen collects what is logged by default while a test runs.
func listen(t *testing.T) *bytes.Buffer {
	said := &bytes.Buffer{} // log writes under a lock
	before := log.Writer()
	log.SetOutput(said)
	t.Cleanup(func() { log.SetOutput(before) })
	return said
}

// quiet holds that a text has none of the values, in no form.
func quiet(t *testing.T, where, text string, hidden ...string) {
	t.Helper()
	if form := leak.NewFinder(hidden...).Find([]byte(text)); form != "" {
		t.Errorf("%s shows a hidden value (%s)", where, form)
	}
}

// freshKey is a data key that no other test has.
func freshKey(t *testing.T, n int) []byte {
	t.Helper()
	dek := make([]byte, n)
	if _, err := rand.Read(dek); err != nil {
		t.Fatal(err)
	}
	return dek
}

func wrap(t *testing.T, k envelope.Keeper, dek []byte, b envelope.KeyBinding) envelope.Wrapped {
	t.Helper()
	w, err := k.Wrap(t.Context(), dek, b)
	if err != nil {
		t.Fatalf("wrap %d bytes: %v", len(dek), err)
	}
	return w
}

func mustUnwrap(t *testing.T, k envelope.Keeper, wrapped, dek []byte, b envelope.KeyBinding) {
	t.Helper()
	got, err := k.Unwrap(t.Context(), wrapped, b)
	if err != nil {
		t.Fatalf("unwrap: %v", err)
	}
	if !bytes.Equal(got, dek) {
		t.Fatal("another key comes back than was wrapped")
	}
	clear(got) // the memory is the caller's
}

// mustRefuse holds that bytes are looked at and found wrong.
func mustRefuse(t *testing.T, k envelope.Keeper, wrapped []byte, b envelope.KeyBinding, what string) {
	t.Helper()
	got, err := k.Unwrap(t.Context(), wrapped, b)
	if !errors.Is(err, envelope.ErrUnwrap) {
		t.Errorf("%s: not ErrUnwrap: %v", what, err)
	}
	if got != nil {
		t.Errorf("%s: %d bytes come back", what, len(got))
	}
}

func roundTrip(t *testing.T, s Subject) {
	for _, n := range []int{1, 16, 24, 32, 64, 512} {
		dek := freshKey(t, n)
		given := bytes.Clone(dek)
		a, b := wrap(t, s.Keeper, given, at), wrap(t, s.Keeper, given, at)
		if !bytes.Equal(given, dek) {
			t.Fatal("Wrap changed the key that it was given")
		}
		clear(given) // what is wrapped must not be the caller's memory
		if bytes.Equal(a.Key, b.Key) {
			t.Errorf("a key of %d bytes wraps twice into the same: who reads the table sees equal keys", n)
		}
		if n >= 16 && bytes.Contains(a.Key, dek) {
			t.Error("what is wrapped has the key in it")
		}
		mustUnwrap(t, s.Keeper, a.Key, dek, at)
		mustUnwrap(t, s.Keeper, a.Key, dek, at) // the first one's memory was cleared
		mustUnwrap(t, s.Again, b.Key, dek, at)
		if (a.Version != "") != s.Versions || a.Version != b.Version {
			t.Errorf("versions %q and %q", a.Version, b.Version)
		}
	}
}

// binding: a wrapped key that is moved to another row of the key table does
// not open there.
func binding(t *testing.T, s Subject) {
	dek := freshKey(t, 32)
	for _, b := range []envelope.KeyBinding{at, {}, {ID: 1}, {Scope: "1"}, {ID: 1<<32 - 1, Scope: "ä \"{}"}} {
		w := wrap(t, s.Keeper, dek, b)
		mustUnwrap(t, s.Keeper, w.Key, dek, b)
		for _, other := range []envelope.KeyBinding{
			{ID: b.ID + 1, Scope: b.Scope}, {ID: b.ID, Scope: b.Scope + "x"}, {ID: b.ID, Scope: "x" + b.Scope}, {ID: b.ID ^ 1<<31, Scope: b.Scope},
		} {
			mustRefuse(t, s.Keeper, w.Key, other, "another binding")
		}
	}
	upper := envelope.KeyBinding{ID: at.ID, Scope: strings.ToUpper(at.Scope)}
	mustRefuse(t, s.Keeper, wrap(t, s.Keeper, dek, at).Key, upper, "a scope in other letters")
}

// tampering: whatever is changed, a key never comes back.
func tampering(t *testing.T, s Subject) {
	dek := freshKey(t, 32)
	w := wrap(t, s.Keeper, dek, at).Key
	for i := range w {
		for bit := range 8 {
			bad := bytes.Clone(w)
			bad[i] ^= 1 << bit
			mustRefuse(t, s.Keeper, bad, at, "a flipped bit")
		}
	}
	for n := range w {
		mustRefuse(t, s.Keeper, w[:n], at, "a truncated key")
		mustRefuse(t, s.Keeper, w[n+1:], at, "a key without its beginning")
	}
	mustRefuse(t, s.Keeper, nil, at, "no bytes")
	for _, tail := range []string{"\x00", "=", "\n", "A", "AAAA", strings.Repeat("A", 100_000)} {
		mustRefuse(t, s.Keeper, append(bytes.Clone(w), tail...), at, "an extended key")
	}
	mustRefuse(t, s.Keeper, append(bytes.Clone(w), w...), at, "a key twice")
	mustRefuse(t, s.Keeper, append([]byte{0}, w...), at, "a byte in front")
	mustRefuse(t, s.Keeper, bytes.Repeat([]byte{0xff}, len(w)), at, "other bytes")
	mustUnwrap(t, s.Keeper, w, dek, at)
}

func anotherKey(t *testing.T, s Subject) {
	dek := freshKey(t, 32)
	mustRefuse(t, s.Other, wrap(t, s.Keeper, dek, at).Key, at, "another key")
	mustRefuse(t, s.Keeper, wrap(t, s.Other, dek, at).Key, at, "another key")
}

func names(t *testing.T, s Subject) {
	id := s.Keeper.KeyID()
	if id == "" || s.Again.KeyID() != id {
		t.Errorf("the key is %q, and opened anew %q", id, s.Again.KeyID())
	}
	if s.Other.KeyID() == id {
		t.Errorf("two keys have the name %q", id)
	}
	if strings.ContainsAny(id, "\n\x00") || len(id) > 1024 {
		t.Errorf("%q is no name", id)
	}
	quiet(t, "the key's name", id, s.Hidden...)
	dek := freshKey(t, 32)
	_, err := s.Keeper.Unwrap(t.Context(), wrap(t, s.Other, dek, at).Key, at)
	if err == nil {
		t.Fatal("another key unwraps it")
	}
	quiet(t, "an error", err.Error(), append(s.Hidden, string(dek))...)
}

// rotation: the keeper's key gets a new version, and what is wrapped stays
// readable.
func rotation(t *testing.T, s Subject) {
	if s.Rotate == nil {
		return
	}
	dek := freshKey(t, 32)
	id := s.Keeper.KeyID()
	var before []envelope.Wrapped
	for range 3 {
		w := wrap(t, s.Keeper, dek, at)
		if len(before) > 0 && s.Versions && w.Version == before[len(before)-1].Version {
			t.Errorf("after a rotation the version is still %q", w.Version)
		}
		before = append(before, w)
		s.Rotate(t)
		for _, w := range before {
			mustUnwrap(t, s.Keeper, w.Key, dek, at)
			mustUnwrap(t, s.Again, w.Key, dek, at)
		}
	}
	if s.Keeper.KeyID() != id {
		t.Error("the key has another name after a rotation: no data key would find it")
	}
}

func concurrency(t *testing.T, s Subject) {
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			b := envelope.KeyBinding{ID: uint32(i), Scope: "c"}
			for range 5 {
				dek := make([]byte, 32)
				_, _ = rand.Read(dek) // it never fails
				w, err := s.Keeper.Wrap(context.Background(), dek, b)
				if err != nil {
					t.Errorf("wrap: %v", err)
					return
				}
				got, err := s.Keeper.Unwrap(context.Background(), w.Key, b)
				if err != nil || !bytes.Equal(got, dek) {
					t.Errorf("another key comes back, or none: %v", err)
				}
			}
		})
	}
	work.Wait()
}
