package fly

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
)

// restedMarker says for which version of the secrets a machine was updated
// while it did not run, and so need not run afterwards.
const restedMarker = "pawl_updated_at_rest"

// leaseHeader carries the nonce of a lease.
const leaseHeader = "Fly-Machine-Lease-Nonce"

// update gives a machine its own configuration again, which makes it boot, and
// asks that it boots with a version of the secrets or a later one. The lease
// keeps a deployment of somebody else away in between.
func (c *conn) update(ctx context.Context, app, id string, at roll) error {
	params := path(app, "machine", id)
	nonce, err := c.lease(ctx, app, id, params)
	if err != nil {
		return err
	}
	defer c.release(ctx, app, id, params, nonce)
	r := with("read machine", app+" "+id, http.MethodGet, pathMachine, params, nil)
	r.Limit = rest.Limit{PerSecond: 5, Burst: 10} // "Working with the Machines API": Get Machine
	var m machine
	if _, err := c.api.Do(ctx, r, &m); err != nil {
		return err
	}
	switch {
	case m.marked(at):
		return nil
	case !m.reachable() || m.ID != id:
		return &driver.Error{Op: opActivate, On: app + " " + id, Kind: driver.Unavailable, Effect: pawl.EffectNone, Why: "the host of the machine cannot be reached"}
	}
	body, err := m.again(at)
	if err != nil {
		return &driver.Error{Op: opActivate, On: app + " " + id, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the machine's configuration is not JSON of the documented form"}
	}
	r = with("update machine", app+" "+id, http.MethodPost, pathMachine, params, body)
	r.Header = http.Header{leaseHeader: {nonce}}
	_, err = c.api.Do(ctx, r, &machine{})
	return err
}

// again is the body that updates a machine to what it is.
func (m *machine) again(at roll) (map[string]any, error) {
	var meta map[string]json.RawMessage
	if raw := m.Config["metadata"]; len(raw) > 0 {
		if err := json.Unmarshal(raw, &meta); err != nil {
			return nil, err
		}
	}
	marks := map[string]string{at.marker(): strconv.Itoa(at.Version)}
	if at.Release.known() {
		marks["fly_release_id"], marks["fly_release_version"] = at.Release.ID, strconv.Itoa(at.Release.Version)
	}
	if m.resting() {
		marks[restedMarker] = strconv.Itoa(at.Version)
	}
	next := make(map[string]any, len(meta)+len(marks))
	for k, v := range meta {
		next[k] = v
	}
	for k, v := range marks {
		next[k] = v
	}
	config := make(map[string]any, len(m.Config)+1)
	for k, v := range m.Config {
		config[k] = v
	}
	config["metadata"] = next
	body := map[string]any{"config": config, "name": m.Name, "region": m.Region}
	if !at.Loads {
		body["min_secrets_version"] = at.Version
	}
	if m.Instance != "" {
		body["current_version"] = m.Instance // what was read is what is replaced, or nothing is
	}
	if m.resting() {
		body["skip_launch"] = true
	}
	return body, nil
}

// lease locks a machine and gives the nonce of the lock. The description has
// the ttl in the body and the answer flat; fly-go sends the ttl in the query,
// and it and the documentation have the answer wrapped. Both are served.
func (c *conn) lease(ctx context.Context, app, id string, params map[string]string) (string, error) {
	seconds := int(leaseTTL / time.Second)
	r := with("lease machine", app+" "+id, http.MethodPost, pathLease, params, map[string]any{"ttl": seconds, "description": "pawl loads a new secret"})
	r.Query = url.Values{"ttl": {strconv.Itoa(seconds)}}
	var got struct {
		Nonce string
		Data  struct{ Nonce string }
	}
	if _, err := c.api.Do(ctx, r, &got); err != nil {
		return "", err
	}
	nonce := orElse(got.Nonce, got.Data.Nonce)
	if nonce == "" {
		return "", &driver.Error{Op: "lease machine", On: app + " " + id, Kind: driver.Malformed, Effect: pawl.EffectUnknown, Why: "the answer has no nonce in it"}
	}
	return nonce, nil
}

// release gives a lease back. One that cannot be given back ends by itself.
func (c *conn) release(ctx context.Context, app, id string, params map[string]string, nonce string) {
	r := with("release machine", app+" "+id, http.MethodDelete, pathLease, maps.Clone(params), nil)
	r.Header = http.Header{leaseHeader: {nonce}}
	_, _ = c.api.Do(ctx, r, nil) // it has an end of its own
}
