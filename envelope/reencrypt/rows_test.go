package reencrypt_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/reencrypt"
)

// TestRowsOfAllShapes writes tables anew whose rows are named in all ways that
// are known. Each has a value "one" and "two" in the column v.
func TestRowsOfAllShapes(t *testing.T) {
	v := []reencrypt.Column{{Name: "v"}}
	s := newScene(t)
	for _, tt := range []struct {
		name   string
		create string
		insert string // $1 and $2 are the values
		table  reencrypt.Table
		bound  string // the table's name in the binding, when it is not the table's name
		one    string // the row keys of the two values
		two    string
		read   string // how the two are read, in order
	}{
		{"smallint", "CREATE TABLE t (id smallint PRIMARY KEY, v bytea)", "INSERT INTO t VALUES (-3, $1), (7, $2)", reencrypt.Table{Name: "t"}, "", "-3", "7", "SELECT v FROM t ORDER BY id"},
		{"bigint", "CREATE TABLE t (id bigint PRIMARY KEY, v bytea)", "INSERT INTO t VALUES (-9223372036854775808, $1), (9223372036854775807, $2)", reencrypt.Table{Name: "t"}, "", "-9223372036854775808", "9223372036854775807", "SELECT v FROM t ORDER BY id"},
		{"uuid", "CREATE TABLE t (id uuid PRIMARY KEY, v bytea)", "INSERT INTO t VALUES ('00112233-4455-6677-8899-AABBCCDDEEFF', $1), ('ffffffff-ffff-ffff-ffff-ffffffffffff', $2)", reencrypt.Table{Name: "t"}, "", "00112233-4455-6677-8899-aabbccddeeff", "ffffffff-ffff-ffff-ffff-ffffffffffff", "SELECT v FROM t ORDER BY id"},
		{"text with quotes", "CREATE TABLE t (id text PRIMARY KEY, v bytea)", `INSERT INTO t VALUES ('a"b''c\,{', $1), ('Ünïcode → 鍵', $2)`, reencrypt.Table{Name: "t"}, "", `a"b'c\,{`, "Ünïcode → 鍵", `SELECT v FROM t ORDER BY id COLLATE "C"`},
		{"text of another collation", `CREATE TABLE t (id text COLLATE "POSIX" PRIMARY KEY, v bytea)`, "INSERT INTO t VALUES ('a', $1), ('b', $2)", reencrypt.Table{Name: "t"}, "", "a", "b", "SELECT v FROM t ORDER BY id"},
		{"varchar", "CREATE TABLE t (id varchar(10) PRIMARY KEY, v bytea)", "INSERT INTO t VALUES ('', $1), ('b', $2)", reencrypt.Table{Name: "t"}, "", "", "b", "SELECT v FROM t ORDER BY id"},
		{"a domain", "CREATE DOMAIN num AS int CHECK (VALUE > 0); CREATE DOMAIN crate AS bytea; CREATE TABLE t (id num PRIMARY KEY, v crate)", "INSERT INTO t VALUES (1, $1), (2, $2)", reencrypt.Table{Name: "t"}, "", "1", "2", "SELECT v FROM t ORDER BY id"},
		{"composite", "CREATE TABLE t (a text, b int, v bytea, PRIMARY KEY (b, a))", "INSERT INTO t VALUES ('x', 1, $1), ('1', 2, $2)", reencrypt.Table{Name: "t"}, "", envelope.RowKey("1", "x"), envelope.RowKey("2", "1"), "SELECT v FROM t ORDER BY b"},
		{"composite, in the order that is said", "CREATE TABLE t (a text, b int, v bytea, PRIMARY KEY (b, a))", "INSERT INTO t VALUES ('x', 1, $1), ('1', 2, $2)", reencrypt.Table{Name: "t", Key: []string{"a", "b"}}, "", envelope.RowKey("x", "1"), envelope.RowKey("1", "2"), "SELECT v FROM t ORDER BY b"},
		{"a unique index with another column", "CREATE TABLE t (id int NOT NULL, n text, v bytea); CREATE UNIQUE INDEX ON t (id) INCLUDE (n)", "INSERT INTO t VALUES (1, '', $1), (2, '', $2)", reencrypt.Table{Name: "t", Key: []string{"id"}}, "", "1", "2", "SELECT v FROM t ORDER BY id"},
		{"quoted names", `CREATE TABLE "Org ""X"" Table" ("Id" int PRIMARY KEY, "v" bytea)`, `INSERT INTO "Org ""X"" Table" VALUES (1, $1), (2, $2)`, reencrypt.Table{Name: `Org "X" Table`}, "", "1", "2", `SELECT v FROM "Org ""X"" Table" ORDER BY "Id"`},
		{"a schema, bound by another name", `CREATE SCHEMA "App"; CREATE TABLE "App"."t.x" (id int PRIMARY KEY, v bytea)`, `INSERT INTO "App"."t.x" VALUES (1, $1), (2, $2)`, reencrypt.Table{Name: "App.t.x", Bind: "orgs"}, "orgs", "1", "2", `SELECT v FROM "App"."t.x" ORDER BY id`},
		{"unbound", "CREATE TABLE t (id int PRIMARY KEY, v bytea)", "INSERT INTO t VALUES (1, $1), (2, $2)", reencrypt.Table{Name: "t", Unbound: true}, "", "", "", "SELECT v FROM t ORDER BY id"},
		{"partitions", "CREATE TABLE t (id int PRIMARY KEY, v bytea) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (2); CREATE TABLE t2 PARTITION OF t FOR VALUES FROM (2) TO (9)", "INSERT INTO t VALUES (1, $1), (2, $2)", reencrypt.Table{Name: "t"}, "", "1", "2", "SELECT v FROM t ORDER BY id"},
		{"partitions of partitions", "CREATE TABLE t (id int, k int, v bytea, PRIMARY KEY (id, k)) PARTITION BY RANGE (id); CREATE TABLE t1 PARTITION OF t FOR VALUES FROM (0) TO (9) PARTITION BY LIST (k); CREATE TABLE t1a (v bytea, k int NOT NULL, gone int, id int NOT NULL); ALTER TABLE t1a DROP gone; ALTER TABLE t1 ATTACH PARTITION t1a FOR VALUES IN (1); CREATE TABLE t1b PARTITION OF t1 DEFAULT", "INSERT INTO t VALUES (1, 1, $1), (1, 2, $2)", reencrypt.Table{Name: "t"}, "", envelope.RowKey("1", "1"), envelope.RowKey("1", "2"), "SELECT v FROM t ORDER BY id, k"},
		{"inheritance", "CREATE TABLE t (id int PRIMARY KEY, v bytea); CREATE TABLE t2 (more text) INHERITS (t)", "WITH x AS (INSERT INTO t VALUES (1, $1)) INSERT INTO t2 VALUES (2, $2)", reencrypt.Table{Name: "t"}, "", "1", "2", "SELECT v FROM t ORDER BY id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			s.exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public; " + tt.create)
			s.exec(tt.insert, legacy(t, oldKey, "one"), legacy(t, oldKey, "two"))
			tt.table.Columns = v
			j := s.job(tt.table)
			j.Options.Passes = 3
			if res := s.run(j); res.Rows != 2 || res.Values != 2 || res.Left != 0 || res.Unreadable != 0 {
				t.Errorf("it came to %+v", res)
			}
			bound := cmp.Or(tt.bound, tt.table.Name)
			s.two(tt.read, false, envelope.Binding{Table: bound, Column: "v", Row: tt.one}, envelope.Binding{Table: bound, Column: "v", Row: tt.two})
		})
	}
}

