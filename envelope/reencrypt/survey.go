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
	rows, err := s.rows(ctx, `SELECT a.attname, CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END, b.typarray, a.atttypmod, a.attgenerated, t.typtype, a.attnotnull
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid JOIN pg_catalog.pg_type b ON b.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped`, table)
	if err != nil {
		return err
	}
	all := map[string][]string{}
	for _, r := range rows {
		all[r[0]] = r
	}
	key, err := j.keyColumns(ctx, s, v, table)
	if err != nil {
		return err
	}
	for _, c := range j.Table.Columns {
		if col, ok := v.column(all, c.Name, []uint32{oidBytea, oidText, oidVarchar}, "bytea, text or varchar"); ok {
			v.columns = append(v.columns, col)
		}
	}
	if len(j.Table.Columns) == 0 {
		v.refuse("no columns are named", "name the encrypted columns")
	}
	for _, name := range key {
		if col, ok := v.column(all, name, []uint32{oidInt2, oidInt4, oidInt8, oidUUID, oidText, oidVarchar}, "smallint, integer, bigint, uuid, text or varchar"); ok {
			v.keys = append(v.keys, col)
		}
	}
	if j.Table.ScopeColumn != "" {
		if col, ok := v.column(all, j.Table.ScopeColumn, []uint32{oidInt2, oidInt4, oidInt8, oidUUID, oidText, oidVarchar}, "smallint, integer, bigint, uuid, text or varchar"); ok {
			v.scope = &col
		}
	}
	return nil
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
// unique index must hold, or the primary key's.
func (j *Job) keyColumns(ctx context.Context, s *session, v *Survey, table string) ([]string, error) {
	rows, err := s.rows(ctx, `SELECT i.indisprimary, string_agg(a.attname, E'\x01' ORDER BY k.n)
FROM pg_catalog.pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k(att, n) JOIN pg_catalog.pg_attribute a ON a.attnum = k.att
WHERE i.indrelid = $1::oid AND a.attrelid = i.indrelid AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND k.n <= i.indnkeyatts GROUP BY i.indexrelid, i.indisprimary`, table)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		cols := strings.Split(r[1], "\x01")
		if len(j.Table.Key) == 0 && r[0] == "t" || len(j.Table.Key) > 0 && slices.Equal(sorted(cols), sorted(j.Table.Key)) {
			if len(j.Table.Key) > 0 {
				return j.Table.Key, nil
			}
			return cols, nil
		}
	}
	if len(j.Table.Key) > 0 {
		v.refuse("no unique index has just the columns %s", "name the columns of a unique index as the key", strings.Join(j.Table.Key, ", "))
	} else {
		v.refuse("it has no primary key", "name the columns of a unique index as the key")
	}
	return nil, nil
}

func sorted(names []string) []string {
	return slices.Sorted(slices.Values(names))
}

// readLeaves finds the tables that have the rows: the table itself, and its
// partitions or children.
func (j *Job) readLeaves(ctx context.Context, s *session, v *Survey, table string) error {
	rows, err := s.rows(ctx, `WITH RECURSIVE tree(oid) AS (SELECT $1::oid UNION ALL SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid)
SELECT c.oid, n.nspname, c.relname, c.relkind, greatest(c.reltuples, 0)::bigint, pg_catalog.pg_relation_size(c.oid), current_setting('block_size')
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

// readIndexes counts the indexes that each new row costs an entry, and refuses
// those whose order or uniqueness lives off the ciphertext.
func (j *Job) readIndexes(ctx context.Context, s *session, v *Survey, table string) error {
	rows, err := s.rows(ctx, `SELECT c.relname, i.indisunique OR i.indisexclusion, i.indisprimary,
  EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.objid = i.indexrelid AND d.refobjid = i.indrelid AND a.attname = ANY(string_to_array($2, E'\x01')))
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $1::oid`, table, j.columnNames())
	if err != nil {
		return err
	}
	for _, r := range rows {
		switch {
		case r[3] == "t" && r[1] == "t":
			v.refuse("the unique index %s is over an encrypted column: its values are deterministic, or it holds nothing", "move uniqueness to a keyed digest in a column of its own, and drop the index", r[0])
		case r[3] == "t":
			v.refuse("the index %s is over an encrypted column: lookups by ciphertext would find nothing any more", "move lookups to a keyed digest in a column of its own, and drop the index", r[0])
		case r[2] != "t":
			v.Indexes++
		}
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

// readHooks refuses what would run for each row that is written.
func (j *Job) readHooks(ctx context.Context, s *session, v *Survey, table string) error {
	rows, err := s.rows(ctx, `WITH RECURSIVE tree(oid) AS (SELECT $1::oid UNION ALL SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON i.inhparent = tree.oid)
SELECT DISTINCT t.tgname FROM tree JOIN pg_catalog.pg_trigger t ON t.tgrelid = tree.oid
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgtype & 16 = 16
  AND (t.tgattr::text = '' OR EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.tgrelid AND a.attnum = ANY(t.tgattr::int2[]) AND a.attname = ANY(string_to_array($2, E'\x01'))))`, table, j.columnNames())
	if err != nil {
		return err
	}
	for _, r := range rows {
		if slices.Contains(j.Options.Triggers, r[0]) {
			continue
		}
		v.refuse("the trigger %s runs for every row that is written", "let it return early when current_setting('application_name') is 'pawl reencrypt', or disable it for the time, and say --allow-trigger "+r[0], r[0])
	}
	if rows, err = s.rows(ctx, `SELECT a.attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
