package postgres_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// vault is a table of encrypted rows in a bench's database, in the format that
// names no key, under oldKey.
type vault struct {
	*bench
	rows int
}

var oldKey, newKey, otherKey = bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32), bytes.Repeat([]byte{3}, 32)

func newVault(t *testing.T, rows int) *vault {
	t.Helper()
	v := &vault{bench: newBench(t), rows: rows}
	v.sql(v.database, fmt.Sprintf("CREATE TABLE orgs (id int PRIMARY KEY, url bytea, note text); GRANT SELECT, UPDATE ON orgs TO %s_admin", v.database))
	var values strings.Builder
	for i := range rows {
		if i > 0 {
			values.WriteByte(',')
		}
		fmt.Fprintf(&values, `(%d, '\x%x', '%x')`, i, legacy(t, plain(i)), legacy(t, plain(i)))
	}
	v.sql(v.database, "INSERT INTO orgs VALUES "+values.String())
	return v
}

func plain(i int) string { return fmt.Sprintf("postgres://app:CANARY-%d@db.example", i) }

func legacy(t *testing.T, text string) []byte {
	t.Helper()
	block, err := aes.NewCipher(oldKey)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		t.Fatal(err)
	}
	return aead.Seal(nonce, nonce, []byte(text), nil)
}

// digest tells whether anything in the table was changed.
func (v *vault) digest() string {
	return v.sql(v.database, "SELECT md5(string_agg(md5(url::text || note), ',' ORDER BY id)) FROM orgs")
}

// under counts the rows whose url is sealed under a key.
func (v *vault) under(key []byte) string {
	return v.sql(v.database, fmt.Sprintf(`SELECT count(*) FROM orgs WHERE substring(url, 1, 8) = '\x%x'`, envelope.Header(envelope.KeyIDOf(key))))
}

func rewriting(value, accepted []byte, more estate.Settings) driver.CheckRequest {
	s := estate.Settings{"table": "orgs", "columns": []string{"url"}, "format": "envelope", "value_encoding": "hex"}
	r := driver.CheckRequest{Target: driver.Target{Kind: "reencrypt", Settings: s.With(more)}, Value: hexed(value)}
	if accepted != nil {
		r.Accepted = []secret.Parts{hexed(accepted)}
	}
	return r
}

func hexed(key []byte) secret.Parts { return secret.One(secret.NewString(hex.EncodeToString(key))) }

func (v *vault) check(ctx context.Context, r driver.CheckRequest) driver.Finding {
	v.t.Helper()
	f, err := v.conn.Check(ctx, r)
	if err != nil {
		v.t.Fatal(err)
	}
	for i := range v.rows {
		if strings.Contains(f.Detail, plain(i)) {
			v.t.Fatalf("a value is in the finding: row %d", i)
		}
	}
	return f
}

// opens holds that every row opens under a key alone.
func (v *vault) opens(key []byte) {
	v.t.Helper()
	ring, err := envelope.DirectRing(key)
	if err != nil {
		v.t.Fatal(err)
	}
	c := &envelope.Column{Rings: ring, Table: "orgs", Name: "url", MinFormat: envelope.Format}
	session := v.session(v.server.DSN(v.database))
	defer func() { _ = session.Close(context.Background()) }()
	result := session.ExecParams(v.t.Context(), "SELECT id::text, encode(url, 'hex') FROM orgs", nil, nil, nil, nil).Read()
	if result.Err != nil || len(result.Rows) != v.rows {
		v.t.Fatalf("%d rows, %v", len(result.Rows), result.Err)
	}
	for _, row := range result.Rows {
		stored, err := hex.DecodeString(string(row[1]))
		if err != nil {
			v.t.Fatal(err)
		}
		got, err := c.Open(v.t.Context(), "", string(row[0]), stored)
		if want := fmt.Sprintf("CANARY-%s@", row[0]); err != nil || !strings.Contains(string(got), want) {
			v.t.Fatalf("row %s: %v", row[0], err)
		}
	}
}

