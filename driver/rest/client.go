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
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// MaxBody bounds how much of an answer is read.
const MaxBody = 1 << 20

// Config says how a vendor is called.
type Config struct {
	Name      string // of the vendor, for errors
	Base      string // URL before every path
	Env       driver.Env
	Header    http.Header                                                   // sent with every request
	Authorize func(h http.Header, credential []byte)                        // sets the credential; nil is "Bearer"
	Limit     Limit                                                         // of requests with one LimitKey
	Refine    func(e *driver.Error, status int, h http.Header, body []byte) // a vendor's own reading of a failure; must not quote the body
}

// Limit bounds requests. The zero Limit does not.
type Limit struct {
	PerSecond float64
	Burst     int
}

// Client calls one vendor. It is safe for concurrent use.
type Client struct {
	cfg  Config
	base *url.URL
	bad  error

	mu     sync.Mutex
	limits map[string]*rate.Limiter
}

// New makes a client. A base that is no URL shows with the first call.
func New(cfg Config) *Client {
	c := &Client{cfg: cfg, limits: map[string]*rate.Limiter{}}
	c.base, c.bad = url.Parse(strings.TrimSuffix(cfg.Base, "/"))
	if c.bad == nil && (c.base.Host == "" || c.base.User != nil) {
		c.bad = errBase
	}
	if c.cfg.Authorize == nil {
		c.cfg.Authorize = Bearer
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
	Path   string // with {names} that Params fill, escaped
	Params map[string]string
	Query  url.Values     // never a value
	JSON   any            // body; secret.Value may stand anywhere in maps and slices of any
	Form   map[string]any // body; string or secret.Value
	Raw    secret.Value   // body
	Header http.Header

	As        secret.Value // sent instead of the connection's credential
	Anonymous bool         // send no credential
	Safe      bool         // changes nothing: a lost answer has no effect
	Expect    []int        // statuses that are success; none is every 2xx
	LimitKey  string       // what a rate limit counts together
}

// Response is what is known of an answer besides its body.
type Response struct {
	Status int
	Header http.Header
}

// Do makes one call and decodes the answer's JSON into out, unless out is nil
// or the answer is empty. *[]byte takes the body as it is. It returns only
// *driver.Error.
func (c *Client) Do(ctx context.Context, r Request, out any) (Response, error) {
	req, scrub, e := c.build(ctx, &r)
	if e != nil {
		return Response{}, e
	}
	if err := c.slow(ctx, r.LimitKey); err != nil {
		return Response{}, c.failure(&r, driver.Unavailable, pawl.EffectNone, "stopped while waiting for the rate limit")
	}
	resp, e := c.send(req, &r)
	if e != nil {
		return Response{}, e
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxBody+1))
	got := Response{Status: resp.StatusCode, Header: resp.Header}
	if !r.succeeded(resp.StatusCode) {
		e := c.classify(r.Op, r.On, resp.StatusCode, resp.Header, body, r.Safe)
		e.Why = scrub.Scrub(e.Why)
		return got, e
	}
	if err != nil || len(body) > MaxBody {
		return got, c.failure(&r, driver.Malformed, r.lost(), "the answer was cut short or is too long")
	}
	return got, c.decode(&r, body, out)
}

func (r *Request) succeeded(status int) bool {
	if len(r.Expect) > 0 {
		return slices.Contains(r.Expect, status)
	}
	return status >= 200 && status < 300
}

// lost is the effect of a call that was sent and whose answer is no use.
func (r *Request) lost() pawl.Effect {
	if r.Safe {
		return pawl.EffectNone
	}
	return pawl.EffectUnknown
}

func (c *Client) decode(r *Request, body []byte, out any) error {
	if raw, ok := out.(*[]byte); ok {
		*raw = body
		return nil
	}
	if out == nil || len(bytes.TrimSpace(body)) == 0 && out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return c.failure(r, driver.Malformed, r.lost(), "the answer is not the JSON that was expected")
	}
	return nil
}

func (c *Client) failure(r *Request, k driver.ErrorKind, effect pawl.Effect, why string) *driver.Error {
	return &driver.Error{Op: r.Op, On: r.On, Kind: k, Effect: effect, Why: why}
}

