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
	case kindFixture:
		return c.fixture(ctx, r)
	case kindLog:
		return c.log(ctx, r)
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
	return expect(q, s, got.Status, body)
}

// impersonate has the request sent with the secret's value.
func (c *conn) impersonate(q *rest.Request, s estate.Settings, value secret.Parts) (*rest.Client, error) {
	if len(value) == 0 {
		return nil, &driver.Error{Op: q.Op, On: q.On, Kind: driver.NoValue, Effect: pawl.EffectNone, Why: "this check needs the value, and pawl does not hold it"}
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
	return c.dial(orElse(header, c.settings.String("auth_header")), orElse(scheme, c.settings.String("auth_scheme")), 0), nil
}

// refused tells an answer about the consumer, which is a finding, from one
// about something else, which is an error: an outage, a gateway in its place,
// or pawl's own credential, which own says was sent.
func refused(err error, own bool) (driver.Finding, error) {
	var e *driver.Error
	if !errors.As(err, &e) || e.Status == 0 {
		return driver.Finding{}, err
	}
	told := false
	switch e.Kind {
	case driver.NotFound, driver.Invalid:
		told = true
	case driver.Unauthenticated, driver.Denied:
		told = !own
	case driver.Malformed:
		told = e.Status < 300 // a success, but not the one that is expected
	}
	if !told {
		return driver.Finding{}, err
	}
	return driver.Finding{State: driver.Failed, Detail: fmt.Sprintf("it answered with status %d", e.Status)}, nil
}

// expect compares the answer. What was found instead is not told: it could be
// a value.
func expect(q rest.Request, s estate.Settings, status int, body []byte) (driver.Finding, error) {
	failed := func(why string) (driver.Finding, error) {
		return driver.Finding{State: driver.Failed, Detail: why}, nil
	}
	if wanted := s.Map("json"); len(wanted) > 0 {
		root, ok := parse(body)
		if !ok {
			effect := pawl.EffectUnknown
			if q.Safe {
				effect = pawl.EffectNone
			}
			return driver.Finding{}, &driver.Error{Op: q.Op, On: q.On, Kind: driver.Malformed, Effect: effect, Why: "the answer is not JSON"}
		}
		for _, place := range slices.Sorted(maps.Keys(wanted)) {
			if got, ok := find(root, place); !ok || got != wanted[place] {
				return failed("the answer does not have the expected text at " + place)
			}
		}
	}
	if text := s.String("contains"); text != "" && !bytes.Contains(body, []byte(text)) {
		return failed("the expected text is not in the answer")
	}
	if text := s.String("lacks"); text != "" && bytes.Contains(body, []byte(text)) {
		return failed("text that must not be there is in the answer")
	}
	return driver.Finding{State: driver.Passed, Detail: fmt.Sprintf("it answered with status %d", status)}, nil
}

func unsupported(op, kind string) error {
	return &driver.Error{Op: op, On: kind, Kind: driver.Unsupported, Effect: pawl.EffectNone, Why: "the driver http does not do this for this kind"}
}
