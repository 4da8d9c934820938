package stripe

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/secret"
)

const opVerify = "verify key"

// keysPage is where a person makes and ends keys.
const keysPage = "https://dashboard.stripe.com/apikeys"

// Verify asks Stripe with the key itself. 401 is a key that Stripe does not
// know, or that was deleted or has expired (code api_key_expired). 403 is a
// restricted key that is alive and may not read this ("Errors": the API key
// doesn't have permissions to perform the request). Both count only when the
// body is Stripe's own: a gateway on the way answers so, too.
func (c *conn) Verify(ctx context.Context, t driver.Target, value secret.Parts) (driver.Verdict, error) {
	if t.Kind != kindKey {
		return "", unsupported(opVerify, t.Kind, "Stripe cannot be asked whether a signing secret is in force", "let the check "+checkSigned+" ask the consumer")
	}
	key, err := single(opVerify, value)
	if err != nil {
		return "", err
	}
	q, err := reading(opVerify, t.Settings.String("verify_path"))
	if err != nil {
		return "", err
	}
	q.On, q.As = "an API key", key
	return c.try(ctx, q)
}

// try makes the call that tells a key that is alive from one that is dead.
func (c *conn) try(ctx context.Context, q rest.Request) (driver.Verdict, error) {
	q.Expect = []int{http.StatusOK, http.StatusUnauthorized, http.StatusForbidden}
	var body []byte
	got, err := c.client.Do(ctx, q, &body)
	defer clear(body)
	if err != nil {
		return "", err
	}
	f, told := failureOf(body)
	switch {
	case got.Status == http.StatusOK && isObject(body):
		return driver.Accepted, nil
	case got.Status == http.StatusOK:
		return "", unclear(q, got.Status, driver.Malformed, "the answer is not an object of Stripe's")
	case told && strings.Contains(f.Error.Message, "IP address"):
		// "The API key provided does not allow requests from your IP
		// address." Which status this comes with is not documented; the key
		// is alive, elsewhere.
		return "", unclear(q, got.Status, driver.Denied, "the key is limited to other addresses than this one, so it cannot be told here whether it is alive")
	case told && got.Status == http.StatusUnauthorized:
		return driver.Refused, nil
	case told:
		return driver.Accepted, nil
	case got.Status == http.StatusUnauthorized:
		return "", unclear(q, got.Status, driver.Unauthenticated, "something else than Stripe has refused the call")
	default:
		return "", unclear(q, got.Status, driver.Denied, "something else than Stripe has refused the call")
	}
}

// unclear is an answer that says nothing about the key.
func unclear(q rest.Request, status int, kind driver.ErrorKind, why string) error {
	return &driver.Error{Op: q.Op, On: q.On, Kind: kind, Effect: pawl.EffectNone, Status: status, Why: why, Next: "try it from a machine from which Stripe can be reached and the key is allowed"}
}

// isObject reports whether the body is one of Stripe's objects.
func isObject(body []byte) bool {
	var v struct {
		Object string `json:"object"`
	}
	return json.Unmarshal(body, &v) == nil && v.Object != ""
}

// reading makes the request of a setting verify_path.
func reading(op, path string) (rest.Request, error) {
	if path == "" {
		path = defaultVerify
	}
	q := rest.Request{Op: op, Method: http.MethodGet, Safe: true, LimitKey: limitKey}
	plain, query, _ := strings.Cut(path, "?")
	values, err := url.ParseQuery(query)
	if err != nil || !strings.HasPrefix(plain, "/v1/") || strings.ContainsAny(plain, "{}%#\\ ") || strings.Contains(plain, "..") {
		return q, invalid(op, "", "verify_path is not the path of a call, as in /v1/customers?limit=1", "write the path of a GET that the key may make")
	}
	q.Path, q.Query = plain, values
	return q, nil
}

// single gives the one part of a value that can be an API key. What begins
// like another of Stripe's credentials was handed over by mistake: it is
// neither sent nor called dead.
func single(op string, value secret.Parts) (secret.Value, error) {
	key, ok := value[secret.Single]
	if !ok || key.Empty() {
		return secret.Value{}, &driver.Error{Op: op, On: "an API key", Kind: driver.NoValue, Effect: pawl.EffectNone, Why: "its value is not known"}
	}
	other := ""
	err := key.Use(func(b []byte) error {
		switch {
		case bytes.HasPrefix(b, []byte("pk_")):
			other = "a publishable key"
		case bytes.HasPrefix(b, []byte("whsec_")):
			other = "a webhook signing secret"
		}
		return nil
	})
	if err != nil || other != "" {
		return secret.Value{}, invalid(op, "an API key", "the value has the form of "+other, "hand over a key that begins with sk_ or rk_")
	}
	return key, nil
}
