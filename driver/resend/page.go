package resend

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver/rest"
)

// Lists come newest first, in pages of at most a hundred ("Pagination").
const (
	pageSize = 100
	maxPages = 1000 // a list that is longer has no end
)

// page is a part of a list.
type page[T any] struct {
	HasMore bool `json:"has_more"`
	Data    []T  `json:"data"`
}

// first reads the beginning of a list, at most n entries.
func first[T any](ctx context.Context, c *conn, r rest.Request, n int, after string) (page[T], rest.Response, error) {
	r.Method, r.Query = http.MethodGet, url.Values{"limit": {strconv.Itoa(n)}}
	if after != "" {
		r.Query.Set("after", after)
	}
	var got page[T]
	resp, err := c.call(ctx, r, &got)
	if err == nil && got.Data == nil {
		err = malformed(r.Op, r.On, pawl.EffectNone, "the answer has no list in it")
	}
	return got, resp, err
}

// walk reads a list to its end, or until take has seen enough. id gives what
// the next page begins behind.
func walk[T any](ctx context.Context, c *conn, r rest.Request, id func(T) string, take func([]T, http.Header) bool) error {
	after := ""
	for range maxPages {
		got, resp, err := first[T](ctx, c, r, pageSize, after)
		if err != nil {
			return err
		}
		if !take(got.Data, resp.Header) || !got.HasMore {
			return nil
		}
		last := ""
		if n := len(got.Data); n > 0 {
			last = id(got.Data[n-1])
		}
		if last == "" || last == after {
			return malformed(r.Op, r.On, pawl.EffectNone, "the list says that it goes on, and not where")
		}
		after = last
	}
	return malformed(r.Op, r.On, pawl.EffectNone, "the list has no end")
}

// instant reads a time in one of the forms in which Resend writes them: that
// of the description, and that of the examples.
func instant(text string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02 15:04:05.999999999-07", "2006-01-02 15:04:05.999999999-07:00", time.RFC3339Nano} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
