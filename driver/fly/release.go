package fly

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/pawlhq/pawl/driver"
)

// release is an entry in an app's history of deployments. Fly's own list of
// secrets compares its time with that of the write. The calls are flyctl's and
// not documented, so a refusal does not stop the machines from being updated.
type release struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
}

// refusedRelease stands for a release that was not made: Fly did not let pawl
// make it, or it would have harmed the app.
const refusedRelease = "none"

// findRelease is flyctl's question for the configuration that an app was
// deployed with.
const findRelease = `query CurrentRelease($name: String!) { app(name: $name) { currentReleaseUnprocessed { configDefinition } } }`

func (r release) known() bool { return r.ID != "" && r.ID != refusedRelease }

// announce makes a release for the machines that will be updated. flyctl takes
// an app's configuration from its newest release, so the definition of the one
// before goes on in it. Without a definition no release is made: an empty one
// would stand for the app's configuration from then on.
func (c *conn) announce(ctx context.Context, app string, m *machine, strategy string) (release, error) {
	definition, err := c.definition(ctx, app)
	if err != nil || definition == nil {
		return release{ID: refusedRelease}, passing(err)
	}
	var image string
	_ = json.Unmarshal(m.Config["image"], &image) // every machine has one; a release without is refused
	r := with("create release", app, http.MethodPost, pathReleases, nil,
		map[string]any{"app_name": app, "image": image, "definition": definition, "strategy": strategy})
	var got struct {
		answered
		Release answered // flyctl reads it wrapped when it is made, and flat when it is changed
	}
	if _, err := c.releases.Do(ctx, r, &got); err != nil {
		return release{ID: refusedRelease}, passing(err)
	}
	for _, a := range []answered{got.Release, got.answered} {
		if made := (release{ID: idOf(a.ID), Version: a.Version}); made.ID != "" && made.Version > 0 {
			return made, nil
		}
	}
	return release{ID: refusedRelease}, nil
}

// answered is a release as Fly tells of it.
type answered struct {
	ID      any
	Version int
}

// definition gives the configuration of an app's newest release, nil where
// there is none. That Fly's server does not understand the question is no
// reason to stop either.
func (c *conn) definition(ctx context.Context, app string) (json.RawMessage, error) {
	var got struct {
		App *struct {
			CurrentReleaseUnprocessed *struct{ ConfigDefinition json.RawMessage }
		}
	}
	a := act{op: "read release", on: app, document: findRelease, vars: map[string]any{"name": app}}
	if err := c.graphql(ctx, a, &got); err != nil {
		if driver.AsError(a.op, err).Status == http.StatusOK {
			return nil, nil
		}
		return nil, err
	}
	if got.App == nil || got.App.CurrentReleaseUnprocessed == nil {
		return nil, nil
	}
	d := got.App.CurrentReleaseUnprocessed.ConfigDefinition
	if !bytes.HasPrefix(d, []byte("{")) || bytes.Equal(d, []byte("{}")) {
		return nil, nil
	}
	return d, nil
}

// complete ends the release. It is asked for again when the activation is.
func (c *conn) complete(ctx context.Context, app string, made release) error {
	if !made.known() {
		return nil
	}
	r := with("complete release", app, http.MethodPatch, pathRelease, map[string]string{"release": made.ID}, map[string]any{"status": "complete"})
	_, err := c.releases.Do(ctx, r, nil)
	return passing(err)
}

// passing keeps the errors that pass by themselves and are worth another
// attempt. The others only spoil a display.
func passing(err error) error {
	if e := driver.AsError("release", err); e != nil && e.Passing() {
		return e
	}
	return nil
}

// idOf reads an id that may be a text or a number.
func idOf(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case float64:
		return fmt.Sprintf("%.0f", v)
	default:
		return ""
	}
}
