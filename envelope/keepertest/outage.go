package keepertest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// patience is how long a call may take that has to fail. It bounds what a
// process that starts waits for, and is no measure of speed.
const patience = 10 * time.Second

// outages: whoever reads "not authentic" reaches for a backup, so a keeper
// that could not look never says so.
func outages(t *testing.T, s Subject) {
	dek := freshKey(t, 32)
	w := wrap(t, s.Keeper, dek, at)
	for kind, breaks := range s.Break {
		t.Run(string(kind), func(t *testing.T) {
			repair := breaks(t)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			if kind == Hanging {
				cancel()
				ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
			}
			defer cancel()
			hidden := append(s.Hidden, string(dek))
			begun := time.Now()
			got, err := s.Keeper.Unwrap(ctx, w.Key, at)
			fails(t, err, hidden...)
			if got != nil {
				t.Error("a key comes back")
			}
			made, err := s.Keeper.Wrap(ctx, dek, at)
			fails(t, err, hidden...)
			if made.Key != nil {
				t.Error("a wrapped key comes back: it could be stored")
			}
			if took := time.Since(begun); took > patience {
				t.Errorf("it took %v to fail", took)
			}
			repair()
			mustUnwrap(t, s.Keeper, w.Key, dek, at)
			mustUnwrap(t, s.Keeper, wrap(t, s.Keeper, dek, at).Key, dek, at)
		})
	}
}

func fails(t *testing.T, err error, hidden ...string) {
	t.Helper()
	switch {
	case err == nil:
		t.Fatal("it works")
	case errors.Is(err, envelope.ErrUnwrap):
		t.Errorf("an outage is taken for a key that is not authentic: %v", err)
	}
	quiet(t, "the error", err.Error(), hidden...)
}

// cancelled: a call whose caller has gone ends. Keepers without a server may
// do it all the same.
func cancelled(t *testing.T, s Subject) {
	dek := freshKey(t, 32)
	w := wrap(t, s.Keeper, dek, at)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, wrapping := s.Keeper.Wrap(ctx, dek, at)
	_, unwrapping := s.Keeper.Unwrap(ctx, w.Key, at)
	for _, err := range []error{wrapping, unwrapping} {
		if errors.Is(err, envelope.ErrUnwrap) {
			t.Errorf("a cancelled call is taken for a key that is not authentic: %v", err)
		}
		if s.Break != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled call does not say so: %v", err)
		}
	}
	mustUnwrap(t, s.Keeper, w.Key, dek, at)
}

// rings: what the store does with a keeper, from the first key to a rewrap.
func rings(t *testing.T, s Subject) {
	key, err := envelope.NewDataKey(t.Context(), s.Keeper, 7, "shop", time.Unix(0, 0), nil)
	if err != nil {
		t.Fatal(err)
	}
	place := envelope.Binding{Scope: "shop", Table: "orders", Column: "note", Row: "1"}
	sealed := seal(t, s.Again, key, place)
	if s.Rotate != nil {
		s.Rotate(t)
	}
	for what, to := range map[string]envelope.Keeper{"anew": s.Keeper, "under another key": s.Other} {
		moved, err := envelope.Rewrap(t.Context(), []envelope.Keeper{s.Keeper}, to, key)
		if err != nil {
			t.Fatalf("wrap %s: %v", what, err)
		}
		if what == "anew" && s.Rotate != nil && s.Versions && moved.Version == key.Version {
			t.Errorf("a rewrapped key still has the version %q", moved.Version)
		}
		ring, err := envelope.OpenRing(t.Context(), []envelope.Keeper{to}, []envelope.DataKey{moved})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ring.OpenBytes(sealed, place); err != nil || string(got) != "hello" {
			t.Errorf("after wrapping %s a value does not open: %v", what, err)
		}
	}
	key.Scope = "another shop"
	if _, err := envelope.OpenRing(t.Context(), []envelope.Keeper{s.Keeper}, []envelope.DataKey{key}); pawl.CodeOf(err) != pawl.CodeCorrupt {
		t.Errorf("a data key that was moved to another scope: %v", err)
	}
}

func seal(t *testing.T, k envelope.Keeper, key envelope.DataKey, place envelope.Binding) envelope.Sealed {
	t.Helper()
	ring, err := envelope.OpenRing(t.Context(), []envelope.Keeper{k}, []envelope.DataKey{key})
	if err != nil {
		t.Fatal(err)
	}
	s, err := ring.SealBytes([]byte("hello"), place)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
