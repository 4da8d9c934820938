package reencrypt_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope/reencrypt"
)

// table is what most refusals are about.
const plainTable = "CREATE TABLE orgs (id int PRIMARY KEY, note text, v bytea, w text)"

func TestWhatCannotBeDoneSafelyIsRefused(t *testing.T) {
	both := []reencrypt.Column{{Name: "v"}, {Name: "w"}}
	s := newScene(t)
	for _, tt := range []struct {
		name    string
		sql     []string
		table   reencrypt.Table
		refused string // "" when it is not
		next    string
	}{
		{name: "a plain table", sql: []string{plainTable}},
		{name: "a view", sql: []string{plainTable, "CREATE VIEW seen AS SELECT * FROM orgs"}, table: reencrypt.Table{Name: "seen"}, refused: "it is not a table", next: "name the table"},
		{name: "no primary key", sql: []string{"CREATE TABLE orgs (id int, v bytea, w text)"}, refused: "it has no primary key", next: "unique index"},
		{name: "no unique index of that key", sql: []string{plainTable}, table: reencrypt.Table{Key: []string{"note"}}, refused: "no unique index has just the columns note"},
		{name: "a key with NULLs", sql: []string{plainTable, "CREATE UNIQUE INDEX ON orgs (note)"}, table: reencrypt.Table{Key: []string{"note"}}, refused: `the key column "note" may be NULL`, next: "SET NOT NULL"},
		{name: "a partial unique index", sql: []string{plainTable, "ALTER TABLE orgs ALTER note SET NOT NULL", "CREATE UNIQUE INDEX ON orgs (note) WHERE id > 3"}, table: reencrypt.Table{Key: []string{"note"}}, refused: "no unique index"},
		{name: "a key of another type", sql: []string{"CREATE TABLE orgs (id numeric PRIMARY KEY, v bytea, w text)"}, refused: `the column "id" is not smallint, integer, bigint, uuid, text or varchar`},
		{name: "a scope with NULLs", sql: []string{"CREATE TABLE orgs (id int PRIMARY KEY, tenant text, v bytea, w text)"}, table: reencrypt.Table{ScopeColumn: "tenant"}, refused: `the scope column "tenant" may be NULL`},
		{name: "no columns", sql: []string{plainTable}, table: reencrypt.Table{Columns: []reencrypt.Column{}}, refused: "no columns are named"},
		{name: "a column that is not there", sql: []string{plainTable}, table: reencrypt.Table{Columns: []reencrypt.Column{{Name: "V"}}}, refused: `it has no column "V"`},
		{name: "a dropped column", sql: []string{plainTable, "ALTER TABLE orgs DROP v"}, refused: `it has no column "v"`},
		{name: "a column of another type", sql: []string{"CREATE TABLE orgs (id int PRIMARY KEY, v jsonb, w text)"}, refused: `the column "v" is not bytea, text or varchar`},
		{name: "the column is named twice", sql: []string{plainTable}, table: reencrypt.Table{Columns: []reencrypt.Column{{Name: "v"}, {Name: "v"}}}, refused: `the column "v" is named twice`},
		{name: "the key is encrypted", sql: []string{"CREATE TABLE orgs (id text PRIMARY KEY, v bytea, w text)"}, table: reencrypt.Table{Columns: []reencrypt.Column{{Name: "id"}}}, refused: "the unique index orgs_pkey is over an encrypted column"},
		{name: "a unique index", sql: []string{plainTable, "CREATE UNIQUE INDEX lookup ON orgs (w)"}, refused: "the unique index lookup is over an encrypted column", next: "keyed digest"},
		{name: "a unique constraint", sql: []string{plainTable, "ALTER TABLE orgs ADD CONSTRAINT only_once UNIQUE (w)"}, refused: "the unique index only_once is over an encrypted column"},
		{name: "an index", sql: []string{plainTable, "CREATE INDEX lookup ON orgs (w)"}, refused: "the index lookup is over an encrypted column"},
		{name: "an index by expression", sql: []string{plainTable, "CREATE INDEX lookup ON orgs (id, lower(w))"}, refused: "the index lookup is over an encrypted column"},
		{name: "a partial index", sql: []string{plainTable, "CREATE INDEX lookup ON orgs (id) WHERE w = 'x'"}, refused: "the index lookup is over an encrypted column"},
		{name: "an exclusion constraint", sql: []string{plainTable, "ALTER TABLE orgs ADD CONSTRAINT only_one EXCLUDE USING btree (w WITH =)"}, refused: "the unique index only_one is over an encrypted column"},
		{name: "an index elsewhere", sql: []string{plainTable, "CREATE INDEX lookup ON orgs (note)"}},
		{name: "an index of a partition", sql: []string{"CREATE TABLE orgs (id int PRIMARY KEY, v bytea, w text) PARTITION BY RANGE (id)", "CREATE TABLE low PARTITION OF orgs FOR VALUES FROM (0) TO (9)", "CREATE INDEX lookup ON low (w)"}, refused: "the index lookup is over an encrypted column"},
		{name: "a trigger for each row", sql: []string{plainTable, trigger("BEFORE UPDATE ON orgs FOR EACH ROW")}, refused: "the trigger stamp runs for what is written", next: "--allow-trigger stamp"},
		{name: "a trigger for each statement", sql: []string{plainTable, trigger("AFTER UPDATE ON orgs FOR EACH STATEMENT")}, refused: "the trigger stamp runs for what is written"},
		{name: "a trigger of the column", sql: []string{plainTable, trigger("BEFORE UPDATE OF v ON orgs FOR EACH ROW")}, refused: "the trigger stamp runs for what is written"},
		{name: "a trigger of another column", sql: []string{plainTable, trigger("BEFORE UPDATE OF note ON orgs FOR EACH ROW")}},
		{name: "a trigger for inserts", sql: []string{plainTable, trigger("BEFORE INSERT ON orgs FOR EACH ROW")}},
		{name: "a trigger that is off", sql: []string{plainTable, trigger("BEFORE UPDATE ON orgs FOR EACH ROW"), "ALTER TABLE orgs DISABLE TRIGGER stamp"}},
		{name: "a trigger of a partition", sql: []string{"CREATE TABLE orgs (id int PRIMARY KEY, v bytea, w text) PARTITION BY RANGE (id)", "CREATE TABLE low PARTITION OF orgs FOR VALUES FROM (0) TO (9)", trigger("BEFORE UPDATE ON low FOR EACH ROW")}, refused: "the trigger stamp runs"},
		{name: "a rule", sql: []string{plainTable, "CREATE RULE hold AS ON UPDATE TO orgs DO INSTEAD NOTHING"}, refused: "the rule hold changes what an UPDATE does"},
		{name: "a generated column", sql: []string{"CREATE TABLE orgs (id int PRIMARY KEY, v bytea GENERATED ALWAYS AS ('\\x01'::bytea) STORED, w text)"}, refused: `the column "v" is generated`},
		{name: "a column generated from it", sql: []string{"CREATE TABLE orgs (id int PRIMARY KEY, v bytea, w text, l int GENERATED ALWAYS AS (length(w)) STORED)"}, refused: `the column "l" is generated from an encrypted column`},
		{name: "a foreign key", sql: []string{"CREATE TABLE other (w text PRIMARY KEY)", plainTable, "ALTER TABLE orgs ADD CONSTRAINT points FOREIGN KEY (w) REFERENCES other"}, refused: "the foreign key points is over an encrypted column"},
		{name: "a foreign key elsewhere", sql: []string{"CREATE TABLE other (id int PRIMARY KEY)", plainTable, "ALTER TABLE orgs ADD FOREIGN KEY (id) REFERENCES other"}},
		{name: "a varchar that is too narrow", sql: []string{"CREATE TABLE orgs (id int PRIMARY KEY, v bytea, w varchar(120))", "INSERT INTO orgs VALUES (1, NULL, repeat('x', 100))"}, refused: `the column "w" takes 120 characters, and a value may need 2`, next: "TYPE text"},
		{name: "a domain that is too narrow", sql: []string{"CREATE DOMAIN sealed AS varchar(120)", "CREATE TABLE orgs (id int PRIMARY KEY, v bytea, w sealed)", "INSERT INTO orgs VALUES (1, NULL, repeat('x', 100))"}, refused: `the column "w" takes 120 characters`},
		{name: "a varchar that is wide", sql: []string{"CREATE TABLE orgs (id int PRIMARY KEY, v bytea, w varchar(400))", "INSERT INTO orgs VALUES (1, NULL, repeat('x', 100))"}},
		{name: "a foreign partition", sql: []string{"CREATE EXTENSION postgres_fdw", "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw", "CREATE TABLE orgs (id int, v bytea, w text) PARTITION BY RANGE (id)", "CREATE FOREIGN TABLE away PARTITION OF orgs FOR VALUES FROM (0) TO (9) SERVER far"}, refused: "the partition public.away is not a table of this server"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			s.exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
			for _, sql := range tt.sql {
				s.exec(sql)
			}
			if tt.table.Name == "" {
				tt.table.Name = "orgs"
			}
			if tt.table.Columns == nil {
				tt.table.Columns = both
			}
			refusedWith(t, s.job(tt.table), tt.refused, tt.next)
		})
	}
}

