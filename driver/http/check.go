package http

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Check makes the declared request and holds the answer to what is expected.
func (c *conn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	s := r.Target.Settings
	verb, op := http.MethodGet, "get"
	switch r.Target.Kind {
	case kindGet, kindWith:
	case kindRequest:
		verb, op = orElse(s.String("method"), http.MethodPost), "request"
	default:
		return driver.Finding{}, unsupported("check", r.Target.Kind)
	}
	q, err := ask(op, verb, s.String("path"), s)
	if err != nil {
		return driver.Finding{}, err
	}
	if status := s.Int("status"); status != 0 {
		q.Expect = []int{status}
	}
	client := c.client
	switch r.Target.Kind {
	case kindWith:
		client, err = c.impersonate(&q, s, r.Value)
	case kindRequest:
		err = carry(&q, secret.NewString(s.String("body")), s.String("content_type"))
	}
	if err != nil {
		return driver.Finding{}, err
	}
	var body []byte
	got, err := client.Do(ctx, q, &body)
	defer clear(body)
	if err != nil {
		return refused(err, c.env.Credential != nil && q.As.Empty())
	}
	return expect(s, got.Status, body), nil
}

// impersonate has the request sent with the secret's value.
func (c *conn) impersonate(q *rest.Request, s estate.Settings, value secret.Parts) (*rest.Client, error) {
	if len(value) == 0 {
		return nil, invalid(*q, "this check needs the value, and pawl does not hold it")
	}
	as, err := estate.Render(s.String("credential"), value, nil)
	if err != nil {
		return nil, invalid(*q, "credential: "+err.Error())
	}
	q.As = as
	header, scheme := s.String("auth_header"), s.String("auth_scheme")
	if why := authFault(header, scheme); why != "" {
		return nil, invalid(*q, why)
	}
	return c.dial(orElse(header, c.settings.String("auth_header")), orElse(scheme, c.settings.String("auth_scheme"))), nil
}

// refused tells an answer that was not expected, which is a finding, from
// none, which is an error. own says that the connection's credential was sent:
// that it is refused says nothing about the consumer.
func refused(err error, own bool) (driver.Finding, error) {
	var e *driver.Error
	if !errors.As(err, &e) || e.Status == 0 || e.Status >= 500 {
		return driver.Finding{}, err
	}
	switch {
	case e.Kind == driver.Limited, e.Kind == driver.Unavailable:
		return driver.Finding{}, err
	case own && (e.Kind == driver.Unauthenticated || e.Kind == driver.Denied):
		return driver.Finding{}, err
	default:
		return driver.Finding{State: driver.Failed, Detail: fmt.Sprintf("it answered with status %d", e.Status)}, nil
	}
}

// expect compares the answer. What was found instead is not told: it could be
// a value.
func expect(s estate.Settings, status int, body []byte) driver.Finding {
	if text := s.String("contains"); text != "" && !bytes.Contains(body, []byte(text)) {
		return driver.Finding{State: driver.Failed, Detail: "the expected text is not in the answer"}
	}
	if wanted := s.Map("json"); len(wanted) > 0 {
		root, ok := parse(body)
		if !ok {
			return driver.Finding{State: driver.Failed, Detail: "the answer is not JSON"}
		}
		for _, place := range slices.Sorted(maps.Keys(wanted)) {
			if got, ok := find(root, place); !ok || got != wanted[place] {
				return driver.Finding{State: driver.Failed, Detail: "the answer does not have the expected text at " + place}
			}
		}
	}
	return driver.Finding{State: driver.Passed, Detail: fmt.Sprintf("it answered with status %d", status)}
}

func unsupported(op, kind string) error {
	return &driver.Error{Op: op, On: kind, Kind: driver.Unsupported, Effect: pawl.EffectNone, Why: "the driver http does not do this for this kind"}
}
