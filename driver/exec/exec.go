// Package exec is the driver for everything that has no driver: a program of
// the user's own that mints, holds or checks.
//
// The program is started anew for every act. It reads one request from its
// standard input and writes one reply to its standard output, as JSON or as
// lines that a shell script can take apart. Values travel there and nowhere
// else: never in an argument, never in the environment. The protocol is
// described in docs/formats/exec-protocol.md.
package exec

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

// Driver runs programs.
type Driver struct{}

// New gives the driver.
func New() driver.Driver { return Driver{} }

// Info declares the driver.
func (Driver) Info() driver.Info {
	return driver.Info{Spec: spec(), Since: "0.1", Notes: notes}
}

// Open makes a connection. Nothing is started yet.
func (Driver) Open(env driver.Env, s estate.Settings) (driver.Conn, error) {
	command := s.List("command")
	if len(command) == 0 || command[0] == "" {
		return nil, &driver.Error{Op: "open connection", Kind: driver.Invalid, Effect: pawl.EffectNone,
			Why: "command must name a program"}
	}
	c := &conn{env: env, lines: s.String("form") == formLines, program: program{
		path: command[0], args: command[1:], dir: within(env.Dir, s.String("dir")),
		environ: environ(s.List("env")), timeout: s.Duration("timeout"), grace: grace}}
	if strings.ContainsRune(c.program.path, filepath.Separator) {
		c.program.path = within(env.Dir, c.program.path)
	}
	if c.program.timeout <= 0 {
		c.program.timeout = defaultTimeout
	}
	return c, nil
}

// grace is how long a program that was told to end may take.
const grace = time.Second

func within(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// environ gives the variables that the program may see.
func environ(allowed []string) []string {
	var list []string
	for _, name := range append([]string{"PATH", "HOME", "LANG"}, allowed...) {
		if value, ok := os.LookupEnv(name); ok {
			list = append(list, name+"="+value)
		}
	}
	return list
}

// conn is a program. It is started for each act, so acts do not share
// anything and may run at the same time.
type conn struct {
	env     driver.Env
	lines   bool
	program program
}

// Close has nothing to close: no program outlives its act.
func (c *conn) Close() error { return nil }

// Probe asks the program what it can reach. The zero Target asks for the
// program alone.
func (c *conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	r, err := c.do(ctx, call{act: "probe", target: t})
	if err != nil {
		return nil, err
	}
	grants := make([]driver.Grant, len(r.Grants))
	for i, g := range r.Grants {
		grants[i] = driver.Grant{Need: g.Need, Has: driver.Has(g.Has), Detail: g.Detail}
		if g.Need == "" || !known(driver.Has(g.Has), driver.Yes, driver.No, driver.Maybe) {
			return nil, r.malformed("a grant needs the fields need and has: yes, no or unknown")
		}
	}
	return grants, nil
}

func known[T comparable](v T, of ...T) bool {
	for _, w := range of {
		if v == w {
			return true
		}
	}
	return false
}
