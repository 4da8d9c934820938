package postgres

import (
	"context"
	"strconv"

	"github.com/pawlhq/pawl/driver"
)

// sinceAdmin is the server version, as server_version_num, from which
// CREATEROLE alone does not reach other roles (release notes of 16).
const sinceAdmin = 160000

// Probe logs in and reads what the connection's role may do.
func (c *conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	const op = "probe"
	var needed []string
	var set roles
	switch t.Kind {
	case "", kindLogin, kindQuery:
	case kindRewrite:
		return c.probeRewrite(ctx, t)
	case kindRewrap:
		return c.probeRewrap(ctx, t)
	case kindRole:
		var err error
		if set, err = c.roles(op, t); err != nil {
			return nil, err
		}
		needed = set.groups()
	case kindPassword:
		name := t.Settings.String("role")
		if why := nameFault(name); why != "" {
			return nil, invalid(op, name, why, "check role")
		}
		needed = []string{name}
	default:
		return nil, unsupported(op, t.Kind)
	}
	s, err := c.open(ctx, op, c.user)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if t.Kind != kindRole && t.Kind != kindPassword {
		return nil, nil
	}
	return s.grants(t.Kind, set, needed)
}

// grants tells what the connection's role has of what the kind needs.
func (s *session) grants(kind string, set roles, needed []string) ([]driver.Grant, error) {
	rows, err := s.ask("SELECT rolsuper, rolcreaterole, current_setting('server_version_num'), current_user, pg_has_role(current_user, 'pg_signal_backend', 'USAGE') FROM pg_catalog.pg_roles WHERE rolname = current_user")
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	super, create, self := rows[0][0] == "t", rows[0][1] == "t", rows[0][3]
	version, _ := strconv.Atoi(rows[0][2]) // the server's own number
	var list []driver.Grant
	add := func(need string, has bool, detail string) {
		g := driver.Grant{Need: need, Has: driver.Yes}
		if !has {
			g.Has, g.Detail = driver.No, detail
		}
		list = append(list, g)
	}
	if kind == kindRole || self != needed[0] {
		add("CREATEROLE", super || create, "as a superuser: ALTER ROLE "+identifier(self)+" CREATEROLE")
	}
	if set.terminate {
		add("end sessions", super || rows[0][4] == "t", "as a superuser: GRANT pg_signal_backend TO "+identifier(self))
	}
	for _, name := range needed {
		found, err := s.ask("SELECT pg_has_role(current_user, oid, 'USAGE WITH ADMIN OPTION'), pg_has_role(current_user, oid, 'USAGE') FROM pg_catalog.pg_roles WHERE rolname = $1", name)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			add("the role "+name, false, "it is not there")
			continue
		}
		reach := super || name == self || version < sinceAdmin || found[0][0] == "t"
		add("administer the role "+name, reach, "as its owner or a superuser: GRANT "+identifier(name)+" TO "+identifier(self)+" WITH ADMIN OPTION")
		if name == set.owner {
			add("membership in "+name+", to hand objects over", super || found[0][1] == "t", "GRANT "+identifier(name)+" TO "+identifier(self))
		}
	}
	return list, nil
}
