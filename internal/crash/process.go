package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
)

// errDead is what a killed process sees of the world.
var errDead = errors.New("the process was killed")

// Moment is when a process is killed, relative to a call or a write.
type Moment string

// The moments.
const (
	BeforeIt Moment = "before"
	DuringIt Moment = "during" // it happens, and the answer never comes
	AfterIt  Moment = "after"  // the answer comes, and nothing else does
)

// Fault is what a vendor does to one call, or to a route from then on.
type Fault string

// The faults.
const (
	NoFault     Fault = ""
	Refused     Fault = "refused"     // no connection
	Lost        Fault = "answer lost" // it happened, the connection is cut
	Status500   Fault = "500"         // nothing happened
	Status502   Fault = "502 after"   // it happened, a gateway says otherwise
	TooMany     Fault = "429"         // nothing happened, Retry-After
	Forbidden   Fault = "403"         // nothing happened
	Garbage     Fault = "garbage"     // it happened, the answer is no JSON
	Truncated   Fault = "cut short"   // it happened, half the answer
	Hang        Fault = "hang"        // it happened, no answer until the time-out
	LieNothing  Fault = "stores nothing"
	LieEmpty    Fault = "stores empty"
	LieShort    Fault = "stores half"
	LieEnd      Fault = "ends nothing"
	BrokenRoute Fault = "broken for good" // this route refuses from now on
)

// Faults lists all that can be injected at one call.
func Faults() []Fault {
	return []Fault{Refused, Lost, Status500, Status502, TooMany, Forbidden, Garbage, Truncated, Hang, LieNothing, LieEmpty, LieShort, LieEnd, BrokenRoute}
}

// process is one pawl process: the ways out of it, and when they are cut.
type process struct {
	run     *run
	dead    bool
	counted bool      // its calls and writes are counted and may be killed or faulted
	expired time.Time // the deadline of an act that a second process overtook
}

// RoundTrip passes a call to the vendors, unless the schedule says otherwise.
func (p *process) RoundTrip(req *http.Request) (*http.Response, error) {
	if p.dead {
		return nil, errDead
	}
	if deadline, ok := req.Context().Deadline(); ok && deadline.Equal(p.expired) {
		return nil, context.DeadlineExceeded // an act is shorter than the lease that it is made under
	}
	call := p.run.world.Classify(req)
	n := -1
	if p.counted {
		n = p.run.calls
		p.run.calls++
		p.run.routes = append(p.run.routes, call.look())
	}
	if p.run.tracing {
		p.run.trace = append(p.run.trace, fmt.Sprintf("call %d %s %s %s", n, call.Kind, req.Method, req.URL.Path))
	}
	kill := n >= 0 && n == p.run.schedule.KillCall
	if kill && p.run.schedule.Moment == BeforeIt {
		p.dead = true
		return nil, errDead
	}
	if err := p.run.race(req, p, n, BeforeIt); err != nil {
		return nil, err
	}
	p.run.undo(context.WithoutCancel(req.Context()), n)
	resp, err := p.serve(req, call, p.run.fault(n, call))
	if kill {
		p.dead = true
		if p.run.schedule.Moment == DuringIt {
			return nil, errDead
		}
	}
	if err := p.run.race(req, p, n, AfterIt); err != nil {
		return nil, err
	}
	return resp, err
}

// serve applies a fault to a call.
func (p *process) serve(req *http.Request, call Call, f Fault) (*http.Response, error) {
	switch f {
	case Refused, BrokenRoute:
		return nil, errors.New("connect: connection refused")
	case Status500:
		sent(req)
		return reply(req, 500, `{"error":"internal"}`, nil), nil
	case TooMany:
		sent(req)
		return reply(req, 429, `{"error":"too many requests"}`, http.Header{"Retry-After": {"2"}}), nil
	case Forbidden:
		sent(req)
		return reply(req, 403, `{"message":"forbidden"}`, nil), nil
	}
	p.run.lie(f)
	p.run.announced(p, call)
	resp, err := p.run.world.Serve.RoundTrip(req)
	p.run.lie(NoFault)
	p.run.happened(call)
	if err != nil {
		return nil, err
	}
	return p.spoil(req, resp, f)
}

