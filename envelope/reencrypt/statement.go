package reencrypt

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl/envelope"
)

// statements are those of one relation, prepared in each session.
type statements struct {
	sel    string // from, to, rows, pass: the next page of a part
	locked string // keys...: the rows of a page that are still old, locked
	update string // positions, versions, keys..., columns...
	types  []uint32
	keys   []uint32 // parameter types of locked
}

const (
	selName    = "pawl_select"
	lockedName = "pawl_locked"
	updateName = "pawl_update"
)

// statementsFor writes the statements. Each of several passes has a share of
// the rows, spread evenly over the pages.
func statementsFor(rel relation, v *Survey, header []byte, passes int, wait bool) statements {
	list := rowList(v)
	old := oldRows(v, header)
	s := statements{sel: fmt.Sprintf("SELECT %s FROM ONLY %s WHERE ctid > $1 AND ctid < $2%s AND %s LIMIT $3", strings.Join(list, ", "), rel.name, share(v, passes), old)}
	var match, unnest, set []string
	for i, k := range v.keys {
		match = append(match, fmt.Sprintf("t.%s = u.k%d", ident(k.name), i))
	}
	s.types = []uint32{oidTIDs, oidXIDs}
	unnest = append(unnest, "unnest($1) p", "unnest($2) x")
	var inner []string
	for i, k := range v.keys {
		unnest = append(unnest, fmt.Sprintf("unnest($%d) k%d", len(s.types)+1, i))
		inner = append(inner, fmt.Sprintf("unnest($%d) k%d", i+1, i))
		s.types, s.keys = append(s.types, k.array), append(s.keys, k.array)
	}
	for i, c := range v.columns {
		unnest = append(unnest, fmt.Sprintf("unnest($%d) c%d", len(s.types)+1, i))
		set = append(set, fmt.Sprintf("%s = u.c%d", ident(c.name), i))
		s.types = append(s.types, c.array)
	}
	s.update = fmt.Sprintf("UPDATE ONLY %s t SET %s FROM (SELECT %s) u WHERE t.ctid = u.p AND t.xmin = u.x AND %s", rel.name, strings.Join(set, ", "), strings.Join(unnest, ", "), strings.Join(match, " AND "))
	for i, l := range list {
		list[i] = "t." + l
	}
	s.locked = fmt.Sprintf("SELECT %s FROM ONLY %s t JOIN (SELECT %s) u ON %s WHERE %s FOR NO KEY UPDATE OF t", strings.Join(list, ", "), rel.name, strings.Join(inner, ", "), strings.Join(match, " AND "), old)
	if !wait {
		s.locked += " SKIP LOCKED"
	}
	return s
}

// rowList is what a worker reads of a row.
func rowList(v *Survey) []string {
	list := []string{"ctid", "xmin"}
	for _, c := range append(append([]column{}, v.keys...), v.columns...) {
		list = append(list, ident(c.name))
	}
	if v.scope != nil {
		list = append(list, ident(v.scope.name))
	}
	return list
}

// withoutCAS makes the update as it must not be: it writes over whatever came in
// between. Tests show with it that they would notice.
func (s *statements) withoutCAS() {
	s.update = strings.Replace(s.update, "t.ctid = u.p AND t.xmin = u.x AND ", "u.p IS NOT NULL AND u.x IS NOT NULL AND ", 1)
}

// oldRows is the condition that a row has a value which does not begin as it
// should. NULL and the empty value are left alone.
func oldRows(v *Survey, header []byte) string {
	var any []string
	for _, c := range v.columns {
		any = append(any, oldValue(c, header))
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

func oldValue(c column, header []byte) string {
	name := ident(c.name)
	switch {
	case header == nil && c.text():
		return name + " <> ''"
	case header == nil:
		return name + " <> '\\x'::bytea"
	case !c.text():
		return fmt.Sprintf("(substring(%s, 1, %d) <> '\\x%s'::bytea AND %s <> '\\x'::bytea)", name, len(header), hex.EncodeToString(header), name)
	}
	return fmt.Sprintf("(substring(%s, 1, %d) NOT IN (%s) AND %s <> '')", name, len(envelope.TextPrefix)+11, strings.Join(textHeads(header), ", "), name)
}

// textHeads are the ways in which a text that is sealed under a header begins:
// base64 has 6 bits a character, so that the 64 bits of the header end within
// the eleventh, and its other 2 bits are the nonce's.
func textHeads(header []byte) []string {
	var out []string
	for i := range 4 {
		text := envelope.AppendText(nil, append(append([]byte{}, header...), byte(i<<6)))
		out = append(out, literal(string(text[:len(envelope.TextPrefix)+11])))
	}
	return out
}

// share is the condition that a row is of a pass. The passes of one page of
// the table are many turns apart, so that what one pass has moved away is
// pruned before the next comes: that finds room within the page, and needs no
// new entries in any index.
func share(v *Survey, passes int) string {
	if passes < 2 {
		return " AND $4 = 0"
	}
	n := strconv.Itoa(passes)
	if k := v.keys[0]; len(v.keys) == 1 && (k.oid == oidInt2 || k.oid == oidInt4 || k.oid == oidInt8) {
		return fmt.Sprintf(" AND abs(%s %% %s) = $4", ident(k.name), n)
	}
	var parts []string
	for _, k := range v.keys {
		parts = append(parts, ident(k.name)+"::text")
	}
	return fmt.Sprintf(" AND abs(hashtext(%s) %% %s) = $4", strings.Join(parts, " || ',' || "), n)
}
