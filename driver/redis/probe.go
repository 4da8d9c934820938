package redis

import (
	"context"

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
		if err != nil {
			return nil, err
		}
		defer s.close()
		return s.may(c.user, "ACL", "SETUSER", name)
	case kindRequirepass:
		s, err := c.open(ctx, op, c.user)
		if err != nil {
			return nil, err
		}
		defer s.close()
		return s.may(c.user, "CONFIG", "SET", "requirepass", "x")
	default:
		return nil, unsupported(op, t.Kind)
	}
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
		grant.Has, grant.Detail = driver.No, "ACL SETUSER "+user+" +"+command[0]
	case e.Kind != driver.Denied && e.Kind != driver.Unsupported && e.Kind != driver.Invalid:
		return nil, e
	}
	return []driver.Grant{grant}, nil
}
