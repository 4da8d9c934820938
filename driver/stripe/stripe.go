// Package stripe rotates Stripe's API keys and webhook signing secrets.
//
// Stripe has no public call that makes, lists or ends an API key, and none
// that rolls the signing secret of a webhook endpoint: a person does both in
// the dashboard, and Stripe itself ends the old one. What the API can do is
// make a second endpoint for the same URL, which has a secret of its own.
//
// The calls on webhook endpoints, and signatures, go through stripe-go, over
// rest's transport; sdk.go says what stands between the two. The call that
// tries a key goes through driver/rest: it is made with the value that is
// tried and not with the connection's credential, on a path that the estate
// may choose, and its 401 and 403 are answers and no failures.
package stripe

import (
	"io"
	"net/http"
	"net/url"

	sdk "github.com/stripe/stripe-go/v85"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
)

// Driver makes connections to Stripe.
type Driver struct{}

// New makes the driver.
func New() *Driver { return &Driver{} }

// Info declares the driver.
func (*Driver) Info() driver.Info {
	return driver.Info{
		Spec:    spec(),
		Since:   "0.1",
		APIDocs: "https://docs.stripe.com/api/webhook_endpoints",
		Calls:   calls(),
		Notes:   notes,
	}
}

// Open makes a connection.
func (*Driver) Open(env driver.Env, s estate.Settings) (driver.Conn, error) {
	base := s.String("base")
	if base == "" {
		base = DefaultBase
	}
	client := rest.New(rest.Config{
		Name: limitKey, Base: base, Env: env, Refine: refine,
		Header: http.Header{"Stripe-Version": {sdk.APIVersion}, "User-Agent": {"pawl"}},
		Limit:  rest.Limit{PerSecond: callsPerSecond, Burst: callsAtOnce},
	})
	return &conn{env: env, client: client, api: newBackend(client, base)}, nil
}

// Stripe's default limit for one endpoint of its API is 25 calls a second
// ("Rate limits"); pawl stays well below it, because the account's own
// software shares it.
const (
	callsPerSecond = 10
	callsAtOnce    = 10
	limitKey       = "Stripe" // rest's transport counts under the client's name
)

// conn is a connection to one account, with or without a credential.
type conn struct {
	env    driver.Env
	client *rest.Client
	api    sdk.Backend
}

// Close has nothing to end.
func (c *conn) Close() error { return nil }

// unsupported says that the driver does not do this for this kind.
func unsupported(op, kind, why, next string) error {
	return &driver.Error{Op: op, On: kind, Kind: driver.Unsupported, Effect: pawl.EffectNone, Why: why, Next: next}
}

func invalid(op, on, why, next string) error {
	return &driver.Error{Op: op, On: on, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: why, Next: next}
}

// webURL reads an absolute http(s) URL in which nothing is hidden.
func webURL(op, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		return nil, invalid(op, "", "url is not an absolute http(s) URL without user name and fragment", "write it as in https://app.example.com/webhooks/stripe")
	}
	return u, nil
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// random gives n letters and digits. The first letters of the range are a
// little more frequent, which does no harm: nothing here protects anything.
func random(r io.Reader, op string, n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", &driver.Error{Op: op, Kind: driver.Internal, Effect: pawl.EffectNone, Why: "there are no random bytes to be had"}
	}
	for i, x := range b {
		b[i] = letters[int(x)%len(letters)]
	}
	return string(b), nil
}