// TestRewriteGoesOnAfterKills: a look that has no time left is pending, one that
// is killed loses nothing, and another process does the rest.
func TestRewriteGoesOnAfterKills(t *testing.T) {
	v := newVault(t, 8000)
	slow := rewriting(newKey, oldKey, estate.Settings{"rate": 1000})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if f := v.check(ctx, slow); f.State != driver.Pending || !f.Worked || f.After == 0 || !strings.Contains(f.Detail, "rows of orgs") {
		t.Fatalf("a look without time: %+v", f)
	}
	killed, kill := context.WithCancel(t.Context())
	time.AfterFunc(500*time.Millisecond, kill)
	if _, err := v.conn.Check(killed, slow); err == nil {
		t.Fatal("the look that was killed has an answer")
	}
	if n := v.under(newKey); n == "0" || n == "8000" {
		t.Fatalf("%s rows are written: the kill came before or after everything", n)
	}
	v.conn = open(t, v.server, v.database, v.database+"_admin", adminPassword)
	if f := v.check(t.Context(), rewriting(newKey, oldKey, nil)); f.State != driver.Passed || !strings.Contains(f.Detail, "0 are left") {
		t.Fatalf("the rest: %+v", f)
	}
	v.opens(newKey)
	if f := v.check(t.Context(), rewriting(newKey, oldKey, estate.Settings{"fence": false})); f.State != driver.Passed || !strings.HasPrefix(f.Detail, "0 rows") {
		t.Errorf("once more: %+v", f)
	}
}

// TestRewriteGoesOnWhereALookEnded: what a look says of where it is has the next
// one, of another process, go on from there, and counts all rows in the end.
func TestRewriteGoesOnWhereALookEnded(t *testing.T) {
	v := newVault(t, 8000)
	r := rewriting(newKey, oldKey, estate.Settings{"rate": 4000})
	looks := 0
	for ; looks < 50; looks++ {
		ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
		f := v.check(ctx, r)
		cancel()
		if f.State == driver.Passed {
			if n, rest := 0, ""; looks < 2 {
				t.Errorf("after %d looks: %+v", looks, f)
			} else if _, err := fmt.Sscanf(f.Detail, "at least %d rows of orgs were written, 0 are %s", &n, &rest); err != nil || n < 4000 || n > 8000 {
				t.Errorf("after %d looks: %+v", looks, f)
			}
			break
		}
		if f.State != driver.Pending || !f.Worked || f.Resume == "" {
			t.Fatalf("look %d: %+v", looks, f)
		}
		r.Resume = f.Resume
		v.conn = open(t, v.server, v.database, v.database+"_admin", adminPassword)
	}
	v.opens(newKey)
	r.Resume = `{"job":{"sweep":1,"zero":true,"tries":2}}`
	v.sql(v.database, fmt.Sprintf(`UPDATE orgs SET url = '\x%x' WHERE id = 7`, legacy(t, plain(7))))
	if f := v.check(t.Context(), r); f.State != driver.Passed || !strings.HasPrefix(f.Detail, "at least 1 rows") {
		t.Errorf("a row that came back behind it: %+v", f)
	}
	v.opens(newKey)
	for _, text := range []string{"not what it wrote", `{"job":{"leaf":"1","block":9,"zero":true,"after":["5"]}}`} {
		if r.Resume = text; v.check(t.Context(), r).State != driver.Passed {
			t.Errorf("with %q it does not pass", text)
		}
	}
}

// TestRewriteWithoutTheRightKey: values that no key opens are named by row, stay
// as they are, and looking again cannot help.
func TestRewriteWithoutTheRightKey(t *testing.T) {
	v := newVault(t, 5)
	before := v.digest()
	f := v.check(t.Context(), rewriting(newKey, otherKey, nil))
	if f.State != driver.Failed || !f.Final || !strings.Contains(f.Detail, "5 values of orgs") || strings.Count(f.Detail, "url of row") != 3 {
		t.Errorf("%+v", f)
	}
	if v.digest() != before {
		t.Error("rows were changed")
	}
}

