package keytable_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keyfile"
	"github.com/pawlhq/pawl/envelope/keytable"
)

// An application keeps its data keys in its own database, wrapped by a key
// file, and seals one column under them. Then each of the two keys is rotated.
func Example() {
	if err := rotateBoth(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// sealed under data key 1
	// sealed under data key 2, and the older value opens: postgres://a
	// wrapped anew: 2, left: 0, and the older value opens: postgres://a
}

func rotateBoth(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "app.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	defer db.Close()
	old, err := keyfile.Create(filepath.Join(dir, "old.key"))
	if err != nil {
		return err
	}

	// At the start: the table, and the first data key of the scope.
	table := keytable.New(db, keytable.SQLite, "")
	if err := table.Create(ctx); err != nil {
		return err
	}
	if err := table.First(ctx, old, "orgs"); err != nil {
		return err
	}
	urls := &envelope.Column{
		Rings: envelope.NewKeyring([]envelope.Keeper{old}, table, time.Minute, nil),
		Table: "org_instances", Name: "database_url", MinFormat: envelope.Format,
	}
	first, err := urls.Seal(ctx, "orgs", envelope.RowKey("1"), []byte("postgres://a"))
	if err != nil {
		return err
	}
	id, _ := envelope.KeyOf(first)
	fmt.Println("sealed under data key", id)

	// Another data key: pending at first, so that every process can open what
	// will be sealed under it; then primary. Values follow by pawl reencrypt.
	next, err := table.Make(ctx, old, "orgs")
	if err != nil {
		return err
	}
	if err := table.Promote(ctx, "orgs", next.ID); err != nil {
		return err
	}
	urls.Rings = envelope.NewKeyring([]envelope.Keeper{old}, table, time.Minute, nil) // or a minute later by itself
	second, err := urls.Seal(ctx, "orgs", envelope.RowKey("2"), []byte("postgres://b"))
	if err != nil {
		return err
	}
	id, _ = envelope.KeyOf(second)
	plain, err := urls.Open(ctx, "orgs", envelope.RowKey("1"), first)
	if err != nil {
		return err
	}
	fmt.Printf("sealed under data key %d, and the older value opens: %s\n", id, plain)

	// Another key that wraps: the rows of the key table change, no value does.
	fresh, err := keyfile.Create(filepath.Join(dir, "new.key"))
	if err != nil {
		return err
	}
	done, err := table.Rewrap(ctx, []envelope.Keeper{old}, fresh, false)
	if err != nil {
		return err
	}
	urls.Rings = envelope.NewKeyring([]envelope.Keeper{fresh}, table, time.Minute, nil)
	plain, err = urls.Open(ctx, "orgs", envelope.RowKey("1"), first)
	if err != nil {
		return err
	}
	fmt.Printf("wrapped anew: %d, left: %d, and the older value opens: %s\n", done.Keys, done.Left, plain)
	return nil
}
