package envelope_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/secret"
)

// TestKeyLifecycle goes with one value from its key's first day to its last.
func TestKeyLifecycle(t *testing.T) {
	k := newKeeper(t, 7)
	first, second := newKey(t, k, 1), newKey(t, k, 2)
	old := seal(t, newRing(t, k, first), plain, place)

	first.State = envelope.KeyReadable
	both := newRing(t, k, first, second)
	mustOpen(t, both, old, place, plain)
	fresh := seal(t, both, plain, place)

	first.State = envelope.KeyDestroyed
	only := newRing(t, k, first, second)
	mustOpen(t, only, fresh, place, plain) // it was sealed under the new primary key
	mustRefuse(t, only, old, place, "a value under a retired key")
}

// TestFingerprintsOutliveANewKey holds that a new primary key does not make
// every place look changed.
func TestFingerprintsOutliveANewKey(t *testing.T) {
	k := newKeeper(t, 7)
	first, second := newKey(t, k, 1), newKey(t, k, 2)
	v := secret.NewString(plain)
	before := newRing(t, k, first).Fingerprint(v)
	first.State = envelope.KeyReadable
	for _, order := range [][]envelope.DataKey{{first, second}, {second, first}} {
		if got := newRing(t, k, order...).Fingerprint(v); got != before {
			t.Errorf("the fingerprint was %s and is %s", before, got)
		}
	}
	if other := newRing(t, k, newKey(t, k, 1)).Fingerprint(v); other == before {
		t.Error("another store gives the same fingerprint")
	}
	if newRing(t, k, first, second).Fingerprint(secret.NewString(plain+"x")) == before {
		t.Error("another value has the same fingerprint")
	}
}

func TestRetiredKeysNeedNoKeeper(t *testing.T) {
	k := newKeeper(t, 7)
	gone := newKey(t, newKeeper(t, 8), 1)
	gone.State = envelope.KeyDestroyed
	newRing(t, k, gone, newKey(t, k, 2))
}

func TestOpenRingRefuses(t *testing.T) {
	k := newKeeper(t, 7)
	good := newKey(t, k, 1)
	with := func(change func(*envelope.DataKey)) envelope.DataKey {
		c := good
		c.Wrapped, c.Check = bytes.Clone(good.Wrapped), bytes.Clone(good.Check)
		change(&c)
		return c
	}
	other := newKey(t, k, 1)
	zero := newKey(t, k, 0)
	zero.State = envelope.KeyReadable
	for _, c := range []struct {
		name string
		keys []envelope.DataKey
		code pawl.Code
		why  string
	}{
		{"no keys", nil, pawl.CodeCorrupt, "0 data keys are primary"},
		{"no primary key", []envelope.DataKey{with(func(k *envelope.DataKey) { k.State = envelope.KeyReadable })}, pawl.CodeCorrupt, "0 data keys are primary"},
		{"no primary key, and one with id 0", []envelope.DataKey{zero}, pawl.CodeCorrupt, "0 data keys are primary"},
		{"two primary keys", []envelope.DataKey{good, newKey(t, k, 2)}, pawl.CodeCorrupt, "2 data keys are primary"},
		{"one id twice", []envelope.DataKey{good, with(func(k *envelope.DataKey) { k.State, k.Scope = envelope.KeyReadable, "other" })}, pawl.CodeCorrupt, "two data keys 1"},
		{"an unknown state", []envelope.DataKey{good, with(func(k *envelope.DataKey) { k.ID, k.State = 2, "lost" })}, pawl.CodeCorrupt, `unknown state "lost"`},
		{"a keeper that is not here", []envelope.DataKey{newKey(t, newKeeper(t, 8), 1)}, pawl.CodeNotFound, "no keeper has the key"},
		{"a key of another keeper by its name", []envelope.DataKey{with(func(key *envelope.DataKey) { *key = newKey(t, newKeeper(t, 8), 1); key.Keeper = k.KeyID() })}, pawl.CodeCorrupt, "not authentic"},
		{"changed wrapped bytes", []envelope.DataKey{with(func(k *envelope.DataKey) { k.Wrapped[30] ^= 1 })}, pawl.CodeCorrupt, "not authentic"},
		{"cut wrapped bytes", []envelope.DataKey{with(func(k *envelope.DataKey) { k.Wrapped = k.Wrapped[:10] })}, pawl.CodeCorrupt, "not authentic"},
		{"another id", []envelope.DataKey{with(func(k *envelope.DataKey) { k.ID = 2 })}, pawl.CodeCorrupt, "not authentic"},
		{"another scope", []envelope.DataKey{with(func(k *envelope.DataKey) { k.Scope = "other" })}, pawl.CodeCorrupt, "not authentic"},
		{"a changed check", []envelope.DataKey{with(func(k *envelope.DataKey) { k.Check[0] ^= 1 })}, pawl.CodeCorrupt, "another key came back"},
		{"no check", []envelope.DataKey{with(func(k *envelope.DataKey) { k.Check = nil })}, pawl.CodeCorrupt, "another key came back"},
		{"another key of the same id and scope", []envelope.DataKey{with(func(k *envelope.DataKey) { k.Wrapped = other.Wrapped })}, pawl.CodeCorrupt, "another key came back"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := envelope.OpenRing(t.Context(), []envelope.Keeper{k}, c.keys)
			if err == nil || r != nil {
				t.Fatal("it opens")
			}
			if pawl.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.why) || pawl.HintOf(err) == "" {
				t.Errorf("code %s, hint %q: %v; want code %s and %q", pawl.CodeOf(err), pawl.HintOf(err), err, c.code, c.why)
			}
		})
	}
}

