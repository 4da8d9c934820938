// Package upstash resets the credentials of Upstash's Redis databases and of
// QStash, and adds and removes passwords of a database's ACL users.
//
// It follows the published description of Upstash's Developer API (OpenAPI).
// Where that is silent or contradicts other words of Upstash's, the place says
// so. Logging in to a database, and its users, are the driver redis's.
package upstash

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Driver makes connections to Upstash.
type Driver struct{}

// New gives the driver.
func New() *Driver { return &Driver{} }

// Open makes a connection. It says at once what is wrong with its settings.
func (*Driver) Open(env driver.Env, s estate.Settings) (driver.Conn, error) {
	c := &conn{env: env, email: s.String("email"), mode: cmp.Or(s.String("tls"), tcp.VerifyFull), ca: s.String("ca")}
	if _, err := tcp.Config(c.mode, "upstash", c.ca, env.Now); err != nil {
		return nil, invalid("open", "", "tls or ca: "+err.Error(), "")
	}
	c.api = rest.New(rest.Config{Name: "Upstash", Base: cmp.Or(s.String("base"), defaultBase), Env: env, Refine: refine, Authorize: c.authorize})
	return c, nil
}

// conn is a connection with one Developer API key.
type conn struct {
	env      driver.Env
	api      *rest.Client
	email    string // "" where the credential has it
	mode, ca string // of TLS to databases
}

// Close has nothing to end.
func (*conn) Close() error { return nil }

// authorize sets HTTP Basic with the account's email and key (page
// "Authentication"). A credential without a colon is the key alone: keys are
// made of letters, digits and dashes.
func (c *conn) authorize(h http.Header, credential []byte) {
	login := credential
	if !bytes.ContainsRune(credential, ':') {
		login = append([]byte(c.email+":"), credential...)
	}
	h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString(login))
}

// refine adds what a person can do.
func refine(e *driver.Error, _ int, _ http.Header, _ []byte) {
	switch e.Kind {
	case driver.Unauthenticated:
		e.Next = "check that the credential is email:key, with a key of that account; accounts made through Vercel or Fly have no Developer API"
	case driver.NotFound:
		e.Next = "check the id: it must belong to the account, or to the team, whose key the connection has"
	}
}

// call makes one call of the Developer API.
func (c *conn) call(ctx context.Context, r rest.Request, out any) error {
	r.Safe = r.Method == http.MethodGet
	_, err := c.api.Do(ctx, r, out)
	return err
}

// idForm is how Upstash's ids look: databases and QStash users have UUIDs.
var idForm = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// id reads a setting that is an id of Upstash's.
func id(op string, t driver.Target, field string) (string, error) {
	v := t.Settings.String(field)
	if !idForm.MatchString(v) {
		return "", invalid(op, field, "it is not an id of Upstash's: those have letters, digits and hyphens", "copy the id from Upstash's console, not the name")
	}
	return v, nil
}

// hostForm is what a host must look like before anything is sent to it.
var hostForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?$`)

// elsewhere makes a client of another host of Upstash's, whose calls carry the
// value that they are about.
func (c *conn) elsewhere(name, host string) *rest.Client {
	return rest.New(rest.Config{Name: name, Base: "https://" + host, Env: driver.Env{Transport: c.env.Transport, Now: c.env.Now, Wait: c.env.Wait}})
}

// bears asks a host whether it takes a token, by a call that reads.
func (c *conn) bears(ctx context.Context, name, host string, r rest.Request, token secret.Value) (driver.Verdict, error) {
	if !hostForm.MatchString(host) {
		return "", malformed(r.Op, r.On, pawl.EffectNone, "Upstash gives no host that can be asked")
	}
	r.As, r.Safe = token, true
	_, err := c.elsewhere(name, host).Do(ctx, r, nil)
	switch e := failure(err); {
	case e == nil:
		return driver.Accepted, nil
	case e.Kind == driver.Unauthenticated:
		return driver.Refused, nil
	default:
		return "", err
	}
}

func invalid(op, on, why, next string) error {
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

// part gives one part of a value. A missing one must never come to mean the
// connection's own key.
func part(op string, value secret.Parts, name string) (secret.Value, error) {
	v, ok := value[name]
	if !ok || v.Empty() {
		return secret.Value{}, invalid(op, "", fmt.Sprintf("the value has no part %q", name), "give the current value with pawl provide --current")
	}
	return v, nil
}

// of gives the password of a login as a user. That another user's password is
// refused for this one would prove nothing.
func of(op, user string, value secret.Parts) (secret.Value, error) {
	if v, ok := value[partUser]; ok && !v.Equal(secret.NewString(user)) {
		return secret.Value{}, invalid(op, user, "the value is another user's", "end it by the plan that made it, or by hand")
	}
	return part(op, value, partPassword)
}

var _ interface {
	driver.Conn
	driver.Issuer
	driver.Verifier
	driver.Identifier
} = (*conn)(nil)
