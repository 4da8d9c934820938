// Package prometheus is the driver for proofs by a metric: an instant query
// to a Prometheus server, or to one that speaks its HTTP API (Mimir, Thanos,
// VictoriaMetrics), whose samples must compare with an expected value.
package prometheus

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
	"github.com/pawlhq/pawl/estate"
)

// Driver makes connections to Prometheus servers.
type Driver struct{}

// New gives the driver.
func New() driver.Driver { return Driver{} }

// Info declares the driver.
func (Driver) Info() driver.Info {
	return driver.Info{Spec: spec(), Since: "0.1", APIDocs: "https://prometheus.io/docs/prometheus/latest/querying/api/",
		Calls: []driver.Call{{Method: "GET", Path: "/api/v1/query", Permission: "to query", For: "check query, and probing"}}, Notes: notes}
}

// Open makes a connection.
func (Driver) Open(env driver.Env, s estate.Settings) (driver.Conn, error) {
	header := http.Header{}
	if tenant := s.String("tenant"); tenant != "" {
		header.Set("X-Scope-Orgid", tenant)
	}
	return &conn{env: env, client: rest.New(rest.Config{Name: "Prometheus", Base: s.String("base"), Env: env, Header: header, Authorize: authorize(s.String("auth_scheme"))})}, nil
}

type conn struct {
	env    driver.Env
	client *rest.Client
}

// Close has nothing to close.
func (c *conn) Close() error { return nil }

// Probe asks for the value of a constant.
func (c *conn) Probe(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	if t.Kind != "" && t.Kind != kindQuery {
		return nil, unsupported("probe", t.Kind)
	}
	query := "vector(1)"
	if t.Kind == kindQuery {
		query = t.Settings.String("query")
	}
	if _, err := c.query(ctx, "probe", query, c.env.Now()); err != nil {
		return nil, err
	}
	return []driver.Grant{{Need: "query", Has: driver.Yes}}, nil
}

// query asks for a query's value at a time (Prometheus, "Instant queries").
func (c *conn) query(ctx context.Context, op, query string, at time.Time) (*result, error) {
	var a answer
	r := rest.Request{Op: op, On: "the query", Method: http.MethodGet, Path: "/api/v1/query", Safe: true,
		Query: url.Values{"query": {query}, "time": {unix(at.Unix())}}}
	if _, err := c.client.Do(ctx, r, &a); err != nil {
		return nil, err
	}
	if a.Status != "success" {
		return nil, &driver.Error{Op: op, On: "the query", Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the answer does not say that it is a success"}
	}
	return &a.Data, nil
}

func unsupported(op, kind string) error {
	return &driver.Error{Op: op, On: kind, Kind: driver.Unsupported, Effect: pawl.EffectNone, Why: "the driver prometheus has the kind query only"}
}
