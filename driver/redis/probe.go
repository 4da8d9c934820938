package redis

import (
	"context"
	"strings"

	"github.com/pawlhq/pawl/driver"
)

// Probe logs in, and asks what the connection's user may do (ACL DRYRUN, since
// Redis 7). Servers that cannot be asked leave it open.
func (c *conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	const op = "probe"
	switch t.Kind {
	case "", kindPing:
		s, err := c.open(ctx, op, c.user)
		if err != nil {
			return nil, err
		}
		defer s.close()
		_, err = s.ask("PING")
		switch e := driver.AsError(op, err); {
		case e == nil, e.Kind == driver.Denied:
			return nil, nil
		case e.Kind == driver.Unauthenticated && c.env.Credential == nil:
			return nil, nil // the check logs in with the value: that a server answers is all that can be asked
		default:
			return nil, e
		}
	case kindUser:
		s, name, _, err := c.begin(ctx, op, t)
		if driver.AsError(op, err) != nil && driver.AsError(op, err).Kind == driver.Denied {
			return []driver.Grant{{Need: "run ACL GETUSER", Has: driver.No, Detail: lets(c.user, "ACL", "GETUSER")}}, nil
		}
		if err != nil {
			return nil, err
		}
		defer s.close()
		return s.mayChange(c.user, t, "ACL", "SETUSER", name)
	case kindRequirepass:
		s, err := c.open(ctx, op, c.user)
		if err != nil {
			return nil, err
		}
		defer s.close()
		return s.mayChange(c.user, t, "CONFIG", "SET", "requirepass", "x")
	default:
		return nil, unsupported(op, t.Kind)
	}
}

// mayChange asks whether a user may make a change and have it kept over a
// restart of the server.
func (s *session) mayChange(user string, t driver.Target, command ...string) ([]driver.Grant, error) {
	grants, err := s.may(user, command...)
	if err != nil {
		return nil, err
	}
	way, err := s.kept(t.Settings.String("persist"))
	if e := driver.AsError(s.op, err); e != nil && e.Kind != driver.Denied && e.Kind != driver.Unsupported && e.Kind != driver.Invalid {
		return nil, e
	}
	keep := map[string][]string{persistFile: {"ACL", "SAVE"}, persistConfig: {"CONFIG", "REWRITE"}}[way]
	if keep == nil {
		return grants, nil
	}
	more, err := s.may(user, keep...)
	return append(grants, more...), err
}

// lets is what gives a user a command, in Redis's own words.
func lets(user string, command ...string) string {
	return "it needs ACL SETUSER " + user + " +" + strings.ToLower(command[0]+"|"+command[1])
}

// may asks whether a user may run a command.
func (s *session) may(user string, command ...string) ([]driver.Grant, error) {
	grant := driver.Grant{Need: "run " + command[0] + " " + command[1], Has: driver.Maybe}
	answer, err := s.ask(append([]string{"ACL", "DRYRUN", user}, command...)...)
	e := driver.AsError(s.op, err)
	switch {
	case e == nil && answer == "OK":
		grant.Has = driver.Yes
	case e == nil:
		grant.Has, grant.Detail = driver.No, lets(user, command...)
	case e.Kind != driver.Denied && e.Kind != driver.Unsupported && e.Kind != driver.Invalid:
		return nil, e
	}
	return []driver.Grant{grant}, nil
}
