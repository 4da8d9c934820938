package rest

import (
	"context"
	"net/http"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// Transport is for vendors' SDKs: the same credential and limits (all calls
// count together), the same effects of lost answers; redirects are errors.
// Its errors are *driver.Error, found by errors.As. Answers are given as they
// came: Client.Error classes those that are failures.
func (c *Client) Transport() http.RoundTripper { return transport{c} }

type transport struct{ c *Client }

// RoundTrip makes a call for an SDK. It does not change the request.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	r := &Request{Op: "call", On: t.c.cfg.Name, LimitKey: t.c.cfg.Name, Safe: safeMethod(req.Method)}
	out, e := t.prepare(req, r)
	if e != nil {
		closeBody(req)
		return nil, e
	}
	resp, e := t.c.send(out, r)
	if e != nil {
		return nil, e
	}
	if r.redirected(resp.StatusCode) {
		_ = resp.Body.Close() // nothing of it is wanted
		e := r.fail(driver.Malformed, r.lost(), "it answered with a redirect, which is not followed")
		e.Status = resp.StatusCode
		return nil, e
	}
	resp.Request = req // the one without the credential
	return resp, nil
}

func safeMethod(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions || method == ""
}

func (t transport) prepare(req *http.Request, r *Request) (*http.Request, *driver.Error) {
	switch {
	case t.c.bad != "":
		return nil, r.fail(driver.Invalid, pawl.EffectNone, t.c.bad)
	case req.URL.Host != t.c.base.Host || req.URL.Scheme != t.c.base.Scheme:
		return nil, r.fail(driver.Invalid, pawl.EffectNone, "the call would go to another host than the connection's")
	}
	if e := t.c.limits.wait(req.Context(), t.c, r); e != nil {
		return nil, e
	}
	out := req.Clone(req.Context())
	out.GetBody = nil // with it, net/http would send again what a reused connection has lost
	for k, v := range t.c.cfg.Header {
		out.Header[k] = v
	}
	_, e := t.c.authorize(req.Context(), r, out.Header)
	return out, e
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // it was not read
	}
}

// Error classes an answer by its status, for those who make calls through
// Transport. safe is whether the call changes nothing. body is looked at for
// the vendor's short message only.
func (c *Client) Error(op, on string, resp *http.Response, body []byte, safe bool) *driver.Error {
	ctx := context.Background()
	if resp.Request != nil {
		ctx = resp.Request.Context()
	}
	own, ok := c.own(ctx)
	if !ok {
		body = nil // what cannot be scrubbed is not repeated
	}
	return c.classify(&Request{Op: op, On: on, Safe: safe}, resp.StatusCode, resp.Header, body, own)
}

// Clean makes a vendor's text fit for an error, where it comes with an answer
// that is a success by its status: without the connection's credential, and
// one short printable line. Other values that were sent are not known here.
func (c *Client) Clean(ctx context.Context, text string) string {
	own, ok := c.own(ctx)
	if !ok {
		return ""
	}
	return clean(text, own)
}

// own gives the connection's credential as a list; ok is false when it has
// one that cannot be had.
func (c *Client) own(ctx context.Context) (list []secret.Value, ok bool) {
	if c.cfg.Env.Credential == nil {
		return nil, true
	}
	credential, err := c.cfg.Env.Credential(ctx)
	return []secret.Value{credential}, err == nil
}
