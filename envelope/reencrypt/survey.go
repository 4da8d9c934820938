package reencrypt

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// Survey is what the server says of a table before anything is written.
type Survey struct {
	Table    string
	Rows     int64 // the server's estimate
	Bytes    int64 // of the heap
	Indexes  int   // besides the key's
	Role     string
	Server   int // its version, as 150018
	Refusals []Refusal
	Notes    []string // what to know that does not stand in the way

	oid     string
	name    string // quoted, with its schema
	leaves  []relation
	columns []column
	keys    []column
	order   []int   // the keys in the order of their index
	scope   *column // that has each row's scope; nil when all have one
}

// Refusal is a reason for which the table is not written anew.
type Refusal struct {
	Why, Next string
}

// relation is a table that has rows itself: the table, or one of its
// partitions.
type relation struct {
	oid   string
	name  string // quoted
	rows  int64
	pages uint32
}

// column is a column as the catalog has it.
type column struct {
	name  string
	oid   uint32
	array uint32 // the type of arrays of it
	width int    // in characters, 0 when there is no limit
}

func (c column) text() bool { return c.oid != oidBytea }

const tidRangeScans = 140000 // the first version that has them

// Survey looks at the table and changes nothing.
func (j *Job) Survey(ctx context.Context) (*Survey, error) {
	s, err := j.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close(ctx)
	v, err := j.survey(ctx, s)
	if err != nil {
		return nil, failed("look at", j.Table.Name, err)
	}
	return v, nil
}

