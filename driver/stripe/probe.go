package stripe

import (
	"context"
	"fmt"
	"net/http"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
)

const opProbe = "probe"

// usualLimit is how many endpoints an account has room for unless Stripe has
// raised it.
const usualLimit = 16

// Probe finds out whether the connection's key is alive, and whether it may
// see what the kind acts on. Whether it may write, only a write can tell.
func (c *conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	switch t.Kind {
	case kindEndpoint:
		return c.probeEndpoints(ctx, t)
	case kindSecret:
		return c.probeSecret(ctx, t)
	case checkSigned:
		if _, err := webURL(opProbe, t.Settings.String("url")); err != nil {
			return nil, err
		}
	case kindKey:
		if _, err := reading(opProbe, t.Settings.String("verify_path")); err != nil {
			return nil, err
		}
	}
	return c.probeKey(ctx)
}

// probeKey asks whether the connection's key is alive. A connection without
// one can verify keys and try consumers: neither needs it.
func (c *conn) probeKey(ctx context.Context) ([]driver.Grant, error) {
	need := driver.Grant{Need: "Stripe accepts the connection's key", Has: driver.Yes}
	if c.env.Credential == nil {
		need.Need, need.Detail = "reach Stripe", "the connection has no key, and needs none for this"
		return []driver.Grant{need}, stopped(ctx, opProbe, "")
	}
	q := rest.Request{Op: opProbe, On: "the connection's key", Method: http.MethodGet, Path: defaultVerify, Safe: true, LimitKey: limitKey}
	q.Expect = []int{http.StatusOK, http.StatusForbidden}
	var body []byte
	got, err := c.client.Do(ctx, q, &body)
	defer clear(body)
	if err != nil {
		return nil, err
	}
	_, told := failureOf(body)
	switch {
	case got.Status == http.StatusOK && !isObject(body):
		return nil, unclear(q, got.Status, driver.Malformed, "the answer is not an object of Stripe's")
	case got.Status == http.StatusForbidden && !told:
		return nil, unclear(q, got.Status, driver.Denied, "something else than Stripe has refused the call")
	case got.Status == http.StatusForbidden:
		need.Detail = "a restricted key that may not read the balance"
	}
	return []driver.Grant{need}, nil
}

// probeEndpoints asks for the list. Whether there is room cannot be told for
// sure: some accounts have a higher limit.
func (c *conn) probeEndpoints(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	where := t.Settings.String("url")
	if _, err := webURL(opProbe, where); err != nil {
		return nil, err
	}
	all, err := c.all(ctx, opProbe)
	read, err := grant("list the webhook endpoints", err)
	if err != nil || read.Has == driver.No {
		return []driver.Grant{read}, err
	}
	write := driver.Grant{Need: "make, disable and delete webhook endpoints", Has: driver.Maybe, Detail: "only a write can tell; a restricted key needs " + endpointsWrite}
	room := driver.Grant{Need: "room for one more webhook endpoint", Has: driver.Yes, Detail: fmt.Sprintf("the account has %d", len(all))}
	if len(all) >= usualLimit {
		room.Has, room.Detail = driver.Maybe, fmt.Sprintf("the account has %d, and the usual limit is %d", len(all), usualLimit)
	}
	return []driver.Grant{read, write, room}, nil
}

// probeSecret looks whether the endpoint whose secret a person will roll is
// there and gets events.
func (c *conn) probeSecret(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	id := t.Settings.String("endpoint")
	if !endpointID.MatchString(id) {
		return nil, invalid(opProbe, "", "endpoint is no id of a webhook endpoint", "write the one that begins with we_, from "+webhooksPage)
	}
	if c.env.Credential == nil {
		return c.probeKey(ctx)
	}
	w := &sdk.WebhookEndpoint{}
	err := c.call(ctx, http.MethodGet, pathEndpoints+"/"+id, &sdk.WebhookEndpointRetrieveParams{}, w)
	if err == nil && w.ID != id {
		err = malformed(true, "the answer is another endpoint")
	}
	seen, err := grant("see the webhook endpoint "+id, failed(opProbe, id, true, err))
	if err == nil && seen.Has == driver.Yes && w.Status == statusDisabled {
		seen.Has, seen.Detail = driver.No, "it is disabled: nothing is signed with its secret"
	}
	return []driver.Grant{seen}, err
}

// grant turns the outcome of a reading call into a grant. What is neither
// a yes nor a no stays an error.
func grant(need string, err error) (driver.Grant, error) {
	switch {
	case err == nil:
		return driver.Grant{Need: need, Has: driver.Yes}, nil
	case isKind(err, driver.NotFound):
		return driver.Grant{Need: need, Has: driver.No, Detail: "not found: it is not there, or the key belongs to another account or mode"}, nil
	case isKind(err, driver.Denied):
		return driver.Grant{Need: need, Has: driver.No, Detail: "a restricted key needs " + endpointsRead}, nil
	default:
		return driver.Grant{}, err
	}
}
