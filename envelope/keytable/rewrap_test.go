package keytable_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keytable"
)

func first(t *testing.T, table *keytable.Table, k envelope.Keeper, scopes ...string) {
	t.Helper()
	for _, s := range scopes {
		if err := table.First(t.Context(), k, s); err != nil {
			t.Fatal(err)
		}
	}
}

// TestADamagedKeyDoesNotStopTheOthers: one row that nobody can unwrap must not
// keep the old keeper in use for all that come after it.
func TestADamagedKeyDoesNotStopTheOthers(t *testing.T) {
	each(t, func(t *testing.T, db *sql.DB, table *keytable.Table) {
		old, fresh, foreign := keeper(t, 1), keeper(t, 2), keeper(t, 3)
		first(t, table, old, "a", "b", "d")
		first(t, table, foreign, "c")
		if _, err := db.ExecContext(t.Context(), "UPDATE pawl_keys SET wrapped = kcv WHERE scope = 'b'"); err != nil {
			t.Fatal(err)
		}
		done, err := table.Rewrap(t.Context(), []envelope.Keeper{old}, fresh, false)
		if done != (keytable.Rewrapped{Keys: 2, Asked: 2, Left: 2, Failed: 2}) {
			t.Errorf("%+v", done)
		}
		if pawl.CodeOf(err) != pawl.CodeCorrupt || !strings.Contains(err.Error(), "b/1") || pawl.HintOf(err) == "" {
			t.Errorf("code %s, hint %q: %v; want the damaged key by its name", pawl.CodeOf(err), pawl.HintOf(err), err)
		}
		for scope, want := range map[string]string{"a": fresh.KeyID(), "b": old.KeyID(), "c": foreign.KeyID(), "d": fresh.KeyID()} {
			keys, err := table.DataKeys(t.Context(), scope)
			if err != nil || len(keys) != 1 || keys[0].Keeper != want {
				t.Errorf("%s: %+v, %v; want keeper %s", scope, keys, err, want)
			}
		}
	})
}

// TestRewrapsAtTheSameTimeShareTheWork: each key is counted once, whoever
// wrote it.
func TestRewrapsAtTheSameTimeShareTheWork(t *testing.T) {
	each(t, func(t *testing.T, _ *sql.DB, table *keytable.Table) {
		const scopes = 40
		old, fresh := keeper(t, 1), keeper(t, 2)
		for i := range scopes {
			first(t, table, old, scope(i))
		}
		var group sync.WaitGroup
		var sum atomic.Int64
		for range 4 {
			group.Go(func() {
				done, err := table.Rewrap(t.Context(), []envelope.Keeper{old, fresh}, fresh, false)
				if err != nil || done.Left != 0 {
					t.Errorf("%+v, %v", done, err)
				}
				sum.Add(done.Keys)
			})
		}
		group.Wait()
		if sum.Load() != scopes {
			t.Errorf("%d keys were wrapped anew, want %d", sum.Load(), scopes)
		}
		for i := range scopes {
			if _, err := envelope.NewKeyring([]envelope.Keeper{fresh}, table, 0, nil).Ring(t.Context(), scope(i)); err != nil {
				t.Error(err)
			}
		}
	})
}

// meanwhile is a keeper during whose work something else happens.
type meanwhile struct {
	envelope.Keeper
	do func()
}

func (m meanwhile) Wrap(ctx context.Context, dek []byte, b envelope.KeyBinding) (envelope.Wrapped, error) {
	w, err := m.Keeper.Wrap(ctx, dek, b)
	m.do()
	return w, err
}

// TestWhatChangedMeanwhileStays: a key that was destroyed or promoted while it
// was being wrapped is not brought back to what it was.
func TestWhatChangedMeanwhileStays(t *testing.T) {
	each(t, func(t *testing.T, _ *sql.DB, table *keytable.Table) {
		old, fresh := keeper(t, 1), keeper(t, 2)
		first(t, table, old, "orgs")
		if _, err := table.Make(t.Context(), old, "orgs"); err != nil {
			t.Fatal(err)
		}
		change := sync.OnceFunc(func() {
			if err := errors.Join(table.Promote(t.Context(), "orgs", 2), table.Destroy(t.Context(), "orgs", 1)); err != nil {
				t.Error(err)
			}
		})
		done, err := table.Rewrap(t.Context(), []envelope.Keeper{old}, meanwhile{fresh, change}, false)
		if err != nil || done.Keys != 1 || done.Left != 0 {
			t.Errorf("%+v, %v", done, err)
		}
		keys, err := table.DataKeys(t.Context(), "orgs")
		if err != nil || states(t, table, "orgs") != "destroyed primary" || len(keys[0].Wrapped) != 0 || len(keys[0].Check) != 0 {
			t.Errorf("%+v, %v", keys, err)
		}
	})
}

// writeOnly is a keeper whose credential may wrap and not unwrap.
type writeOnly struct{ envelope.Keeper }

func (writeOnly) Unwrap(context.Context, []byte, envelope.KeyBinding) ([]byte, error) {
	return nil, errors.New("AccessDenied")
}

// TestAKeeperThatCannotProveIsNoCorruption: nothing is written, and nobody is
// told to reach for a backup.
func TestAKeeperThatCannotProveIsNoCorruption(t *testing.T) {
	each(t, func(t *testing.T, _ *sql.DB, table *keytable.Table) {
		old := keeper(t, 1)
		first(t, table, old, "orgs")
		before, _ := table.DataKeys(t.Context(), "orgs")
		done, err := table.Rewrap(t.Context(), []envelope.Keeper{old}, writeOnly{keeper(t, 2)}, false)
		if pawl.CodeOf(err) != pawl.CodeStore || !strings.Contains(err.Error(), "AccessDenied") || done != (keytable.Rewrapped{}) {
			t.Errorf("%+v, code %s: %v", done, pawl.CodeOf(err), err)
		}
		after, err := table.DataKeys(t.Context(), "orgs")
		if err != nil || len(before) != 1 || !bytes.Equal(before[0].Wrapped, after[0].Wrapped) || after[0].Keeper != old.KeyID() {
			t.Errorf("the key was written: %v", err)
		}
	})
}
