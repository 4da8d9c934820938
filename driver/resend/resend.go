// Package resend mints and ends API keys of Resend, and checks that mail goes
// out: that a domain is verified, that an email was seen, that a key sends.
//
// It follows Resend's published OpenAPI description (resend/resend-openapi,
// 1.5.0) and its pages on errors, limits and pagination. Resend's own Go module
// (resend-go, v3.1.1) is not used: it makes plain texts of the answers 401, 403
// and 409, and by status and name alone is a key that lives told from one that
// is dead; and its record of a key has no last_used_at.
package resend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Driver makes connections to Resend.
type Driver struct{}

// New gives the driver.
func New() *Driver { return &Driver{} }

// Open makes a connection.
func (*Driver) Open(env driver.Env, s estate.Settings) (driver.Conn, error) {
	base := s.String("base")
	if base == "" {
		base = defaultBase
	}
	return &conn{env: env, api: rest.New(rest.Config{
		Name: "Resend", Base: base, Env: env, MaxBody: 8 << 20, Refine: refine, // a page may have the bodies of a hundred emails
		Header: http.Header{"User-Agent": {"pawl"}}, // without one every call is answered 403: "Introduction"
		// The limit is the whole team's, applications included: 5 a second in
		// "Usage Limits", 2 in an older form of that page.
		Limit: rest.Limit{PerSecond: 2, Burst: 2},
	})}, nil
}

// conn is a connection with one API key.
type conn struct {
	env driver.Env
	api *rest.Client
}

// Close has nothing to end.
func (c *conn) Close() error { return nil }

// What Resend says about the key that a call came with. They are found by
// errors.Is in the failure of the call.
var (
	errDead       = errors.New("the key is not known")
	errRestricted = errors.New("the key may only send")
	errMayNot     = errors.New("the key may not send this") // from this domain, or to this recipient
)

// refine reads a failure by Resend's name for it. The status does not tell
// dead from alive: 401 is also the answer to a key that lives and may only
// send, and a dead key is 403 by the page "Errors", but 400 for reads and 401
// for a send in what people have seen since (resend-node#617).
func refine(e *driver.Error, status int, _ http.Header, body []byte) {
	var said struct{ Name, Message string }
	if json.Unmarshal(body, &said) != nil {
		said.Name, said.Message = "", ""
	}
	refused := status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden
	switch {
	case refused && (said.Name == "invalid_api_key" || said.Name == "validation_error" && strings.HasPrefix(said.Message, "API key is invalid")):
		e.Kind, e.Err, e.Next = driver.Unauthenticated, errDead, "check the key: it was deleted, or it is mistyped"
	case refused && said.Name == "restricted_api_key":
		e.Kind, e.Err, e.Next = driver.Denied, errRestricted, "give the connection a key with full access: this one may only send"
	case status == http.StatusForbidden && said.Name == "validation_error":
		e.Err = errMayNot
	case said.Name == "daily_quota_exceeded", said.Name == "monthly_quota_exceeded":
		e.Kind, e.RetryAfter, e.Next = driver.Denied, 0, "the team's quota of emails is used up: raise it, or wait until it begins anew"
	case said.Name == "invalid_idempotent_request":
		e.Kind, e.Next = driver.Invalid, "the check was changed while it ran: resume the rotation, which sends anew"
	case status == http.StatusForbidden && bytes.Contains(body, []byte("1010")):
		e.Next = "something between pawl and Resend takes the User-Agent away: Resend turns calls without one away"
	}
}

// call makes one call.
func (c *conn) call(ctx context.Context, r rest.Request, out any) (rest.Response, error) {
	r.Safe, r.LimitKey = r.Method == http.MethodGet, "team"
	return c.api.Do(ctx, r, out)
}

func invalid(op, on, why, next string) *driver.Error {
	return &driver.Error{Op: op, On: on, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: why, Next: next}
}

func unsupported(op, kind string) error {
	return &driver.Error{Op: op, Kind: driver.Unsupported, Effect: pawl.EffectNone, Why: fmt.Sprintf("the kind %q cannot do this", kind)}
}

func malformed(op, on string, effect pawl.Effect, why string) error {
	return &driver.Error{Op: op, On: on, Kind: driver.Malformed, Effect: effect, Why: why}
}

// failure gives a failed call's error, nil if it did not fail.
func failure(err error) *driver.Error {
	var e *driver.Error
	errors.As(err, &e)
	return e
}

// kindOf gives the kind of a failed call, "" if it did not fail.
func kindOf(err error) driver.ErrorKind {
	if e := failure(err); e != nil {
		return e.Kind
	}
	return ""
}

// single gives the key that a value is. A missing one must never come to mean
// the connection's own.
func single(op string, value secret.Parts) (secret.Value, error) {
	v, ok := value[secret.Single]
	if !ok || v.Empty() {
		return secret.Value{}, invalid(op, "", "there is no key in the value", "give the current value with pawl provide --current")
	}
	return v, nil
}

var _ interface {
	driver.Conn
	driver.Issuer
	driver.Checker
	driver.Verifier
	driver.UsageTeller
} = (*conn)(nil)
