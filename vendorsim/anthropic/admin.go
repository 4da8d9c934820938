package anthropic

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

const (
	defaultPage = 20
	maxPage     = 1000
	maxName     = 500 // characters of a key's name
)

// admin lets a call through that came with an Admin key.
func admin(do func(*Anthropic, *route.Call)) func(*Anthropic, *route.Call) {
	return func(a *Anthropic, c *route.Call) {
		if !slices.Contains(a.admins, c.R.Header.Get("X-Api-Key")) {
			unknown(c)
			return
		}
		do(a, c)
	}
}

// unknown answers a key that is not there, not active any more, or not meant
// for the call. The texts are those that callers quote; the reference has none.
func unknown(c *route.Call) {
	if c.R.Header.Get("X-Api-Key") == "" {
		fail(c, http.StatusUnauthorized, "authentication_error", "x-api-key header is required")
		return
	}
	fail(c, http.StatusUnauthorized, "authentication_error", "invalid x-api-key")
}

func withKey(do func(*Anthropic, *route.Call, *key)) func(*Anthropic, *route.Call) {
	return func(a *Anthropic, c *route.Call) {
		k := a.key(c.Arg("key"))
		if k == nil {
			fail(c, http.StatusNotFound, "not_found_error", "API key not found.")
			return
		}
		do(a, c, k)
	}
}

func showOrganization(a *Anthropic, c *route.Call) {
	c.JSON(http.StatusOK, map[string]any{"id": a.org, "type": "organization", "name": "Acme"})
}

func showWorkspace(a *Anthropic, c *route.Call) {
	w := a.workspace(c.Arg("workspace"))
	if w == nil {
		fail(c, http.StatusNotFound, "not_found_error", "Workspace not found.")
		return
	}
	c.JSON(http.StatusOK, map[string]any{"id": w.id, "type": "workspace", "name": w.name, "created_at": instant(w.createdAt), "archived_at": nil, "display_color": "#6C5BB9"})
}

func showKey(a *Anthropic, c *route.Call, k *key) { c.JSON(http.StatusOK, a.view(k)) }

func listKeys(a *Anthropic, c *route.Call) {
	status, workspace, user := c.Query("status"), c.Query("workspace_id"), c.Query("created_by_user_id")
	if status != "" && !slices.Contains([]string{Active, Inactive, Archived, Expired}, status) {
		fail(c, http.StatusBadRequest, invalidRequest, "status: Input should be 'active', 'inactive', 'archived' or 'expired'")
		return
	}
	var views []map[string]any
	for _, k := range slices.Backward(a.keys) {
		if status != "" && k.shown(a.now()) != status || workspace != "" && (k.workspace == nil || k.workspace.id != workspace) || user != "" && user != a.user {
			continue
		}
		views = append(views, a.view(k))
	}
	a.page(c, views)
}

// page answers with the part of a list that was asked for.
func (a *Anthropic) page(c *route.Call, all []map[string]any) {
	limit, err := defaultPage, error(nil)
	if text := c.Query("limit"); text != "" {
		limit, err = strconv.Atoi(text)
	}
	if err != nil || limit < 1 || limit > maxPage {
		fail(c, http.StatusBadRequest, invalidRequest, "limit: Input should be between 1 and 1000")
		return
	}
	limit = min(limit, a.cfg.PageCap)
	from, to, more := 0, min(limit, len(all)), false
	at := func(id string) int {
		return slices.IndexFunc(all, func(v map[string]any) bool { return v["id"] == id })
	}
	after, before := c.Query("after_id"), c.Query("before_id")
	switch {
	case after != "" && at(after) < 0 || before != "" && at(before) < 0 || after != "" && before != "":
		fail(c, http.StatusBadRequest, invalidRequest, "after_id, before_id: not the id of an object in the list")
		return
	case before != "":
		to = at(before)
		from = max(0, to-limit)
		more = from > 0
	default:
		from = at(after) + 1
		to = min(len(all), from+limit)
		more = to < len(all)
	}
	data := all[from:to]
	answer := map[string]any{"data": data, "has_more": more, "first_id": nil, "last_id": nil}
	if len(data) > 0 {
		answer["first_id"], answer["last_id"] = data[0]["id"], data[len(data)-1]["id"]
	} else {
		answer["data"] = []any{}
	}
	c.JSON(http.StatusOK, answer)
}

// updateKey changes name and status. An archived key stays archived.
func updateKey(a *Anthropic, c *route.Call, k *key) {
	var in struct{ Name, Status *string }
	raw, err := c.Raw()
	if err == nil {
		err = json.Unmarshal(raw, &in)
	}
	switch {
	case err != nil:
		fail(c, http.StatusBadRequest, invalidRequest, "The request body is not valid JSON.")
	case in.Name != nil && (*in.Name == "" || len([]rune(*in.Name)) > maxName):
		fail(c, http.StatusBadRequest, invalidRequest, "name: String should have between 1 and 500 characters")
	case in.Status != nil && !slices.Contains([]string{Active, Inactive, Archived}, *in.Status):
		fail(c, http.StatusBadRequest, invalidRequest, "status: Input should be 'active', 'inactive' or 'archived'")
	case k.status == Archived && in.Status != nil && *in.Status != Archived:
		fail(c, http.StatusBadRequest, invalidRequest, "Archived API keys cannot be changed.")
	case k.shown(a.now()) == Expired && in.Status != nil && *in.Status != Archived:
		fail(c, http.StatusBadRequest, invalidRequest, "Expired API keys can only be archived.")
	default:
		if in.Name != nil {
			k.name = *in.Name
		}
		if in.Status != nil {
			a.set(k, *in.Status)
		}
		c.JSON(http.StatusOK, a.view(k))
	}
}