// two holds that a query gives the values "one" and "two".
func (s *scene) two(query string, text bool, at ...envelope.Binding) {
	s.t.Helper()
	rows, err := s.pg.Query(s.t.Context(), query)
	if err != nil {
		s.t.Fatal(err)
	}
	n := 0
	for ; rows.Next(); n++ {
		if got := opened(s.t, text, at[n], bytes.Clone(rows.RawValues()[0])); got != []string{"one", "two"}[n] {
			s.t.Errorf("value %d is %q", n, got)
		}
	}
	if rows.Err() != nil || n != 2 {
		s.t.Errorf("%s gives %d rows: %v", query, n, rows.Err())
	}
}

func TestNullAndTheEmptyValueStay(t *testing.T) {
	s := newScene(t, "CREATE TABLE orgs (id int PRIMARY KEY, v bytea, w text)", `INSERT INTO orgs VALUES (1, NULL, NULL), (2, '', ''), (3, NULL, '')`)
	s.exec("INSERT INTO orgs VALUES (4, $1, NULL), (5, '', $2)", legacy(t, oldKey, "one"), encoded(t, "base64", oldKey, "two"))
	untouched := "SELECT string_agg(xmin::text || ctid::text || coalesce(v::text, 'null') || coalesce(w, 'null'), ' ' ORDER BY id) FROM orgs WHERE id < 4"
	before := s.text(untouched)
	res := s.run(s.job(reencrypt.Table{Name: "orgs", Columns: []reencrypt.Column{{Name: "v"}, {Name: "w"}}}))
	if res.Rows != 2 || res.Values != 2 || res.Left != 0 {
		t.Errorf("it came to %+v", res)
	}
	if after := s.text(untouched); after != before {
		t.Errorf("rows without values were written: %s, before %s", after, before)
	}
	if got := s.text("SELECT (SELECT w IS NULL FROM orgs WHERE id = 4)::text || (SELECT v = '' FROM orgs WHERE id = 5)"); got != "truetrue" {
		t.Errorf("NULL and the empty value beside a value: %s", got)
	}
	var v []byte
	if err := s.pg.QueryRow(t.Context(), "SELECT v FROM orgs WHERE id = 4").Scan(&v); err != nil {
		t.Fatal(err)
	}
	if got := opened(t, false, envelope.Binding{Table: "orgs", Column: "v", Row: "4"}, v); got != "one" {
		t.Errorf("the value beside NULL is %q", got)
	}
}

