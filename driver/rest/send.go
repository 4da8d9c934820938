package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// send makes the call and tells from its trace whether it was written. Once
// the headers have gone to the connection, the vendor may have acted.
func (c *Client) send(req *http.Request, r *Request) (*http.Response, *driver.Error) {
	var written, unnamed atomic.Bool
	trace := &httptrace.ClientTrace{
		WroteHeaders: func() { written.Store(true) },
		DNSDone:      func(d httptrace.DNSDoneInfo) { unnamed.Store(d.Err != nil) },
	}
	ctx := req.Context()
	resp, err := c.cfg.Env.Transport.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err == nil {
		return resp, nil
	}
	effect := pawl.EffectNone
	if written.Load() {
		effect = r.lost()
	}
	if ctx.Err() != nil {
		return nil, r.stopped(ctx.Err(), effect)
	}
	return nil, r.fail(driver.Unavailable, effect, reason(err, written.Load(), unnamed.Load()))
}

// reason says why there is no answer. The transport's own text is not used:
// it names URLs.
func reason(err error, written, unnamed bool) string {
	switch {
	case unnamed && !written:
		return "the host's name cannot be resolved"
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return "no answer in time"
	case written, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was cut before the answer"
	default:
		return "the host cannot be reached"
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
