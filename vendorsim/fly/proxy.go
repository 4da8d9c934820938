package fly

import (
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// domain is where the public addresses of apps are.
const domain = ".fly.dev"

// AppsHandler serves the public addresses of all apps: <app>.fly.dev, by the
// request's Host.
func (f *Fly) AppsHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		name, _ := strings.CutSuffix(strings.ToLower(host), domain)
		f.front.Serve(w, r, &consumer{f, name})
	})
}

// proxy is Fly's: it gives a request to one machine after the other of those
// that are started and whose check passes. Where there is none it waits for one
// up to Config.Hold.
func (f *Fly) proxy(w http.ResponseWriter, r *http.Request, name string) {
	var late <-chan time.Time
	for {
		p, wake, known := f.pick(name)
		switch {
		case p != nil:
			if f.forward(p, w, r) {
				return
			}
			continue
		case !known:
			(&route.Call{W: w, R: r}).JSON(http.StatusNotFound, map[string]any{"error": "not found"})
			return
		case wake == nil:
			noMachine(w, r)
			return
		case late == nil:
			timer := time.NewTimer(f.cfg.Hold)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-wake:
		case <-late:
			noMachine(w, r)
			return
		case <-r.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

func noMachine(w http.ResponseWriter, r *http.Request) {
	(&route.Call{W: w, R: r}).JSON(http.StatusServiceUnavailable, map[string]any{"error": "no machine of the app serves"})
}

// pick gives the program that gets the next request of an app, which counts it
// as under way. Where there is none it gives what is closed when that may have
// changed, or nil where nobody may wait. known is whether there is the app.
func (f *Fly) pick(name string) (p *program, wake <-chan struct{}, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.apps[name]
	if a == nil {
		return nil, nil, false
	}
	f.lookForProxy(a)
	now, n := f.now(), len(a.machines)
	for i := range n {
		m := a.machines[(a.next+i)%n]
		if m.program != nil && m.program.idle == nil && f.verdict(m, now).passing {
			a.next = (a.next + i + 1) % n
			m.program.active++
			return m.program, nil, true
		}
	}
	if f.cfg.Hold <= 0 || !a.mayServe(now, f.cfg) {
		return nil, nil, true
	}
	if f.wake == nil {
		f.wake = make(chan struct{})
	}
	return nil, f.wake, true
}

// lookForProxy asks those machines whose check has not passed of late.
func (f *Fly) lookForProxy(a *app) {
	for _, m := range a.machines {
		if p := m.program; p != nil && !(p.verdict.passing && f.now().Sub(p.verdict.at) < passesFor) {
			f.look(m)
		}
	}
}

// mayServe reports whether an app has a machine that runs or boots.
func (a *app) mayServe(now time.Time, cfg Config) bool {
	for _, m := range a.machines {
		if s := m.state(now, cfg); s != stateStopped && s != stateSuspended {
			return true
		}
	}
	return false
}

// changed wakes the requests that wait for a machine. f.mu is held.
func (f *Fly) changed() {
	if f.wake != nil {
		close(f.wake)
		f.wake = nil
	}
}

// forward gives a request to a program. It reports false where that is not
// reached, which then gets no more until its check passes.
func (f *Fly) forward(p *program, w http.ResponseWriter, r *http.Request) (sent bool) {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		p.done()
		if !sent {
			p.verdict = unasked
		}
	}()
	if way, ok := p.Instance.(Forwarder); ok {
		return way.Forward(w, r)
	}
	sent = true
	p.ServeHTTP(w, r)
	return sent
}