func TestTextColumns(t *testing.T) {
	s := newScene(t)
	for _, typ := range []string{"text", "varchar", "varchar(300)"} {
		for _, enc := range []string{"hex", "base64", "base64raw", "base64url"} {
			t.Run(typ+" "+enc, func(t *testing.T) {
				s.t = t
				s.exec("DROP TABLE IF EXISTS orgs; CREATE TABLE orgs (id int PRIMARY KEY, w " + typ + ")")
				s.exec("INSERT INTO orgs VALUES (1, $1), (2, $2)", encoded(t, enc, oldKey, "one"), encoded(t, enc, oldKey, "two"))
				table := reencrypt.Table{Name: "orgs", Columns: []reencrypt.Column{{Name: "w", Bind: "secret"}}}
				if res := s.run(s.job(table)); res.Rows != 2 || res.Left != 0 {
					t.Errorf("it came to %+v", res)
				}
				at := envelope.Binding{Table: "orgs", Column: "secret"}
				one, two := at, at
				one.Row, two.Row = "1", "2"
				s.two("SELECT w FROM orgs ORDER BY id", true, one, two)
				if res := s.run(s.job(table)); res.Rows != 0 {
					t.Errorf("the second run wrote %d rows", res.Rows)
				}
			})
		}
	}
}

// TestEveryHeadOfATextIsKnown has many texts: the last bits of the header's
// eleventh character are the nonce's, and the server must count all four.
func TestEveryHeadOfATextIsKnown(t *testing.T) {
	s := newScene(t, "CREATE TABLE orgs (id int PRIMARY KEY, w text)")
	for n := range 64 {
		s.exec("INSERT INTO orgs VALUES ($1, $2)", n, encoded(t, "base64", oldKey, "one"))
	}
	table := reencrypt.Table{Name: "orgs", Columns: []reencrypt.Column{{Name: "w"}}}
	j := s.job(table)
	j.Options.Batch = 1 // what one batch seals begins alike
	if res := s.run(j); res.Rows != 64 || res.Left != 0 {
		t.Errorf("it came to %+v", res)
	}
	if heads := s.text("SELECT count(DISTINCT substring(w, 16, 1))::text FROM orgs"); heads != "4" && heads != "3" {
		t.Errorf("there are %s ways in which a text begins: they are not what is tested", heads)
	}
}

// scopes is a source of data keys: each scope has a retiring and a primary one.
type scopes struct{ keeper envelope.Keeper }

