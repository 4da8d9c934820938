package stripe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	sdk "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/form"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
)

// newBackend makes the part of stripe-go that makes calls, over rest's
// transport. It repeats nothing, measures nothing and logs nothing: its logger
// would write samples of bodies.
//
// The client above it is left out. Its services for everything else that
// Stripe has would add 10 MB to the program, its walk over pages does not bear
// every answer, and it escapes ids for a query and not for a path.
func newBackend(client *rest.Client, base string) sdk.Backend {
	return sdk.GetBackendWithConfig(sdk.APIBackend, &sdk.BackendConfig{
		URL:               sdk.String(base),
		MaxNetworkRetries: sdk.Int64(0),
		EnableTelemetry:   sdk.Bool(false),
		LeveledLogger:     &sdk.LeveledLogger{Level: sdk.LevelNull},
		HTTPClient:        &http.Client{Transport: answers{client: client, inner: client.Transport()}},
	})
}

// unused stands where the SDK wants a key. It never leaves: the transport sets
// the connection's own.
const unused = "unused"

// call makes one call on webhook endpoints and decodes the answer into out.
func (c *conn) call(ctx context.Context, method, path string, p sdk.ParamsContainer, out sdk.LastResponseSetter) error {
	p.GetParams().Context = ctx
	return c.api.Call(method, path, unused, p, out)
}

// page gets one page of a list. The SDK's Call does not bear the parameters of
// lists.
func (c *conn) page(ctx context.Context, p *sdk.WebhookEndpointListParams) (*sdk.WebhookEndpointList, error) {
	p.Context = ctx
	query, page := &form.Values{}, &sdk.WebhookEndpointList{}
	form.AppendTo(query, p)
	return page, c.api.CallRaw(http.MethodGet, pathEndpoints, unused, []byte(query.Encode()), p.GetParams(), page)
}

// answers stands between the SDK and rest's transport, and lets only answers
// through that the SDK reads well. Left to itself, stripe-go (v85.0.0)
//
//   - gives an answer whose body it cannot read as an error without a status,
//     with up to 500 bytes of the body in its text;
//   - reads a body of any length;
//   - sends headers that describe the program that it runs in.
type answers struct {
	client *rest.Client
	inner  http.RoundTripper
}

// RoundTrip makes a call for the SDK. Whatever is no success becomes a
// *driver.Error here. It does not change the request.
func (a answers) RoundTrip(req *http.Request) (*http.Response, error) {
	out := req.Clone(req.Context())
	for _, name := range []string{"Authorization", "X-Stripe-Client-User-Agent"} {
		out.Header.Del(name)
	}
	resp, err := a.inner.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, rest.MaxBody+1))
	safe := req.Method == http.MethodGet
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return nil, a.client.Error("call", "Stripe", resp, body, safe)
	case err != nil && req.Context().Err() != nil:
		return nil, &driver.Error{Op: "call", Kind: driver.Unavailable, Effect: lost(safe), Why: "stopped before there was an answer", Err: req.Context().Err()}
	case err != nil:
		return nil, malformed(safe, "the answer was cut short")
	case len(body) > rest.MaxBody:
		return nil, malformed(safe, "the answer is too long")
	case !json.Valid(body):
		return nil, malformed(safe, "the answer is not JSON")
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

func lost(safe bool) pawl.Effect {
	if safe {
		return pawl.EffectNone
	}
	return pawl.EffectUnknown
}

func malformed(safe bool, why string) *driver.Error {
	return &driver.Error{Op: "call", Kind: driver.Malformed, Effect: lost(safe), Why: why}
}

// failed names an error that came through the SDK. One of the SDK's own means
// that an answer has not the form of Stripe's; its text is not repeated, since
// it quotes the answer.
func failed(op, on string, safe bool, err error) error {
	if err == nil {
		return nil
	}
	var e *driver.Error
	if !errors.As(err, &e) {
		e = malformed(safe, "the answer has not the form of Stripe's")
	}
	e.Op, e.On = op, on
	return e
}

// failure is the body of Stripe's refusals ("Errors").
type failure struct {
	Error struct {
		Type    string `json:"type"`
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// failureOf reads a refusal; told is false for what Stripe has not written.
func failureOf(body []byte) (f failure, told bool) {
	return f, json.Unmarshal(body, &f) == nil && f.Error.Type != ""
}

// codeExpired is the code of a key whose time after a rotation is over
// ("Error codes").
const codeExpired = "api_key_expired"

// refine reads a failure as Stripe means it. Stripe's messages about keys
// quote the first and last characters of the key, so they are replaced.
func refine(e *driver.Error, status int, _ http.Header, body []byte) {
	f, told := failureOf(body)
	switch {
	case status == http.StatusUnauthorized:
		e.Why = "the key is not accepted"
		if f.Error.Code == codeExpired {
			e.Why = "the key has expired"
		}
		e.Next = "give the connection a key that is alive: " + keysPage
	case status == http.StatusForbidden:
		e.Why, e.Next = "the key lacks a permission", "give the connection's restricted key the permission that the driver's page lists"
	case told && isFull(f):
		e.Kind, e.Next = driver.Quota, "remove an endpoint that nothing needs, or ask Stripe for a higher limit"
	}
}

// isFull tells the refusal of one endpoint too many. It has no code of its
// own, and the number differs: "You have reached the maximum of 16 test
// webhook endpoints."
func isFull(f failure) bool {
	return strings.Contains(f.Error.Message, "reached the maximum") && strings.Contains(f.Error.Message, "webhook endpoints")
}

// isKind reports whether a call failed in this way.
func isKind(err error, kind driver.ErrorKind) bool {
	var e *driver.Error
	return errors.As(err, &e) && e.Kind == kind
}

// stopped is the error of an act whose context ended before any call.
func stopped(ctx context.Context, op, on string) error {
	if err := ctx.Err(); err != nil {
		return &driver.Error{Op: op, On: on, Kind: driver.Unavailable, Effect: pawl.EffectNone, Why: "stopped before anything was done", Err: err}
	}
	return nil
}