// spoil applies the faults that hit the answer.
func (p *process) spoil(req *http.Request, resp *http.Response, f Fault) (*http.Response, error) {
	switch f {
	case Lost:
		return nil, io.ErrUnexpectedEOF
	case Hang:
		return nil, context.DeadlineExceeded
	case Status502:
		return reply(req, 502, `<html>bad gateway</html>`, nil), nil
	case Garbage:
		return reply(req, resp.StatusCode, `<<not json>>`, resp.Header), nil
	case Truncated:
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		cut := reply(req, resp.StatusCode, "", resp.Header)
		cut.Body = io.NopCloser(io.MultiReader(strings.NewReader(string(b[:len(b)/2])), brokenReader{}))
		cut.ContentLength = int64(len(b))
		return cut, nil
	default:
		return resp, nil
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// sent tells the driver's trace that the request was written, as a socket would.
func sent(req *http.Request) {
	if t := httptrace.ContextClientTrace(req.Context()); t != nil {
		if t.WroteHeaders != nil {
			t.WroteHeaders()
		}
		if t.WroteRequest != nil {
			t.WroteRequest(httptrace.WroteRequestInfo{})
		}
	}
}

func reply(req *http.Request, status int, body string, h http.Header) *http.Response {
	header := http.Header{"Content-Type": {"application/json"}}
	for k, v := range h {
		if k != "Content-Length" {
			header[k] = v
		}
	}
	return &http.Response{StatusCode: status, Status: strconv.Itoa(status) + " " + http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req}
}

// store is the store as one process sees it.
type store struct {
	rotation.Store
	p *process
}

// write passes a write to the store, unless the schedule says otherwise. note
// is what it says.
func (s store) write(note string, f func() error) error {
	if s.p.dead {
		return errDead
	}
	n := -1
	if s.p.counted {
		n = s.p.run.writes
		s.p.run.writes++
		s.p.run.notes = append(s.p.run.notes, note)
	}
	kill := n >= 0 && n == s.p.run.schedule.KillWrite
	if kill && s.p.run.schedule.Moment == BeforeIt {
		s.p.dead = true
		return errDead
	}
	if n >= 0 && n == s.p.run.schedule.FailWrite {
		return &pawl.Error{Code: pawl.CodeStore, Op: "write journal", Why: "no space left on device", Next: "free space, then: pawl resume"}
	}
	err := f()
	if kill {
		s.p.dead = true
		if s.p.run.schedule.Moment == DuringIt {
			return errDead
		}
	}
	return err
}

// said names what a commit says, so that those of a wait are alike.
func said(c rotation.Commit) string {
	note := "commit"
	for _, e := range c.Entries {
		note += fmt.Sprintf(" %s %s %s", e.Kind, e.Step, e.Result)
	}
	return note
}

// Append stores a commit.
func (s store) Append(ctx context.Context, l rotation.Lease, c rotation.Commit) error {
	return s.write(said(c), func() error { return s.Store.Append(ctx, l, c) })
}

// Create opens a rotation.
func (s store) Create(ctx context.Context, o rotation.Opening) (l rotation.Lease, err error) {
	err = s.write("", func() (err error) { l, err = s.Store.Create(ctx, o); return err })
	return l, err
}

// Acquire takes a lease.
func (s store) Acquire(ctx context.Context, r rotation.LeaseRequest) (l rotation.Lease, err error) {
	err = s.write("take the lease", func() (err error) { l, err = s.Store.Acquire(ctx, r); return err })
	return l, err
}

// Release gives a lease back.
func (s store) Release(ctx context.Context, l rotation.Lease) error {
	return s.write("give the lease back", func() error { return s.Store.Release(ctx, l) })
}

// Load reads an account; a dead process reads nothing.
func (s store) Load(ctx context.Context, id pawl.RotationID) (rotation.Account, error) {
	if s.p.dead {
		return rotation.Account{}, errDead
	}
	return s.Store.Load(ctx, id)
}
