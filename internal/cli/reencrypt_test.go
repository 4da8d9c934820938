package cli

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keyfile"
	"github.com/pawlhq/pawl/envelope/keytable"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// clinic is a database with encrypted rows, and a command line in front of it.
type clinic struct {
	t    *testing.T
	conn *pgx.Conn
	all  bytes.Buffer // everything that was ever shown
}

// The keys of these tests; a key that is shown anywhere is a leak.
const (
	clinicOld = "11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa"
	clinicNew = "22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb22bb"
)

func newClinic(t *testing.T, rows int) *clinic {
	t.Helper()
	server := servertest.Postgres(t)
	c := &clinic{t: t}
	var err error
	if c.conn, err = pgx.Connect(t.Context(), server.DSN("postgres")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.conn.Close(context.Background()) })
	t.Setenv("DATABASE_URL", server.DSN("postgres"))
	t.Setenv("OLD_KEY", clinicOld)
	t.Setenv("NEW_KEY", clinicNew)
	c.exec("DROP TABLE IF EXISTS orgs, pawl_keys")
	c.exec("CREATE TABLE orgs (id bigint PRIMARY KEY, url bytea)")
	for i := range rows {
		c.exec("INSERT INTO orgs VALUES ($1, $2)", i+1, sealOld(t, fmt.Sprintf("PAWLCANARY-url-of-row-%d", i+1)))
	}
	return c
}

func sealOld(t *testing.T, plain string) []byte {
	t.Helper()
	key, err := hex.DecodeString(clinicOld)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, 12)
	if _, err := rand.Read(nonce); err != nil {
		t.Fatal(err)
	}
	return aead.Seal(nonce, nonce, []byte(plain), nil)
}

func (c *clinic) exec(sql string, args ...any) {
	c.t.Helper()
	if _, err := c.conn.Exec(c.t.Context(), sql, args...); err != nil {
		c.t.Fatal(err)
	}
}

// run runs pawl reencrypt and holds its status and what it says.
func (c *clinic) run(status int, says []string, args ...string) string {
	c.t.Helper()
	var out, talk bytes.Buffer
	a := &App{Streams: &Streams{In: strings.NewReader(""), Out: &out, Err: &talk, Width: func() int { return 80 }}}
	got := Run(append([]string{"reencrypt"}, args...), a)
	text := out.String() + talk.String()
	c.all.WriteString(text)
	if got != status {
		c.t.Errorf("pawl reencrypt %s: status %d, want %d:\n%s", strings.Join(args, " "), got, status, text)
	}
	for _, want := range says {
		if !strings.Contains(text, want) {
			c.t.Errorf("pawl reencrypt %s does not say %q:\n%s", strings.Join(args, " "), want, text)
		}
	}
	return out.String()
}

// keepsSilent holds that no value and no key was ever shown.
func (c *clinic) keepsSilent() {
	c.t.Helper()
	for _, canary := range []string{"PAWLCANARY", clinicOld, clinicNew, os.Getenv("DATABASE_URL")} {
		if strings.Contains(c.all.String(), canary) {
			c.t.Errorf("a value was shown:\n%s", c.all.String())
		}
	}
}

// opens counts the rows that a ring opens, in the new format alone.
func (c *clinic) opens(ring envelope.Rings, scope string) int {
	c.t.Helper()
	col := envelope.Column{Rings: ring, Table: "orgs", Name: "url", MinFormat: envelope.Format}
	rows, err := c.conn.Query(c.t.Context(), "SELECT id, url FROM orgs WHERE url IS NOT NULL")
	if err != nil {
		c.t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		var id int64
		var stored []byte
		if err := rows.Scan(&id, &stored); err != nil {
			c.t.Fatal(err)
		}
		if plain, err := col.Open(c.t.Context(), scope, fmt.Sprint(id), stored); err == nil && string(plain) == fmt.Sprintf("PAWLCANARY-url-of-row-%d", id) {
			n++
		}
	}
	if rows.Err() != nil {
		c.t.Fatal(rows.Err())
	}
	return n
}

func (c *clinic) flags(more ...string) []string {
	return append([]string{"--table", "orgs", "--column", "url", "--new-key", "env:NEW_KEY", "--old-key", "env:OLD_KEY"}, more...)
}

func TestReencryptAsAUserDoes(t *testing.T) {
	servertest.Needed(t)
	c := newClinic(t, 50)
	c.run(3, []string{"50 rows with 50 values would be written", "next: the same command without --dry-run"}, c.flags("--dry-run")...)
	c.run(0, []string{"50 rows with 50 values written", "0 rows are left", "the database refuses older formats", "the old key may go on"}, c.flags("--fence", "--backups", "30d")...)
	key, err := hex.DecodeString(clinicNew)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := envelope.DirectRing(key)
	if err != nil {
		t.Fatal(err)
	}
	if n := c.opens(ring, ""); n != 50 {
		t.Errorf("%d rows open under the new key alone", n)
	}
	if _, err := c.conn.Exec(t.Context(), "INSERT INTO orgs VALUES (99, $1)", sealOld(t, "PAWLCANARY-late")); err == nil {
		t.Error("the fence lets an older value in")
	}
	var doc struct {
		Rows, Left int64
	}
	if err := json.Unmarshal([]byte(c.run(0, nil, c.flags("--json")...)), &doc); err != nil || doc.Rows != 0 || doc.Left != 0 {
		t.Errorf("again: %+v, %v", doc, err)
	}
	c.keepsSilent()
}