func (j *Job) survey(ctx context.Context, s *session) (*Survey, error) {
	v := &Survey{Table: j.Table.Name}
	oid, err := j.find(ctx, s, v)
	if err != nil {
		return nil, err
	}
	for _, look := range []func(context.Context, *session, *Survey, string) error{j.readColumns, j.readLeaves, j.readIndexes, j.readHooks, j.readPrivileges, j.readWidths} {
		if err := look(ctx, s, v, oid); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// find finds the table. Without a schema it must be in the only one that the
// role's path would find it in.
func (j *Job) find(ctx context.Context, s *session, v *Survey) (oid string, err error) {
	schema, name, ok := strings.Cut(j.Table.Name, ".")
	if !ok {
		schema, name = "public", j.Table.Name
	}
	rows, err := s.rows(ctx, `SELECT c.oid, c.relkind, c.relpersistence, c.relrowsecurity, current_setting('server_version_num'), current_user
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`, schema, name)
	if err != nil {
		return "", err
	}
	if len(rows) == 0 {
		return "", &pawl.Error{Code: pawl.CodeNotFound, Op: "find the table", On: schema + "." + name, Why: "it is not in this database", Next: "name it with its schema, and check the connection's database"}
	}
	r := rows[0]
	v.Server, _ = strconv.Atoi(r[4])
	v.Role = r[5]
	v.oid, v.name = r[0], ident(schema)+"."+ident(name)
	if v.Server < tidRangeScans {
		v.refuse("the server has version %s, and scans by position came with 14", "upgrade PostgreSQL", strings.TrimSuffix(strconv.Itoa(v.Server/10000), "0"))
	}
	if r[1] != "r" && r[1] != "p" {
		v.refuse("it is not a table", "name the table that has the rows")
	}
	return r[0], nil
}

func (v *Survey) refuse(why, next string, args ...any) {
	v.Refusals = append(v.Refusals, Refusal{Why: fmt.Sprintf(why, args...), Next: next})
}

func (j *Job) readColumns(ctx context.Context, s *session, v *Survey, table string) error {
	rows, err := s.rows(ctx, `SELECT a.attname, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, b.typarray, CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END, a.attgenerated, a.attnotnull OR t.typnotnull
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid JOIN pg_catalog.pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped`, table)
	if err != nil {
		return err
	}
	all := map[string][]string{}
	for _, r := range rows {
		all[r[0]] = r
	}
	key, index, err := j.keyColumns(ctx, s, v, table)
	if err != nil {
		return err
	}
	if len(j.Table.Columns) == 0 {
		v.refuse("no columns are named", "name the encrypted columns")
	}
	seen := map[string]bool{}
	for _, c := range j.Table.Columns {
		if col, ok := v.column(all, c.Name, []uint32{oidBytea, oidText, oidVarchar}, "bytea, text or varchar"); ok {
			v.columns = append(v.columns, col)
		}
		if seen[c.Name] {
			v.refuse("the column %q is named twice", "name it once", c.Name)
		}
		seen[c.Name] = true
	}
	for _, name := range key {
		if col, ok := v.placeColumn(all, name, "key"); ok {
			v.keys = append(v.keys, col)
		}
	}
	for _, name := range index {
		if i := slices.IndexFunc(v.keys, func(c column) bool { return c.name == name }); i >= 0 {
			v.order = append(v.order, i)
		}
	}
	if j.Table.ScopeColumn != "" {
		if col, ok := v.placeColumn(all, j.Table.ScopeColumn, "scope"); ok {
			v.scope = &col
		}
	}
	return nil
}

// placeColumn takes a column that says where a row's values belong.
func (v *Survey) placeColumn(all map[string][]string, name, role string) (column, bool) {
	c, ok := v.column(all, name, []uint32{oidInt2, oidInt4, oidInt8, oidUUID, oidText, oidVarchar}, "smallint, integer, bigint, uuid, text or varchar")
	if ok && all[name][5] != "t" {
		v.refuse("the %s column %q may be NULL", "ALTER TABLE ... ALTER COLUMN "+ident(name)+" SET NOT NULL", role, name)
	}
	return c, ok
}

// column takes a column of the table if its type will do.
func (v *Survey) column(all map[string][]string, name string, types []uint32, want string) (column, bool) {
	r := all[name]
	if r == nil {
		v.refuse("it has no column %q", "name the columns as the table has them", name)
		return column{}, false
	}
	oid, _ := strconv.ParseUint(r[1], 10, 32)
	arr, _ := strconv.ParseUint(r[2], 10, 32)
	c := column{name: name, oid: uint32(oid), array: uint32(arr)}
	if mod, _ := strconv.Atoi(r[3]); c.oid == oidVarchar && mod > 4 {
		c.width = mod - 4
	}
	if !slices.Contains(types, c.oid) {
		v.refuse("the column %q is not %s", "change its type, or leave it out", name, want)
		return c, false
	}
	if r[4] != "" {
		v.refuse("the column %q is generated", "name the column that it is made from", name)
	}
	return c, true
}

// keyColumns gives the columns of the rows' key: those that are named, which a
// unique index must hold, or the primary key's; and the same in the order of
// the index.
func (j *Job) keyColumns(ctx context.Context, s *session, v *Survey, table string) (key, index []string, err error) {
	rows, err := s.rows(ctx, `SELECT i.indisprimary, string_agg(a.attname, E'\x01' ORDER BY k.n)
FROM pg_catalog.pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k(att, n) JOIN pg_catalog.pg_attribute a ON a.attnum = k.att
WHERE i.indrelid = $1::oid AND a.attrelid = i.indrelid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND k.n <= i.indnkeyatts GROUP BY i.indexrelid, i.indisprimary`, table)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		cols := strings.Split(r[1], "\x01")
		if len(j.Table.Key) == 0 && r[0] == "t" || len(j.Table.Key) > 0 && slices.Equal(sorted(cols), sorted(j.Table.Key)) {
			if len(j.Table.Key) > 0 {
				return j.Table.Key, cols, nil
			}
			return cols, cols, nil
		}
	}
	if len(j.Table.Key) > 0 {
		v.refuse("no unique index has just the columns %s", "name the columns of a unique index as the key", strings.Join(j.Table.Key, ", "))
	} else {
		v.refuse("it has no primary key", "name the columns of a unique index as the key")
	}
	return nil, nil, nil
}

func sorted(names []string) []string {
	return slices.Sorted(slices.Values(names))
}

// readLeaves finds the tables that have the rows: the table itself, and its
// partitions or children.
func (j *Job) readLeaves(ctx context.Context, s *session, v *Survey, table string) error {
	rows, err := s.rows(ctx, tree+`SELECT c.oid, n.nspname, c.relname, c.relkind, greatest(c.reltuples, 0)::bigint, pg_catalog.pg_relation_size(c.oid), current_setting('block_size')
FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY 2, 3`, table)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r[3] == "p" {
			continue
		}
		if r[3] != "r" {
			v.refuse("the partition %s.%s is not a table of this server", "write it anew where it is", r[1], r[2])
			continue
		}
		n, _ := strconv.ParseInt(r[4], 10, 64)
		size, _ := strconv.ParseInt(r[5], 10, 64)
		block, _ := strconv.ParseInt(r[6], 10, 64)
		v.leaves = append(v.leaves, relation{oid: r[0], name: ident(r[1]) + "." + ident(r[2]), rows: n, pages: uint32(size / max(block, 1))})
		v.Rows += n
		v.Bytes += size
	}
	return nil
}

