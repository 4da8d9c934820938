package fly

import (
	"maps"
	"slices"
	"time"
)

// TokenState is what is so about a token, without its value.
type TokenState struct {
	ID, Name, Profile string
	App               string // for Deploy
	CreatedAt         time.Time
	ExpiresAt         time.Time // zero is never
	RevokedAt         time.Time // zero is not
}

// Tokens lists all tokens that were ever made, people's sessions too, oldest
// first.
func (f *Fly) Tokens() []TokenState {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]TokenState, 0, len(f.tokens))
	for _, t := range f.tokens {
		s := TokenState{ID: t.id, Name: t.name, Profile: t.profile, CreatedAt: t.createdAt, ExpiresAt: t.expiresAt, RevokedAt: t.revokedAt}
		if t.app != nil {
			s.App = t.app.name
		}
		list = append(list, s)
	}
	return list
}

// TokenValue gives the value of a token by its id, to be compared and never
// printed.
func (f *Fly) TokenValue(id string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.tokens, func(t *token) bool { return t.id == id })
	if i < 0 {
		return "", false
	}
	return f.tokens[i].header(), true
}

// TokenAccepted reports whether Fly takes the value now, for whatever it may
// do.
func (f *Fly) TokenAccepted(value string) bool { return f.TokenAcceptedAt(value, f.now()) }

// TokenAcceptedAt reports whether Fly took the value at an instant.
func (f *Fly) TokenAcceptedAt(value string, at time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.find(value, at) != nil
}

// SecretValue gives what an app's secret holds now, on the newest replica.
func (f *Fly) SecretValue(app, name string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.apps[app]
	if a == nil {
		return "", false
	}
	s, ok := a.newest().secrets[name]
	return s.value, ok
}

// Apps lists the names of all apps, in their order.
func (f *Fly) Apps() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.apps))
}

// Machines lists the ids of an app's machines.
func (f *Fly) Machines(app string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	if a := f.apps[app]; a != nil {
		for _, m := range a.machines {
			ids = append(ids, m.id)
		}
	}
	return ids
}

// Started lists the ids of an app's machines that requests are sent to now.
func (f *Fly) Started(app string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	if a := f.apps[app]; a != nil {
		for _, m := range a.machines {
			if m.state(f.now(), f.cfg) == stateStarted {
				ids = append(ids, m.id)
			}
		}
	}
	return ids
}

// Boot is one replacement of the program of a machine, which is another process.
type Boot struct {
	Machine string
	Told    time.Time // when a call had it boot
	Well    time.Time // when its check passed first; zero where it has not
}

// Boots lists the boots of an app's machines that calls have asked for, each
// machine's oldest first. There are none where programs boot within calls.
func (f *Fly) Boots(app string) []Boot {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []Boot
	if a := f.apps[app]; a != nil {
		for _, m := range a.machines {
			list = append(list, m.boots...)
		}
	}
	return list
}

// Busy reports whether a program is about to start or to stop, or has not yet
// been found well.
func (f *Fly) Busy() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.apps {
		for _, m := range a.machines {
			if m.phase == stateReplacing || m.phase == stateStarting || m.program != nil && !m.program.verdict.passing {
				return true
			}
		}
	}
	return false
}

// LogLines gives the lines of an app's log, oldest first.
func (f *Fly) LogLines(app string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var lines []string
	if a := f.apps[app]; a != nil {
		for _, l := range a.lines {
			lines = append(lines, l.message)
		}
	}
	return lines
}

// MachineEnv gives an environment variable as a machine booted with it.
func (f *Fly) MachineEnv(app, machine, name string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.apps[app]
	if a == nil || a.machine(machine) == nil {
		return "", false
	}
	return a.machine(machine).env(name)
}

// Healthy reports whether an app has started machines and Fly accepts the
// token of each; with a Launcher, whether the check of each passes.
func (f *Fly) Healthy(app string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := f.apps[app]
	if a == nil {
		return false
	}
	f.look(a.machines...)
	started, refused := f.health(a)
	return started > 0 && refused == 0
}

// Issued gives every credential that was made here, as the strings that a
// leak search looks for.
func (f *Fly) Issued() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.issued)
}
