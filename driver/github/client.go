package github

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
)

// secondaryWait is how long to stay away after a secondary limit that names
// no time ("Rate limits for the REST API": wait for at least one minute).
const secondaryWait = time.Minute

// route is a path of the API with the names that fill it. The path is the one
// in Info.Calls; names are escaped where the call is made.
type route struct {
	path   string
	params map[string]string
}

// join goes on below a route. pairs are names and what fills them.
func (r route) join(path string, pairs ...string) route {
	params := maps.Clone(r.params)
	if params == nil {
		params = make(map[string]string, len(pairs)/2)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		params[pairs[i]] = pairs[i+1]
	}
	return route{path: r.path + path, params: params}
}

// get makes the request of a reading call.
func (r route) get(op, on string, query url.Values) rest.Request {
	return rest.Request{Op: op, On: on, Method: http.MethodGet, Path: r.path, Params: r.params, Query: query, Safe: true}
}

// send makes the request of a call that changes something. want are the
// statuses that GitHub documents for success: another one, even a 200, means
// that something else than GitHub has answered.
func (r route) send(op, on, method string, body any, want ...int) rest.Request {
	return rest.Request{Op: op, On: on, Method: method, Path: r.path, Params: r.params, JSON: body, Expect: want}
}

func newClient(env driver.Env, base string) *rest.Client {
	return rest.New(rest.Config{
		Name: "GitHub", Base: base, Env: env, Refine: refine,
		Header: http.Header{
			"Accept":               {"application/vnd.github+json"},
			"X-Github-Api-Version": {apiVersion},
			"User-Agent":           {"pawl"}, // GitHub refuses calls without one
		},
	})
}

// call makes one call. A redirect means that a repository, organisation or
// account was renamed: GitHub has done nothing, and asking again will not help.
func (c *conn) call(ctx context.Context, r rest.Request, out any) (rest.Response, error) {
	got, err := c.client.Do(ctx, r, out)
	var e *driver.Error
	if errors.As(err, &e) && e.Status >= 300 && e.Status < 400 {
		e.Kind, e.Effect = driver.NotFound, pawl.EffectNone
		e.Why, e.Next = "GitHub answered with a redirect: it was renamed or moved", "write its present name in the estate"
	}
	return got, err
}

// refine reads a failure as GitHub means it.
func refine(e *driver.Error, status int, h http.Header, _ []byte) {
	if status == http.StatusForbidden && strings.Contains(strings.ToLower(e.Why), "rate limit") {
		e.Kind = driver.Limited
	}
	switch e.Kind {
	case driver.Limited:
		if h.Get("Retry-After") == "" && h.Get("X-Ratelimit-Remaining") != "0" {
			e.RetryAfter = secondaryWait // the reset that is given belongs to the hourly limit
		}
	case driver.Denied:
		e.Next = "give the connection's credential the permission that the driver's page lists"
		if accepted := h.Get("X-Accepted-Github-Permissions"); accepted != "" {
			e.Next += "; this call takes: " + accepted
		}
	case driver.NotFound:
		e.Next = "check the name; if it is right, the connection's credential may not see it: GitHub answers 404 then"
	case driver.Unauthenticated:
		e.Next = "check the connection's credential: it was revoked, has expired or is mistyped"
	}
}

// status gives the HTTP status of a failed call, 0 if there was none.
func status(err error) int {
	var e *driver.Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// kindOf gives the kind of a failed call, "" if it did not fail.
func kindOf(err error) driver.ErrorKind {
	if err == nil {
		return ""
	}
	return driver.AsError(opProbe, err).Kind
}

// harmless marks the failure of a reading call that goes before a write:
// nothing was changed, whatever became of it.
func harmless(err error) error {
	var e *driver.Error
	if errors.As(err, &e) {
		e.Effect = pawl.EffectNone
	}
	return err
}
