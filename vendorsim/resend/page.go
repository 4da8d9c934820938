package resend

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// item is one entry of a list.
type item struct {
	id   string
	view map[string]any
}

// everything is what the lists of keys and domains give where no limit is
// asked for; the list of emails always has pages, of twenty (pagination page).
const (
	everything  = 1 << 30
	defaultPage = 20
)

// page answers with a part of a list that is in the order of making: newest
// first, behind the entry named by after or before the one named by before.
func page(c *route.Call, list []item) {
	size := everything
	if c.Path == "/emails" || c.Query("after") != "" || c.Query("before") != "" {
		size = defaultPage
	}
	if text := c.Query("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 100 {
			invalid(c, "The `limit` must be a number between 1 and 100.")
			return
		}
		size = n
	}
	list = slices.Clone(list)
	slices.Reverse(list)
	list, more, ok := cut(list, c.Query("after"), c.Query("before"), size)
	if !ok {
		invalid(c, "The cursor is not one of this list, or there are two.")
		return
	}
	data := make([]any, len(list))
	for i, it := range list {
		data[i] = it.view
	}
	c.JSON(http.StatusOK, map[string]any{"object": "list", "has_more": more, "data": data})
}

func cut(list []item, after, before string, size int) (part []item, more, ok bool) {
	at := func(id string) int { return slices.IndexFunc(list, func(it item) bool { return it.id == id }) }
	switch {
	case after != "" && before != "":
		return nil, false, false
	case after != "":
		i := at(after)
		if i < 0 {
			return nil, false, false
		}
		list = list[i+1:]
	case before != "":
		i := at(before)
		if i < 0 {
			return nil, false, false
		}
		from := max(0, i-size)
		return list[from:i], from > 0, true
	}
	n := min(size, len(list))
	return list[:n], n < len(list), true
}
