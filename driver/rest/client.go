// Package rest is the only HTTP client that drivers use. It sets the
// connection's credential, obeys limits and Retry-After, knows what a failed
// call may have done, and keeps URLs, bodies and credentials out of errors.
// It never repeats a call: whether to try again is the engine's decision.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// MaxBody bounds how much of an answer is read unless Config says otherwise.
const MaxBody = 1 << 20

// Config says how a vendor is called.
type Config struct {
	Name      string // of the vendor, for errors
	Base      string // http(s) URL before every path
	Env       driver.Env
	Header    http.Header                                                   // sent with every request; canonical keys
	Authorize func(h http.Header, credential []byte)                        // sets the credential and keeps no bytes of it; nil is Bearer
	Limit     Limit                                                         // of requests with one LimitKey
	MaxBody   int64                                                         // bytes of an answer that are read; 0 is the constant MaxBody
	Refine    func(e *driver.Error, status int, h http.Header, body []byte) // a vendor's own reading of a failure; must not quote the body
}

// Client calls one vendor. It is safe for concurrent use.
type Client struct {
	cfg    Config
	base   *url.URL
	bad    string // why no call can be made, "" if calls can
	limits limits
}

// New makes a client. A base that is no URL shows with the first call.
func New(cfg Config) *Client {
	c := &Client{cfg: cfg}
	base, err := url.Parse(strings.TrimRight(cfg.Base, "/"))
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Scheme != "https" && base.Scheme != "http" {
		c.bad, base = "the connection's base is not an http(s) URL without user name and query", &url.URL{}
	}
	c.base = base
	if c.cfg.Authorize == nil {
		c.cfg.Authorize = Bearer
	}
	if c.cfg.MaxBody <= 0 {
		c.cfg.MaxBody = MaxBody
	}
	return c
}

// Bearer sets "Authorization: Bearer …".
func Bearer(h http.Header, credential []byte) {
	h.Set("Authorization", "Bearer "+string(credential))
}

// Request is one call.
type Request struct {
	Op     string // what it does, for errors: "put app secret"
	On     string // on what, for errors; never a value
	Method string
	Path   string // with {names} as whole segments, which Params fill, escaped
	Params map[string]string
	Query  url.Values     // never a value
	JSON   any            // body; secret.Value may stand anywhere in map[string]any and []any
	Form   map[string]any // body; string or secret.Value
	Raw    secret.Value   // body
	Header http.Header    // canonical keys

	As        secret.Value // sent instead of the connection's credential
	Anonymous bool         // send no credential
	Safe      bool         // changes nothing: a lost answer has no effect
	Expect    []int        // statuses that are success; none is every 2xx
	LimitKey  string       // what a rate limit counts together; "" is not limited
	Limit     Limit        // for this LimitKey instead of the client's; the same for every use of the key
}

// Response is what is known of an answer besides its body.
type Response struct {
	Status int
	Header http.Header
}

// Do makes one call and decodes the answer's JSON into out. *[]byte takes the
// body as it is; nil takes nothing, but what claims to be JSON must be. It
// returns only *driver.Error; Err in it is a context's error or that of the
// credential's source. The Response is set whenever there was an answer.
func (c *Client) Do(ctx context.Context, r Request, out any) (Response, error) {
	u, e := c.url(&r)
	if e != nil {
		return Response{}, e
	}
	if e := c.limits.wait(ctx, c, &r); e != nil {
		return Response{}, e
	}
	req, sent, e := c.build(&r, u, ctx)
	if e != nil {
		return Response{}, e
	}
	resp, e := c.send(req, &r)
	if e != nil {
		return Response{}, e
	}
	defer resp.Body.Close()
	got := Response{Status: resp.StatusCode, Header: resp.Header}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.cfg.MaxBody+1))
	switch {
	case r.redirected(resp.StatusCode):
		e = r.fail(driver.Malformed, r.lost(), "it answered with a redirect, which is not followed")
		e.Status = resp.StatusCode
	case !r.succeeded(resp.StatusCode):
		e = c.classify(&r, resp.StatusCode, resp.Header, body, sent)
	case err != nil && ctx.Err() != nil:
		e = r.stopped(ctx.Err(), r.lost())
	case err != nil:
		e = r.fail(driver.Malformed, r.lost(), "the answer was cut short")
	case int64(len(body)) > c.cfg.MaxBody:
		e = r.fail(driver.Malformed, r.lost(), "the answer is too long")
	default:
		e = r.decode(resp, body, out)
	}
	if e != nil {
		return got, e
	}
	return got, nil
}

func (r *Request) succeeded(status int) bool {
	if len(r.Expect) > 0 {
		return slices.Contains(r.Expect, status)
	}
	return status >= 200 && status < 300
}

// redirected tells an answer that sends the caller elsewhere: a credential
// goes to the configured host only, and a changed method would change the act.
func (r *Request) redirected(status int) bool {
	return status >= 300 && status < 400 && status != http.StatusNotModified && !r.succeeded(status)
}

// lost is the effect of a call that was sent and whose answer is no use.
func (r *Request) lost() pawl.Effect {
	if r.Safe {
		return pawl.EffectNone
	}
	return pawl.EffectUnknown
}

// decode gives the body to out and clears it, unless it was asked for as it
// is. A page that a proxy put in the vendor's place must not pass for a
// success, also where nothing is wanted of the answer.
func (r *Request) decode(resp *http.Response, body []byte, out any) *driver.Error {
	if raw, ok := out.(*[]byte); ok {
		*raw = body
		return nil
	}
	defer clear(body)
	kind := resp.Header.Get("Content-Type")
	switch {
	case resp.StatusCode == http.StatusNoContent, out == nil && len(bytes.TrimSpace(body)) == 0:
		return nil
	case strings.Contains(kind, "html"):
		return r.fail(driver.Malformed, r.lost(), "a web page came instead of an answer")
	case out == nil && (!strings.Contains(kind, "json") || json.Valid(body)):
		return nil
	case out == nil || json.Unmarshal(body, out) != nil:
		return r.fail(driver.Malformed, r.lost(), "the answer is not the JSON that was expected")
	default:
		return nil
	}
}
