package fly

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// place is one secret of an app.
type place struct{ app, name string }

func (p place) on() string { return p.app + " " + p.name }

func placeOf(op string, t driver.Target) (place, error) {
	p := place{app: t.Settings.String("app"), name: t.Settings.String("name")}
	if t.Kind != kindSecret {
		return p, unsupported(op, t.Kind)
	}
	if !isVariable(p.name) {
		return p, &driver.Error{Op: op, On: p.app, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "the secret's name is not the name of an environment variable"}
	}
	return p, nil
}

// isVariable reports whether a name can be that of an environment variable.
// Fly does not document what it takes.
func isVariable(name string) bool {
	for i, r := range name {
		switch {
		case r == '_', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', i > 0 && r >= '0' && r <= '9':
		default:
			return false
		}
	}
	return name != ""
}

// stored is a secret as Fly shows it.
type stored struct {
	Name      string `json:"name"`
	Digest    string `json:"digest"`
	UpdatedAt string `json:"updated_at"`
	Version   int    `json:"version"` // of all the app's secrets; in answers to writes
}

func (s stored) receipt() driver.Receipt {
	at, _ := time.Parse(time.RFC3339, s.UpdatedAt) // the zero time where Fly tells none
	r := driver.Receipt{Exists: true, Digest: s.Digest, UpdatedAt: at}
	if s.Version > 0 {
		r.Revision = strconv.Itoa(s.Version)
	}
	return r
}

// Put stages a secret.
func (c *conn) Put(ctx context.Context, w driver.Write) (driver.Receipt, error) {
	const op = "put app secret"
	p, err := placeOf(op, w.Target)
	if err != nil {
		return driver.Receipt{}, err
	}
	if w.Value.Empty() {
		return driver.Receipt{}, &driver.Error{Op: op, On: p.on(), Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "an empty value is never written"}
	}
	r := with(op, p.on(), http.MethodPost, pathSecret, path(p.app, "name", p.name), map[string]any{"value": w.Value})
	r.LimitKey = op + " " + p.app
	var got stored
	if _, err := c.api.Do(ctx, r, &got); err != nil {
		return driver.Receipt{}, err
	}
	if got.Digest == "" {
		return driver.Receipt{}, &driver.Error{Op: op, On: p.on(), Kind: driver.Malformed, Effect: pawl.EffectUnknown, Why: "the answer has no digest in it"}
	}
	c.wrote(p.app, got.Version)
	return got.receipt(), nil
}

// Stat finds the secret in the app's list: an app that is not there is an
// error then, and a secret that is not there is none.
func (c *conn) Stat(ctx context.Context, t driver.Target) (driver.Receipt, error) {
	const op = "stat app secret"
	p, err := placeOf(op, t)
	if err != nil {
		return driver.Receipt{}, err
	}
	list, err := c.secrets(ctx, op, p.on(), p.app)
	if err != nil {
		return driver.Receipt{}, err
	}
	for _, s := range list {
		if s.Name == p.name {
			return s.receipt(), nil
		}
	}
	return driver.Receipt{}, nil
}

func (c *conn) secrets(ctx context.Context, op, on, app string) ([]stored, error) {
	r := with(op, on, http.MethodGet, pathSecrets, path(app), nil)
	r.LimitKey = "list secrets " + app
	if v := c.newest(app); v > 0 {
		// The description has min_version, fly-go sends version. Both are sent,
		// so that the one that Fly understands is among them.
		r.Query = url.Values{"min_version": {strconv.Itoa(v)}, "version": {strconv.Itoa(v)}}
	}
	var got struct{ Secrets *[]stored }
	if _, err := c.api.Do(ctx, r, &got); err != nil {
		return nil, err
	}
	if got.Secrets == nil {
		return nil, &driver.Error{Op: op, On: on, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the answer has no list in it"}
	}
	return *got.Secrets, nil
}

// Remove takes a secret away, staged too. One that is not there is gone, but
// an app that is not there, or not shown to the token, is an error.
func (c *conn) Remove(ctx context.Context, t driver.Target) error {
	const op = "remove app secret"
	p, err := placeOf(op, t)
	if err != nil {
		return err
	}
	r := with(op, p.on(), http.MethodDelete, pathSecret, path(p.app, "name", p.name), nil)
	r.LimitKey = op + " " + p.app
	var got stored
	_, err = c.api.Do(ctx, r, &got)
	if kindOf(err) == driver.NotFound {
		_, err = c.secrets(ctx, op, p.on(), p.app)
		return err
	}
	c.wrote(p.app, got.Version)
	return err
}
