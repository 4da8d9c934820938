package keytable_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keytable"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

// each runs a test on every dialect that is here.
func each(t *testing.T, f func(t *testing.T, db *sql.DB, table *keytable.Table)) {
	t.Run("sqlite", func(t *testing.T) {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "keys.db")+"?_pragma=busy_timeout(10000)&_pragma=synchronous(0)&_txlock=immediate")
		run(t, db, err, keytable.SQLite, f)
	})
	t.Run("postgres", func(t *testing.T) {
		server := servertest.Postgres(t)
		database := strings.ToLower(strings.NewReplacer("/", "_", "Test", "").Replace(t.Name()))
		console, err := server.Open(t.Context(), "postgres")
		if err != nil {
			t.Fatal(err)
		}
		defer console.Close()
		if err := console.Exec(t.Context(), `CREATE DATABASE "`+database+`"`); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("pgx", server.DSN(database))
		run(t, db, err, keytable.Postgres, f)
	})
}

func run(t *testing.T, db *sql.DB, err error, d keytable.Dialect, f func(*testing.T, *sql.DB, *keytable.Table)) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	table := keytable.New(db, d, "")
	for range 2 { // the second changes nothing
		if err := table.Create(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	f(t, db, table)
}

func keeper(t *testing.T, b byte) *envelope.KeyKeeper {
	t.Helper()
	k, err := envelope.NewKeyKeeper(bytes.Repeat([]byte{b}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func states(t *testing.T, table *keytable.Table, scope string) string {
	t.Helper()
	keys, err := table.DataKeys(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, k := range keys {
		all = append(all, string(k.State))
	}
	return strings.Join(all, " ")
}

func TestAKeyGoesThroughItsStates(t *testing.T) {
	each(t, func(t *testing.T, _ *sql.DB, table *keytable.Table) {
		ctx, k := t.Context(), keeper(t, 1)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		refused := func(err error) {
			t.Helper()
			if pawl.CodeOf(err) != pawl.CodeConflict {
				t.Fatalf("%v, want a conflict", err)
			}
		}
		must(table.First(ctx, k, "orgs"))
		must(table.First(ctx, k, "orgs"))
		ring := func() *envelope.Ring {
			r, err := envelope.NewKeyring([]envelope.Keeper{k}, table, 0, nil).Ring(ctx, "orgs")
			must(err)
			return r
		}
		at := envelope.Binding{Scope: "orgs", Table: "t", Column: "c", Row: "1"}
		sealed, err := ring().SealBytes([]byte("a value"), at)
		must(err)
		second, err := table.Make(ctx, k, "orgs")
		must(err)
		if got := states(t, table, "orgs"); got != "primary pending" || second.ID != 2 {
			t.Fatalf("states %q, id %d", got, second.ID)
		}
		refused(table.Destroy(ctx, "orgs", 1)) // it is primary
		if err := table.Promote(ctx, "orgs", 7); pawl.CodeOf(err) != pawl.CodeNotFound {
			t.Fatalf("a key that is not there is promoted: %v", err)
		}
		if got := states(t, table, "orgs"); got != "primary pending" {
			t.Fatalf("a refused promotion left %q", got)
		}
		must(table.Promote(ctx, "orgs", 2))
		must(table.Promote(ctx, "orgs", 2)) // twice is once
		if got := states(t, table, "orgs"); got != "retiring primary" || ring().Primary() != 2 {
			t.Fatalf("states %q, primary %d", got, ring().Primary())
		}
		if v, err := ring().OpenBytes(sealed, at); err != nil || string(v) != "a value" {
			t.Fatalf("under the retiring key: %q, %v", v, err)
		}
		refused(table.Promote(ctx, "orgs", 1)) // there is no way back
		must(table.Destroy(ctx, "orgs", 1))
		must(table.Destroy(ctx, "orgs", 1))
		keys, err := table.DataKeys(ctx, "orgs")
		must(err)
		if len(keys[0].Wrapped) != 0 || keys[0].State != envelope.KeyDestroyed {
			t.Errorf("a destroyed key still has %d bytes and is %s", len(keys[0].Wrapped), keys[0].State)
		}
		if _, err := ring().OpenBytes(sealed, at); pawl.CodeOf(err) != pawl.CodeCorrupt {
			t.Errorf("a value under a destroyed key: %v", err)
		}
	})
}

func TestOneOfManyProcessesMakesTheFirstKey(t *testing.T) {
	each(t, func(t *testing.T, _ *sql.DB, table *keytable.Table) {
		var group sync.WaitGroup
		fails := make(chan error, 8)
		for range 8 {
			group.Go(func() { fails <- table.First(t.Context(), keeper(t, 1), "orgs") })
		}
		group.Wait()
		close(fails)
		for err := range fails {
			if err != nil {
				t.Error(err)
			}
		}
		if got := states(t, table, "orgs"); got != "primary" {
			t.Errorf("states %q", got)
		}
	})
}

// outage is a keeper that fails after some keys.
type outage struct {
	envelope.Keeper
	left int
}

func (o *outage) Unwrap(ctx context.Context, wrapped []byte, b envelope.KeyBinding) ([]byte, error) {
	if o.left--; o.left < 0 {
		return nil, errors.New("no route to host")
	}
	return o.Keeper.Unwrap(ctx, wrapped, b)
}

func TestRewrapChangesTheWrappingAlone(t *testing.T) {
	each(t, func(t *testing.T, db *sql.DB, table *keytable.Table) {
		ctx, old, fresh := t.Context(), keeper(t, 1), keeper(t, 2)
		const scopes = 300 // more than a page
		var sealed []envelope.Sealed
		at := func(i int) envelope.Binding { return envelope.Binding{Scope: scope(i), Row: "1"} }
		for i := range scopes {
			if err := table.First(ctx, old, scope(i)); err != nil {
				t.Fatal(err)
			}
			r, err := envelope.NewKeyring([]envelope.Keeper{old}, table, 0, nil).Ring(ctx, scope(i))
			if err != nil {
				t.Fatal(err)
			}
			s, err := r.SealBytes([]byte(scope(i)), at(i))
			if err != nil {
				t.Fatal(err)
			}
			sealed = append(sealed, s)
		}
		part, err := table.Rewrap(ctx, []envelope.Keeper{&outage{old, 123}}, fresh, false)
		if pawl.CodeOf(err) != pawl.CodeStore || part.Keys != 123 {
			t.Fatalf("an outage after 123 keys: %+v, %v", part, err)
		}
		done, err := table.Rewrap(ctx, []envelope.Keeper{old}, fresh, false)
		if err != nil || done.Keys != scopes-123 || done.Left != 0 {
			t.Fatalf("the rest: %+v, %v", done, err)
		}
		again, err := table.Rewrap(ctx, []envelope.Keeper{old}, fresh, false)
		if err != nil || again.Keys != 0 {
			t.Fatalf("once more: %+v, %v", again, err)
		}
		for i := range scopes {
			r, err := envelope.NewKeyring([]envelope.Keeper{fresh}, table, 0, nil).Ring(ctx, scope(i))
			if err != nil {
				t.Fatal(err)
			}
			if v, err := r.OpenBytes(sealed[i], at(i)); err != nil || string(v) != scope(i) {
				t.Fatalf("%d: %q, %v", i, v, err)
			}
		}
		if _, err := envelope.NewKeyring([]envelope.Keeper{old}, table, 0, nil).Ring(ctx, scope(0)); err == nil {
			t.Error("the old keeper still opens the keys")
		}
		if all, err := table.Rewrap(ctx, []envelope.Keeper{fresh}, fresh, true); err != nil || all.Keys != scopes {
			t.Errorf("anew: %+v, %v", all, err)
		}
	})
}

func TestRewrapNeverWritesAKeyThatDoesNotComeBack(t *testing.T) {
	each(t, func(t *testing.T, _ *sql.DB, table *keytable.Table) {
		old := keeper(t, 1)
		if err := table.First(t.Context(), old, "orgs"); err != nil {
			t.Fatal(err)
		}
		before, _ := table.DataKeys(t.Context(), "orgs")
		_, err := table.Rewrap(t.Context(), []envelope.Keeper{old}, liar{keeper(t, 2)}, false)
		if pawl.CodeOf(err) != pawl.CodeCorrupt {
			t.Errorf("%v", err)
		}
		after, _ := table.DataKeys(t.Context(), "orgs")
		if !bytes.Equal(before[0].Wrapped, after[0].Wrapped) || after[0].Keeper != old.KeyID() {
			t.Error("the key was written")
		}
	})
}

// liar wraps something else than it was given.
type liar struct{ envelope.Keeper }

func (l liar) Wrap(ctx context.Context, dek []byte, b envelope.KeyBinding) (envelope.Wrapped, error) {
	other := bytes.Clone(dek)
	other[0] ^= 1
	return l.Keeper.Wrap(ctx, other, b)
}

func scope(i int) string { return "tenant " + string(rune('a'+i%26)) + strings.Repeat("x", i/26) }
