package fly

import (
	"context"
	"time"
)

// program is what runs in a machine: one instance, from its launch to its end.
type program struct {
	Instance
	check check
	limit time.Duration // how long it may take to stop: what it booted with says

	// The rest is guarded by Fly.mu.
	verdict verdict
	active  int           // requests under way
	idle    chan struct{} // not nil once the program leaves; closed when the last request has ended
}

// leave has the program get no more requests.
func (p *program) leave() {
	p.idle = make(chan struct{})
	if p.active == 0 {
		close(p.idle)
	}
}

// done ends one request.
func (p *program) done() {
	p.active--
	if p.active == 0 && p.idle != nil {
		close(p.idle)
	}
}

// run has the machine's program follow the machine: a boot, a stop or an
// update replaces it, with Launcher in process at once, else beside the call.
// f.mu is held, and given up meanwhile.
func (f *Fly) run(m *machine) {
	if f.cfg.Launcher == nil {
		return
	}
	m.want++
	if f.atOnce() {
		f.mu.Unlock()
		defer f.mu.Lock()
		f.settle(m)
		return
	}
	m.phase = stateStarting
	if m.program != nil {
		m.phase = stateReplacing
	}
	if !m.stopped {
		m.boots = append(m.boots, Boot{Machine: m.id, Told: f.now()})
	}
	f.changed()
	f.beside(func() { f.settle(m) })
}

// atOnce reports whether programs boot within the call that has them boot.
func (f *Fly) atOnce() bool {
	_, ok := f.cfg.Launcher.(inProcess)
	return ok
}

// beside runs something that Close waits for. f.mu is held.
func (f *Fly) beside(do func()) {
	if !f.closed {
		f.work.Go(do)
	}
}

// settle ends the program that the machine has and launches what it is to
// have. Several calls follow each other; one that finds everything done does
// nothing.
func (f *Fly) settle(m *machine) {
	m.turn.Lock()
	defer m.turn.Unlock()
	if !f.end(m) {
		return
	}
	f.mu.Lock()
	if m.settled = m.want; m.stopped || f.closed {
		m.phase = ""
		f.mu.Unlock()
		return
	}
	l := f.launch(m)
	if m.phase != "" {
		m.phase = stateStarting
	}
	f.mu.Unlock()
	i, err := f.cfg.Launcher.Launch(l)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.exited(m, 1)
		return
	}
	f.started(m, &program{Instance: i, check: m.check(), limit: l.KillTimeout, verdict: unasked})
}

// end takes the program off a machine, lets its requests end, stops it and
// waits for its end. It reports false where the machine has the program that
// it is to have.
func (f *Fly) end(m *machine) bool {
	f.mu.Lock()
	if m.settled == m.want {
		f.mu.Unlock()
		return false
	}
	old := m.program
	m.program = nil
	if old != nil {
		old.leave()
	}
	f.mu.Unlock()
	if old == nil {
		return true
	}
	late := time.NewTimer(old.limit)
	defer late.Stop()
	select {
	case <-old.idle:
	case <-old.Exited():
	case <-late.C:
	}
	ctx, cancel := context.WithTimeout(context.Background(), old.limit)
	defer cancel()
	if err := old.Stop(ctx); err != nil {
		f.log(m, "stop: "+err.Error())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.stopped {
		f.exits(m, exit{code: old.ExitCode(), asked: true})
	}
	return true
}

// started keeps a program that was launched. f.mu is held.
func (f *Fly) started(m *machine, p *program) {
	m.program = p
	if f.atOnce() {
		return
	}
	if m.settled == m.want { // else its end is due already
		m.phase = stateStarted
		f.event(m, "start", stateStarted, "flyd", f.now())
	}
	f.beside(func() { f.attend(m, p) })
	f.beside(func() { f.watch(m, p) })
	f.changed()
}

// attend waits for the program's end. One that nobody has asked to stop is
// launched again, or the machine stops.
func (f *Fly) attend(m *machine, p *program) {
	<-p.Exited()
	f.mu.Lock()
	defer f.mu.Unlock()
	if m.program != p {
		return // it was told to
	}
	m.program = nil
	f.exited(m, p.ExitCode())
}

// The wait before a program is launched again: it doubles each time.
const (
	firstRestart = 100 * time.Millisecond
	restartMost  = 2 * time.Second
)

// exited is what follows the end of a program that nobody has asked to stop.
// f.mu is held.
func (f *Fly) exited(m *machine, code int) {
	again := !f.atOnce() && !f.closed && !m.suspended && m.tries < m.restarts(code)
	f.exits(m, exit{code: code, restarting: again})
	f.changed()
	if !again {
		m.stopped, m.suspended, m.movedAt, m.phase = true, false, f.now(), ""
		return
	}
	wait := min(firstRestart<<min(m.tries, 10), restartMost)
	m.tries++
	m.want++
	m.phase = stateStarting
	f.beside(func() {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
			f.settle(m)
		case <-f.closing:
		}
	})
}

func (f *Fly) exits(m *machine, e exit) {
	m.events = append(m.events, event{id: f.id(26), kind: "exit", status: stateStopped, source: "flyd", at: f.now(), exit: &e})
}

// Close stops all programs and returns when they are gone. Machines boot no
// more. A Fly without a Launcher has nothing to close.
func (f *Fly) Close() error {
	f.mu.Lock()
	if f.closed || f.cfg.Launcher == nil {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	close(f.closing)
	for _, a := range f.apps {
		for _, m := range a.machines {
			m.want++
			f.work.Go(func() { f.settle(m) })
		}
	}
	f.changed()
	f.mu.Unlock()
	f.work.Wait()
	return nil
}
