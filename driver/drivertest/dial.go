package drivertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// dialFunc is Env.Dial.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// event is a connection that a driver opened, or a request that it sent over
// one: what it wrote until it got an answer.
type event struct {
	dial     bool
	call     string // which of Info's calls the request is, "" if none
	answered bool   // what gets no answer is a farewell
}

// dialing stands between the driver and a real server, for protocols that are
// not HTTP. It sees what is sent and cuts the line at one event.
type dialing struct {
	t     testing.TB
	inner dialFunc
	world *World
	calls []driver.Call
	log   *callLog

	mu     sync.Mutex
	made   []event
	at     int // which event the fault is for, counted from 0; -1 for none
	fault  *lineFault
	cancel context.CancelFunc // of the act, for a line that hangs
	hit    bool
}

// aim puts a fault in the way of an event from now on.
func (d *dialing) aim(at int, f *lineFault, cancel context.CancelFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.made, d.at, d.fault, d.cancel, d.hit = nil, at, f, cancel, false
}

func (d *dialing) events() ([]event, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.made), d.hit
}

// begin notes an event and gives its number, and the fault that is due.
func (d *dialing) begin(e event) (int, *lineFault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.made)
	d.made = append(d.made, e)
	if n != d.at || d.fault == nil {
		return n, nil
	}
	d.hit = true
	return n, d.fault
}

func (d *dialing) answered(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n < len(d.made) { // aimed anew since
		d.made[n].answered = true
	}
}

// dial is Env.Dial in a world with a real server.
func (d *dialing) dial(ctx context.Context, network, address string) (net.Conn, error) {
	_, f := d.begin(event{dial: true, answered: true})
	if f != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	c, err := d.inner(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &tapped{Conn: c, d: d, fresh: true}, nil
}

// named says which declared call a request is.
func (d *dialing) named(sent []byte) string {
	if d.world.Call == nil {
		return ""
	}
	name := d.world.Call(sent)
	if name != "" && !slices.ContainsFunc(d.calls, func(c driver.Call) bool { return c.Method+" "+c.Path == name }) {
		d.t.Errorf("a call that Info does not declare: %s", name)
	}
	d.log.saw(name)
	return name
}

// tapped is a connection that is watched.
type tapped struct {
	net.Conn
	d *dialing

	mu    sync.Mutex
	fresh bool // the next write begins a request
	n     int  // the event of the current request
	fault *lineFault
	sent  []byte
	rest  []byte // of the fault's own answer
	dead  bool
}

var errCut = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// Write passes a request on, or cuts the line before it.
func (c *tapped) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fresh && !c.dead {
		c.fresh = false
		c.n, c.fault = c.d.begin(event{call: c.d.named(b)})
		c.sent = nil
		if c.fault != nil && c.fault.before {
			c.dead = true
			_ = c.Conn.Close() // it is cut
		}
	}
	if c.dead {
		return 0, errCut
	}
	c.sent = append(c.sent, b...)
	return c.Conn.Write(b)
}

// Read passes an answer on. Where the fault loses it, it was sent all the
// same, which is the harder half of not knowing.
func (c *tapped) Read(b []byte) (int, error) {
	c.mu.Lock()
	rest, dead := c.rest, c.dead
	c.mu.Unlock()
	switch {
	case len(rest) > 0:
		return c.give(b)
	case dead:
		return 0, errCut
	}
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if n > 0 {
		c.fresh = true
		c.d.answered(c.n)
	}
	if c.fault == nil || n == 0 {
		return n, err
	}
	f := c.fault
	c.fault = nil
	return c.lose(f, b)
}

