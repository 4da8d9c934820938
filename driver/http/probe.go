package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Probe makes the declared GETs, which change nothing, and says of the other
// requests that they cannot be tried.
func (c *conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	if err := ctx.Err(); err != nil {
		return nil, stopped("probe", err)
	}
	if known := []string{"", kindGet, kindWith, kindRequest, kindFixture, kindLog, kindList}; !isLocation(t.Kind) && !slices.Contains(known, t.Kind) {
		return nil, unsupported("probe", t.Kind)
	}
	grants, err := c.probeConnection(ctx)
	if err != nil {
		return nil, err
	}
	switch t.Kind {
	case kindPut, kindWatched, kindReadable:
		return c.probeLocation(ctx, t, grants)
	case kindRequest, kindFixture:
		return append(grants, untried(t.Settings)), nil
	case kindList:
		g, err := c.tryGet(ctx, t.Settings.String("path"), t.Settings, false)
		return append(grants, g), err
	default:
		return grants, nil // the check itself is the probe
	}
}

func (c *conn) probeConnection(ctx context.Context) ([]driver.Grant, error) {
	path := c.settings.String("probe_path")
	if path == "" {
		g := driver.Grant{Need: "accept the connection's credential", Has: driver.Maybe, Detail: "set probe_path to have it tried"}
		return []driver.Grant{g}, c.answers(ctx)
	}
	g, err := c.tryGet(ctx, path, nil, false)
	return []driver.Grant{g}, err
}

// answers fails where nobody answers at all. Which status a path has that the
// estate does not name says nothing, not about the credential either.
func (c *conn) answers(ctx context.Context) error {
	q, err := ask("probe", http.MethodGet, "/", nil)
	if err != nil {
		return err
	}
	_, err = c.client.Do(ctx, q, nil)
	var e *driver.Error
	if errors.As(err, &e) && (e.Status != 0 || e.Kind == driver.Malformed) {
		return nil
	}
	return err
}

// tryGet makes a GET. Where nothing need be there yet, that nothing is is as
// good as an answer.
func (c *conn) tryGet(ctx context.Context, path string, s estate.Settings, mayLack bool) (driver.Grant, error) {
	g := driver.Grant{Need: "get " + path, Has: driver.Yes}
	q, err := ask("probe", http.MethodGet, path, s)
	if err != nil {
		return g, err
	}
	_, err = c.client.Do(ctx, q, nil)
	var e *driver.Error
	switch {
	case errors.As(err, &e) && e.Kind == driver.Denied:
		return driver.Grant{Need: g.Need, Has: driver.No, Detail: strings.TrimSuffix(fmt.Sprintf("HTTP %d: the service refuses it to this credential: %s", e.Status, e.Why), ": ")}, nil
	case errors.As(err, &e) && e.Kind == driver.NotFound && mayLack:
		g.Detail = "nothing is there yet"
		return g, nil
	default:
		return g, err
	}
}

// probeLocation looks where it can, and renders the body with a value that is
// made up and sent nowhere.
func (c *conn) probeLocation(ctx context.Context, t driver.Target, grants []driver.Grant) ([]driver.Grant, error) {
	s := t.Settings
	q, err := ask("probe", orElse(s.String("method"), http.MethodPut), s.String("path"), s)
	if err != nil {
		return nil, err
	}
	body, err := estate.Render(s.String("body"), secret.One(secret.NewString("pawl")), nil)
	if err != nil {
		return nil, invalid(q, "body: "+err.Error())
	}
	if err := carry(&q, body, s.String("content_type")); err != nil {
		return nil, err
	}
	if path := s.String("get_path"); path != "" && t.Kind != kindPut {
		g, err := c.tryGet(ctx, path, s, true)
		if err != nil {
			return nil, err
		}
		grants = append(grants, g)
	}
	return append(grants, untried(s)), nil
}

func untried(s estate.Settings) driver.Grant {
	return driver.Grant{Need: "write to " + s.String("path"), Has: driver.Maybe, Detail: "it cannot be tried without doing it"}
}

func stopped(op string, err error) error {
	return &driver.Error{Op: op, Kind: driver.Unavailable, Effect: pawl.EffectNone, Why: "stopped before anything was sent", Err: err}
}
