package keytable_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keytable"
)

// put writes a key in a state past what the table allows, as a person could.
func put(t *testing.T, db *sql.DB, table *keytable.Table, k envelope.Keeper, scope string, state envelope.KeyState) uint32 {
	t.Helper()
	key, err := table.Make(t.Context(), k, scope)
	if err != nil {
		t.Fatal(err)
	}
	wrapped := "wrapped"
	if state == envelope.KeyDestroyed {
		wrapped = "''"
	}
	if _, err := db.ExecContext(t.Context(), fmt.Sprintf("UPDATE pawl_keys SET state = '%s', wrapped = %s WHERE scope = '%s' AND key_id = %d", state, wrapped, scope, key.ID)); err != nil {
		t.Fatal(err)
	}
	return key.ID
}

// TestOnlyTheNamedTransitionsExist tries every act on a key in every state.
func TestOnlyTheNamedTransitionsExist(t *testing.T) {
	all := []envelope.KeyState{envelope.KeyPending, envelope.KeyReadable, envelope.KeyPrimary, envelope.KeyRetiring, envelope.KeyDestroyed}
	acts := []struct {
		name string
		do   func(*keytable.Table, context.Context, string, uint32) error
		to   envelope.KeyState
		from []envelope.KeyState
	}{
		{"promote", (*keytable.Table).Promote, envelope.KeyPrimary, []envelope.KeyState{envelope.KeyPending, envelope.KeyReadable, envelope.KeyPrimary}},
		{"retire", (*keytable.Table).Retire, envelope.KeyRetiring, []envelope.KeyState{envelope.KeyReadable, envelope.KeyRetiring}},
		{"destroy", (*keytable.Table).Destroy, envelope.KeyDestroyed, []envelope.KeyState{envelope.KeyRetiring, envelope.KeyPending, envelope.KeyDestroyed}},
	}
	each(t, func(t *testing.T, db *sql.DB, table *keytable.Table) {
		for _, act := range acts {
			for _, from := range all {
				scope := act.name + " " + string(from)
				other := envelope.KeyPrimary
				if from == envelope.KeyPrimary {
					other = envelope.KeyRetiring
				}
				put(t, db, table, keeper(t, 1), scope, other)
				id := put(t, db, table, keeper(t, 1), scope, from)
				err := act.do(table, t.Context(), scope, id)
				allowed, want := false, string(other)+" "+string(from)
				for _, f := range act.from {
					if f == from {
						allowed, want = true, string(other)+" "+string(act.to)
					}
				}
				if allowed && act.to == envelope.KeyPrimary && other == envelope.KeyPrimary {
					want = "retiring primary"
				}
				if (err == nil) != allowed || err != nil && (pawl.CodeOf(err) != pawl.CodeConflict || pawl.HintOf(err) == "" || !strings.Contains(err.Error(), "it is "+string(from))) {
					t.Errorf("%s: %v, hint %q", scope, err, pawl.HintOf(err))
				}
				if got := states(t, table, scope); got != want {
					t.Errorf("%s left %q, want %q", scope, got, want)
				}
			}
			if err := act.do(table, t.Context(), "nobody's", 1); pawl.CodeOf(err) != pawl.CodeNotFound || pawl.HintOf(err) == "" {
				t.Errorf("%s of no key: %v", act.name, err)
			}
		}
	})
}

// TestTheDatabaseRefusesWhatMustNotBe holds the table's own constraints, which
// stand also against a person at its console.
func TestTheDatabaseRefusesWhatMustNotBe(t *testing.T) {
	each(t, func(t *testing.T, db *sql.DB, table *keytable.Table) {
		if err := table.First(t.Context(), keeper(t, 1), "orgs"); err != nil {
			t.Fatal(err)
		}
		if _, err := table.Make(t.Context(), keeper(t, 1), "orgs"); err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]string{
			"a second primary key":               "state = 'primary'",
			"an unknown state":                   "state = 'lost'",
			"a destroyed key that has its bytes": "state = 'destroyed'",
			"an id that does not fit":            "key_id = 4294967296",
			"an id below zero":                   "key_id = -1",
			"an id twice":                        "key_id = 1",
			"a key without bytes":                "wrapped = NULL",
		} {
			if _, err := db.ExecContext(t.Context(), "UPDATE pawl_keys SET "+change+" WHERE key_id = 2"); err == nil {
				t.Errorf("%s is taken", name)
			}
		}
		if got := states(t, table, "orgs"); got != "primary pending" {
			t.Errorf("states %q", got)
		}
	})
}