// tree begins a query over the table, its partitions and its children: rows
// are written where they are, so what those have of their own counts.
const tree = `WITH RECURSIVE tree(oid) AS (SELECT $1::oid UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid) `

// encrypted is the condition that an attribute a is one of the columns $2.
const encrypted = `a.attname = ANY(string_to_array($2, E'\x01'))`

// readIndexes counts the indexes that each new row costs an entry, and refuses
// those whose order or uniqueness lives off the ciphertext. An index of a
// constraint depends on the constraint, not on its columns: those are in its
// key. The columns of expressions and predicates are what it depends on.
func (j *Job) readIndexes(ctx context.Context, s *session, v *Survey, table string) error {
	rows, err := s.rows(ctx, tree+`SELECT c.relname, i.indisunique OR i.indisexclusion, i.indisprimary, c.relispartition, i.indrelid,
  EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND `+encrypted+` AND (a.attnum = ANY(i.indkey::int2[]) OR EXISTS (
    SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = d.classid AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum)))
FROM tree JOIN pg_catalog.pg_index i ON i.indrelid = tree.oid JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid ORDER BY c.relname`, table, j.columnNames())
	if err != nil {
		return err
	}
	of := map[string]int{}
	for _, r := range rows {
		switch {
		case r[5] == "t" && r[3] == "t": // its parent is refused
		case r[5] == "t" && r[1] == "t":
			v.refuse("the unique index %s is over an encrypted column: its values are deterministic, or it holds nothing", "move uniqueness to a keyed digest in a column of its own, and drop the index", r[0])
		case r[5] == "t":
			v.refuse("the index %s is over an encrypted column: lookups by ciphertext would find nothing any more", "move lookups to a keyed digest in a column of its own, and drop the index", r[0])
		case r[2] != "t":
			of[r[4]]++
		}
	}
	for _, n := range of {
		v.Indexes = max(v.Indexes, n)
	}
	return nil
}

func (j *Job) columnNames() string {
	var names []string
	for _, c := range j.Table.Columns {
		names = append(names, c.Name)
	}
	return strings.Join(names, "\x01")
}

// readHooks refuses what would run for each row that is written, or change with
// its ciphertext.
func (j *Job) readHooks(ctx context.Context, s *session, v *Survey, table string) error {
	rows, err := s.rows(ctx, tree+`SELECT DISTINCT t.tgname FROM tree JOIN pg_catalog.pg_trigger t ON t.tgrelid = tree.oid
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & 16 = 16
  AND (t.tgattr::text = '' OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.tgrelid AND a.attnum = ANY(t.tgattr::int2[]) AND `+encrypted+`)) ORDER BY 1`, table, j.columnNames())
	if err != nil {
		return err
	}
	for _, r := range rows {
		if slices.Contains(j.Options.Triggers, r[0]) {
			continue
		}
		v.refuse("the trigger %s runs for what is written", "let it return early when current_setting('application_name') is 'pawl reencrypt', or disable it for the time, and say --allow-trigger "+r[0], r[0])
	}
	for _, look := range []struct{ query, why, next string }{
		{tree + `SELECT DISTINCT r.rulename FROM tree JOIN pg_catalog.pg_rewrite r ON r.ev_class = tree.oid WHERE r.ev_type = '2' AND r.ev_enabled IN ('O', 'A') AND $2 <> '' ORDER BY 1`,
			"the rule %s changes what an UPDATE does", "drop it, or disable it for the time"},
		{tree + `SELECT DISTINCT g.attname FROM tree JOIN pg_catalog.pg_attribute g ON g.attrelid = tree.oid AND g.attgenerated <> '' JOIN pg_catalog.pg_attrdef d ON d.adrelid = g.attrelid AND d.adnum = g.attnum
JOIN pg_catalog.pg_depend p ON p.classid = 'pg_catalog.pg_attrdef'::regclass AND p.objid = d.oid AND p.refobjid = g.attrelid JOIN pg_catalog.pg_attribute a ON a.attrelid = p.refobjid AND a.attnum = p.refobjsubid
WHERE ` + encrypted + ` ORDER BY 1`,
			"the column %q is generated from an encrypted column", "drop it: it changes with every key"},
		{tree + `SELECT DISTINCT c.conname FROM tree JOIN pg_catalog.pg_constraint c ON c.conrelid = tree.oid AND c.contype = 'f' AND c.conparentid = 0 JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)
WHERE ` + encrypted + ` ORDER BY 1`,
			"the foreign key %s is over an encrypted column", "drop it: values under two keys are never equal"},
	} {
		if rows, err = s.rows(ctx, look.query, table, j.columnNames()); err != nil {
			return err
		}
		for _, r := range rows {
			v.refuse(look.why, look.next, r[0])
		}
	}
	rows, err = s.rows(ctx, tree+`SELECT DISTINCT p.pubname FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_publication_tables p ON p.schemaname = n.nspname AND p.tablename = c.relname ORDER BY 1`, table)
	if err != nil {
		return err
	}
	for _, r := range rows {
		v.Notes = append(v.Notes, fmt.Sprintf("the publication %s sends each row to its subscribers", r[0]))
	}
	return nil
}

