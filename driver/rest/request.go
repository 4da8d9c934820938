package rest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

var errHeader = errors.New("not a header value")

// fail makes an error of this request.
func (r *Request) fail(k driver.ErrorKind, effect pawl.Effect, why string) *driver.Error {
	return &driver.Error{Op: r.Op, On: r.On, Kind: k, Effect: effect, Why: why}
}

// stopped makes the error of a call that its context ended.
func (r *Request) stopped(cause error, effect pawl.Effect) *driver.Error {
	e := r.fail(driver.Unavailable, effect, "stopped before there was an answer")
	if errors.Is(cause, context.DeadlineExceeded) {
		e.Why = "no answer in time"
	}
	e.Err = cause
	return e
}

// url fills the path. A parameter that is empty or would leave its segment is
// refused before anything is sent.
func (c *Client) url(r *Request) (*url.URL, *driver.Error) {
	if c.bad != "" {
		return nil, r.fail(driver.Invalid, pawl.EffectNone, c.bad)
	}
	u := *c.base
	plain, escaped := make([]byte, 0, 128), make([]byte, 0, 128)
	plain, escaped = append(plain, u.Path...), append(escaped, u.EscapedPath()...)
	for segment := range strings.SplitSeq(strings.TrimPrefix(r.Path, "/"), "/") {
		plain, escaped = append(plain, '/'), append(escaped, '/')
		name, isParam := strings.CutPrefix(segment, "{")
		if !isParam {
			plain, escaped = append(plain, segment...), append(escaped, segment...)
			continue
		}
		name = strings.TrimSuffix(name, "}")
		param := r.Params[name]
		if !stays(param) {
			return nil, r.fail(driver.Invalid, pawl.EffectNone, name+" is empty or cannot stand in a path")
		}
		plain, escaped = append(plain, param...), append(escaped, url.PathEscape(param)...)
	}
	u.Path, u.RawPath = string(plain), string(escaped)
	if len(r.Query) > 0 {
		u.RawQuery = r.Query.Encode()
	}
	return &u, nil
}

// stays reports whether a parameter stays within its segment. Dots between
// slashes are refused although the slashes are escaped: some gateways undo
// the escaping before they resolve dots.
func stays(param string) bool {
	if param == "" || strings.ContainsFunc(param, unicode.IsControl) {
		return false
	}
	for rest, more := param, true; more; {
		var piece string
		piece, rest, more = cutSlash(rest)
		if piece == "." || piece == ".." {
			return false
		}
	}
	return true
}

func cutSlash(s string) (piece, rest string, more bool) {
	if i := strings.IndexAny(s, `/\`); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// build makes the request with its credential and body, and lists the values
// in it.
func (c *Client) build(r *Request, u *url.URL, ctx context.Context) (*http.Request, []secret.Value, *driver.Error) {
	header := make(http.Header, 4+len(c.cfg.Header)+len(r.Header))
	header["Accept"], header["User-Agent"] = acceptJSON, userAgent
	for k, v := range c.cfg.Header {
		header[k] = v
	}
	credential, e := c.authorize(ctx, r, header)
	if e != nil {
		return nil, nil, e
	}
	body, kind, sent, err := r.body()
	if err != nil {
		return nil, nil, r.fail(driver.Invalid, pawl.EffectNone, err.Error())
	}
	req := &http.Request{Method: r.Method, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header}
	if body != nil {
		req.Body, req.ContentLength = body, int64(len(body.b))
		header["Content-Type"] = []string{kind}
	}
	for k, v := range r.Header {
		header[k] = v
	}
	if !credential.Empty() {
		sent = append(sent, credential)
	}
	return req.WithContext(ctx), sent, nil
}

// Header values that every request shares. Nothing changes them.
var (
	acceptJSON = []string{"application/json"}
	userAgent  = []string{"pawl"}
)

// authorize sets the credential, and gives it so that it can be scrubbed.
func (c *Client) authorize(ctx context.Context, r *Request, h http.Header) (secret.Value, *driver.Error) {
	credential := r.As
	switch {
	case r.Anonymous || credential.Empty() && c.cfg.Env.Credential == nil:
		return secret.Value{}, nil
	case credential.Empty():
		var err error
		if credential, err = c.cfg.Env.Credential(ctx); err != nil {
			return secret.Value{}, noCredential(ctx, r, err)
		}
	}
	err := credential.Use(func(b []byte) error {
		if len(b) == 0 || bytes.ContainsFunc(b, unicode.IsControl) {
			return errHeader
		}
		c.cfg.Authorize(h, b)
		return nil
	})
	if err != nil {
		e := r.fail(driver.Unauthenticated, pawl.EffectNone, "the credential is empty or has a line break or another control character in it")
		e.Next = "check what the credential's reference gives"
		return secret.Value{}, e
	}
	return credential, nil
}

func noCredential(ctx context.Context, r *Request, err error) *driver.Error {
	if ctx.Err() != nil {
		return r.stopped(ctx.Err(), pawl.EffectNone)
	}
	return &driver.Error{Op: r.Op, On: r.On, Kind: driver.Unauthenticated, Effect: pawl.EffectNone, Err: err, Next: pawl.HintOf(err)}
}
