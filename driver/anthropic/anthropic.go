// Package anthropic verifies, names, disables and archives API keys of
// Anthropic. People make them in the Console: no call does.
//
// The calls are made on driver/rest. anthropic-sdk-go covers them, and would
// add twelve modules and nine megabytes for five small calls.
//
// Anthropic publishes no OpenAPI description. Paths, parameters and fields are
// those of the API reference (platform.claude.com/docs/en/api) and of
// anthropic-sdk-go.
package anthropic

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
)

// version is the value of the header that every call carries.
const version = "2023-06-01"

// maxBody is enough for a page of a thousand keys, each well below 2 KiB.
const maxBody = 4 << 20

// Driver makes connections to Anthropic.
type Driver struct{}

// New gives the driver.
func New() *Driver { return &Driver{} }

// Open makes a connection.
func (*Driver) Open(env driver.Env, s estate.Settings) (driver.Conn, error) {
	base := s.String("base")
	if base == "" {
		base = defaultBase
	}
	return &conn{client: rest.New(rest.Config{
		Name: "Anthropic", Base: base, Env: env, MaxBody: maxBody, Authorize: authorize, Refine: refine,
		Header: http.Header{"Anthropic-Version": {version}},
		Limit:  rest.Limit{PerSecond: 2, Burst: 5}, // no number is published for the Admin API
	})}, nil
}

// conn is a connection with one Admin key.
type conn struct{ client *rest.Client }

// Close has nothing to end.
func (c *conn) Close() error { return nil }

func authorize(h http.Header, key []byte) { h.Set("X-Api-Key", string(bytes.TrimSpace(key))) }

// refusal is the type of error by which Anthropic tells why it refuses a call.
// It is the cause of the error that the call gives.
type refusal string

func (r refusal) Error() string { return string(r) }

// The types that mean something here ("Errors" in the API reference).
const (
	authentication refusal = "authentication_error"
	permission     refusal = "permission_error"
)

// refine reads the type of an error, and adds what a person can do. An answer
// that has none does not come from Anthropic's API but from something before it.
func refine(e *driver.Error, status int, _ http.Header, body []byte) {
	var got struct {
		Error struct{ Type refusal }
	}
	if json.Unmarshal(body, &got) == nil && slices.Contains([]refusal{authentication, permission}, got.Error.Type) {
		e.Err = got.Error.Type
	}
	switch {
	case status == http.StatusUnauthorized:
		e.Next = "use an Admin key, which begins with sk-ant-admin: the Admin API refuses every other"
	case status == http.StatusPaymentRequired:
		e.Kind, e.Next = driver.Denied, "look after the organisation's billing in the Console"
	}
}

// because reports whether a call failed for a reason that Anthropic gave.
func because(err error, why refusal) bool {
	e := driver.AsError("", err)
	return e != nil && e.Err == error(why)
}

func kindOf(err error) driver.ErrorKind {
	if err == nil {
		return ""
	}
	return driver.AsError("", err).Kind
}

func failed(op, on string, kind driver.ErrorKind, why, next string) *driver.Error {
	return &driver.Error{Op: op, On: on, Kind: kind, Effect: pawl.EffectNone, Why: why, Next: next}
}

func unsupported(op, kind string) *driver.Error {
	return failed(op, kind, driver.Unsupported, "the driver anthropic does not do this for this kind", "")
}