func trigger(when string) string {
	return "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER stamp " + when + " EXECUTE FUNCTION f()"
}

// refusedWith holds that a job is refused for a reason and with what to do,
// and that Run says the same as Survey.
func refusedWith(t *testing.T, j *reencrypt.Job, why, next string) {
	t.Helper()
	v, err := j.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := why == "" && len(v.Refusals) == 0
	for _, r := range v.Refusals {
		if strings.Contains(r.Why, why) && strings.Contains(r.Next, next) && why != "" && r.Next != "" {
			found = true
		}
	}
	if !found {
		t.Fatalf("it is refused for %q, want %q and %q", v.Refusals, why, next)
	}
	_, err = j.Run(t.Context())
	switch {
	case why == "" && err != nil:
		t.Error(err)
	case why != "" && (pawl.CodeOf(err) != pawl.CodeUnsupported || !strings.Contains(err.Error(), why)):
		t.Errorf("Run: got %v, want the refusal", err)
	}
}

func TestAllReasonsAreGivenAtOnce(t *testing.T) {
	s := newScene(t, plainTable, "CREATE INDEX lookup ON orgs (w)", trigger("BEFORE UPDATE ON orgs FOR EACH ROW"))
	_, err := s.job(reencrypt.Table{Name: "orgs", Columns: []reencrypt.Column{{Name: "w"}, {Name: "x"}}}).Run(t.Context())
	for _, want := range []string{"lookup", "stamp", `"x"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in %v", want, err)
		}
	}
}

func TestATriggerThatIsAllowedRuns(t *testing.T) {
	s := simple(t, 10)
	s.exec(trigger("BEFORE UPDATE ON orgs FOR EACH ROW"))
	j := s.job(orgs)
	j.Options.Triggers = []string{"stamp"}
	if res := s.run(j); res.Rows != 10 || res.Left != 0 {
		t.Errorf("it came to %+v", res)
	}
	s.whole(10, first)
}

func TestATableThatIsNotThere(t *testing.T) {
	s := newScene(t, plainTable, "CREATE SCHEMA app")
	for _, name := range []string{"org", "app.orgs", "Orgs", "none.orgs"} {
		if _, err := s.job(reencrypt.Table{Name: name, Columns: []reencrypt.Column{{Name: "v"}}}).Run(t.Context()); pawl.CodeOf(err) != pawl.CodeNotFound {
			t.Errorf("%s: got %v, want that it is not there", name, err)
		}
	}
}

func TestARoleThatMayNotIsRefused(t *testing.T) {
	const partitioned = "CREATE TABLE orgs (id int PRIMARY KEY, v bytea, w text) PARTITION BY RANGE (id); CREATE TABLE low PARTITION OF orgs FOR VALUES FROM (0) TO (9)"
	for i, tt := range []struct {
		name, sql, refused string
		grants             []string
	}{
		{"nothing", plainTable, "may not read and update", nil},
		{"reading alone", plainTable, "may not read and update", []string{"SELECT ON orgs"}},
		{"one column of two", plainTable, "may not read and update", []string{"SELECT ON orgs", "UPDATE (v) ON orgs"}},
		{"both columns", plainTable, "", []string{"SELECT ON orgs", "UPDATE (v, w) ON orgs"}},
		{"all", plainTable, "", []string{"SELECT, UPDATE ON orgs"}},
		{"row security", plainTable + "; ALTER TABLE orgs ENABLE ROW LEVEL SECURITY", "row security hides rows of", []string{"SELECT, UPDATE ON orgs"}},
		{"the parent alone", partitioned, "may not read and update", []string{"SELECT, UPDATE ON orgs"}},
		{"the partitions too", partitioned, "", []string{"SELECT, UPDATE ON orgs, low"}},
		{"row security of a partition", partitioned + "; ALTER TABLE low ENABLE ROW LEVEL SECURITY", "row security hides rows of", []string{"SELECT, UPDATE ON orgs, low"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, tt.sql)
			role := "app" + string(rune('a'+i))
			var connect func(context.Context) (*pgconn.PgConn, error) = s.as(role)
			for _, g := range tt.grants {
				s.exec("GRANT " + g + " TO " + role)
			}
			j := s.job(reencrypt.Table{Name: "orgs", Columns: []reencrypt.Column{{Name: "v"}, {Name: "w"}}})
			j.Connect = connect
			refusedWith(t, j, tt.refused, "")
		})
	}
}

func TestAPublicationIsTold(t *testing.T) {
	s := newScene(t, plainTable, "CREATE PUBLICATION feed FOR TABLE orgs")
	v, err := s.job(orgs).Survey(t.Context())
	if err != nil || len(v.Notes) != 1 || !strings.Contains(v.Notes[0], "feed") {
		t.Errorf("got %v, %+v", err, v)
	}
}
