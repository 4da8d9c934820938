package fly

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/graphql"
	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// release is an entry of an app's history of deployments. The calls are those
// of flyctl (internal/uiex) and are not documented by Fly. As flyctl reads
// them, the answer to making one is wrapped in "release", that to changing one
// is not, and the user is a text.
type release struct {
	id, image, strategy, status string
	version                     int
	user                        string
	createdAt                   time.Time
	definition                  map[string]any // what flyctl takes for the app's configuration
}

// lastRelease gives the app's newest release, or nil.
func (a *app) lastRelease() *release {
	if len(a.releases) == 0 {
		return nil
	}
	return a.releases[len(a.releases)-1]
}

func (r *release) view() map[string]any {
	return map[string]any{"id": r.id, "version": r.version, "stable": r.status == "complete", "in_progress": r.status == "running",
		"status": r.status, "strategy": r.strategy, "image_ref": r.image, "created_at": second(r.createdAt),
		"user": r.user}
}

// object is the release as the GraphQL schema has it.
func (r *release) object() graphql.Object {
	return graphql.Object{"id": r.id, "version": r.version, "configDefinition": r.definition, "imageRef": r.image, "status": r.status,
		"stable": r.status == "complete", "inProgress": r.status == "running", "deploymentStrategy": r.strategy,
		"description": "", "reason": "deploy", "createdAt": second(r.createdAt), "user": graphql.Object{"id": "user-" + r.user, "email": r.user, "name": r.user}}
}

func (f *Fly) createRelease(c *route.Call) {
	t := f.caller(c)
	if t == nil {
		return
	}
	var in struct {
		App        string         `json:"app_name"`
		Image      string         `json:"image"`
		Strategy   string         `json:"strategy"`
		Definition map[string]any `json:"definition"`
	}
	if c.Read(&in) != nil || in.App == "" || in.Definition == nil {
		fail(c, http.StatusUnprocessableEntity, "app_name and definition are required")
		return
	}
	if !slices.Contains([]string{"BLUEGREEN", "CANARY", "IMMEDIATE", "ROLLING", "ROLLING_ONE", "SIMPLE"}, in.Strategy) {
		fail(c, http.StatusUnprocessableEntity, "strategy is not one of the known ones")
		return
	}
	a := f.allowed(c, t, in.App)
	if a == nil {
		return
	}
	r := &release{id: f.id(16), image: in.Image, strategy: in.Strategy, status: "pending", version: len(a.releases) + 1,
		user: t.owner(), createdAt: f.now(), definition: in.Definition}
	a.releases = append(a.releases, r)
	c.JSON(http.StatusCreated, map[string]any{"release": r.view()})
}

func (f *Fly) updateRelease(c *route.Call) {
	t := f.caller(c)
	if t == nil {
		return
	}
	var in struct {
		Status string `json:"status"`
	}
	if c.Read(&in) != nil || !slices.Contains([]string{"running", "complete", "failed", "interrupted"}, in.Status) {
		fail(c, http.StatusUnprocessableEntity, "unknown status")
		return
	}
	r := f.release(t, c.Arg("release"))
	if r == nil {
		fail(c, http.StatusNotFound, "release not found")
		return
	}
	r.status = in.Status
	c.JSON(http.StatusOK, r.view())
}

func (f *Fly) release(t *token, id string) *release {
	for _, a := range f.apps {
		i := slices.IndexFunc(a.releases, func(r *release) bool { return r.id == id })
		if i >= 0 && t.reaches(a) {
			return a.releases[i]
		}
	}
	return nil
}

func listReleases(_ *Fly, c *route.Call, a *app) {
	limit, err := strconv.Atoi(c.Query("limit"))
	if err != nil || limit <= 0 {
		limit = 25
	}
	list := []any{}
	for i := len(a.releases) - 1; i >= 0 && len(list) < limit; i-- {
		list = append(list, a.releases[i].view())
	}
	c.JSON(http.StatusOK, map[string]any{"releases": list})
}
