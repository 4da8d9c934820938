package orgs_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/reencrypt"
	"github.com/pawlhq/pawl/examples/orgs"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

func TestMain(m *testing.M) { servertest.Main(m) }

const rows = 2000

// The keys of the tests.
var (
	oldKey, newKey = strings.Repeat("0a", 32), strings.Repeat("0b", 32)
	databases      atomic.Int64
)

// TestRotation rotates the key under a reader and a writer, in the right order:
// no call fails, and the old key is needed no more.
func TestRotation(t *testing.T) { rotate(t, asFunction) }

// TestWriterFirst switches the writer before the readers know the new key: the
// reader must notice, and say where, without a value.
func TestWriterFirst(t *testing.T) { writerFirst(t, asFunction) }

// TestPrograms does both with the programs themselves.
func TestPrograms(t *testing.T) {
	servertest.Needed(t)
	start := asProcess(t)
	t.Run("rotation", func(t *testing.T) { rotate(t, start) })
	t.Run("writer first", func(t *testing.T) { writerFirst(t, start) })
}

func rotate(t *testing.T, start launch) {
	db := newDatabase(t)
	before := env{"DATABASE_URL": db.url, "SECRETS_ENCRYPTION_KEY": oldKey, "ORGS_FORMAT": "legacy"}
	fill(t, before, rows)
	reader, writer := start(t, "reader", before), start(t, "writer", before)
	reader.more(10)
	writer.more(10)

	// Readers learn the new key. Both are restarted as a rolling deploy does
	// it: the old one goes when the new one serves.
	reader = replace(reader, start(t, "reader", env{"DATABASE_URL": db.url, "SECRETS_DECRYPTION_KEYS": newKey + "," + oldKey}), 10)
	writer = replace(writer, start(t, "writer", env{"DATABASE_URL": db.url, "SECRETS_ENCRYPTION_KEY": newKey, "SECRETS_DECRYPTION_KEYS": newKey + "," + oldKey}), 50)
	reader.more(2 * rows) // at least one whole pass
	if left := db.old(t); left == 0 || left == rows {
		t.Errorf("%d of %d rows are under the old key: the writer wrote none, or all", left, rows)
	}

	job := db.job(t)
	res, err := job.Run(t.Context())
	if err != nil || res.Left != 0 || res.Unreadable != 0 || res.Rows < rows/2 {
		t.Fatalf("the job: %+v, %v", res, err)
	}
	if left := db.old(t); left != 0 {
		t.Fatalf("%d rows are under the old key", left)
	}
	if err := job.Fence(t.Context()); err != nil {
		t.Fatal(err)
	}

	reader = replace(reader, start(t, "reader", env{"DATABASE_URL": db.url, "SECRETS_DECRYPTION_KEYS": newKey, "ORGS_FORMAT": "envelope"}), 2*rows)
	writer = replace(writer, start(t, "writer", env{"DATABASE_URL": db.url, "SECRETS_ENCRYPTION_KEY": newKey, "ORGS_FORMAT": "envelope"}), 10)
	reader.stopWell()
	writer.stopWell()
}

// replace ends a program when its successor has done n calls.
func replace(old, next *program, n int) *program {
	old.t.Helper()
	next.more(n)
	old.stopWell()
	return next
}

func writerFirst(t *testing.T, start launch) {
	db := newDatabase(t)
	before := env{"DATABASE_URL": db.url, "SECRETS_ENCRYPTION_KEY": oldKey}
	fill(t, before, 20)
	reader := start(t, "reader", before)
	reader.more(40)
	if _, failed := reader.counts(); failed != 0 {
		t.Fatalf("%d reads failed before anything was rotated", failed)
	}
	writer := start(t, "writer", env{"DATABASE_URL": db.url, "SECRETS_ENCRYPTION_KEY": newKey, "SECRETS_DECRYPTION_KEYS": oldKey})
	writer.more(10)
	reader.more(40)
	writer.stopWell()
	_, failed, err := reader.stop()
	if failed <= 0 || err == nil {
		t.Errorf("failed=%d and %v, though the reader cannot know the key", failed, err)
	}
	said := reader.errors.String()
	id := fmt.Sprintf("it is sealed under data key %d, which is not here", envelope.KeyIDOf(raw(t, newKey)))
	if !strings.Contains(said, `org_instances.database_url, row "`) || !strings.Contains(said, id) {
		t.Errorf("it does not say where and why: %.400s", said)
	}
	for _, value := range []string{"://", oldKey, newKey} {
		if strings.Contains(said, value) {
			t.Error("it has a value in it")
		}
	}
}

// TestMovedValues puts one row's values in another's place: the reader sees it
// in the legacy format only because it knows whose URL it is, and format 3 does
// not open.
func TestMovedValues(t *testing.T) {
	for format, want := range map[string]string{"legacy": "redis_url: it opened and is not this organisation's URL", "envelope": "org_instances.redis_url, row "} {
		t.Run(format, func(t *testing.T) {
			db := newDatabase(t)
			e := env{"DATABASE_URL": db.url, "SECRETS_ENCRYPTION_KEY": oldKey, "ORGS_FORMAT": format}
			fill(t, e, 2)
			db.exec(t, "UPDATE org_instances o SET redis_url = p.redis_url FROM org_instances p WHERE p.org_id <> o.org_id")
			reader := asFunction(t, "reader", e)
			reader.more(2)
			_, failed, err := reader.stop()
			if failed < 2 || !errors.Is(err, orgs.ErrFailed) || !strings.Contains(reader.errors.String(), want) {
				t.Errorf("failed=%d, %v: %s", failed, err, reader.errors)
			}
		})
	}
}

