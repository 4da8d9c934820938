package envelope_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	_ "modernc.org/sqlite"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keyfile"
	"github.com/pawlhq/pawl/envelope/keytable"
)

// A column of a table in SQLite, with its wrapped data keys in the same
// database and the key that wraps them in a file.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	defer os.RemoveAll(dir)
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "app.db"))
	check(err)
	defer db.Close()
	_, err = db.ExecContext(ctx, "CREATE TABLE orgs (id integer PRIMARY KEY, database_url blob)")
	check(err)

	// Once, at the start: the keeper, the key table and its first data key.
	keeper, err := keyfile.Create(filepath.Join(dir, "key"))
	check(err)
	table := keytable.New(db, keytable.SQLite, "")
	check(table.Create(ctx))
	check(table.First(ctx, keeper, "orgs"))
	keys := envelope.NewKeyring([]envelope.Keeper{keeper}, table, time.Minute, nil)
	urls := &envelope.Column{Rings: keys, Table: "orgs", Name: "database_url", MinFormat: envelope.Format}

	// The row's key is known before the row is written, and is bound.
	const id = 42
	stored, err := urls.Seal(ctx, "orgs", strconv.Itoa(id), []byte("postgres://example"))
	check(err)
	_, err = db.ExecContext(ctx, "INSERT INTO orgs (id, database_url) VALUES (?, ?)", id, stored)
	check(err)

	// Another data key seals from now on. What the first one sealed still opens.
	second, err := table.Make(ctx, keeper, "orgs")
	check(err)
	check(table.Promote(ctx, "orgs", second.ID))

	err = db.QueryRowContext(ctx, "SELECT database_url FROM orgs WHERE id = ?", id).Scan(&stored)
	check(err)
	plain, err := urls.Open(ctx, "orgs", strconv.Itoa(id), stored)
	check(err)
	fmt.Println(string(plain))

	_, err = urls.Open(ctx, "orgs", "43", stored)
	fmt.Println(err)
	// Output:
	// postgres://example
	// open a sealed value orgs.database_url, row "43", scope "orgs": not authentic: another key, another place, or changed bytes
}

// check stands for the error handling of an application.
func check(err error) {
	if err != nil {
		panic(err)
	}
}
