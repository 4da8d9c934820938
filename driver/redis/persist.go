package redis

import "github.com/pawlhq/pawl/driver"

// The ways in which a change of users outlives a restart.
const (
	persistAuto    = "auto"
	persistFile    = "acl-save"
	persistConfig  = "config-rewrite"
	persistNothing = "none"
)

// keeping finds the way that the server has: a file of users, or else its
// configuration file (documentation, "ACL", "Use an external ACL file"). A
// server that does not tell is one that somebody else runs, who keeps it.
func (s *session) keeping(set string) string {
	way, _ := s.kept(set) // whatever kept the server from telling: nothing is kept by pawl
	return way
}

// kept finds the way, and why it could not be asked for.
func (s *session) kept(set string) (way string, err error) {
	if set != "" && set != persistAuto {
		return set, nil
	}
	answer, err := s.ask("CONFIG", "GET", "aclfile")
	pair := texts(answer)
	switch {
	case err != nil:
		return persistNothing, err
	case len(pair) == 2 && pair[1] != "":
		return persistFile, nil
	default:
		return persistConfig, nil
	}
}

// keep makes what was changed outlive a restart.
func (s *session) keep(way string) error {
	switch way {
	case persistFile:
		return s.do("ACL", "SAVE")
	case persistConfig:
		e := driver.AsError(s.op, s.do("CONFIG", "REWRITE"))
		if e == nil || e.Kind == driver.Invalid && s.fileless() {
			return nil
		}
		e.Next = "let the server write its configuration file, or set persist"
		return e
	default:
		return nil
	}
}

// fileless reports whether the server runs without a configuration file, so
// that there is nothing that could outlive a restart.
func (s *session) fileless() bool {
	answer, err := s.ask("INFO", "server")
	text, _ := answer.(string)
	return err == nil && hasLine(text, "config_file:")
}