func TestPutAndGet(t *testing.T) {
	db := newDatabase(t)
	store := open(t, env{"DATABASE_URL": db.url, "SECRETS_ENCRYPTION_KEY": newKey})
	const id = "0c5fbe50-9d51-4a1c-8c2e-5f6f0f3b1a77"
	for range 2 { // again is an update
		o := orgs.Random(id)
		spelled := o
		spelled.ID = strings.ToUpper(id)
		if err := store.Put(t.Context(), spelled); err != nil {
			t.Fatal(err)
		}
		if got, err := store.Get(t.Context(), id); err != nil || got != o {
			t.Errorf("it is not what was put: %v", err)
		}
	}
	if ids, err := store.IDs(t.Context()); err != nil || len(ids) != 1 || ids[0] != id {
		t.Errorf("ids are %v, %v", ids, err)
	}
	if _, err := store.Get(t.Context(), "00000000-0000-4000-8000-000000000000"); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("an organisation that is not there: %v", err)
	}
	if err := store.Put(t.Context(), orgs.Org{ID: "acme"}); err == nil {
		t.Error("an id that is not a UUID was written")
	}
	reader := open(t, env{"DATABASE_URL": db.url, "SECRETS_DECRYPTION_KEYS": newKey})
	if err := reader.Put(t.Context(), orgs.Random(id)); err == nil || !strings.Contains(err.Error(), "SECRETS_ENCRYPTION_KEY") {
		t.Errorf("a store without a key to write with wrote: %v", err)
	}
}

// TestEnvironment holds that what is wrong is named and never quoted.
func TestEnvironment(t *testing.T) {
	const url = "postgres://app:canary@127.0.0.1/app"
	for name, c := range map[string]struct {
		env  env
		want string
	}{
		"no key":         {env{"DATABASE_URL": url}, "SECRETS_ENCRYPTION_KEY"},
		"short key":      {env{"DATABASE_URL": url, "SECRETS_ENCRYPTION_KEY": "canary"}, "SECRETS_ENCRYPTION_KEY: key 1"},
		"two to write":   {env{"DATABASE_URL": url, "SECRETS_ENCRYPTION_KEY": oldKey + "," + newKey}, "has 2 keys"},
		"bad second":     {env{"DATABASE_URL": url, "SECRETS_DECRYPTION_KEYS": newKey + ",canary"}, "SECRETS_DECRYPTION_KEYS: key 2"},
		"unknown format": {env{"DATABASE_URL": url, "SECRETS_ENCRYPTION_KEY": newKey, "ORGS_FORMAT": "canary"}, "ORGS_FORMAT"},
		"no database":    {env{"SECRETS_ENCRYPTION_KEY": newKey}, "DATABASE_URL"},
		"bad database":   {env{"DATABASE_URL": "postgres://app:canary@:x/", "SECRETS_ENCRYPTION_KEY": newKey}, "DATABASE_URL"},
	} {
		_, err := orgs.Open(c.env.get)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func open(t *testing.T, e env) *orgs.Store {
	t.Helper()
	store, err := orgs.Open(e.get)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

func fill(t *testing.T, e env, n int) {
	t.Helper()
	if err := open(t, e).Fill(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

func raw(t *testing.T, key string) []byte {
	t.Helper()
	b, err := hex.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// database is one test's own, with the table.
type database struct{ url string }

func newDatabase(t *testing.T) *database {
	t.Helper()
	server := servertest.PostgresOf(t, "orgs")
	name := fmt.Sprintf("orgs%d", databases.Add(1))
	(&database{server.DSN("postgres")}).exec(t, "CREATE DATABASE "+name)
	db := &database{server.DSN(name)}
	db.exec(t, orgs.Schema)
	return db
}

func (d *database) exec(t *testing.T, statement string) {
	t.Helper()
	conn := d.connect(t)
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func (d *database) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.url)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// old counts the rows with a value that is not under the new key, as README.md
// says.
func (d *database) old(t *testing.T) (n int) {
	t.Helper()
	conn := d.connect(t)
	defer conn.Close(context.Background())
	header := envelope.Header(envelope.KeyIDOf(raw(t, newKey)))
	err := conn.QueryRow(t.Context(), "SELECT count(*) FROM org_instances WHERE substr(database_url, 1, 8) <> $1 OR substr(redis_url, 1, 8) <> $1", header).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// job is what pawl reencrypt does.
func (d *database) job(t *testing.T) *reencrypt.Job {
	t.Helper()
	fresh, old := raw(t, newKey), raw(t, oldKey)
	ring, err := envelope.DirectRing(fresh, old)
	if err != nil {
		t.Fatal(err)
	}
	legacy, err := envelope.NewLegacy([][]byte{fresh, old}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &reencrypt.Job{
		Table:   reencrypt.Table{Name: "org_instances", Columns: []reencrypt.Column{{Name: "database_url"}, {Name: "redis_url"}}},
		Target:  reencrypt.ToEnvelope(ring, legacy, ring),
		Connect: func(ctx context.Context) (*pgconn.PgConn, error) { return pgconn.Connect(ctx, d.url) },
	}
}
