// Package http is the driver for HTTP services that have no driver of their
// own: the estate declares the requests. A declared write renders the value
// into the request's body; a value never becomes part of a URL.
package http

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
)

// Driver makes connections to declared services.
type Driver struct{}

// New gives the driver.
func New() driver.Driver { return Driver{} }

// Info declares the driver.
func (Driver) Info() driver.Info {
	return driver.Info{Spec: spec(), Since: "0.1", Calls: calls(), Notes: notes}
}

// Open makes a connection.
func (Driver) Open(env driver.Env, s estate.Settings) (driver.Conn, error) {
	header, why := headers(s.Map("headers"))
	if why == "" {
		why = authFault(s.String("auth_header"), s.String("auth_scheme"))
	}
	if why != "" {
		return nil, &driver.Error{Op: "open connection", Kind: driver.Invalid, Effect: pawl.EffectNone, Why: why}
	}
	c := &conn{env: env, settings: s, header: header}
	c.client = c.dial(s.String("auth_header"), s.String("auth_scheme"), 0)
	c.logs = c.dial(s.String("auth_header"), s.String("auth_scheme"), maxLog)
	return c, nil
}

// conn is one service.
type conn struct {
	env      driver.Env
	settings estate.Settings
	header   http.Header
	client   *rest.Client
	logs     *rest.Client // takes the longer answers of logs and lists
}

// Close has nothing to close.
func (c *conn) Close() error { return nil }

// dial makes a client that sends its credential in a header of that name.
func (c *conn) dial(header, scheme string, maxBody int64) *rest.Client {
	return rest.New(rest.Config{Name: "the service", Base: c.settings.String("base"), Env: c.env, Header: c.header, MaxBody: maxBody,
		Authorize: authorize(orElse(header, defaultAuthHeader), orElse(scheme, defaultAuthScheme))})
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// authorize sets the credential as the scheme wants it: alone, as user and
// password (RFC 7617), or behind a word.
func authorize(header, scheme string) func(http.Header, []byte) {
	return func(h http.Header, credential []byte) {
		switch strings.ToLower(scheme) {
		case "none":
			h.Set(header, string(credential))
		case "basic":
			h.Set(header, "Basic "+base64.StdEncoding.EncodeToString(credential))
		default:
			h.Set(header, scheme+" "+string(credential))
		}
	}
}

// authFault says what is wrong with the name of the header or the scheme.
func authFault(header, scheme string) string {
	for name, text := range map[string]string{"auth_header": header, "auth_scheme": scheme} {
		if text != "" && !isToken(text) {
			return name + " must be one word of letters, digits and dashes"
		}
	}
	return ""
}

func headers(declared map[string]string) (http.Header, string) {
	h := make(http.Header, len(declared))
	for name, text := range declared {
		if !isToken(name) {
			return nil, "the name of a header must be one word of letters, digits and dashes"
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r < 0x20 || r == 0x7f }) {
			return nil, "the header " + name + " has a control character in it"
		}
		h.Set(name, text)
	}
	return h, ""
}

func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}