func TestReencryptTellsWhatItCannotDo(t *testing.T) {
	servertest.Needed(t)
	c := newClinic(t, 3)
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		says   []string
	}{
		{"no table", []string{"--column", "url", "--new-key", "env:NEW_KEY"}, 2, []string{"--table"}},
		{"no key", []string{"--table", "orgs", "--column", "url"}, 2, []string{"--new-key env:NAME"}},
		{"a key in an argument", []string{"--table", "orgs", "--column", "url", "--new-key", "deadbeef"}, 2, []string{"its value never goes into an argument"}},
		{"a key that is not set", []string{"--table", "orgs", "--column", "url", "--new-key", "env:NO_SUCH_KEY"}, 4, []string{"not set"}},
		{"a key of another size", []string{"--table", "orgs", "--column", "url", "--new-key", "env:SHORT_KEY"}, 2, []string{"32 bytes", "openssl rand -hex 32"}},
		{"the new key as the old one", []string{"--table", "orgs", "--column", "url", "--new-key", "env:NEW_KEY", "--old-key", "env:NEW_KEY"}, 2, []string{"is the new key"}},
		{"no such table", []string{"--table", "nope", "--column", "url", "--new-key", "env:NEW_KEY"}, 1, []string{"not in this database"}},
		{"no such column", []string{"--table", "orgs", "--column", "nope", "--new-key", "env:NEW_KEY"}, 1, []string{`no column "nope"`}},
		{"no such format", c.flags("--format", "gcm"), 2, []string{"envelope or static"}},
		{"another database", []string{"--database", "env:NO_DATABASE", "--table", "orgs", "--column", "url", "--new-key", "env:NEW_KEY"}, 2, []string{"not a PostgreSQL URL"}},
		{"a fence of nothing", c.flags("--fence", "--dry-run"), 2, []string{"--fence"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c.t = t
			t.Setenv("SHORT_KEY", "abcdef")
			t.Setenv("NO_DATABASE", "mysql://root:PAWLCANARY@localhost/x y")
			c.run(tt.status, append(tt.says, "next: "), tt.args...)
		})
	}
	c.t = t
	c.exec("CREATE INDEX urls ON orgs (url)")
	c.run(1, []string{"the index urls is over an encrypted column", "next: "}, c.flags()...)
	c.keepsSilent()
}

func TestReencryptLeavesWhatNoKeyOpens(t *testing.T) {
	servertest.Needed(t)
	c := newClinic(t, 20)
	c.exec("UPDATE orgs SET url = 'corrupt bytes that no key opens' WHERE id IN (3, 7)")
	report := filepath.Join(t.TempDir(), "lost.jsonl")
	c.run(5, []string{"2 values open with no key", "--old-key", "orgs.url of row 3", "2 rows are left"}, c.flags("--report", report, "--fence")...)
	b, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b, []byte("\n")); n != 2 || !bytes.Contains(b, []byte(`"row":"7"`)) {
		t.Errorf("the report has %d lines: %s", n, b)
	}
	if _, err := os.Stat("/dev/full"); err == nil { // a disk without room
		c.run(1, []string{"write the report /dev/full", "next: make room"}, c.flags("--report", "/dev/full")...)
	}
	var left string
	if err := c.conn.QueryRow(t.Context(), "SELECT convert_from(url, 'UTF8') FROM orgs WHERE id = 3").Scan(&left); err != nil || left != "corrupt bytes that no key opens" {
		t.Errorf("it is %q now, %v", left, err)
	}
	c.keepsSilent()
}

// TestReencryptKeys goes from a key in the environment to a key table, to its
// next data key, and to another keeper.
func TestReencryptKeys(t *testing.T) {
	servertest.Needed(t)
	c := newClinic(t, 30)
	dir := t.TempDir()
	var keepers []envelope.Keeper
	for _, name := range []string{"one.key", "two.key"} {
		k, err := keyfile.Create(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		keepers = append(keepers, k)
	}
	one, two := "file:"+filepath.Join(dir, "one.key"), "file:"+filepath.Join(dir, "two.key")
	rows := []string{"--table", "orgs", "--column", "url", "--scope", "orgs", "--key-table", "pawl_keys"}
	c.run(0, []string{"primary"}, "keys", "make", "--scope", "orgs", "--keeper", one)
	c.run(0, []string{"30 rows with 30 values written"}, append(rows, "--keeper", one, "--old-key", "env:OLD_KEY")...)
	c.run(0, []string{"pending"}, "keys", "make", "--scope", "orgs", "--keeper", one)
	c.run(0, []string{"retiring"}, "keys", "promote", "--scope", "orgs", "--id", "2")
	c.run(1, []string{"next: "}, "keys", "destroy", "--scope", "orgs", "--id", "2") // it is primary
	c.run(0, []string{"30 rows with 30 values written", "0 rows are left"}, append(rows, "--keeper", one)...)
	c.run(0, []string{"destroyed"}, "keys", "destroy", "--scope", "orgs", "--id", "1")
	c.run(0, []string{"1 data keys are wrapped anew, 0 are left"}, "keys", "rewrap", "--keeper", one, "--to", two)
	c.run(0, []string{"0 rows with 0 values would be written"}, append(rows, "--keeper", two, "--dry-run")...)
	c.run(1, []string{"no keeper has the key"}, append(rows, "--keeper", one, "--dry-run")...)
	c.run(2, []string{"--to"}, "keys", "rewrap", "--keeper", one)
	c.run(2, []string{"--keeper"}, rows...)
	source := sourceOf(t, c)
	if n := c.opens(envelope.NewKeyring(keepers[1:], source, 0, nil), "orgs"); n != 30 {
		t.Errorf("%d rows open under the second keeper alone", n)
	}
	c.keepsSilent()
}

func sourceOf(t *testing.T, c *clinic) envelope.Source {
	t.Helper()
	db := stdlib.OpenDB(*c.conn.Config())
	t.Cleanup(func() { _ = db.Close() })
	return keytable.New(db, keytable.Postgres, "")
}
