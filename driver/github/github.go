// Package github writes secrets of GitHub Actions and Dependabot, starts
// workflows and waits for them, waits for runs that still use an old value,
// and verifies, names and revokes personal access tokens.
//
// GitHub gives no secret back and no digest of it; the time of the last write
// is the only confirmation. Values are sealed under a public key that GitHub
// gives for each place, so that the bodies of writes hold no value.
//
// The package makes its calls on driver/rest and not through go-github (v88
// was measured), although that covers them. One write and one look at it cost
// about twice the time and memory there, which would be bearable. These would
// not:
//
//   - When the context ends, the transport's error is replaced by the
//     context's. Whether the request was sent is lost, and with it the effect.
//   - A write that is answered with 301 is repeated as a GET, whose 200 is
//     given back as the success of the write.
//   - A 200 with an empty body yields a nil key and no error.
//   - An organisation's secret that is to be seen by no repository cannot be
//     written: the empty list of repositories is left out of the body.
//   - Names go into paths without escaping, so that an environment called
//     "prod/eu" is another path.
//   - Secrets of environments need the repository's number, one call more.
//
// Each can be worked around, with more code than the calls themselves.
package github

import (
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
)

// apiVersion is the version of the REST API that the driver speaks.
const apiVersion = "2022-11-28"

// Driver makes connections to GitHub.
type Driver struct{}

// New makes the driver.
func New() *Driver { return &Driver{} }

// Open makes a connection.
func (*Driver) Open(env driver.Env, s estate.Settings) (driver.Conn, error) {
	base := s.String("base")
	if base == "" {
		base = DefaultBase
	}
	c := &conn{env: env, client: newClient(env, base), keys: newKeyring(env.Now), listDelay: listDelay}
	if s["runs_listed_within"] != nil { // 0 is a word, too
		c.listDelay = s.Duration("runs_listed_within")
	}
	return c, nil
}

// conn is a connection with one credential.
type conn struct {
	env       driver.Env
	client    *rest.Client
	keys      *keyring
	listDelay time.Duration // how late a new run may be listed
}

// Close has nothing to end.
func (c *conn) Close() error { return nil }
