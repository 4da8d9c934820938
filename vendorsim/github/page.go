package github

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// cutPage gives the page of a list that the call asks for, 30 entries long or
// up to 100, and sets the Link header.
func cutPage(c *route.Call, list []any) []any {
	per, page := 30, 1
	if n := number(c.Query("per_page")); n > 0 {
		per = int(min(n, 100))
	}
	if n := number(c.Query("page")); n > 0 {
		page = int(min(n, 1<<20))
	}
	from, to := min((page-1)*per, len(list)), min(page*per, len(list))
	var links []string
	link := func(rel string, n int) {
		u := *c.R.URL
		q := u.Query()
		q.Set("page", strconv.Itoa(n))
		u.RawQuery, u.Scheme, u.Host = q.Encode(), "https", Host
		links = append(links, fmt.Sprintf(`<%s>; rel="%s"`, u.String(), rel))
	}
	if page > 1 {
		link("first", 1)
		link("prev", page-1)
	}
	if to < len(list) {
		link("next", page+1)
		link("last", (len(list)+per-1)/per)
	}
	if len(links) > 0 {
		c.W.Header().Set("Link", strings.Join(links, ", "))
	}
	return list[from:to]
}

// number reads a positive number, or gives 0.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