// build makes the request, with its credential, and a scrubber of what it
// carries.
func (c *Client) build(ctx context.Context, r *Request) (*http.Request, *secret.Scrubber, *driver.Error) {
	if c.bad != nil {
		return nil, nil, c.failure(r, driver.Invalid, pawl.EffectNone, "the connection's base is not an http(s) URL without user name")
	}
	u, why := c.url(r)
	if why != "" {
		return nil, nil, c.failure(r, driver.Invalid, pawl.EffectNone, why)
	}
	body, kind, values, err := r.body()
	if err != nil {
		return nil, nil, c.failure(r, driver.Internal, pawl.EffectNone, "the request cannot be encoded")
	}
	req := (&http.Request{Method: r.Method, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: make(http.Header, 8)}).WithContext(ctx)
	if body != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		req.Header.Set("Content-Type", kind)
	}
	for _, h := range []http.Header{c.cfg.Header, r.Header} {
		for k, v := range h {
			req.Header[k] = v
		}
	}
	credential, e := c.authorize(ctx, r, req.Header)
	if e != nil {
		return nil, nil, e
	}
	return req, secret.NewScrubber(append(values, credential)...), nil
}

func (c *Client) authorize(ctx context.Context, r *Request, h http.Header) (secret.Value, *driver.Error) {
	credential := r.As
	switch {
	case r.Anonymous || credential.Empty() && c.cfg.Env.Credential == nil:
		return secret.Value{}, nil
	case credential.Empty():
		var err error
		if credential, err = c.cfg.Env.Credential(ctx); err != nil {
			return secret.Value{}, &driver.Error{Op: r.Op, On: r.On, Kind: driver.Unauthenticated, Effect: pawl.EffectNone, Err: err, Next: pawl.HintOf(err)}
		}
	}
	err := credential.Use(func(b []byte) error {
		if bytes.ContainsAny(b, "\r\n\x00") {
			return errHeader
		}
		c.cfg.Authorize(h, b)
		return nil
	})
	if err != nil {
		return secret.Value{}, c.failure(r, driver.Unauthenticated, pawl.EffectNone, "the credential cannot stand in a header: it has a line break")
	}
	return credential, nil
}

// url fills the path. A parameter that is empty or would leave its segment is
// refused before anything is sent.
func (c *Client) url(r *Request) (*url.URL, string) {
	u := *c.base
	path, raw := u.Path, u.EscapedPath()
	for segment := range strings.SplitSeq(strings.TrimPrefix(r.Path, "/"), "/") {
		plain, escaped := segment, segment
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			plain = r.Params[strings.TrimSuffix(name, "}")]
			if plain == "" || plain == "." || plain == ".." || strings.ContainsFunc(plain, func(x rune) bool { return x < 0x20 || x == 0x7f }) {
				return nil, "a name is empty or cannot stand in a path"
			}
			escaped = url.PathEscape(plain)
		}
		path, raw = path+"/"+plain, raw+"/"+escaped
	}
	u.Path, u.RawPath = path, raw
	if len(r.Query) > 0 {
		u.RawQuery = r.Query.Encode()
	}
	return &u, ""
}

// send makes the call and tells from its trace whether it was written.
func (c *Client) send(req *http.Request, r *Request) (*http.Response, *driver.Error) {
	var written atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }}
	resp, err := c.cfg.Env.Transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	if err == nil {
		return c.stay(req, resp, r)
	}
	effect := pawl.EffectNone
	if written.Load() {
		effect = r.lost()
	}
	return nil, c.failure(r, driver.Unavailable, effect, reason(err, written.Load()))
}

// stay refuses to be sent elsewhere: a credential goes to the configured host
// only.
func (c *Client) stay(_ *http.Request, resp *http.Response, r *Request) (*http.Response, *driver.Error) {
	if resp.StatusCode < 300 || resp.StatusCode >= 400 || resp.StatusCode == http.StatusNotModified || r.succeeded(resp.StatusCode) {
		return resp, nil
	}
	defer resp.Body.Close()
	e := c.failure(r, driver.Malformed, r.lost(), "it answered with a redirect, which is not followed")
	e.Status = resp.StatusCode
	return nil, e
}

// slow waits for the rate limit, by the environment's clock.
func (c *Client) slow(ctx context.Context, key string) error {
	if c.cfg.Limit.PerSecond <= 0 || key == "" {
		return nil
	}
	c.mu.Lock()
	l := c.limits[key]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(c.cfg.Limit.PerSecond), max(c.cfg.Limit.Burst, 1))
		c.limits[key] = l
	}
	c.mu.Unlock()
	now := c.cfg.Env.Now()
	if d := l.ReserveN(now, 1).DelayFrom(now); d > 0 {
		return c.cfg.Env.Wait(ctx, d)
	}
	return nil
}

// maxRetryAfter bounds what a vendor may ask for.
const maxRetryAfter = time.Hour
