package stripe

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// listed is one object of a list.
type listed struct {
	id   string
	view map[string]any
}

// page answers with a part of a list, newest first ("Pagination"): 10 objects
// or limit, at most 100, after or before the object that is named.
func page(c *route.Call, all []listed) {
	limit := 10
	if text := c.Query("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 100 {
			wrong(c, "limit", "parameter_invalid_integer", "Invalid integer: limit must be between 1 and 100")
			return
		}
		limit = n
	}
	after, before := c.Query("starting_after"), c.Query("ending_before")
	from, to := 0, len(all)
	if after != "" || before != "" {
		id := after + before // both at once are refused
		at := slices.IndexFunc(all, func(l listed) bool { return l.id == id })
		switch {
		case after != "" && before != "":
			wrong(c, "starting_after", "", "You can only give one of starting_after and ending_before.")
			return
		case at < 0:
			fail(c, http.StatusBadRequest, problem{Code: "resource_missing", Param: "starting_after", Message: "No such object: '" + id + "'"})
			return
		case after != "":
			from = at + 1
		default:
			to = at
		}
	}
	more := to-from > limit
	switch {
	case more && before != "":
		from = to - limit
	case more:
		to = from + limit
	}
	data := make([]any, 0, to-from)
	for _, l := range all[from:to] {
		data = append(data, l.view)
	}
	c.JSON(http.StatusOK, map[string]any{"object": "list", "data": data, "has_more": more, "url": c.R.URL.Path})
}