// lose has an answer that came be lost.
func (c *tapped) lose(f *lineFault, b []byte) (int, error) {
	if f.hangs {
		c.d.cancel()
		c.mu.Unlock()
		defer c.mu.Lock()
		return c.Conn.Read(b) // nothing more comes; the deadline or Close ends it
	}
	_ = c.Conn.Close() // it is cut
	c.dead = true
	if f.garbage {
		c.rest = append([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), c.sent...)
		n := copy(b, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	return 0, errCut
}

func (c *tapped) give(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// lineFault is a way in which a connection goes wrong.
type lineFault struct {
	name    string
	before  bool // nothing of the request has left
	hangs   bool // no answer comes, and the act's context ends
	garbage bool // another answer comes
}

// lineFaults is every way in which an event goes wrong.
func lineFaults(e event) []*lineFault {
	if e.dial {
		return []*lineFault{{name: "refused", before: true}}
	}
	return []*lineFault{{name: "cut before", before: true}, {name: "cut after"}, {name: "hang", hangs: true}, {name: "garbage", garbage: true}}
}

// cuts puts every fault in the way of every event of an act, one at a time,
// and holds the error to what has really changed.
func (s *suite) cuts(t *testing.T, tr trial, a act) {
	b, st := s.prepared(t, tr, a)
	if b.world.Dial == nil {
		return
	}
	b.line.aim(-1, nil, nil)
	if err := a.run(t.Context(), b, st); err != nil {
		t.Fatalf("without a fault: %s", b.wire.clean(err.Error()))
	}
	events, _ := b.line.events()
	for i, e := range events {
		if !e.answered || i >= maxFaulted {
			continue
		}
		for _, f := range lineFaults(e) {
			s.cutOnce(t, tr, a, i, f)
		}
	}
}

func (s *suite) cutOnce(t *testing.T, tr trial, a act, i int, f *lineFault) {
	b, st := s.prepared(t, tr, a)
	before := b.state()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	b.line.aim(i, f, cancel)
	err := a.run(ctx, b, st)
	made, hit := b.line.events()
	if !hit {
		return // the driver took another way this time
	}
	b.line.aim(-1, nil, nil)
	name := fmt.Sprintf("%s at event %d (%s)", f.name, i+1, made[i].call)
	changed := b.state() != before
	again := slices.ContainsFunc(made[i+1:], func(e event) bool { return e.call != "" && e.call == made[i].call })
	if again && changed && !a.again {
		t.Errorf("%s: the call was made again", name)
	}
	e := b.inspect(name, err, st.verdict, st.grants, st.finding, st.receipt, st.list)
	x, excused := b.excuse(met{act: a, fault: &fault{name: f.name}})
	switch {
	case excused && (e == nil && x.Absorbed || e != nil && e.Kind == x.Kind && e.Effect == x.Effect):
	case e == nil && !(a.strict && changed):
		t.Errorf("%s: the act went on as if nothing had happened (%s)", name, b.outcome(st))
	case e == nil && a.name == "mint":
		b.minted(st)
	case e == nil:
	default:
		b.judgeLine(name, a, f, e, changed)
	}
	if a.again {
		b.settle()
		if err := a.run(t.Context(), b, st); err != nil {
			t.Errorf("%s: acting again failed: %s", name, b.wire.clean(err.Error()))
		}
	}
}

// judgeLine holds an error to the fault that it comes from and to what has
// changed at the server.
func (b *bench) judgeLine(name string, a act, f *lineFault, e *driver.Error, changed bool) {
	b.t.Helper()
	text := b.wire.clean(e.Error())
	if e.Kind != driver.Unavailable && !(f.garbage && e.Kind == driver.Malformed) {
		b.t.Errorf("%s: the error's kind is %s: %s", name, e.Kind, text)
	}
	if f.hangs && !errors.Is(e, context.Canceled) {
		b.t.Errorf("%s: the error is not context.Canceled: %s", name, text)
	}
	switch {
	case changed && a.strict && e.Effect == pawl.EffectNone:
		b.t.Errorf("%s: the error says that nothing was changed, but something was: %s", name, text)
	case !changed && e.Effect != pawl.EffectNone:
		b.t.Errorf("%s: nothing was changed, and the error says %q: %s", name, e.Effect, text)
	}
}

// state tells what there is at the target, as its world sees it.
func (b *bench) state() string {
	value, ok, known := b.holds()
	text := fmt.Sprint(value, ok, known)
	if b.c.State != nil {
		text += b.c.State()
	}
	return text
}
