package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// The parts of a role's credential.
const (
	partUser     = "user"
	partPassword = "password"
)

// The comments by which pawl knows the roles that it made or disabled again.
// The server keeps no time of a role's making.
const (
	mintedAt   = "pawl: minted "
	disabledAt = "pawl: disabled "
)

// roles are the settings of the kind role.
type roles struct {
	prefix    string
	owner     string   // owns what the logins make; "" for none
	grant     []string // other roles that they are members of
	limit     int      // sessions at once; 0 is no limit
	terminate bool     // end what sessions are left, when a role is ended
}

// roles reads the settings.
func (c *conn) roles(op string, t driver.Target) (roles, error) {
	if t.Kind != kindRole {
		return roles{}, unsupported(op, t.Kind)
	}
	s := t.Settings
	r := roles{prefix: s.String("prefix"), owner: s.String("owner_role"), grant: s.List("grant"), limit: s.Int("connection_limit"),
		terminate: s.String("sessions") == sessionsTerminate}
	if why := nameFault(r.prefix); why != "" {
		return roles{}, invalid(op, r.prefix, "prefix: "+why, "choose a prefix that only this secret's roles have")
	}
	for _, group := range r.groups() {
		if why := nameFault(group); why != "" && !strings.HasPrefix(group, "pg_") { // predefined roles may be granted
			return roles{}, invalid(op, group, "owner_role or grant: "+why, "")
		}
	}
	return r, nil
}

// groups lists the roles that a login is a member of.
func (r roles) groups() []string {
	if r.owner == "" || slices.Contains(r.grant, r.owner) {
		return r.grant
	}
	return append([]string{r.owner}, r.grant...)
}

// Mint makes a login role with a password of pawl's own, or gives a role
// another password. All of it is one request.
func (c *conn) Mint(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	switch r.Target.Kind {
	case kindRole:
		return c.mintRole(ctx, r)
	case kindPassword:
		return c.mintPassword(ctx, r)
	default:
		return driver.Minted{}, unsupported("mint", r.Target.Kind)
	}
}

func (c *conn) mintRole(ctx context.Context, r driver.MintRequest) (driver.Minted, error) {
	const op = "create role"
	set, err := c.roles(op, r.Target)
	if err != nil {
		return driver.Minted{}, err
	}
	if why := nameFault(r.Name); why != "" {
		return driver.Minted{}, invalid(op, r.Name, why, "change name")
	}
	if !strings.HasPrefix(r.Name, set.prefix) || r.Name == set.prefix {
		return driver.Minted{}, invalid(op, r.Name, fmt.Sprintf("the name does not begin with the prefix %q, by which it would be found again", set.prefix), "change name or prefix")
	}
	password, stored, err := c.draw(op, r)
	if err != nil {
		return driver.Minted{}, err
	}
	now := c.env.Now().UTC().Truncate(time.Second)
	minted := driver.Minted{Credential: driver.Credential{ID: r.Name, Name: r.Name, CreatedAt: now},
		Value: secret.Parts{partUser: secret.NewString(r.Name), partPassword: password}}
	if err := c.mintOnce(ctx, op, r.Name, set.create(r.Name, stored, now), r.Name, password); err != nil {
		return driver.Minted{}, err
	}
	return minted, nil
}

// draw makes a password and what the server is to keep of it.
func (c *conn) draw(op string, r driver.MintRequest) (secret.Value, string, error) {
	password, err := r.Format.Generate(c.env.Rand)
	if err != nil {
		return secret.Value{}, "", invalid(op, r.Name, err.Error(), "change the secret's format rules")
	}
	stored, err := verifier(password, c.env.Rand)
	if err != nil {
		return secret.Value{}, "", invalid(op, r.Name, err.Error(), "change the secret's format rules")
	}
	return password, stored, nil
}

// mintOnce makes the one request. When its answer is lost it looks: a login
// with the new password that is accepted shows that it was done. A refused one
// shows nothing, for the server may still be at it.
func (c *conn) mintOnce(ctx context.Context, op, on, statements, user string, password secret.Value) error {
	s, err := c.open(ctx, op, on)
	if err != nil {
		return err
	}
	err = s.do(statements)
	s.close()
	if e := driver.AsError(op, err); e != nil && e.Effect == pawl.EffectUnknown && ctx.Err() == nil {
		if verdict, _ := c.try(ctx, user, password); verdict == driver.Accepted {
			return nil
		}
	}
	return err
}

// create gives the statements that make a login. IN ROLE makes it a member;
// with SET role its sessions act as the owner, so that what they make belongs
// to no version.
func (r roles) create(name, stored string, now time.Time) string {
	var sql strings.Builder
	fmt.Fprintf(&sql, "CREATE ROLE %s LOGIN PASSWORD %s", identifier(name), literal(stored))
	if r.limit > 0 {
		fmt.Fprintf(&sql, " CONNECTION LIMIT %d", r.limit)
	}
	if groups := r.groups(); len(groups) > 0 {
		fmt.Fprintf(&sql, " IN ROLE %s", identifiers(groups))
	}
	if r.owner != "" {
		fmt.Fprintf(&sql, "; ALTER ROLE %s SET role = %s", identifier(name), literal(r.owner))
	}
	fmt.Fprintf(&sql, "; COMMENT ON ROLE %s IS %s", identifier(name), literal(mintedAt+now.Format(time.RFC3339)))
	return sql.String()
}

// selectRoles gives a role's name, whether it may log in, and its comment.
const selectRoles = "SELECT rolname, rolcanlogin, coalesce(shobj_description(oid, 'pg_authid'), '') FROM pg_catalog.pg_roles WHERE "

func (s *session) list(r roles) ([]driver.Credential, error) {
	rows, err := s.ask(selectRoles+"left(rolname, length($1)) = $1 ORDER BY rolname", r.prefix)
	if err != nil {
		return nil, err
	}
	var list []driver.Credential
	for _, row := range rows {
		c := record(row)
		// One that may not log in is a group of somebody's, unless pawl says so.
		if c.Inactive && (!strings.HasPrefix(row[2], "pawl: ") || slices.Contains(r.groups(), c.Name)) {
			continue
		}
		list = append(list, c)
	}
	return list, nil
}

func record(row []string) driver.Credential {
	c := driver.Credential{ID: row[0], Name: row[0], Inactive: row[1] != "t"}
	if at, ok := strings.CutPrefix(row[2], mintedAt); ok {
		c.CreatedAt, _ = time.Parse(time.RFC3339, at) // a comment that somebody changed tells no time
	}
	return c
}

// Identify finds the role that a value's user is.
func (c *conn) Identify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Credential, error) {
	const op = "identify a login"
	if _, err := c.roles(op, t); err != nil {
		return driver.Credential{}, err
	}
	user, err := userOf(op, value)
	if err != nil {
		return driver.Credential{}, err
	}
	s, err := c.open(ctx, op, user)
	if err != nil {
		return driver.Credential{}, err
	}
	defer s.close()
	rows, err := s.ask(selectRoles+"rolname = $1", user)
	if err != nil {
		return driver.Credential{}, err
	}
	if len(rows) == 0 {
		return driver.Credential{}, noRole(op, user)
	}
	return record(rows[0]), nil
}

// userOf gives the user part of a value. A name is no secret.
func userOf(op string, value secret.Parts) (string, error) {
	var user string
	err := value[partUser].Use(func(b []byte) error { user = string(b); return nil })
	if err != nil || nameFault(user) != "" {
		return "", invalid(op, "", "the value has no part user that is a role's name", "give the secret the parts user and password")
	}
	return user, nil
}
