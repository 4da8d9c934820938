package http

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// asked is on record once the request of an activation was answered: from then
// on only its result is looked at.
const asked = "asked"

// statusPoll is how soon a consumer that has not loaded yet is looked at again.
const statusPoll = 10 * time.Second

// Activate makes the declared request.
func (c *conn) Activate(ctx context.Context, a driver.Activation) (driver.Progress, error) {
	s := a.Target.Settings
	switch {
	case a.Target.Kind == kindRequest:
		return c.load(ctx, a)
	case !isLocation(a.Target.Kind) || a.Kind != activateRequest:
		return driver.Progress{}, unsupported("activate", a.Target.Kind)
	case s.String("activate_path") == "":
		return driver.Progress{}, &driver.Error{Op: "activate", On: s.String("path"), Kind: driver.Invalid, Effect: pawl.EffectNone,
			Why: "activate: request needs activate_path"}
	}
	err := c.tell(ctx, orElse(s.String("activate_method"), http.MethodPost), s.String("activate_path"), s.String("activate_body"), s)
	return driver.Progress{Done: err == nil}, err
}

// tell sends the request that makes consumers load.
func (c *conn) tell(ctx context.Context, verb, path, body string, s estate.Settings) error {
	q, err := ask("activate", verb, path, s)
	if err != nil {
		return err
	}
	if err := carry(&q, secret.NewString(body), defaultType); err != nil {
		return err
	}
	_, err = c.client.Do(ctx, q, nil)
	return err
}

// load makes one consumer load, and goes on to ask whether it has.
func (c *conn) load(ctx context.Context, a driver.Activation) (driver.Progress, error) {
	s := a.Target.Settings
	if a.Resume != asked {
		err := c.tell(ctx, orElse(s.String("method"), http.MethodPost), s.String("path"), s.String("body"), s)
		switch {
		case err != nil:
			return driver.Progress{}, err
		case s.String("status_path") == "":
			return driver.Progress{Done: true, Detail: "it took the request"}, nil
		}
		return driver.Progress{After: time.Second, Resume: asked, Detail: "it took the request"}, nil
	}
	q, err := ask("ask whether it has loaded", http.MethodGet, s.String("status_path"), s)
	if err != nil {
		return driver.Progress{}, err
	}
	var body []byte
	got, err := c.client.Do(ctx, q, &body)
	f := driver.Finding{}
	if err == nil {
		f, err = expect(q, estate.Settings{"json": s.Map("loaded")}, got.Status, body)
	} else {
		f, err = refused(err, c.env.Credential != nil)
	}
	switch {
	case err != nil:
		return driver.Progress{}, err
	case f.State == driver.Passed && !younger(body, s.String("loaded_at"), a.Since):
		f.State, f.Detail = driver.Failed, "it still tells a time before the write"
	}
	if f.State == driver.Passed {
		return driver.Progress{Done: true, Detail: "it has loaded"}, nil
	}
	return driver.Progress{After: statusPoll, Resume: asked, Detail: "not loaded yet: " + f.Detail}, nil
}

// younger reports whether the time at a place of an answer is not before
// another. Services tell whole seconds. Without a place it is.
func younger(body []byte, place string, since time.Time) bool {
	if place == "" {
		return true
	}
	root, _ := parse(body)
	text, _ := find(root, place)
	t, err := time.Parse(time.RFC3339, text)
	if seconds, perr := strconv.ParseFloat(text, 64); perr == nil {
		t, err = time.Unix(int64(seconds), 0), nil
	}
	return err == nil && !t.Before(since.Truncate(time.Second))
}

func loadKind() estate.Kind {
	return estate.Kind{Role: estate.RoleActivation, Name: kindRequest,
		Doc: "A declared request that makes a consumer load what its location holds, such as a restart or a forced sync. It is sent again when its answer was lost. With `status_path` pawl then asks until the consumer says that it has loaded; without it the answer is enough.",
		Fields: []estate.Field{
			pathField("/restart"),
			method("method", "POST", "POST", "PUT", "PATCH"),
			text("body", `{"graceful":true}`, "The body, of type application/json. Never a value.", false),
			headersField(),
			text("status_path", "/status", "The path whose GET tells whether it has loaded. An answer 4xx means not yet.", false),
			{Name: "loaded", Type: estate.Map, Example: "{state: running}", Doc: "What must stand in the JSON of `status_path`: places, written as for `watch` of `put_watched`, and their texts."},
			text("loaded_at", "started_at", "Where in that JSON a time stands that must not be before the write, as RFC 3339 or in seconds since 1970: when it started, or synced last. Without it a service that has not begun yet may look as if it were done.", false),
		},
		Identity: []string{"path"},
		Manual:   estate.Manual{kindRequest: "curl -X {{.method}} {{sh .base .path}}" + typedHeaders + "{{with .body}} --json {{sh .}}{{end}}{{if .status_path}}\ncurl {{sh .base .status_path}}" + typedHeaders + "   # until it has loaded{{end}}"}}
}