JOIN pg_catalog.pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refobjid = a.attrelid JOIN pg_catalog.pg_attribute src ON src.attrelid = p.refobjid AND src.attnum = p.refobjsubid
WHERE a.attrelid = $1::oid AND a.attgenerated <> '' AND src.attname = ANY(string_to_array($2, E'\x01'))`, table, j.columnNames()); err != nil {
		return err
	}
	for _, r := range rows {
		v.refuse("the column %q is generated from an encrypted column", "drop it: it changes with every key", r[0])
	}
	if rows, err = s.rows(ctx, `SELECT c.conname FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)
WHERE c.conrelid = $1::oid AND c.contype = 'f' AND a.attname = ANY(string_to_array($2, E'\x01'))`, table, j.columnNames()); err != nil {
		return err
	}
	for _, r := range rows {
		v.refuse("the foreign key %s is over an encrypted column", "drop it: values under two keys are never equal", r[0])
	}
	rows, err = s.rows(ctx, `SELECT pubname FROM pg_catalog.pg_publication_tables WHERE (schemaname, tablename) = (SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid)`, table)
	if err != nil {
		return err
	}
	for _, r := range rows {
		v.Notes = append(v.Notes, fmt.Sprintf("the publication %s sends each row to its subscribers", r[0]))
	}
	return nil
}

// readPrivileges refuses when the role could not write, or could not see all.
func (j *Job) readPrivileges(ctx context.Context, s *session, v *Survey, table string) error {
	rows, err := s.rows(ctx, `SELECT pg_catalog.has_table_privilege($1::oid, 'SELECT'), pg_catalog.has_table_privilege($1::oid, 'UPDATE') OR NOT EXISTS (
  SELECT FROM unnest(string_to_array($2, E'\x01')) c(name) JOIN pg_catalog.pg_attribute a ON a.attrelid = $1::oid AND a.attname = c.name WHERE NOT pg_catalog.has_column_privilege($1::oid, a.attnum, 'UPDATE')),
pg_catalog.row_security_active($1::oid), pg_catalog.pg_is_in_recovery()`, table, j.columnNames())
	if err != nil {
		return err
	}
	r := rows[0]
	if r[0] != "t" || r[1] != "t" {
		v.refuse("the role %s may not read and update it", "grant "+v.Role+" SELECT and UPDATE on the table", v.Role)
	}
	if rows[0][2] == "t" {
		v.refuse("row security hides rows from the role %s", "use a role with BYPASSRLS, or the table's owner", v.Role)
	}
	if r[3] == "t" {
		v.refuse("the server is a replica", "connect to the primary")
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
			rows, err := s.rows(ctx, "SELECT coalesce(max(length("+ident(c.name)+")), 0) FROM ONLY "+leaf.name)
			if err != nil {
				return err
			}
			n, _ := strconv.Atoi(rows[0][0])
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
