package fly

import (
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

// refusedRelease stands for a release that Fly did not let pawl make.
const refusedRelease = "none"

func (r release) known() bool { return r.ID != "" && r.ID != refusedRelease }

// announce makes a release for the machines that will be updated.
func (c *conn) announce(ctx context.Context, app string, m *machine) (release, error) {
	var image string
	_ = json.Unmarshal(m.Config["image"], &image) // every machine has one; a release without is refused
	r := with("create release", app, http.MethodPost, pathReleases, nil,
		map[string]any{"app_name": app, "image": image, "definition": map[string]any{}, "strategy": "rolling"})
	var got struct {
		ID      any
		Version int
	}
	if _, err := c.web.Do(ctx, r, &got); err != nil {
		return release{ID: refusedRelease}, passing(err)
	}
	made := release{ID: idOf(got.ID), Version: got.Version}
	if made.ID == "" || made.Version <= 0 {
		made = release{ID: refusedRelease}
	}
	return made, nil
}

// complete ends the release. It is asked for again when the activation is.
func (c *conn) complete(ctx context.Context, app string, made release) error {
	if !made.known() {
		return nil
	}
	r := with("complete release", app, http.MethodPatch, pathRelease, map[string]string{"release": made.ID}, map[string]any{"status": "complete"})
	_, err := c.web.Do(ctx, r, nil)
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
