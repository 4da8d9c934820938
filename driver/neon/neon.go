// Package neon mints and ends API keys of Neon, roles of its databases, and
// the passwords of roles.
//
// It follows Neon's published API description (OpenAPI, v2). Neon answers a
// change of a role before the change has reached the database: operations do
// that afterwards, and until they have ended the old state is what works. The
// driver therefore waits for a project to be at rest before it changes a role,
// and before it says what a password is worth. It does not wait between
// getting a new password and handing it over: until then the password exists
// in this process alone.
package neon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Driver makes connections to Neon.
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
		Name: "Neon", Base: base, Env: env, MaxBody: 8 << 20, Refine: refine, // an account may have 10,000 keys: "Manage API keys"
		Limit: rest.Limit{PerSecond: 11, Burst: 40}, // 700 a minute and 40 at once for each route: "Key concepts"
	})}, nil
}

// conn is a connection with one API key.
type conn struct {
	env driver.Env
	api *rest.Client
}

// Close has nothing to end.
func (c *conn) Close() error { return nil }

// refine adds what a person can do. Neon says of 503 that it is always safe to
// ask again (GeneralError); that is not yet a word about what was done, so a
// mint that was answered with it is looked for like one without an answer.
func refine(e *driver.Error, status int, _ http.Header, _ []byte) {
	switch {
	case e.Kind == driver.Unauthenticated:
		e.Next = "check the key: Neon refuses revoked keys at once, and those of an organisation once the project has left it"
	case e.Kind == driver.Denied:
		e.Next = "use a personal key of an admin: keys of organisations and projects may not do this"
	case status == http.StatusLocked:
		e.Next = "an operation of the project is under way: it passes by itself"
	}
}

// call makes one call. Its route is what Neon's limits count together.
func (c *conn) call(ctx context.Context, r rest.Request, out any) error {
	r.Safe, r.LimitKey = r.Method == http.MethodGet, r.Method+" "+r.Path
	_, err := c.api.Do(ctx, r, out)
	return err
}

// idForm is how the ids of projects, branches and organisations look in
// Neon's description.
var idForm = regexp.MustCompile(`^[a-z0-9-]{1,60}$`)

// id reads a setting that is an id of Neon's.
func id(op string, s estate.Settings, field string) (string, error) {
	v := s.String(field)
	if !idForm.MatchString(v) {
		return "", invalid(op, field, "it is not an id of Neon's: those have small letters, digits and hyphens", "copy the id from Neon's console, not the name")
	}
	return v, nil
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

// part gives one part of a value. A missing one must never come to mean the
// connection's own key.
func part(op string, value secret.Parts, name string) (secret.Value, error) {
	v, ok := value[name]
	if !ok || v.Empty() {
		return secret.Value{}, invalid(op, "", fmt.Sprintf("the value has no part %q", name), "give the current value with pawl provide --current")
	}
	return v, nil
}

var _ interface {
	driver.Conn
	driver.Issuer
	driver.Checker
	driver.Verifier
	driver.Identifier
	driver.UsageTeller
} = (*conn)(nil)