// readPrivileges refuses when the role could not write, or could not see all.
// A partition is read and written by its own name: what the parent grants and
// hides does not count there.
func (j *Job) readPrivileges(ctx context.Context, s *session, v *Survey, table string) error {
	rows, err := s.rows(ctx, tree+`SELECT c.relname, pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AND (pg_catalog.has_table_privilege(c.oid, 'UPDATE') OR NOT EXISTS (
  SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND `+encrypted+` AND NOT pg_catalog.has_column_privilege(c.oid, a.attnum, 'UPDATE'))),
pg_catalog.row_security_active(c.oid), pg_catalog.pg_is_in_recovery()
FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid WHERE c.relkind <> 'p' ORDER BY 1`, table, j.columnNames())
	if err != nil {
		return err
	}
	for i, r := range rows {
		if r[1] != "t" {
			v.refuse("the role %s may not read and update %s", "grant "+v.Role+" SELECT and UPDATE on it, and USAGE on its schema", v.Role, r[0])
		}
		if r[2] == "t" {
			v.refuse("row security hides rows of %s from the role %s", "use a role with BYPASSRLS, or the table's owner", r[0], v.Role)
		}
		if i == 0 && r[3] == "t" {
			v.refuse("the server is a replica", "connect to the primary")
		}
	}
	return nil
}

// readWidths refuses columns whose limit the new values would not fit in.
func (j *Job) readWidths(ctx context.Context, s *session, v *Survey, _ string) error {
	for _, c := range v.columns {
		if c.width == 0 || len(v.Refusals) > 0 {
			continue
		}
		longest := 0
		for _, leaf := range v.leaves {
			n, err := j.longest(ctx, s, c, leaf)
			if state(err) == "57014" && ctx.Err() == nil { // query_canceled
				v.refuse("the column %q takes %d characters, and to see whether longer values would fit takes too long here", "ALTER TABLE ... ALTER COLUMN "+ident(c.name)+" TYPE text (at once: it rewrites nothing)", c.name, c.width)
				return nil
			}
			if err != nil {
				return err
			}
			longest = max(longest, n)
		}
		// At worst the longest text is a plaintext of three quarters of it.
		need := longest
		if j.Target.Overhead() > 0 {
			need = len(envelope.TextPrefix) + (longest+j.Target.Overhead())*4/3 + 2
		}
		if need > c.width {
			v.refuse("the column %q takes %d characters, and a value may need %d", "ALTER TABLE ... ALTER COLUMN "+ident(c.name)+" TYPE text (at once: it rewrites nothing)", c.name, c.width, need)
		}
	}
	return nil
}

// longest measures a column, as long as it may.
func (j *Job) longest(ctx context.Context, s *session, c column, leaf relation) (int, error) {
	begin := "BEGIN"
	if j.Options.Measure > 0 {
		begin += fmt.Sprintf("; SET LOCAL statement_timeout = %d", max(1, j.Options.Measure.Milliseconds()))
	}
	if err := s.exec(ctx, begin); err != nil {
		return 0, err
	}
	rows, err := s.rows(ctx, "SELECT coalesce(max(length("+ident(c.name)+")), 0) FROM ONLY "+leaf.name)
	if e := s.exec(ctx, "ROLLBACK"); err == nil {
		err = e
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(rows[0][0])
}