// TestRewriteOfTextForOldReaders: format static writes what applications read
// that know no other, in the encoding that the column has.
func TestRewriteOfTextForOldReaders(t *testing.T) {
	v := newVault(t, 20)
	static := estate.Settings{"columns": []string{"note"}, "format": "static", "encoding": "hex"}
	if f := v.check(t.Context(), rewriting(newKey, oldKey, static)); f.State != driver.Passed {
		t.Fatalf("%+v", f)
	}
	alone, err := envelope.NewLegacy([][]byte{newKey}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := alone.Open(t.Context(), nil, []byte(v.sql(v.database, "SELECT note FROM orgs WHERE id = 7"))); err != nil || string(got) != plain(7) {
		t.Errorf("under the new key alone: %v", err)
	}
}

// TestRewriteRefuses: what cannot be done safely shows in the probe, and nothing
// is written.
func TestRewriteRefuses(t *testing.T) {
	v := newVault(t, 3)
	v.sql(v.database, `CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER audit BEFORE UPDATE ON orgs FOR EACH ROW EXECUTE FUNCTION audit()`)
	before, r := v.digest(), rewriting(newKey, oldKey, nil)
	grants, err := v.conn.Probe(t.Context(), r.Target)
	if err != nil || len(grants) != 1 || grants[0].Has != driver.No || !strings.Contains(grants[0].Detail, "audit") {
		t.Errorf("the probe gives %+v, %v", grants, err)
	}
	if f := v.check(t.Context(), r); f.State != driver.Failed || !f.Final || !strings.Contains(f.Detail, "audit") {
		t.Errorf("the check gives %+v", f)
	}
	if v.digest() != before {
		t.Error("rows were changed")
	}
	v.sql(v.database, "DROP TRIGGER audit ON orgs")
	if grants, err = v.conn.Probe(t.Context(), r.Target); err != nil || len(grants) != 1 || grants[0].Has != driver.Yes {
		t.Errorf("without the trigger the probe gives %+v, %v", grants, err)
	}
	r.Target.Settings = r.Target.Settings.With(estate.Settings{"table": "nothing"})
	if grants, err = v.conn.Probe(t.Context(), r.Target); err != nil || len(grants) != 1 || grants[0].Has != driver.No {
		t.Errorf("without the table the probe gives %+v, %v", grants, err)
	}
}

// TestRewriteNeedsBothKeys: it never begins with one, nor with what is no key.
func TestRewriteNeedsBothKeys(t *testing.T) {
	v := newVault(t, 1)
	_, err := v.conn.Check(t.Context(), rewriting(newKey, nil, nil))
	kindOf(t, err, driver.NoValue)
	r := rewriting(newKey, oldKey, nil)
	r.Value = secret.One(secret.NewString("CANARY, and no key"))
	_, err = v.conn.Check(t.Context(), r)
	kindOf(t, err, driver.Invalid)
	if strings.Contains(err.Error(), "CANARY") {
		t.Error("the value is in the error")
	}
}

// TestRewrapLeavesRowsAlone rotates the key that wraps data keys: no row is
// touched, and the old one opens nothing any more.
func TestRewrapLeavesRowsAlone(t *testing.T) {
	v := newVault(t, 10)
	v.sql(v.database, fmt.Sprintf(`CREATE TABLE pawl_keys (scope text, key_id bigint, keeper text, keeper_version text, wrapped bytea, kcv bytea, state text, created_at timestamptz, PRIMARY KEY (scope, key_id));
		GRANT SELECT, UPDATE ON pawl_keys TO %s_admin`, v.database))
	before, wrapping := keeper(t, oldKey), keeper(t, newKey)
	var made envelope.DataKey
	for id := uint32(1); id <= 3; id++ {
		k, err := envelope.NewDataKey(t.Context(), before, id, "orgs", time.Now(), nil)
		if err != nil {
			t.Fatal(err)
		}
		k.State = envelope.KeyReadable
		v.sql(v.database, fmt.Sprintf(`INSERT INTO pawl_keys VALUES ('orgs', %d, '%s', '', '\x%x', '\x%x', 'readable', now())`, id, k.Keeper, k.Wrapped, k.Check))
		made = k
	}
	digest := v.digest()
	r := rewriting(newKey, oldKey, nil)
	r.Target = driver.Target{Kind: "rewrap", Settings: estate.Settings{"table": "pawl_keys", "value_encoding": "hex"}}
	if f := v.check(t.Context(), r); f.State != driver.Passed || !strings.HasPrefix(f.Detail, "3 data keys") {
		t.Fatalf("%+v", f)
	}
	if v.digest() != digest {
		t.Error("rows were changed")
	}
	stored, err := hex.DecodeString(v.sql(v.database, "SELECT encode(wrapped, 'hex') FROM pawl_keys WHERE key_id = 3"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(stored, made.Wrapped) {
		t.Error("the row has what it had")
	}
	fresh := made
	fresh.Wrapped, fresh.State, fresh.Keeper = stored, envelope.KeyPrimary, wrapping.KeyID()
	if _, err := envelope.OpenRing(t.Context(), []envelope.Keeper{wrapping}, []envelope.DataKey{fresh}); err != nil {
		t.Errorf("the new key does not unwrap it: %v", err)
	}
	fresh.Keeper = before.KeyID()
	if _, err := envelope.OpenRing(t.Context(), []envelope.Keeper{before}, []envelope.DataKey{fresh}); err == nil {
		t.Error("the old key still unwraps it")
	}
	if f := v.check(t.Context(), r); f.State != driver.Passed || !strings.HasPrefix(f.Detail, "0 data keys") {
		t.Errorf("once more: %+v", f)
	}
}

func keeper(t *testing.T, key []byte) *envelope.KeyKeeper {
	t.Helper()
	k, err := envelope.NewKeyKeeper(key)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