// TestPromotionsAtTheSameTimeLeaveOnePrimaryKey has many processes each
// promote another key of one scope. None may fail: they come one by one.
func TestPromotionsAtTheSameTimeLeaveOnePrimaryKey(t *testing.T) {
	each(t, func(t *testing.T, _ *sql.DB, table *keytable.Table) {
		const keys = 8
		if err := table.First(t.Context(), keeper(t, 1), "orgs"); err != nil {
			t.Fatal(err)
		}
		for range keys {
			if _, err := table.Make(t.Context(), keeper(t, 1), "orgs"); err != nil {
				t.Fatal(err)
			}
		}
		var group sync.WaitGroup
		for i := range keys {
			group.Go(func() {
				if err := table.Promote(t.Context(), "orgs", uint32(i+2)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		got := strings.Fields(states(t, table, "orgs"))
		count := map[string]int{}
		for _, s := range got {
			count[s]++
		}
		if count["primary"] != 1 || count["retiring"] != keys {
			t.Errorf("states %v", got)
		}
	})
}

func TestKeysMadeAtTheSameTimeHaveTheirOwnIDs(t *testing.T) {
	each(t, func(t *testing.T, _ *sql.DB, table *keytable.Table) {
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if _, err := table.Make(t.Context(), keeper(t, 1), "orgs"); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		keys, err := table.DataKeys(t.Context(), "orgs")
		if err != nil || len(keys) != 4 {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for i, k := range keys {
			if k.ID != uint32(i+1) {
				t.Errorf("key %d has the id %d", i, k.ID)
			}
		}
	})
}

// TestNoIDComesTwice: a value under a destroyed key must never meet another
// key of its id.
func TestNoIDComesTwice(t *testing.T) {
	each(t, func(t *testing.T, db *sql.DB, table *keytable.Table) {
		k, err := table.Make(t.Context(), keeper(t, 1), "orgs")
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Destroy(t.Context(), "orgs", k.ID); err != nil {
			t.Fatal(err)
		}
		if next, err := table.Make(t.Context(), keeper(t, 1), "orgs"); err != nil || next.ID != k.ID+1 {
			t.Errorf("after key %d was destroyed comes %d, %v", k.ID, next.ID, err)
		}
		if _, err := db.ExecContext(t.Context(), "UPDATE pawl_keys SET key_id = 4294967295 WHERE state = 'pending'"); err != nil {
			t.Fatal(err)
		}
		if next, err := table.Make(t.Context(), keeper(t, 1), "orgs"); pawl.CodeOf(err) != pawl.CodeConflict {
			t.Errorf("after the highest id comes %d, %v", next.ID, err)
		}
	})
}

// TestNamesAreTakenAsTheyAre uses a table whose name needs quotes.
func TestNamesAreTakenAsTheyAre(t *testing.T) {
	each(t, func(t *testing.T, db *sql.DB, usual *keytable.Table) {
		dialect := keytable.SQLite
		if strings.Contains(usual.Schema(), "bytea") {
			dialect = keytable.Postgres
		}
		table := keytable.New(db, dialect, `"Which keys? 100%d"`)
		if err := table.Create(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := table.First(t.Context(), keeper(t, 1), "orgs"); err != nil {
			t.Fatal(err)
		}
		k, err := table.Make(t.Context(), keeper(t, 1), "orgs")
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Promote(t.Context(), "orgs", k.ID); err != nil {
			t.Fatal(err)
		}
		if done, err := table.Rewrap(t.Context(), []envelope.Keeper{keeper(t, 1)}, keeper(t, 2), false); err != nil || done.Keys != 2 || done.Left != 0 {
			t.Errorf("%+v, %v", done, err)
		}
		if err := table.Destroy(t.Context(), "orgs", 1); err != nil {
			t.Fatal(err)
		}
		if got := states(t, table, "orgs"); got != "destroyed primary" {
			t.Errorf("states %q", got)
		}
		if got := states(t, usual, "orgs"); got != "" {
			t.Errorf("the other table has %q", got)
		}
	})
}
