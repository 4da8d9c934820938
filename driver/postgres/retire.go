package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// sessionsAgain is how long to wait before sessions are counted again.
const sessionsAgain = 30 * time.Second

// standing is what a role is now.
type standing struct {
	exists, super, self, login bool
	sessions                   int
	comment                    string
	privileged                 bool // the connection's role has the rights of it
}

// stand finds out what a role is. pg_stat_activity shows the user of every
// session to everybody (documentation, "The Cumulative Statistics System").
func (s *session) stand(name string) (standing, error) {
	rows, err := s.ask(`SELECT rolsuper, rolname = current_user, rolcanlogin, coalesce(shobj_description(oid, 'pg_authid'), ''),
		pg_has_role(current_user, oid, 'USAGE'), (SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE a.usesysid = r.oid)
		FROM pg_catalog.pg_roles r WHERE rolname = $1`, name)
	if err != nil || len(rows) == 0 {
		return standing{}, err
	}
	row := rows[0]
	n, _ := strconv.Atoi(row[5]) // a count is a number
	return standing{exists: true, super: row[0] == "t", self: row[1] == "t", login: row[2] == "t", comment: row[3], privileged: row[4] == "t", sessions: n}, nil
}

// begin opens a session and finds out what the role of a credential is. A name
// that no role can have is that of none.
func (c *conn) begin(ctx context.Context, op string, t driver.Target, of driver.Credential) (*session, roles, standing, error) {
	r, err := c.roles(op, t)
	if err != nil {
		return nil, r, standing{}, err
	}
	s, err := c.open(ctx, op, of.ID)
	if err != nil {
		return nil, r, standing{}, err
	}
	var now standing
	if nameFault(of.ID) == "" {
		now, err = s.stand(of.ID)
	}
	if err == nil && (now.self || now.super) {
		err = invalid(op, of.ID, "it is the connection's own role, or a superuser", "end it by hand, if it is to end")
	}
	if err != nil {
		s.close()
		return nil, r, now, err
	}
	return s, r, now, nil
}

// Deactivate lets a role log in no more. Sessions that are open stay open.
func (c *conn) Deactivate(ctx context.Context, t driver.Target, of driver.Credential) error {
	const op = "disable a role"
	s, _, now, err := c.begin(ctx, op, t, of)
	if err != nil {
		return err
	}
	defer s.close()
	known := strings.HasPrefix(now.comment, "pawl: ") // without a comment the list would not know it again
	switch {
	case !now.exists:
		return noRole(op, of.ID)
	case !now.login && known:
		return nil
	}
	sql := "ALTER ROLE " + identifier(of.ID) + " NOLOGIN"
	if !known {
		sql += fmt.Sprintf("; COMMENT ON ROLE %s IS %s", identifier(of.ID), literal(disabledAt+c.env.Now().UTC().Format(time.RFC3339)))
	}
	return s.do(sql)
}

// Reactivate lets a role log in again, with the password that it had.
func (c *conn) Reactivate(ctx context.Context, t driver.Target, of driver.Credential) error {
	const op = "enable a role"
	s, _, now, err := c.begin(ctx, op, t, of)
	if err != nil {
		return err
	}
	defer s.close()
	switch {
	case !now.exists:
		return noRole(op, of.ID)
	case now.login:
		return nil
	default:
		return s.do("ALTER ROLE " + identifier(of.ID) + " LOGIN")
	}
}

// LastUsed is now while a session of the role is open, and else never: the
// server remembers no logins.
func (c *conn) LastUsed(ctx context.Context, t driver.Target, of driver.Credential) (time.Time, error) {
	s, _, now, err := c.begin(ctx, "look for sessions", t, of)
	if err != nil {
		return time.Time{}, err
	}
	defer s.close()
	if now.sessions == 0 {
		return time.Time{}, nil
	}
	return c.env.Now(), nil
}

// Revoke drops a role: what it owns goes to the owner role, its privileges end
// with it. The owner role itself is not dropped, it only stops to be a login.
// A role with open sessions is left alone, unless they may be ended.
func (c *conn) Revoke(ctx context.Context, t driver.Target, of driver.Credential, _ secret.Parts) error {
	const op = "drop a role"
	s, r, now, err := c.begin(ctx, op, t, of)
	if err != nil {
		return err
	}
	defer s.close()
	switch {
	case !now.exists:
		return nil
	case slices.Contains(r.groups(), of.ID):
		return s.do(fmt.Sprintf("ALTER ROLE %s NOLOGIN PASSWORD NULL", identifier(of.ID)))
	case now.sessions > 0 && !r.terminate:
		return &driver.Error{Op: op, On: of.ID, Kind: driver.Conflict, Effect: pawl.EffectNone, RetryAfter: sessionsAgain,
			Why: fmt.Sprintf("%d sessions of it are open", now.sessions), Next: "find what holds them in pg_stat_activity, or set sessions: terminate"}
	}
	e := driver.AsError(op, s.do(r.drop(of.ID, now)))
	if e == nil {
		return nil
	}
	if strings.HasSuffix(e.Why, divisionByZero) {
		e.Why, e.Next = "it owns objects in this database", "set owner_role, which they are then given to"
	}
	return e
}

// drop gives the statements that end a role. They are one transaction.
func (r roles) drop(name string, now standing) string {
	id := identifier(name)
	sql := []string{fmt.Sprintf("ALTER ROLE %s NOLOGIN", id)}
	if now.sessions > 0 {
		sql = append(sql, fmt.Sprintf("SELECT pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE usename = %s", literal(name)))
	}
	if !now.privileged { // REASSIGN OWNED and DROP OWNED need the rights of the role; they end with it
		sql = append(sql, fmt.Sprintf("GRANT %s TO CURRENT_USER", id))
	}
	if r.owner != "" {
		sql = append(sql, fmt.Sprintf("REASSIGN OWNED BY %s TO %s", id, identifier(r.owner)))
	}
	return strings.Join(append(sql, ownsNothing(name), "DROP OWNED BY "+id, "DROP ROLE "+id), "; ")
}

// ownsNothing fails, by a division by zero, while the role owns anything here:
// DROP OWNED would drop that too.
func ownsNothing(name string) string {
	return fmt.Sprintf(`SELECT 1 / (CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_shdepend d JOIN pg_catalog.pg_roles r ON r.oid = d.refobjid
		WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND d.deptype = 'o' AND r.rolname = %s
		AND d.dbid IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))) THEN 0 ELSE 1 END)`, literal(name))
}