func TestRewrapChangesTheKeeperAlone(t *testing.T) {
	from, to := newKeeper(t, 7), newKeeper(t, 8)
	key := newKey(t, from, 1)
	s := seal(t, newRing(t, from, key), plain, place)
	moved, err := envelope.Rewrap(t.Context(), []envelope.Keeper{to, from}, to, key)
	if err != nil {
		t.Fatal(err)
	}
	if moved.Keeper != to.KeyID() || moved.ID != key.ID || moved.State != key.State || !moved.CreatedAt.Equal(key.CreatedAt) || !bytes.Equal(moved.Check, key.Check) {
		t.Errorf("it became %+v", moved)
	}
	mustOpen(t, newRing(t, to, moved), s, place, plain)
	if _, err := envelope.OpenRing(t.Context(), []envelope.Keeper{from}, []envelope.DataKey{moved}); pawl.CodeOf(err) != pawl.CodeNotFound {
		t.Errorf("the old keeper still opens it: %v", err)
	}
}

// outage is a keeper over a network that does not answer.
type outage struct{ envelope.Keeper }

func (outage) Wrap(context.Context, []byte, envelope.KeyBinding) (envelope.Wrapped, error) {
	return envelope.Wrapped{}, errors.New("no route to host")
}

func (outage) Unwrap(context.Context, []byte, envelope.KeyBinding) ([]byte, error) {
	return nil, errors.New("no route to host")
}

// TestAnOutageIsNoCorruption: whoever reads "corrupt" reaches for a backup.
func TestAnOutageIsNoCorruption(t *testing.T) {
	k := newKeeper(t, 7)
	away := outage{k}
	key := newKey(t, k, 1)
	_, opening := envelope.OpenRing(t.Context(), []envelope.Keeper{away}, []envelope.DataKey{key})
	_, making := envelope.NewDataKey(t.Context(), away, 2, "pawl", now, nil)
	moved, moving := envelope.Rewrap(t.Context(), []envelope.Keeper{k}, away, key)
	for what, err := range map[string]error{"open": opening, "make": making, "rewrap": moving} {
		if pawl.CodeOf(err) != pawl.CodeStore || pawl.HintOf(err) == "" || !strings.Contains(err.Error(), "no route to host") {
			t.Errorf("%s: code %s, hint %q: %v", what, pawl.CodeOf(err), pawl.HintOf(err), err)
		}
	}
	if moved.Keeper != "" || moved.Wrapped != nil {
		t.Error("a key that was not rewrapped is given back: it could be stored")
	}
}

// advising is a keeper that knows what to do about its outage.
type advising struct{ outage }

func (advising) Unwrap(context.Context, []byte, envelope.KeyBinding) ([]byte, error) {
	return nil, &pawl.Error{Op: "decrypt", Why: "the server is sealed", Next: "unseal it"}
}

// TestTheKeepersAdviceComesFirst: it knows its server.
func TestTheKeepersAdviceComesFirst(t *testing.T) {
	k := newKeeper(t, 7)
	_, err := envelope.OpenRing(t.Context(), []envelope.Keeper{advising{outage{k}}}, []envelope.DataKey{newKey(t, k, 1)})
	if pawl.CodeOf(err) != pawl.CodeStore || pawl.HintOf(err) != "unseal it" {
		t.Errorf("code %s, hint %q: %v", pawl.CodeOf(err), pawl.HintOf(err), err)
	}
}

func TestNewDataKeyNeedsRandomBytes(t *testing.T) {
	k := newKeeper(t, 7)
	key, err := envelope.NewDataKey(t.Context(), k, 1, "pawl", now, iotest.ErrReader(errors.New("no entropy")))
	if err == nil || key.Wrapped != nil {
		t.Errorf("a key is made without them: %v", err)
	}
	if _, err := envelope.NewDataKey(t.Context(), k, 1, "pawl", now, strings.NewReader("too few")); err == nil {
		t.Error("a key is made of seven bytes")
	}
	a, b := newKey(t, k, 1), newKey(t, k, 1)
	if bytes.Equal(a.Check, b.Check) || bytes.Equal(a.Wrapped, b.Wrapped) {
		t.Error("two keys are the same")
	}
}

func TestKeepersAreNamedByTheirKey(t *testing.T) {
	a, b := newKeeper(t, 1), newKeeper(t, 2)
	if a.KeyID() == b.KeyID() || a.KeyID() != newKeeper(t, 1).KeyID() {
		t.Error("a keeper's id does not tell keys apart")
	}
	if strings.Contains(a.KeyID(), "0101") {
		t.Error("a keeper's id shows the key")
	}
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := envelope.NewKeyKeeper(make([]byte, n)); err == nil {
			t.Errorf("a key of %d bytes is taken", n)
		}
	}
}
