package fly

import (
	"context"
	"net/http"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
)

// verdict is what a health check has found.
type verdict struct {
	passing bool
	output  string
	at      time.Time // zero where nobody has asked yet
}

var unasked = verdict{output: "connection refused"}

func (v verdict) status() string {
	if v.passing {
		return "passing"
	}
	return "critical"
}

// askAgain is how soon a check that does not pass is repeated, in real time.
const askAgain = 100 * time.Millisecond

// passesFor is for how long the proxy trusts a check that has passed, where
// nothing asks beside it: in the time of Config.Now.
const passesFor = 10 * time.Second

// ask asks the program of an app how it is. f.mu must not be held: the program
// may call this Fly.
func (p *program) ask(app string, now time.Time) verdict {
	ctx, cancel := context.WithTimeout(context.Background(), p.check.timeout)
	defer cancel()
	host := app + ".fly.dev"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+p.check.path, nil)
	if err != nil {
		return verdict{output: "the check's path is not one", at: now}
	}
	resp, err := vendorsim.Transport(map[string]http.Handler{host: p.Instance}).RoundTrip(r)
	if err != nil {
		return verdict{output: "the request failed or took longer than " + p.check.timeout.String(), at: now}
	}
	_ = resp.Body.Close() // it is in memory
	return verdict{passing: resp.StatusCode/100 == 2, output: resp.Status, at: now}
}

// watch asks a program until it ends: again and again until it is well, and
// then in the check's interval.
func (f *Fly) watch(m *machine, p *program) {
	tick := time.NewTimer(0)
	defer tick.Stop()
	for {
		select {
		case <-p.Exited():
			return
		case <-tick.C:
		}
		v := p.ask(m.app.name, f.now())
		next := askAgain
		f.mu.Lock()
		if p.verdict = v; v.passing {
			next, m.tries = p.check.interval, 0
			m.well(p, f.now())
		}
		f.changed()
		f.mu.Unlock()
		tick.Reset(next)
	}
}

// well keeps when the newest boot was found well, if that is what the program
// is of. Fly.mu is held.
func (m *machine) well(p *program, now time.Time) {
	if n := len(m.boots); n > 0 && m.program == p && m.settled == m.want && m.boots[n-1].Well.IsZero() {
		m.boots[n-1].Well = now
	}
}

// look asks the programs of machines that boot at once; all others are asked
// beside. f.mu is held, and given up meanwhile.
func (f *Fly) look(machines ...*machine) {
	if f.cfg.Launcher == nil || !f.atOnce() {
		return
	}
	for _, m := range machines {
		p, now := m.program, f.now()
		if p == nil || !f.checked(m, now) {
			continue
		}
		f.mu.Unlock()
		v := p.ask(m.app.name, now)
		f.mu.Lock()
		p.verdict = v
	}
}

// checked reports whether the machine runs for long enough to have been
// checked.
func (f *Fly) checked(m *machine, now time.Time) bool {
	if m.state(now, f.cfg) != stateStarted {
		return false
	}
	return m.phase != "" || now.Sub(m.movedAt) >= m.down+f.cfg.Starting+f.cfg.Checking
}

// verdict is what is known of a machine with a Launcher.
func (f *Fly) verdict(m *machine, now time.Time) verdict {
	if m.program == nil || !f.checked(m, now) {
		return unasked
	}
	return m.program.verdict
}

// realChecks are the checks as answers show them.
func (f *Fly) realChecks(m *machine, now time.Time) []any {
	v := f.verdict(m, now)
	if v.at.IsZero() {
		v.at = now
	}
	return []any{map[string]any{"name": m.check().name, "status": v.status(), "output": v.output, "updated_at": second(v.at)}}
}
