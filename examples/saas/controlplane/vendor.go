package controlplane

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// vendor makes calls at one vendor.
type vendor struct {
	name   string
	base   string
	header http.Header // of every call, with the credential
	http   *http.Client
}

func newVendor(name, base, authorization string, client *http.Client) vendor {
	return vendor{name: name, base: strings.TrimSuffix(base, "/"), http: client, header: http.Header{
		"Authorization": {authorization}, "User-Agent": {"molecule-control-plane/1"}, "Accept": {"application/json"}}}
}

// order is one call. At most one of form and json is sent.
type order struct {
	op           string // what for, as errors name it
	method, path string
	form         url.Values
	json         any
	once         string // the idempotency key; "" is none
	into         any    // takes the answer's JSON; nil does not read it
}

// vendorError is a call that a vendor refused, or that got no answer. It has
// nothing of the request and of the answer in it: both may hold secrets.
type vendorError struct {
	vendor, op string
	status     int    // 0 is no answer
	code       string // the vendor's word for it; may be empty
	answer     []byte // for those who must look closer; never printed
	cause      error
}

func (e *vendorError) Error() string {
	text := e.vendor + ": " + e.op + ": "
	switch {
	case e.status == 0:
		return text + e.cause.Error()
	case e.status == http.StatusUnauthorized:
		text += "401 unauthorized"
	default:
		text += fmt.Sprintf("HTTP %d", e.status)
	}
	if e.code != "" {
		text += " " + e.code
	}
	return text
}

func (e *vendorError) Unwrap() error { return e.cause }

// busy reports whether the vendor asks to come again. 423 is Neon's, while a
// project's operations run.
func (e *vendorError) busy() bool {
	return e.status == http.StatusLocked || e.status == http.StatusTooManyRequests
}

// refused reports whether the vendor has certainly done nothing.
func (e *vendorError) refused() bool {
	const conflict, timeout = http.StatusConflict, http.StatusRequestTimeout // somebody's first attempt may have done it
	return e.status >= 400 && e.status < 500 && e.status != conflict && e.status != timeout
}

// answered reports whether an error is a vendor's answer with one of some
// statuses.
func answered(err error, statuses ...int) bool {
	var v *vendorError
	if !errors.As(err, &v) {
		return false
	}
	for _, s := range statuses {
		if v.status == s {
			return true
		}
	}
	return false
}

// gone turns "there is none" into done.
func gone(err error) error {
	if answered(err, http.StatusNotFound, http.StatusGone) {
		return nil
	}
	return err
}

// do makes a call. An error is a *vendorError.
func (v *vendor) do(ctx context.Context, o order) error {
	ctx, cancel := context.WithTimeout(ctx, perCall)
	defer cancel()
	fail := func(err error) error { return &vendorError{vendor: v.name, op: o.op, cause: bare(err)} }
	req, err := v.request(ctx, o)
	if err != nil {
		return fail(err)
	}
	resp, err := v.http.Do(req)
	if err != nil {
		return fail(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	switch {
	case resp.StatusCode >= http.StatusMultipleChoices:
		return &vendorError{vendor: v.name, op: o.op, status: resp.StatusCode, code: word(body), answer: body}
	case err != nil:
		return fail(err)
	case o.into == nil || resp.StatusCode == http.StatusNoContent:
		return nil
	case json.Unmarshal(body, o.into) != nil:
		return fail(errors.New("the answer is not the JSON that was expected"))
	}
	return nil
}

func (v *vendor) request(ctx context.Context, o order) (*http.Request, error) {
	var body io.Reader
	kind := ""
	switch {
	case o.form != nil:
		body, kind = strings.NewReader(o.form.Encode()), "application/x-www-form-urlencoded"
	case o.json != nil:
		b, err := json.Marshal(o.json)
		if err != nil {
			return nil, err
		}
		body, kind = bytes.NewReader(b), "application/json"
	}
	req, err := http.NewRequestWithContext(ctx, o.method, v.base+o.path, body)
	if err != nil {
		return nil, err
	}
	req.Header = v.header.Clone()
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if o.once != "" {
		req.Header.Set("Idempotency-Key", o.once)
	}
	return req, nil
}

// bare takes the URL off an error of net/http's.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// word reads a vendor's word for an error: Stripe's error.code, Resend's name.
// Sentences are not taken: Stripe's quote parts of keys.
func word(body []byte) string {
	var said struct {
		Error json.RawMessage
		Name  string
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	var inner struct{ Code string }
	if json.Unmarshal(said.Error, &inner) == nil && inner.Code != "" {
		said.Name = inner.Code
	}
	for _, r := range said.Name {
		if r != '_' && (r < 'a' || r > 'z') {
			return ""
		}
	}
	return said.Name
}
