// Package fly mints and ends tokens of Fly.io, writes app secrets, makes
// machines load them one after the other, reads apps' logs, and finds the apps
// of an organisation.
//
// Three of Fly's interfaces are used: the Machines API, whose description is
// published; the GraphQL API for tokens, whose schema is published and whose
// operations are those of flyctl and fly-go; and the calls of flyctl for
// releases and logs, which are not documented. Those for releases only keep
// Fly's own displays right, so the driver goes on where they are refused.
package fly

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"sync"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
)

// Driver makes connections to Fly.io.
type Driver struct{}

// New gives the driver.
func New() *Driver { return &Driver{} }

// Open makes a connection.
func (*Driver) Open(env driver.Env, s estate.Settings) (driver.Conn, error) {
	web := orElse(s.String("graphql_base"), defaultGraphQL)
	return &conn{
		env: env,
		org: s.String("org"),
		// A list of machines has every machine's configuration in it.
		api:      client(env, orElse(s.String("api_base"), defaultAPI), authorize, 16<<20),
		web:      client(env, web, authorize, rest.MaxBody),
		releases: client(env, web, bearer, rest.MaxBody),
		logs:     client(env, web, authorize, maxLogs),
		versions: map[string]int{},
	}, nil
}

func client(env driver.Env, base string, authorize func(http.Header, []byte), maxBody int64) *rest.Client {
	return rest.New(rest.Config{
		Name: "Fly.io", Base: base, Env: env, MaxBody: maxBody, Authorize: authorize, Refine: refine,
		Limit: rest.Limit{PerSecond: 1, Burst: 3}, // per action and machine or app: "Working with the Machines API"
	})
}

// conn is a connection with one token.
type conn struct {
	env      driver.Env
	org      string
	api      *rest.Client // Machines API
	web      *rest.Client // GraphQL
	releases *rest.Client
	logs     *rest.Client // takes longer answers than web

	mu       sync.Mutex
	versions map[string]int // by app: the newest version of its secrets that this connection has made
}

// Close has nothing to end.
func (c *conn) Close() error { return nil }

// wrote remembers the version that a write has made: later looks ask for it,
// so that no replica answers that is behind.
func (c *conn) wrote(app string, version int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.versions[app] = max(c.versions[app], version)
}

func (c *conn) newest(app string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.versions[app]
}

// authorize sets the token as fly-go does: a token that is a whole header is
// sent as it is, macaroons (fm1r_, fm1a_, fm2_) as FlyV1, others as Bearer.
func authorize(h http.Header, token []byte) {
	token = bytes.TrimSpace(token)
	scheme := "Bearer "
	if bytes.HasPrefix(token, []byte("FlyV1 ")) {
		scheme = ""
	} else if macaroon(token) {
		scheme = "FlyV1 "
	}
	h.Set("Authorization", scheme+string(token))
}

// bearer sets the token as flyctl does for the releases calls: every kind of
// token as Bearer. Fly's documentation has it so for the Machines API too.
func bearer(h http.Header, token []byte) {
	h.Set("Authorization", "Bearer "+string(bytes.TrimPrefix(bytes.TrimSpace(token), []byte("FlyV1 "))))
}

func macaroon(token []byte) bool {
	for part := range bytes.SplitSeq(token, []byte(",")) {
		for _, prefix := range []string{"fm1r_", "fm1a_", "fm2_"} {
			if bytes.HasPrefix(bytes.TrimSpace(part), []byte(prefix)) {
				return true
			}
		}
	}
	return false
}

// refine adds what a person can do.
func refine(e *driver.Error, _ int, _ http.Header, _ []byte) {
	switch e.Kind {
	case driver.Unauthenticated:
		e.Next = "check the token: one that was cut short when it was copied is answered like one that was revoked"
	case driver.Denied:
		e.Next = "use a token of this app or organisation"
	case driver.Conflict:
		e.Next = "a deployment may be under way: it passes by itself"
	}
}

// path is a call's path with the names that fill it.
func path(app string, more ...string) map[string]string {
	params := map[string]string{"app": app}
	for i := 0; i+1 < len(more); i += 2 {
		params[more[i]] = more[i+1]
	}
	return params
}

// with makes the request of a call on an app. action and on are what Fly's
// limits count together.
func with(op, on, method, path string, params map[string]string, body any) rest.Request {
	return rest.Request{Op: op, On: on, Method: method, Path: path, Params: maps.Clone(params), JSON: body,
		Safe: method == http.MethodGet, LimitKey: op + " " + on}
}

// kindOf gives the kind of a failed call, "" if it did not fail.
func kindOf(err error) driver.ErrorKind {
	var e *driver.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
