package envelope_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keyfile"
	"github.com/pawlhq/pawl/envelope/keytable"
)

// What follows until TestTheGuideWorks is the code of docs/use/envelope.md.

type app struct {
	db     *sql.DB
	opens  *envelope.Column
	writes *envelope.Column
}

func (a *app) databaseURL(ctx context.Context, id int64) (string, error) {
	var stored []byte
	if err := a.db.QueryRowContext(ctx, "SELECT database_url FROM orgs WHERE id = $1", id).Scan(&stored); err != nil {
		return "", err
	}
	plain, err := a.opens.Open(ctx, "orgs", strconv.FormatInt(id, 10), stored)
	return string(plain), err
}

func (a *app) setDatabaseURL(ctx context.Context, id int64, url string) error {
	stored, err := a.writes.Seal(ctx, "orgs", strconv.FormatInt(id, 10), []byte(url))
	if err != nil {
		return err
	}
	_, err = a.db.ExecContext(ctx, "UPDATE orgs SET database_url = $1 WHERE id = $2", stored, id)
	return err
}

func dualRead() (*envelope.Column, error) {
	oldKey, err := hex.DecodeString(os.Getenv("OLD_KEY"))
	if err != nil {
		return nil, err
	}
	newKey, err := hex.DecodeString(os.Getenv("NEW_KEY"))
	if err != nil {
		return nil, err
	}
	ring, err := envelope.DirectRing(newKey)
	if err != nil {
		return nil, err
	}
	legacy, err := envelope.NewLegacy([][]byte{oldKey}, nil)
	if err != nil {
		return nil, err
	}
	return &envelope.Column{Rings: ring, Table: "orgs", Name: "database_url", Legacy: legacy}, nil
}

func fenced() (*envelope.Column, error) {
	newKey, err := hex.DecodeString(os.Getenv("NEW_KEY"))
	if err != nil {
		return nil, err
	}
	ring, err := envelope.DirectRing(newKey)
	if err != nil {
		return nil, err
	}
	return &envelope.Column{Rings: ring, Table: "orgs", Name: "database_url", MinFormat: envelope.Format}, nil
}

func withKeyTable(ctx context.Context, db *sql.DB, keyPath string) (*envelope.Column, error) {
	keeper, err := keyfile.Load(keyPath)
	if err != nil {
		return nil, err
	}
	table := keytable.New(db, keytable.Postgres, "")
	if err := table.Create(ctx); err != nil {
		return nil, err
	}
	if err := table.First(ctx, keeper, "orgs"); err != nil {
		return nil, err
	}
	newKey, err := hex.DecodeString(os.Getenv("NEW_KEY"))
	if err != nil {
		return nil, err
	}
	keys := envelope.NewKeyring([]envelope.Keeper{keeper}, table, time.Minute, nil)
	if err := keys.Also(newKey); err != nil {
		return nil, err
	}
	return &envelope.Column{Rings: keys, Table: "orgs", Name: "database_url", MinFormat: envelope.Format}, nil
}

// TestTheGuideWorks goes its five steps on a real server.
func TestTheGuideWorks(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	dsn := pgxConn(t).Config().ConnString()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	old := fresh(t, 32)
	t.Setenv("OLD_KEY", hex.EncodeToString(old))
	t.Setenv("NEW_KEY", hex.EncodeToString(fresh(t, 32)))
	_, err = db.ExecContext(ctx, "CREATE TABLE orgs (id bigint PRIMARY KEY, database_url bytea)")
	must(err)
	_, err = db.ExecContext(ctx, "INSERT INTO orgs VALUES (1, $1), (2, $2)", format1(t, old, nil, "postgres://one"), format1(t, old, nil, "postgres://two"))
	must(err)
	at := func(c *envelope.Column, err error) *app {
		t.Helper()
		must(err)
		return &app{db: db, opens: c, writes: c}
	}
	reads := func(a *app, id int64, want string) {
		t.Helper()
		if got, err := a.databaseURL(ctx, id); err != nil || got != want {
			t.Errorf("row %d: %q, %v; want %q", id, got, err, want)
		}
	}
	dual, behind := at(dualRead()), at(fenced())
	reads(dual, 1, "postgres://one")
	must(dual.setDatabaseURL(ctx, 1, "postgres://one, new"))
	reads(dual, 1, "postgres://one, new")
	reads(dual, 2, "postgres://two")
	if got, err := behind.databaseURL(ctx, 2); got != "" || pawl.CodeOf(err) != pawl.CodeCorrupt {
		t.Errorf("a legacy value behind the fence: %q, %v", got, err)
	}
	must(dual.setDatabaseURL(ctx, 2, "postgres://two")) // as pawl reencrypt does with each row
	reads(behind, 2, "postgres://two")
	_, err = keyfile.Create(filepath.Join(dir, "key"))
	must(err)
	table := at(withKeyTable(ctx, db, filepath.Join(dir, "key")))
	reads(table, 2, "postgres://two")
	rolling := &app{db: db, opens: table.opens, writes: behind.writes}
	must(rolling.setDatabaseURL(ctx, 1, "postgres://one, while some have no key table"))
	reads(behind, 1, "postgres://one, while some have no key table")
	reads(rolling, 1, "postgres://one, while some have no key table")
	must(table.setDatabaseURL(ctx, 2, "postgres://two, under a key of the table"))
	reads(table, 2, "postgres://two, under a key of the table")
	reads(rolling, 2, "postgres://two, under a key of the table")
	if got, err := behind.databaseURL(ctx, 2); got != "" || pawl.CodeOf(err) != pawl.CodeCorrupt {
		t.Errorf("a process without the table's keys: %q, %v", got, err)
	}
}

// TestTheGuideIsThisCode holds that every block of Go in the guide stands
// above, line by line.
func TestTheGuideIsThisCode(t *testing.T) {
	guide, err := os.ReadFile("../docs/use/envelope.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("guide_test.go")
	if err != nil {
		t.Fatal(err)
	}
	code, _, _ = bytes.Cut(code, []byte("// TestTheGuideWorks"))
	blocks := strings.Split(string(guide), "```go\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("the guide has %d blocks of Go", len(blocks))
	}
	for i, b := range blocks {
		b, _, _ = strings.Cut(b, "```")
		if !strings.Contains(flush(string(code)), flush(b)) {
			t.Errorf("block %d is not code that is tested:\n%s", i+1, b)
		}
	}
}

// flush is a text with all lines at the left: the guide has no tabs.
func flush(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimLeft(lines[i], " \t")
	}
	return strings.Join(lines, "\n")
}