func (s scopes) DataKeys(ctx context.Context, scope string) ([]envelope.DataKey, error) {
	if scope == "none" {
		return nil, nil
	}
	if scope == "broken" {
		return nil, errors.New("the key table is away")
	}
	var list []envelope.DataKey
	for id := range uint32(2) {
		k, err := envelope.NewDataKey(ctx, s.keeper, id+1, scope, time.Unix(0, 0), bytes.NewReader(bytes.Repeat([]byte(scope+"scope"), 32)[id:]))
		if err != nil {
			return nil, err
		}
		if id == 0 {
			k.State = envelope.KeyRetiring
		}
		list = append(list, k)
	}
	return list, nil
}

// plainKeeper wraps by binding and key alone: the keeper is not what is tested.
type plainKeeper struct{}

func (plainKeeper) KeyID() string { return "plain" }
func (plainKeeper) Wrap(_ context.Context, dek []byte, _ envelope.KeyBinding) (envelope.Wrapped, error) {
	return envelope.Wrapped{Key: bytes.Clone(dek)}, nil
}
func (plainKeeper) Unwrap(_ context.Context, wrapped []byte, _ envelope.KeyBinding) ([]byte, error) {
	return bytes.Clone(wrapped), nil
}

func TestEveryRowHasItsScope(t *testing.T) {
	s := newScene(t, "CREATE TABLE orgs (id int PRIMARY KEY, tenant int NOT NULL, v bytea)")
	rings := envelope.NewKeyring([]envelope.Keeper{plainKeeper{}}, scopes{plainKeeper{}}, 0, nil)
	col := envelope.Column{Rings: rings, Table: "orgs", Name: "v", MinFormat: envelope.Format}
	for n := range 3000 {
		s.exec("INSERT INTO orgs VALUES ($1, $2, $3)", n, n%1500, legacy(t, oldKey, first(n)))
	}
	j := s.job(reencrypt.Table{Name: "orgs", Columns: []reencrypt.Column{{Name: "v"}}, ScopeColumn: "tenant"})
	j.Target = reencrypt.ToEnvelope(rings, old(t), nil)
	if res := s.run(j); res.Rows != 3000 || res.Left != 0 {
		t.Errorf("it came to %+v", res)
	}
	rows, err := s.pg.Query(t.Context(), "SELECT id, tenant, v FROM orgs")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var id, tenant int
		var v []byte
		if err := rows.Scan(&id, &tenant, &v); err != nil {
			t.Fatal(err)
		}
		plain, err := col.Open(t.Context(), fmt.Sprint(tenant), fmt.Sprint(id), v)
		if err != nil || string(plain) != first(id) {
			t.Fatalf("row %d of tenant %d has %q: %v", id, tenant, plain, err)
		}
		if k, _ := envelope.KeyOf(v); k != 2 {
			t.Fatalf("row %d is under key %d, and 2 is primary", id, k)
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
}

// TestAScopeWithoutKeysIsNotTheOthersTrouble also holds that a key table which
// cannot be read ends the job: its values are not unreadable.
func TestAScopeWithoutKeysIsNotTheOthersTrouble(t *testing.T) {
	s := newScene(t, "CREATE TABLE orgs (id int PRIMARY KEY, tenant text NOT NULL, v bytea)")
	s.exec("INSERT INTO orgs VALUES (1, 'some', $1), (2, 'none', $1)", legacy(t, oldKey, "one"))
	rings := envelope.NewKeyring([]envelope.Keeper{plainKeeper{}}, scopes{plainKeeper{}}, 0, nil)
	j := s.job(reencrypt.Table{Name: "orgs", Columns: []reencrypt.Column{{Name: "v"}}, ScopeColumn: "tenant"})
	j.Target = reencrypt.ToEnvelope(rings, old(t), nil)
	var told []reencrypt.Unreadable
	j.Unreadable = func(u reencrypt.Unreadable) { told = append(told, u) }
	if res := s.run(j); res.Rows != 1 || res.Unreadable != 1 || res.Left != 1 || len(told) != 1 || told[0].Row != "2" {
		t.Errorf("it came to %+v, and told %+v", res, told)
	}
	s.exec("UPDATE orgs SET tenant = 'broken' WHERE id = 2")
	if _, err := j.Run(t.Context()); err == nil || pawl.CodeOf(err) == pawl.CodeCorrupt || !strings.Contains(err.Error(), "the key table is away") {
		t.Errorf("keys that cannot be read: got %v", err)
	}
}

func TestFromFormat3ToFormat3(t *testing.T) {
	s := newScene(t, "CREATE TABLE orgs (id int PRIMARY KEY, v bytea, w text)")
	was := ring(t, oldKey)
	seal := func(col, row, plain string) []byte {
		b, err := (&envelope.Column{Rings: was, Table: "orgs", Name: col, Text: col == "w"}).Seal(t.Context(), "s", row, []byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	s.exec("INSERT INTO orgs VALUES (1, $1, $2), (2, $3, $4)", seal("v", "1", "one"), string(seal("w", "1", "one")), seal("v", "2", "two"), string(seal("w", "2", "two")))
	j := s.job(reencrypt.Table{Name: "orgs", Columns: []reencrypt.Column{{Name: "v"}, {Name: "w"}}, Scope: "s"})
	both := ring(t, newKey, oldKey)
	j.Target = reencrypt.ToEnvelope(both, nil, both)
	if res := s.run(j); res.Rows != 2 || res.Values != 4 || res.Left != 0 {
		t.Errorf("it came to %+v", res)
	}
	for _, col := range []string{"v", "w"} {
		at := envelope.Binding{Scope: "s", Table: "orgs", Column: col}
		one, two := at, at
		one.Row, two.Row = "1", "2"
		s.two("SELECT "+col+" FROM orgs ORDER BY id", col == "w", one, two)
	}
	// A value that was moved to another row is not made good by a new key.
	s.exec("UPDATE orgs SET v = $1 WHERE id = 2", seal("v", "1", "one"))
	if res := s.run(j); res.Unreadable != 1 || res.Left != 1 || res.Rows != 0 {
		t.Errorf("with a value of another row it came to %+v", res)
	}
}

// valueKeys unwraps by taking off what was put on.
type valueKeys struct{ calls int }

func (k *valueKeys) UnwrapValueKey(_ context.Context, wrapped []byte) ([]byte, error) {
	k.calls++
	if bytes.HasPrefix(wrapped, []byte("wrapped:")) {
		return wrapped[8:], nil
	}
	return nil, envelope.ErrUnwrap
}

func perValue(t *testing.T, plain string) []byte {
	t.Helper()
	own := []byte(strings.Repeat("k", 31) + plain[:1])
	wrapped := append([]byte("wrapped:"), own...)
	out := binary.BigEndian.AppendUint16([]byte{2}, uint16(len(wrapped)))
	return append(append(out, wrapped...), legacy(t, own, plain)...)
}

func TestValuesThatCarryTheirKey(t *testing.T) {
	s := newScene(t, "CREATE TABLE orgs (id int PRIMARY KEY, v bytea)")
	s.exec("INSERT INTO orgs VALUES (1, $1), (2, $2)", perValue(t, "one"), perValue(t, "two"))
	keys := &valueKeys{}
	l, err := envelope.NewLegacy([][]byte{oldKey}, keys)
	if err != nil {
		t.Fatal(err)
	}
	j := s.job(orgs)
	r := ring(t, newKey)
	j.Target, j.Options.Workers = reencrypt.ToEnvelope(r, l, r), 1
	if res := s.run(j); res.Rows != 2 || res.Left != 0 || keys.calls != 2 {
		t.Errorf("it came to %+v, with %d calls of the keeper", res, keys.calls)
	}
	s.two("SELECT v FROM orgs ORDER BY id", false, envelope.Binding{Table: "orgs", Column: "v", Row: "1"}, envelope.Binding{Table: "orgs", Column: "v", Row: "2"})
}

func TestToTheLegacyFormatUnderAnotherKey(t *testing.T) {
	s := newScene(t)
	for _, tt := range []struct {
		typ, stored string
		encoding    reencrypt.Encoding
	}{{"bytea", "", ""}, {"text", "hex", reencrypt.Hex}, {"text", "base64", reencrypt.Base64}, {"text", "base64raw", reencrypt.Base64}, {"text", "base64url", reencrypt.Base64URL}, {"text", "base64", reencrypt.Hex}} {
		t.Run(tt.typ+" "+tt.stored+" to "+string(tt.encoding), func(t *testing.T) {
			s.t = t
			s.exec("DROP TABLE IF EXISTS orgs; CREATE TABLE orgs (id int PRIMARY KEY, v " + tt.typ + ")")
			put := func(key []byte, plain string) any {
				if tt.stored == "" {
					return legacy(t, key, plain)
				}
				return encoded(t, tt.stored, key, plain)
			}
			s.exec("INSERT INTO orgs VALUES (1, $1), (2, $2), (3, $3), (4, $4)", put(oldKey, "one"), put(oldKey, "two"), put(newKey, "three"), put(foreignKey, "four"))
			before := s.text("SELECT string_agg(v::text || xmin, ' ' ORDER BY id) FROM orgs WHERE id > 2")
			j := s.job(orgs)
			var err error
			if j.Target, err = reencrypt.ToStatic(newKey, old(t), tt.encoding); err != nil {
				t.Fatal(err)
			}
			if res := s.run(j); res.Rows != 2 || res.Unreadable != 1 || res.Left != 1 {
				t.Errorf("it came to %+v", res)
			}
			if after := s.text("SELECT string_agg(v::text || xmin, ' ' ORDER BY id) FROM orgs WHERE id > 2"); after != before {
				t.Error("rows were written that are right, or that no key opens")
			}
			s.static(tt.encoding, tt.stored)
		})
	}
}

// static holds that two values are in the legacy format under the new key, in
// an encoding.
func (s *scene) static(enc reencrypt.Encoding, stored string) {
	s.t.Helper()
	l, err := envelope.NewLegacy([][]byte{newKey}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	rows, err := s.pg.Query(s.t.Context(), "SELECT v FROM orgs WHERE id < 3 ORDER BY id")
	if err != nil {
		s.t.Fatal(err)
	}
	for n := 0; rows.Next(); n++ {
		v := bytes.Clone(rows.RawValues()[0])
		plain, err := l.Open(s.t.Context(), nil, v)
		if err != nil || string(plain) != []string{"one", "two"}[n] {
			s.t.Errorf("value %d is %q: %v", n, plain, err)
		}
		padded := bytes.HasSuffix(v, []byte("="))
		if enc == reencrypt.Hex && strings.Trim(string(v), "0123456789abcdef") != "" || enc == reencrypt.Base64 && padded != (stored == "base64") || enc == reencrypt.Base64URL && bytes.ContainsAny(v, "+/=") {
			s.t.Errorf("%q is not in %s as %s was", v, enc, stored)
		}
	}
	if rows.Err() != nil {
		s.t.Error(rows.Err())
	}
}

// TestAStatementHasSoManyBytesAtMost has small values first, from which the
// large ones behind them cannot be foreseen. Rows that one statement wrote have
// one xmin.
func TestAStatementHasSoManyBytesAtMost(t *testing.T) {
	s := newScene(t, "CREATE TABLE orgs (id int PRIMARY KEY, v bytea)")
	sizes := append(repeat(500, 10), append(repeat(40, 8<<10), 200<<10, 200<<10, 1<<20, 200<<10, 10, 10)...)
	value := func(id int) string { return strings.Repeat(fmt.Sprintf("%8d", id), sizes[id]/8+1) }
	for n := range sizes {
		s.exec("INSERT INTO orgs VALUES ($1, $2)", n, legacy(t, oldKey, value(n)))
	}
	s.exec("ANALYZE orgs")
	j := s.job(orgs)
	j.Options.Workers, j.Options.Bytes = 1, 64<<10
	if res := s.run(j); res.Rows != int64(len(sizes)) || res.Left != 0 {
		t.Errorf("it came to %+v", res)
	}
	s.whole(len(sizes), value)
	if got := s.text("SELECT max(sum)::text FROM (SELECT sum(length(v)) - max(length(v)) - 48 * count(*) AS sum FROM orgs GROUP BY xmin::text) x"); len(got) > 5 || len(got) == 5 && got > "65536" {
		t.Errorf("a statement had %s bytes besides its largest value, and 65536 were allowed", got)
	}
	if got := s.text("SELECT max(n)::text FROM (SELECT count(*) AS n FROM orgs GROUP BY xmin::text) x"); len(got) < 3 {
		t.Errorf("small values were written %s at a time", got)
	}
}

func repeat(n, of int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = of
	}
	return out
}
